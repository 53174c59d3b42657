"""Imports of modules in the working folder, each by the ownership rule.

The folder comes after all others, so that no module in it replaces an installed one.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from types import ModuleType

from qctl.ownership import UntrustedModuleError, find_violation

_LOADERS = (
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourceFileLoader, SOURCE_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)

_guarded: set[str] = set()
"""The working folder, and the folders of its packages."""


def add_to_path() -> None:
    """Let modules of the working folder be imported, after all others."""
    folder = os.getcwd()
    if folder in sys.path:
        return
    if not _guarded:
        sys.path_hooks.insert(0, _OwnedFinder.for_folder)
    _guard(folder)
    sys.path.append(folder)


def _guard(folder: str) -> None:
    _guarded.add(folder)
    sys.path_importer_cache.pop(folder, None)


class _OwnedFinder(FileFinder):
    """Finds modules in a guarded folder. Raises UntrustedModuleError for one that breaks the rule, before its code
    is read."""

    @classmethod
    def for_folder(cls, folder: str) -> _OwnedFinder:
        if folder not in _guarded:
            raise ImportError(f"{folder!r} is not guarded")
        return cls(folder, *_LOADERS)

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = super().find_spec(fullname, target)
        if spec is None:
            return None
        for file in _files(spec):
            if violation := find_violation(file):
                reason = f"module {fullname!r} is not imported, because {violation.text}"
                raise UntrustedModuleError(f"{reason}: {violation.fix}")
        for folder in spec.submodule_search_locations or ():
            _guard(folder)
        return spec


def _files(spec: ModuleSpec) -> list[str]:
    """The files and folders that decide what a module does, existing or not. Python runs `cached`, the compiled form,
    instead of the source."""
    files = (spec.origin, spec.cached) if spec.has_location else ()
    return [file for file in (*files, *(spec.submodule_search_locations or ())) if file]
