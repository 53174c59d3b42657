"""TOML files that decide what qctl does, by the ownership rule."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from qctl import ownership
from qctl.errors import SettingsError


def read_toml(file: Path) -> dict[str, Any]:
    """Read a file; a missing file is empty. Raises SettingsError if it breaks the ownership rule, cannot be read or is
    not TOML."""
    ownership.require(file)
    if sys.version_info >= (3, 11):
        import tomllib  # imported here: most runs read no TOML file
    else:
        import tomli as tomllib
    try:
        loaded: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return loaded
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise SettingsError(str(file), "cannot be read: not UTF-8") from None
    except OSError as error:
        raise SettingsError(str(file), f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(str(file), f"not valid TOML: {error}") from None
