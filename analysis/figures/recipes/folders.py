"""Pictures of a folder of results: of a study, a fit, vectors. No checkpoint is loaded.

Their recipe names the kind of the folder and what it calls itself, never where it lies; making one
again takes the folder, as `render` and `rebuild` do (``--study``, ``--fit``, ``--vectors``).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from analysis.common.typed import fits, require
from analysis.figures.plot import Plot

# kind of folder -> the module that makes its pictures: `PICTURES`, `options`, `of_folder`
_MODULES = {"study": "study", "fit": "fits", "vectors": "vectors"}
KINDS = tuple(_MODULES)


def pictures_of(kind: str) -> Mapping[str, str]:
    """Every view that is made of this kind of folder, with a line about each."""
    pictures: Mapping[str, str] = _module(kind).PICTURES
    return pictures


def kinds_of(view: str) -> tuple[str, ...]:
    """The kinds of folder that a view can be made of; empty: none."""
    return tuple(kind for kind in KINDS if view in pictures_of(kind))


def options_of(view: str, kind: str) -> dict[str, Any]:
    """Parameters of a picture of a folder with their defaults."""
    signature = inspect.signature(_maker(kind))
    names: frozenset[str] = _module(kind).options(view)
    return {name: signature.parameters[name].default for name in sorted(names)}


def make_of_folder(
    view: str, kind: str, folder: Path | str, params: Mapping[str, Any] | None = None
) -> Plot:
    """The picture `view` of a folder; its `recipe` says all that it was made with.

    Raises
    ------
    ValueError
        The folder holds no such results, or there is no such picture or parameter.
    """
    params, options = dict(params or {}), options_of(view, kind)
    if unknown := sorted(set(params) - set(options)):
        known = ", ".join(options) or "none"
        raise ValueError(f"{view} has no parameter {unknown[0]}; of a {kind} it has {known}")
    require(_maker(kind), params, f"{view}: ")
    return _maker(kind)(view, folder, **params)


def folder_recipe(view: str, kind: str, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a picture of a folder, as plain JSON values."""
    return {"view": view, "folder": {"kind": kind, "name": name}, "params": dict(params)}


def read_folder_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a picture of a folder, checked as if a stranger had written it.

    Raises
    ------
    ValueError
        It is broken; the message names the part.
    """
    for name, kind in {"view": str, "params": dict, "folder": dict}.items():
        if not fits(recipe.get(name), kind):
            raise ValueError(f"its recipe is broken: {name} is {recipe.get(name)!r:.60}")
    folder = recipe["folder"]
    if folder.get("kind") not in KINDS or not isinstance(folder.get("name"), str):
        raise ValueError(f"its recipe is broken: folder is {folder!r:.60}")
    return {name: recipe[name] for name in ("view", "folder", "params")}


def _module(kind: str) -> ModuleType:
    return import_module(f"analysis.figures.recipes.{_MODULES[kind]}")


def _maker(kind: str) -> Callable[..., Plot]:
    maker: Callable[..., Plot] = _module(kind).of_folder
    return maker
