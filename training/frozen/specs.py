"""Pooling heads to fit, as records: key, name and every option written out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from analysis import heads as registry
from training.frozen.encoder import Source
from training.frozen.members import HeadSpec

Head = str | type[registry.PoolingHead] | tuple[str, Mapping[str, Any]]


def specs_of(
    heads: str | Sequence[Head], source: Source, options: Mapping[str, Any]
) -> tuple[HeadSpec, ...]:
    """Heads as they were requested for, with every option written out.

    Raises ``ValueError`` for an unknown head or option, or one named twice.
    """
    from training.settings import all_options

    requested: list[Any] = [heads] if isinstance(heads, str) else list(heads)
    if heads == "all":  # but those that read attentions, which states do not hold
        known = registry.HEADS.items()
        requested = sorted(key for key, cls in known if not cls.reads_attentions())
    specs = []
    for head in requested:
        key, own = (head[0], dict(head[1])) if isinstance(head, tuple) else (head, {})
        if isinstance(key, type):
            if registry.HEADS.get(getattr(key, "key", "")) is not key:
                raise ValueError(
                    f"{key.__name__} is not registered under a key of its own: decorate it with "
                    "@head('its name')"
                )
            key = getattr(key, "key", "")
        shared = registry.check_options(str(key), dict(options)) if options else {}
        full = all_options(str(key), {**shared, **own})
        if heads == "all":  # defaults that a small encoder cannot have are brought within reach
            full = _within(full, source)
        name = "-".join([str(key), *(f"{word}{value}" for word, value in own.items())])
        registry.build(str(key), source.hidden_size, source.layers, **full)  # it can be built
        specs.append(HeadSpec(name, str(key), full))
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names) or not names:
        raise ValueError("a pooling head is named twice." if names else "no pooling head is named.")
    return tuple(specs)


def _within(options: dict[str, Any], source: Source) -> dict[str, Any]:
    if "last_k" in options:
        options["last_k"] = min(options["last_k"], source.layers)
    if "num_heads" in options and source.hidden_size % options["num_heads"]:
        options["num_heads"] = math.gcd(options["num_heads"], source.hidden_size)
    return options
