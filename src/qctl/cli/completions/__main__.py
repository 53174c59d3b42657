"""`python -m qctl.cli.completions FOLDER`."""

import sys
from pathlib import Path

from qctl.cli.completions import write

write(Path(sys.argv[1]))
