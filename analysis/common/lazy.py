"""Public names of a package, looked up in the module that holds them when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy(package: str, modules: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The ``__getattr__`` of `package`, which loads nothing by being imported.

    Parameters
    ----------
    package
        The package's own name, for its errors.
    modules
        Module -> the public names that it holds.

    Raises
    ------
    AttributeError
        By the function returned: the name is none of the package's.
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(module_of[name]), name)

    return get
