"""Defers parts of redis-py and RQ that few programs use: each is imported when it is first used.

`import redis` loads redis.asyncio and with it asyncio, the client of Redis Cluster, keyspace notifications, ssl and
importlib.metadata: half of its time and memory. After `install()`, redis-py's own modules skip these imports:

- The package `redis` gets a `__getattr__` for the names that it lacks: `redis.RedisCluster` imports redis.cluster.
- A module that functions use, as those of redis.event use asyncio, is a proxy that imports it at its first attribute.
- Names that only asynchronous code uses are set by the import of redis.asyncio.
- RQ loads asyncio for jobs that are coroutines, and urllib.request, with the packages email and http, for webhooks.

The imports are skipped by other names in a module's compiled code: `from redis.cluster import RedisCluster` asks a
stub. Only known versions are changed, and only if Python's own loader reads them from files; others are imported as a
whole.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import SourceFileLoader
from types import GeneratorType, ModuleType

TYPE_CHECKING = False  # importing typing takes longer than the whole module
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from typing import Any

KNOWN_VERSIONS = frozenset({"8.1.0"})
"""Versions of redis-py whose imports are those below."""

KNOWN_RQ_VERSIONS = frozenset({"3.0.0"})
"""Versions of RQ whose imports are those below."""

_STUB = "stub of "
"""Start of the name by which a changed import finds a stub in sys.modules."""

_ASYNC_PACKAGE = "redis.asyncio"

_SKIPPED: Mapping[str, Mapping[str, str]] = {
    "redis": {name: _STUB + name for name in ("redis", "redis.cluster", "redis.keyspace_notifications")},
    "redis._parsers.base": {"asyncio": _STUB + "asyncio"},
    "redis._parsers.socket": {"ssl": "_ssl"},  # has the exceptions, of which it makes a tuple
    "redis.commands": {},
    "redis.commands.cluster": {"asyncio": _STUB + "asyncio"},
    "redis.commands.core": {"redis.asyncio.observability.recorder": _STUB + "redis.asyncio.observability.recorder"},
    "redis.connection": {"ssl": _STUB + "ssl"},
    "redis.event": {"asyncio": _STUB + "asyncio"},
    "redis.utils": {"importlib": _STUB + "importlib", "ssl": _STUB + "ssl"},
    _ASYNC_PACKAGE: {},
    "rq.job": {"asyncio": _STUB + "asyncio"},
    "rq.webhook": {"urllib.request": _STUB + "urllib.request"},
}
"""For each changed module the modules that it does not import, and which ones it imports instead."""

_PROXIES: Mapping[str, Mapping[str, str]] = {
    "redis._parsers.socket": {"ssl": "ssl"},
    "redis.commands.cluster": {"asyncio": "asyncio"},
    "redis.connection": {"ssl": "ssl"},
    "redis.event": {"asyncio": "asyncio"},
    "redis.utils": {"metadata": "importlib.metadata", "ssl": "ssl"},
    "rq.job": {"asyncio": "asyncio"},
}
"""For each module the names that are proxies of other modules."""

_CALLED_NAMES: Mapping[str, Sequence[str]] = {"rq.webhook": ("Request", "urlopen")}
"""For each module the names that its functions only call."""

_ASYNCHRONOUS_NAMES = (
    ("redis._parsers.base", "IncompleteReadError"),
    ("redis._parsers.base", "StreamReader"),
    ("redis.commands.core", "async_record_streaming_lag"),
)
"""Names in functions of asynchronous clients."""

_SUBMODULES: Mapping[str, Sequence[str]] = {
    "redis": ("asyncio", "cluster", "keyspace_notifications"),
    "redis.commands": ("policies",),
}
"""Modules that a whole import makes attributes of their package."""


def install() -> bool:
    """Defer the parts, if redis-py is not imported yet and its version is known. Return True if that is done."""
    finder = _Finder()
    spec = None if "redis" in sys.modules else finder.original_spec("redis")
    if spec is None or type(spec.loader) is not SourceFileLoader or finder.original_spec("_ssl") is None:
        return False
    source = spec.loader.get_source("redis") or ""
    if source.partition('\n__version__ = "')[2].partition('"')[0] not in KNOWN_VERSIONS:
        return False
    if not any(isinstance(other, _Finder) for other in sys.meta_path):
        sys.meta_path.insert(0, finder)
    return True


class _Name(str):
    """The full name of what an import would have brought. An annotation may be such a text too."""

    __slots__ = ()


class _Stub(ModuleType):
    """Stands for a module in `from module import name`."""

    def __getattr__(self, name: str) -> _Name:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(f"{self.__name__.removeprefix(_STUB)}.{name}")


class _Proxy(ModuleType):
    """Imports a module at its first attribute. Until its user is `defined`, an attribute is a text for annotations."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__dict__["defined"] = False

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name) if self.defined else f"{self.__name__}.{name}"

    def __setattr__(self, name: str, value: object) -> None:
        setattr(import_module(self.__name__), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(import_module(self.__name__), name)

    def __dir__(self) -> list[str]:
        return dir(import_module(self.__name__))


class _Metadata(_Proxy):
    """Knows the version of redis-py, which each connection sends, without importlib.metadata."""

    def version(self, package: str) -> str:
        """Return the version of an installed package."""
        if package == "redis":
            return str(sys.modules["redis"].__version__)
        return str(import_module("importlib.metadata").version(package))


class _Asyncio(_Proxy):
    """Tells that a value is no coroutine, which RQ asks after each job, without asyncio."""

    def iscoroutine(self, value: object) -> bool:
        """Return True for what asyncio can run."""
        from collections.abc import Coroutine

        return isinstance(value, (Coroutine, GeneratorType)) and bool(import_module("asyncio").iscoroutine(value))


class _Called:
    """Imports a function or class when it is called."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        module, _, attribute = self._name.rpartition(".")
        return getattr(import_module(module), attribute)(*args, **kwargs)


_PROXY_CLASSES: Mapping[str, type[_Proxy]] = {"asyncio": _Asyncio, "importlib.metadata": _Metadata}
"""Proxies that answer some questions without the module."""


class _Origins:
    """Imports the names that a module lacks. `origins` has the full name of each."""

    def __init__(self, namespace: dict[str, Any], origins: Mapping[str, str]) -> None:
        self._namespace = namespace
        self._origins = origins

    def get(self, name: str) -> Any:
        """Import the name and keep it."""
        if name not in self._origins:
            raise AttributeError(f"module {self._namespace['__name__']!r} has no attribute {name!r}")
        source, _, attribute = self._origins[name].rpartition(".")
        module = import_module(source)
        is_submodule = attribute in _SUBMODULES.get(source, ())
        value = import_module(self._origins[name]) if is_submodule else getattr(module, attribute)
        self._namespace[name] = value
        return value

    def names(self) -> list[str]:
        """Return the names of the module, with those that it lacks."""
        return sorted({*self._namespace, *self._origins})


class _Finder:
    """Finds the changed modules of redis-py and RQ."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a changed module, None for all others."""
        if name not in _SKIPPED or (name.startswith("rq.") and not self._is_known_rq(path)):
            return None
        spec = self.original_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec

    def _is_known_rq(self, path: Sequence[str] | None) -> bool:
        spec = self.original_spec("rq.version", path)
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return False
        source = spec.loader.get_source("rq.version") or ""
        return source.partition("VERSION = '")[2].partition("'")[0] in KNOWN_RQ_VERSIONS

    def original_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the first other finder that knows the module: one that wraps loaders keeps its effect."""
        others = (finder for finder in sys.meta_path if not isinstance(finder, _Finder))
        return next((spec for finder in others if (spec := finder.find_spec(name, path, target))), None)


class _Loader(SourceFileLoader):
    """Executes a module without some of its imports."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module."""
        skipped = _SKIPPED[module.__name__]
        code = self.get_code(module.__name__)
        if code is None or not set(skipped) <= set(code.co_names):
            super().exec_module(module)
            return
        namespace = module.__dict__
        stubs = [_Stub(name) for name in skipped.values() if name.startswith(_STUB)]
        proxies = {name: _PROXY_CLASSES.get(of, _Proxy)(of) for name, of in _proxies(module)}
        namespace.update(proxies)  # annotations name them
        sys.modules.update({stub.__name__: stub for stub in stubs})
        try:
            exec(code.replace(co_names=tuple(skipped.get(name, name) for name in code.co_names)), namespace)  # noqa: S102
        finally:
            for stub in stubs:
                sys.modules.pop(stub.__name__, None)
        for name in skipped.values():
            namespace.pop(name, None)  # set by `import name`
        namespace.update(proxies)
        for proxy in proxies.values():
            proxy.__dict__["defined"] = True
        namespace.update({name: _Called(namespace[name]) for name in _CALLED_NAMES.get(module.__name__, ())})
        _add_origins(namespace)
        if module.__name__ == _ASYNC_PACKAGE:
            _set_asynchronous_names()


def _proxies(module: ModuleType) -> Iterable[tuple[str, str]]:
    return _PROXIES.get(module.__name__, {}).items()


def _add_origins(namespace: dict[str, Any]) -> None:
    """Let the module import each name that it got from a stub, and the submodules that it lacks."""
    package = namespace["__name__"]
    origins: dict[str, str] = {name: value for name, value in namespace.items() if isinstance(value, _Name)}
    for name in origins:
        del namespace[name]
    origins |= {name: f"{package}.{name}" for name in _SUBMODULES.get(package, ())}
    if origins:
        lacking = _Origins(namespace, origins)
        namespace.update(__getattr__=lacking.get, __dir__=lacking.names)


def _set_asynchronous_names() -> None:
    """Set the names that functions of asynchronous clients use: a function does not ask `__getattr__`."""
    for user, name in _ASYNCHRONOUS_NAMES:
        getattr(sys.modules[user], name)
