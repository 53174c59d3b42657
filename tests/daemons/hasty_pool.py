"""`qctl-worker` whose pool takes seconds for what else takes a minute."""

import sys

from qctl.pool import autoscale, member
from qctl_daemons.worker import main

autoscale.CALM_SECONDS = 3.0
autoscale.READING_SECONDS = 0.5
member.MAX_SILENT_SECONDS = 8.0
member.ABORT_SECONDS = 0.5
member.ORPHAN_SECONDS = 2.0
sys.exit(main())
