"""Changes that a model allows: layers that may leave, tokens that may be hidden, and where."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from analysis.interventions.effects import WHERE
from analysis.reading.reread import pooling_head
from analysis.text.tokens import Tokens

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier


def competing(classifier: Classifier) -> tuple[int, ...]:
    """The layers that the maximum runs over; raises ``ValueError`` where there are none."""
    layers = pooling_head(classifier).pool_layers
    if not layers:
        raise ValueError(
            f"{classifier.checkpoint.name}: its pooling head {pooling_head(classifier).key} takes "
            "no maximum over layers, so no layer can leave it. max_cls and max_seq_mha do."
        )
    return layers


def whole_numbers(name: str, values: Iterable[SupportsIndex]) -> tuple[int, ...]:
    """Layers or positions, each once and in order; raises ``ValueError`` for anything else (a
    ``TypeError`` inside never leaves).
    """
    try:
        if isinstance(values, str | bytes) or any(
            isinstance(value, bool | np.bool_) for value in values
        ):
            raise TypeError
        return tuple(sorted({index(value) for value in values}))
    except TypeError:
        raise ValueError(
            f"{name} is {values!r}: give whole numbers in a sequence, such as (3,) or [2, 3]"
        ) from None


def check_dropped(classifier: Classifier, dropped: tuple[int, ...]) -> None:
    """Raises ``ValueError`` for layers that cannot leave, or all of them."""
    layers = competing(classifier)
    unknown = [layer for layer in dropped if layer not in layers]
    names = ", ".join(map(str, layers))
    if unknown:
        raise ValueError(
            f"{classifier.checkpoint.name}: layer {', '.join(map(str, unknown))} does not compete; "
            f"the maximum runs over layers {names}"
        )
    if len(dropped) == len(layers):
        raise ValueError(
            f"{classifier.checkpoint.name}: layers {names} are all that compete; leave at least one"
        )


def check_where(classifier: Classifier, where: str) -> None:
    """Raises ``ValueError`` for a question that does not exist, or not for this model."""
    if where not in WHERE:
        raise ValueError(f"where is {where!r}; known: {', '.join(WHERE)}")
    if classifier.checkpoint.kind == "encoder":
        raise ValueError(
            f"{classifier.checkpoint.name} is a {classifier.checkpoint.encoder_kind}: it has no "
            "prediction that could change."
        )
    if where == "replace" and classifier.tokenizer.mask_token_id is None:
        raise ValueError(
            f"{classifier.checkpoint.name}: its tokenizer has no mask token to put in a token's "
            "place; use where='encoder'"
        )


def check_masked(tokens: Tokens, masked: tuple[int, ...], where: str) -> None:
    """Raises ``ValueError`` for positions that do not exist or cannot be masked."""
    outside = [token for token in masked if not 0 <= token < len(tokens)]
    if outside:
        raise ValueError(
            f"token {', '.join(map(str, outside))} does not exist: the text has positions 0 to "
            f"{len(tokens) - 1}"
        )
    if 0 in masked and where != "replace":
        raise ValueError(
            f"position 0 ({tokens.pieces[0]}) cannot be masked: the token behind it would take "
            "its part. where='replace' puts the mask token in its place."
        )
