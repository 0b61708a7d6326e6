"""Modules under a second name: the same module objects, never second copies of them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import InspectLoader as Inspector
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

_OWN = __name__.partition(".")[0]
_REPOSITORY, _INSTALLED = "analysis", "poollens"
# What the packages of the repository are called where PoolLens is installed.
INSTALLED_NAMES = {
    "analysis": "poollens",
    "training": "poollens.training",
    "pages": "poollens.app.pages",
}


class Alias(MetaPathFinder, Loader):
    """A finder for ``sys.meta_path``.

    Parameters
    ----------
    real
        Full name of a module -> the name of the module that it stands for; None where it is none
        of this alias's.
    """

    def __init__(self, real: Callable[[str], str | None]) -> None:
        self._real = real

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if self._real(fullname) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self._real(spec.name) or spec.name)
        spec.loader_state = module.__spec__  # the import system sets the alias's; put back below
        return module

    def get_code(self, fullname: str) -> CodeType | None:
        """For ``python -m``: the code of the real module."""
        real = self._real(fullname)
        spec = importlib.util.find_spec(real) if real else None
        if real is None or spec is None or not isinstance(spec.loader, Inspector):
            return None
        return spec.loader.get_code(real)

    def exec_module(self, module: ModuleType) -> None:
        alias = module.__spec__
        if alias is not None and alias.loader is self:
            module.__spec__ = alias.loader_state


def renamed(names: Mapping[str, str]) -> Alias:
    """An alias for whole packages.

    Parameters
    ----------
    names
        Second name of a package -> its real name; the longest that fits a module decides.
    """
    prefixes = sorted(names, key=len, reverse=True)

    def real(fullname: str) -> str | None:
        for prefix in prefixes:
            if fullname == prefix or fullname.startswith(f"{prefix}."):
                return names[prefix] + fullname[len(prefix) :]
        return None

    return Alias(real)


def both_names() -> None:
    """Let ``poollens`` and ``analysis`` name this package, whichever of the two it is.

    A file with a pooling head then serves the repository and the installed package alike. Where
    PoolLens is installed and another package is called ``analysis``, that one keeps its name.
    """
    installed = _OWN == _INSTALLED
    second_name = _REPOSITORY if installed else _INSTALLED
    if second_name in sys.modules or (
        second_name == _REPOSITORY and importlib.util.find_spec(second_name)
    ):
        return
    names = {second_name: _OWN} if installed else {new: old for old, new in INSTALLED_NAMES.items()}
    sys.meta_path.insert(0, renamed(names))
    import_module(second_name)
