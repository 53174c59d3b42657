"""Reading TOML files that people write."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from qctl.errors import SettingsError


def tables(file: Path) -> dict[str, Any]:
    """What a file says; nothing where there is none. Raises SettingsError where it cannot be read, or is not TOML."""
    if sys.version_info >= (3, 11):
        import tomllib  # what somebody without such files does not pay for
    else:
        import tomli as tomllib
    try:
        loaded: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return loaded
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise SettingsError(str(file), "cannot be read: it is not UTF-8") from None
    except OSError as error:
        raise SettingsError(str(file), f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(str(file), f"is not TOML: {error}") from None
