"""Recipes by key: how a picture is made from checkpoints, a text and a few parameters.

A page, the command line, a saved figure and a notebook make pictures here; what a recipe computes
is in the library already, and what it draws are the views. A picture carries its recipe
(`Plot.recipe`), by which it can be made again. A recipe is registered by being imported: every
module of this package is, the first time that one is asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeVar

from analysis.common.phrases import name_without_folder
from analysis.common.typed import fits, require
from analysis.figures.marks import HeatMap
from analysis.figures.plot import Plot
from analysis.figures.recipes.folders import read_folder_recipe
from analysis.figures.recipes.request import (
    Data,
    GivenTarget,
    Request,
    Subject,
    Target,
    loaded,
)
from analysis.figures.views.comparisons import together

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier


class UnknownRecipe(ValueError):
    """No picture can be made under this name."""


Recipe = Callable[..., Plot]
F = TypeVar("F", bound=Recipe)
_RECIPES: dict[str, Recipe] = {}
_LABELLED: set[str] = set()
# Names that say what is meant, with the view they stand for.
ALIASES: dict[str, tuple[str, dict[str, Any]]] = {
    "attention": ("pooling_attention", {}),
    "layers": ("depth", {}),
    "drop_effects": ("winners", {"quantity": "drop effect"}),
}


def recipe(key: str, labelled: bool = False) -> Callable[[F], F]:
    """Register how the view `key` is made; its keyword arguments are its parameters.

    `labelled`: the labels of its data set have to be the classes of the checkpoints.
    """

    def register(function: F) -> F:
        if key in _RECIPES:
            raise ValueError(f"the recipe {key!r} is already registered: choose another key")
        _RECIPES[key] = function
        if labelled:
            _LABELLED.add(key)
        return function

    return register


@cache
def _import_all() -> None:
    """Register the recipes of every module here. Once: a page asks for dozens of pictures a run,
    and to look the folder through for each took a twentieth of its time."""
    from analysis.figures import recipes

    for module in iter_modules(recipes.__path__):
        import_module(f"{recipes.__name__}.{module.name}")


def _known() -> dict[str, Recipe]:
    _import_all()
    return _RECIPES


def recipes() -> dict[str, str]:
    """Every name with one line: what it draws, and of what parameters."""
    lines = {}
    for key, function in _known().items():
        options = ", ".join(options_of(key))
        line = (function.__doc__ or "").strip().partition("\n")[0]
        lines[key] = f"{line} [{options}]" if options else line
    for name, (key, params) in ALIASES.items():
        settings = "".join(f", {k} = {v}" for k, v in params.items())
        lines[name] = f"The same as {key}{settings}."
    return dict(sorted(lines.items()))


def classes_of(view: str, subjects: Sequence[Subject]) -> tuple[str, ...] | None:
    """Classes that the labels of the data set of this view must be; None: any."""
    _known()
    if view not in _LABELLED:
        return None
    return next((s.members[0].checkpoint.labels for s in subjects if s.members), None)


def can_make(view: str) -> bool:
    """Whether a picture of this view can be made from checkpoints and a text."""
    return view in _known()


def options_of(key: str) -> dict[str, Any]:
    """Parameters of a recipe with their defaults."""
    signature = inspect.signature(_known()[key])
    return {name: p.default for name, p in list(signature.parameters.items())[1:]}


def make(
    name: str,
    subjects: Sequence[Subject | Classifier],
    text: str,
    pair: str | None = None,
    target: GivenTarget | Sequence[GivenTarget] = None,
    params: Mapping[str, Any] | None = None,
    data: Data | None = None,
) -> Plot:
    """The picture `name` of these checkpoints (or seed groups) and this text.

    `target` is a class's name or index, one for all or a list with one for each; "a against b" or
    a pair (a, b) explains one class against another; default: the predicted class of each. `data`
    is the data set of a picture over one. The picture's `recipe` says all that it was made with.

    Raises `UnknownRecipe`, or ``ValueError`` with the reason.
    """
    known = _known()
    key, fixed = ALIASES.get(name, (name, {}))
    if key not in known:
        raise UnknownRecipe(
            f"no picture is called {name!r}; known are {', '.join(sorted({*known, *ALIASES}))}"
        )
    if not subjects:
        raise ValueError(f"{name} needs a checkpoint: name at least one")
    fixed = {**fixed, **(params or {})}
    options = options_of(key)
    if wrong := sorted(set(fixed) - set(options)):
        has = ", ".join(options) or "no parameters"
        raise ValueError(f"{name} has no parameter {', '.join(wrong)}; it has {has}")
    require(known[key], fixed, f"{name}: ")
    limit = fixed.get("limit")
    if limit is not None and not limit > 0:
        raise ValueError(f"{name}: limit is {limit:g}: expected a number above 0")
    targets: list[Any] = list(target) if isinstance(target, list) else [target] * len(subjects)
    if len(targets) != len(subjects):
        raise ValueError(f"{len(targets)} classes for {len(subjects)} checkpoints")
    request = Request(
        tuple(_subject(subject).reads(text, pair) for subject in subjects),
        text,
        pair,
        tuple(tuple(target) if isinstance(target, list) else target for target in targets),
        data,
    )
    plot = known[key](request, **fixed)
    return replace(plot, recipe=_written(key, request, {**options, **fixed}))


_OWN = ("subjects", "names", "target")  # of a recipe, what may differ between its subjects


def alike(plots: Sequence[Plot]) -> bool:
    """Whether pictures were made in the same way, of other subjects."""
    ways = [{k: v for k, v in plot.recipe.items() if k not in _OWN} for plot in plots]
    return all(way and way == ways[0] for way in ways)


def side_by_side(plots: Sequence[Plot]) -> Plot:
    """Pictures that `make` made of one subject each, as it makes one of all of them.

    For who has the single ones already.

    Raises
    ------
    ValueError
        They differ in more than their subjects (see `alike`).
    """
    if not alike(plots):
        raise ValueError("these pictures were not made in the same way")
    joined = {name: [part for plot in plots for part in plot.recipe[name]] for name in _OWN}
    return replace(together(plots, joined["names"]), recipe={**plots[0].recipe, **joined})


def scaled(plot: Plot, limit: float) -> Plot:
    """A heat map that `make` made, with colours from 0 to `limit` as its recipe then says.

    Raises
    ------
    ValueError
        The picture is no heat map, or its recipe takes no limit.
    """
    if not isinstance(plot.mark, HeatMap) or "limit" not in plot.recipe.get("params", {}):
        raise ValueError(f"{plot.view} has no colours that end at a limit")
    params = {**plot.recipe["params"], "limit": limit}
    return replace(
        plot,
        mark=replace(plot.mark, limits=(0.0, limit)),
        params={**plot.params, "limit": limit},
        recipe={**plot.recipe, "params": params},
    )


def _subject(subject: Subject | Classifier) -> Subject:
    return subject if isinstance(subject, Subject) else loaded(subject.checkpoint.id, [subject])


def _written(key: str, request: Request, params: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe as plain JSON values: by it `make` makes the same picture again."""
    return {
        "view": key,
        "subjects": [
            [name_without_folder(member.checkpoint.id) for member in subject.members]
            for subject in request.subjects
        ],
        "names": [name_without_folder(name) for name in request.names],
        "text": request.text,
        "pair": request.pair,
        "target": [_resolved(subject, target) for subject, target in request],
        "params": dict(params),
        **({} if request.data is None else {"data": request.data.written()}),
    }


def _resolved(subject: Subject, target: GivenTarget) -> Target | GivenTarget:
    """The class that was explained, where the subject predicts one."""
    first = subject.members[0]
    if target is None and (first.checkpoint.kind == "encoder" or not first.text.strip()):
        return None
    return subject.target(target)


def read_recipe(data: Any) -> dict[str, Any]:
    """A recipe from a stored picture, checked as if a stranger had written it; {}: none is there.

    Raises ``ValueError`` where it is none.
    """
    if not data:
        return {}
    kinds: dict[str, Any] = {
        "view": str,
        "subjects": list[list[str]],
        "names": list[str],
        "text": str,
        "pair": str | None,
        "params": dict,
    }
    if not isinstance(data, dict):
        raise ValueError("its recipe is not a JSON object")
    if "folder" in data:
        return read_folder_recipe(data)
    for name, kind in kinds.items():
        if not fits(data.get(name), kind):
            raise ValueError(f"its recipe is broken: {name} is {data.get(name)!r:.60}")
    if not data["subjects"] or len(data["subjects"]) != len(data["names"]):
        raise ValueError("its recipe is broken: expected a name for each checkpoint")
    target = data.get("target")
    each = target if isinstance(target, list) else [target] * len(data["subjects"])
    allowed = int | str | list[int] | list[str] | None
    if len(each) != len(data["subjects"]) or not all(fits(value, allowed) for value in each):
        raise ValueError(f"its recipe is broken: target is {target!r:.60}")
    table = data.get("data")
    if table is not None and not (isinstance(table, dict) and fits(table.get("sha256"), str)):
        raise ValueError(f"its recipe is broken: data is {table!r:.60}")
    return {name: data[name] for name in kinds} | {"target": each, "data": table}
