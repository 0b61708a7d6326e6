"""The names of the choices that an address holds, and how each is read from its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

OPTION_NAME = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}")  # of an attribution method: method.option


@dataclass(frozen=True)
class Kind:
    """Kind of a choice in an address: one value or several, each made by ``parse``."""

    parse: Callable[[str], Any] = str
    several: bool = False

    def read(self, words: Sequence[str]) -> Any:
        """The choice, from what the address says; ``ValueError`` where it says no such thing."""
        values = [self.parse(word) for word in words if word or self.parse is str]
        if self.several:
            return [value for value in values if value != ""]
        if not values:
            raise ValueError("an empty value")
        return values[-1]


def _switch(word: str) -> bool:
    return word.lower() == "true"


def _within(low: float, high: float, kind: type = int) -> Callable[[str], Any]:
    def within(word: str) -> Any:
        value = kind(word)
        if value != value:
            raise ValueError("not a number")
        return min(max(value, low), high)

    return within


def _view(word: str) -> tuple[float, ...]:
    """A place of a map and how large it is drawn: three numbers within their bounds."""
    x, y, zoom = (_within(-1.0, 2.0, float), _within(-1.0, 2.0, float), _within(0.5, 100.0, float))
    first, second, third = word.split("_")
    return x(first), y(second), zoom(third)


def _former(*pairs: str) -> Callable[[str], str]:
    """Links of earlier versions hold the label of a choice (``label=choice``): they still work."""
    choices = dict(pair.split("=") for pair in pairs)
    return lambda word: choices.get(word, word)


def _any(word: str) -> Any:
    """An option of an attribution method, whose kind its declaration knows."""
    if word in ("true", "false"):
        return word == "true"
    for kind in (_whole, _number):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _whole(word: str) -> int:
    """A whole number that a browser can hold."""
    if len(word) > _DIGITS:
        raise ValueError("no number that a control could hold")
    value = int(word)
    _check_size(value)
    return value


def _number(word: str) -> float:
    value = float(word)
    _check_size(value)
    return value


def _check_size(number: float) -> None:
    if not abs(number) <= _LARGEST:  # NaN is not, either
        raise ValueError("no number that a control could hold")


def _place(word: str) -> tuple[int, ...]:
    """Segment, start and end of a token in the text."""
    parts = word.split(".")
    if len(parts) != 3:
        raise ValueError("no place in a text")
    return tuple(map(_whole, parts))


_DIGITS, _LARGEST = 16, 10**9
TEXT, SWITCH, NUMBER = Kind(), Kind(_switch), Kind(_whole)
TEXTS, NUMBERS, OPTION = Kind(several=True), Kind(_whole, several=True), Kind(_any)

# Every choice that an address holds, in the order in which it stands there.
NAMES: dict[str, Kind] = {
    # the frame's
    "text": TEXT,
    "long": SWITCH,
    "document": TEXT,
    "pair": TEXT,
    "checkpoints": TEXTS,
    "target": TEXT,
    "unit": TEXT,
    "mark": Kind(_place),
    "marked_layer": NUMBER,
    "marked_dimension": NUMBER,
    "marked_head": NUMBER,
    "marked_part": NUMBER,
    "precision": TEXT,
    # Compare
    "compare": SWITCH,
    "variant": TEXT,
    "instead": TEXT,
    "flip_kind": TEXT,
    "flip_words": TEXT,
    "flips_over": SWITCH,
    "flips_texts": NUMBER,
    # several pages
    "reference": TEXT,
    # Layers
    "layer_values": TEXT,
    "layer_order": TEXT,
    "layer_top": Kind(_within(20, 50)),
    "layer_reference": TEXT,
    "many_of": TEXT,
    "many_count": NUMBER,
    # Max-pool winners
    "quantity": TEXT,
    "drop_layers": NUMBERS,
    "mask_tokens": NUMBERS,
    "mask_where": TEXT,
    "over_quantity": TEXT,
    "over_by": TEXT,
    "over_classes": TEXT,
    # Attention
    "weigh": TEXT,
    "leave": TEXT,
    "special": SWITCH,
    "ranked": SWITCH,
    "encoder_view": TEXT,
    "side": TEXT,
    # Attributions
    "methods": TEXTS,
    "focus": TEXT,
    "output": TEXT,
    "against": TEXT,
    "baseline": TEXT,
    "baseline_text": TEXT,
    "span": TEXT,
    "attribution_seed": Kind(_within(0, 9999)),
    "strips": TEXT,
    "largest": SWITCH,
    "evidence_replace": TEXT,
    "evidence_output": TEXT,
    "evidence_of": TEXT,
    "over": SWITCH,
    "over_sensitivity": SWITCH,
    "over_texts": NUMBER,
    "over_column": TEXT,
    # data sets
    "source": Kind(_former("Behaviour suite=suite", "File=file", "Own sentences=own sentences")),
    "suite_task": TEXT,
    "glue_task": TEXT,
    "folder": TEXT,
    "split": TEXT,
    "own_sentences": TEXT,
    "hub_kind": TEXT,
    "hub_repo": TEXT,
    "hub_config": TEXT,
    "hub_split": TEXT,
    # Embedding map
    "map_of": TEXT,
    "poolings": TEXTS,
    "map": Kind(_former("PCA=pca", "UMAP=umap")),
    "layer_shown": NUMBER,
    "rows_shown": NUMBER,
    "map_seed": Kind(_within(0, 9999)),
    "n_neighbors": Kind(_within(2, 100)),
    "min_dist": Kind(_within(0.0, 0.99, float)),
    "metric": TEXT,
    "align": TEXT,
    "colour_by": TEXT,
    "centres": SWITCH,
    "find": TEXT,
    "measure": TEXT,
    "kept_apart": TEXT,
    "vectors_folder": TEXT,
    "drawer": SWITCH,
    "map_panel": Kind(_within(0, 8)),
    "map_mode": TEXT,
    "map_view": Kind(_view),
    "point": Kind(_within(0, 10**9)),
    "contours": SWITCH,
    "clusters": SWITCH,
    "ranked_by": TEXT,
    # Similarity
    "edits": TEXTS,
    "similarity_poolings": TEXTS,
    "similarity_layer": TEXT,
    "similarity_count": OPTION,
    "similarity_details": SWITCH,
    "similarity_effects": SWITCH,
    "similarity_detail": TEXT,
    "similarity_of": TEXT,
    "similarity_over": SWITCH,
    "similarity_centred": SWITCH,
    "similarity_metric": TEXT,
    "similarity_nearest": SWITCH,
    # Train
    "train_encoder": TEXT,
    "train_how": TEXT,
    "train_heads": TEXTS,
    "train_seeds": Kind(_within(1, 30)),
    "train_name": TEXT,
    "train_shown": TEXT,
    # Evaluate
    "evaluate": TEXT,
    "study": TEXT,
    "study_name": TEXT,
    "family": TEXT,
    "tasks_shown": TEXTS,
    "study_metric": TEXT,
    "look": TEXT,
    "examples_show": TEXT,
    "examples_label": TEXT,
    "examples_sort": TEXT,
    "examples_text": TEXT,
    "evaluate_opens": TEXT,
    "examples_page": Kind(_within(1, 10**9)),
    "capability": TEXT,
    "capability_checkpoint": TEXT,
}
# Folders of the machine that PoolLens runs on: what a link names is opened by a click only.
FOLDERS = ("study", "folder", "vectors_folder")
# No widget of their own: None is their default.
WITHOUT_WIDGET = (
    "mark",
    "marked_layer",
    "marked_dimension",
    "marked_head",
    "marked_part",
    "layer_shown",
    "map_panel",
    "map_mode",
    "map_view",
    "point",
)
