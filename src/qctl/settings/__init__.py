"""Settings: one typed class, read from flags, the environment, `.env` and defaults, in this order of priority.

Plain classes, not a validation framework: most commands load them, and a framework would take longer to import than
everything else they do. The class of all is imported on first use, because shell completion needs only
`SiteSettings`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qctl.settings.all_settings import Settings, env_example

__all__ = ["Settings", "env_example"]

if not TYPE_CHECKING:  # a type checker would assume that any name exists

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from qctl.settings import all_settings

        value = globals()[name] = getattr(all_settings, name)
        return value
