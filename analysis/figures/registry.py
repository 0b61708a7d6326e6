"""Views by key: one function a picture, registered with `@view("key")`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from analysis.figures.plot import Plot

View = Callable[..., Plot]
F = TypeVar("F", bound=View)

_VIEWS: dict[str, View] = {}


class UnknownView(ValueError):
    """No view is registered under this key."""


def view(key: str) -> Callable[[F], F]:
    """Register a view; a key that is taken raises `ValueError`."""

    def register(function: F) -> F:
        if key in _VIEWS:
            raise ValueError(f"the view {key!r} is already registered: choose another key")
        _VIEWS[key] = function
        return function

    return register


def draw(key: str, *results: Any, **options: Any) -> Plot:
    """The picture of `results` that the view `key` describes; `UnknownView` lists the known."""
    if key not in _VIEWS:
        raise UnknownView(f"no view is called {key!r}; known are {', '.join(sorted(_VIEWS))}")
    return _VIEWS[key](*results, **options)


def views() -> dict[str, str]:
    """Every key with the first line of its view's docstring."""
    return {key: (f.__doc__ or "").strip().partition("\n")[0] for key, f in sorted(_VIEWS.items())}
