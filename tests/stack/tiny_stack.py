"""`qctl up` with small daemons in the place of the catalog's.

    tiny_stack.py '{"NAME": ["steady"], ...}' [--bare] [--hasty]

`--bare`: as on a machine without mosquitto. `--hasty`: with half a second for what may take minutes. Without
it, the stack waits for its daemons as long as a test waits for anything.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from qctl import known_holes
from qctl.catalog import DAEMONS, DaemonSpec
from qctl.cli.main import main
from qctl.stack import manager
from support.waiting import PATIENCE_SECONDS

DAEMONS.clear()
for name, arguments in json.loads(sys.argv[1]).items():
    program = str(Path(__file__).with_name("tiny_daemon.py"))
    DAEMONS[name] = DaemonSpec(name, ("python", program, name, *arguments), "a small daemon")
if "--bare" in sys.argv:
    known_holes.SBIN = ()
manager.SAYS_READY = PATIENCE_SECONDS
if "--hasty" in sys.argv:
    manager.SAYS_READY = manager.DRAIN = manager.REMINDER = 0.5
sys.argv = ["qctl", "up"]
sys.exit(main())
