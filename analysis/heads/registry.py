"""The registry of pooling heads: their keys and options, and heads made by key."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

from analysis.heads.base import PoolingHead

HeadClass = TypeVar("HeadClass", bound=type[PoolingHead])
HEADS: dict[str, type[PoolingHead]] = {}
_KEY = re.compile(r"\w[\w.+ -]{0,59}")
_NO_DEFAULT: Any = inspect.Parameter.empty
_SIZES = 2  # self is followed by hidden_size and num_layers


def head(key: str) -> Callable[[HeadClass], HeadClass]:
    """Register a pooling head under `key`; the same class may be registered again, another not.

    Raises
    ------
    ValueError
        The key cannot be part of a folder's name, another class has it, or an option has no
        default.
    """

    def register(cls: HeadClass) -> HeadClass:
        known = HEADS.get(key)
        if not _KEY.fullmatch(key) or key == "all":
            raise ValueError(
                f"{key!r} cannot be the key of a pooling head, by which folders are called: use "
                "letters, digits, hyphens and underscores, such as 'my_head'"
            )
        lacking = [name for name, value in options_of(cls).items() if value is _NO_DEFAULT]
        if lacking:
            raise ValueError(
                f"option {lacking[0]!r} of pooling head {key!r} has no default: give it one, such "
                f"as {lacking[0]}=1.0"
            )
        # A user's file is executed again on every reload: same file and name is the same head.
        if known is not None and _origin(known) != _origin(cls):
            raise ValueError(
                f"a pooling head {key!r} exists already ({known.__name__}); choose another key"
            )
        cls.key = key
        HEADS[key] = cls
        return cls

    return register


def _origin(cls: type) -> tuple[str, str]:
    try:
        return inspect.getfile(cls), cls.__qualname__
    except (OSError, TypeError):  # a notebook's or a console's own class has no file
        return cls.__module__, cls.__qualname__


def options_of(cls: type[PoolingHead]) -> dict[str, Any]:
    """Names and defaults of a pooling head's options: what its ``__init__`` takes after the sizes,
    and what its base class takes where it hands on ``**base``."""
    owners: list[dict[str, Any]] = []
    for owner in cls.__mro__:
        init = owner.__dict__.get("__init__")
        if init is None or not issubclass(owner, PoolingHead):
            continue
        parameters = list(inspect.signature(init).parameters.values())
        owners.append(
            {
                parameter.name: parameter.default
                for place, parameter in enumerate(parameters)
                if parameter.name not in ("output_size", "read_size")
                and (
                    parameter.kind is parameter.KEYWORD_ONLY
                    or (parameter.kind is parameter.POSITIONAL_OR_KEYWORD and place > _SIZES)
                )
            }
        )
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break  # it hands nothing on
    return {name: default for own in reversed(owners) for name, default in own.items()}


def attention_for(key: str, implementation: str) -> str:
    """The encoder's attention implementation for a pooling head: eager where it reads attentions.

    Fused attention ("sdpa") keeps no attentions.
    """
    known = HEADS.get(key)
    return "eager" if known is not None and known.reads_attentions() else implementation


def check_options(key: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that pooling head `key` takes, out of `options`.

    An option of another pooling head is left out (one set of options can describe a comparison);
    one that no pooling head knows raises ``ValueError``, as does an unknown key.
    """
    if key not in HEADS:
        raise ValueError(f"unknown pooling head {key!r}; known: {', '.join(sorted(HEADS))}")
    own = options_of(HEADS[key])
    family = set().union(*(options_of(cls) for cls in HEADS.values()))
    unknown = sorted(set(options) - family)
    if unknown:
        raise ValueError(
            f"unknown option {', '.join(unknown)} for pooling head {key!r}; "
            f"known: {', '.join(sorted(own)) or 'none'}"
        )
    return {name: value for name, value in options.items() if name in own}


def build(key: str, hidden_size: int, num_layers: int, **options: Any) -> PoolingHead:
    """A new pooling head, freshly initialised (set the torch seed before).

    Raises ``ValueError`` for an unknown key or option, and for impossible ones: `last_k` above
    the number of layers, `num_heads` that does not divide `hidden_size`. So does a head of a
    user's own whose ``__init__`` fails.
    """
    own = check_options(key, options)
    try:
        module = HEADS[key](hidden_size, num_layers, **own)
        module.reset_parameters()
    except (AttributeError, IndexError, KeyError, NameError, TypeError) as error:
        raise ValueError(
            f"pooling head {key!r} cannot be made ({type(error).__name__}: {error}). Its __init__ "
            "takes hidden_size and num_layers and begins with "
            "super().__init__(hidden_size, num_layers)"
        ) from error
    return module
