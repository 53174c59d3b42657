"""Bull: `fill COUNT`, `ask COUNT` or `hold SECONDS`; its worker is `node/noop.js`."""

from __future__ import annotations

import npm

if __name__ == "__main__":
    npm.run("bull")
