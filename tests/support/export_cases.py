"""Pages in states of their controls, for the test that rebuilds everything they export."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.saved_figures import ROOT

TEXT, OTHER = "the plot is thin but the acting is fine", "the plot is dull but the acting is fine"
HEADS = ("cls", "max_cls", "mha", "max_seq_mha", "max")
CHOSEN = {  # a checkpoint, a seed group, and both side by side; {} is a pooling head
    "checkpoint": ("toy-{}-s0",),
    "group": ("toy-{}",),
    "pair": ("toy-{}", "toy-cls-s1"),
}


def page(name: str) -> str:
    """The file of a page, whatever its number."""
    (path,) = (ROOT / "pages").glob(f"*_{name}.py")
    return f"pages/{path.name}"


@dataclass(frozen=True)
class Case:
    """A page with what its controls say; `views` are pictures that it must offer."""

    page: str
    head: str = "max_seq_mha"
    held: dict[str, Any] = field(default_factory=dict)
    views: tuple[str, ...] = ()
    press: str = ""  # a button that starts what is computed over a data set
    after: dict[str, Any] = field(default_factory=dict)  # what is chosen once that is done


LAYERS, WINNERS = page("Layers"), page("Max_pool_winners")
ATTENTION, ATTRIBUTIONS = page("Attention"), page("Attributions")
MAP = page("Embedding_map")
SIMILARITY, PAIR = page("Similarity"), "he said the story was poor"
DATA_SET = {"evaluate": "Data set"}
COMPARE, EVALUATE = "", page("Evaluate")
NOUNS, WORDS = ("plot", "film", "acting", "story"), ("thin", "dull", "good", "fine", "poor")
MORE = ("", "and very thin", "but fine", "or bad", "and not poor", "but great", "and dull")
ROWS = [f"the {noun} is {word} {more}" for noun in NOUNS for word in WORDS for more in MORE]
SENTENCES = {"source": "own sentences", "own_sentences": "\n".join(ROWS)}
CASES = {
    "compare": Case(
        COMPARE,
        held={"compare": True, "variant": OTHER},
        views=("classes", "input_attribution", "reading", "source_layers", "variant"),
    ),
    "compare, a word in doubt": Case(
        COMPARE,
        held={"mark": (0, 12, 16), "instead": "[MASK]"},
        views=("doubt", "word_effects"),
    ),
    "compare, edits that flip": Case(COMPARE, press="flips-go", views=("flips",)),
    "compare, flips over a data set": Case(
        COMPARE,
        held={"flips_over": True, "flips_texts": 4, **SENTENCES},
        press="flips-job-go",
        views=("flip_rates",),
    ),
    "compare, words of a data set": Case(
        COMPARE,
        held={"flip_kind": "replacement", "flip_words": "data", **SENTENCES},
        press="flips-go",
        views=("flips",),
    ),
    "compare, pieces": Case(COMPARE, "mha", {"unit": "pieces"}),
    "layers, standardised": Case(
        LAYERS,
        held={"marked_layer": 2, "marked_dimension": 5, "layer_values": "standardised"},
        views=("depth", "at_layer", "cls_by_layer", "dimension", "turned"),
    ),
    "layers, by weight": Case(LAYERS, held={"layer_order": "weight", "unit": "pieces"}),
    "layers, what matters": Case(
        LAYERS, "mha", {"layer_order": "top", "layer_values": "difference", "marked_layer": 1}
    ),
    "layers, against a text": Case(
        LAYERS, "max_cls", {"layer_values": "reference", "layer_reference": OTHER}
    ),
    "winners, contribution": Case(
        WINNERS,
        held={"drop_layers": [4], "mask_tokens": [2], "marked_layer": 3, "reference": "zero"},
        views=(
            "winners",
            "layer_quantities",
            "what_if",
            "dimensions",
            "margins",
            "sweep",
            "sweep_winners",
            "sweep_pooled",
        ),
    ),
    "winners, deviation": Case(WINNERS, held={"quantity": "deviation", "unit": "pieces"}),
    "winners, attention": Case(WINNERS, held={"quantity": "attention", "marked_part": 1}),
    "winners, drop effect": Case(WINNERS, "max_cls", {"quantity": "drop effect"}),
    "winners, every token's drop effect": Case(WINNERS, held={"quantity": "drop effect"}),
    "winners over tokens": Case(WINNERS, "max", views=("token_winners",)),
    "attention, heads": Case(
        ATTENTION,
        held={"marked_layer": 2, "marked_head": 1, "leave": "head"},
        views=("pooling_attention", "cls_row", "leave_one_out", "reading", "encoder_heads"),
    ),
    "attention, norms and a token": Case(
        ATTENTION,
        "mha",
        {
            "weigh": "value norms",
            "encoder_view": "One token",
            "unit": "pieces",
            "special": False,
            "side": "key",
            "leave": "replace",
        },
    ),
    "attention, rollout": Case(ATTENTION, "cls", {"encoder_view": "Rollout"}, ("rollout",)),
    "attention, entropy": Case(
        ATTENTION, held={"encoder_view": "Entropy, distance"}, views=("head_summary",)
    ),
    "attention, parts": Case(
        ATTENTION, held={"encoder_view": "Input parts", "reference": "zero"}, views=("blocks",)
    ),
    "attributions": Case(
        ATTRIBUTIONS,
        held={"methods": ["integrated_gradients", "leave_one_out"], "baseline": "mask"},
        views=(
            "attribution_strips",
            "attribution_bars",
            "attribution_methods",
            "attribution_disagreement",
            "attribution_layers",
            "deletion_insertion",
            "rank_agreement",
        ),
    ),
    "attributions, pieces and a probability": Case(
        ATTRIBUTIONS,
        "mha",
        {
            "methods": ["gradient_x_input", "leave_one_out"],
            "unit": "pieces",
            "output": "probability",
            "evidence_of": "all checkpoints",
            "evidence_replace": "pad",
        },
    ),
    "attributions, a span and another sentence": Case(
        ATTRIBUTIONS,
        "max_cls",
        {
            "methods": ["integrated_gradients"],
            "baseline": "text",
            "baseline_text": OTHER,
            "span": "the acting",
        },
    ),
    "layers over sentences": Case(
        LAYERS,
        held={"layer_values": "reference", "layer_reference": OTHER, **SENTENCES},
        views=("cka", "standing"),
        press="many-button",
    ),
    "winners over sentences": Case(
        WINNERS, held={"over_classes": "predicted", **SENTENCES}, press="over-go"
    ),
    "winners over sentences, by type": Case(
        WINNERS, "max", {"over_by": "token type", **SENTENCES}, press="over-go"
    ),
    "attributions over a data set": Case(
        ATTRIBUTIONS,
        held={
            "methods": ["gradient_x_input", "leave_one_out"],
            "over": True,
            "over_texts": 6,
            **SENTENCES,
        },
        views=("evidence_means", "largest_words"),
        press="job-go",
    ),
    "similarity": Case(
        SIMILARITY,
        held={
            "pair": PAIR,
            "similarity_poolings": ["max", "head", "maxsim"],
            "similarity_details": True,
        },
        views=("similarity_bands", "similarity_map", "max_winners"),
    ),
    "similarity, by layer and without a word": Case(
        SIMILARITY,
        "max_cls",
        {
            "pair": PAIR,
            "similarity_poolings": ["head"],
            "similarity_layer": "2",
            "similarity_details": True,
            "edits": ["0.4.8"],
        },
        ("similarity_bands", "similarity_layers"),
    ),
    "similarity, another word and what each is worth": Case(
        SIMILARITY,
        "max",
        {
            "pair": PAIR,
            "similarity_poolings": ["max", "maxsim"],
            "similarity_effects": True,
            "edits": ["0.4.8.story"],
        },
        ("similarity_bands", "similarity_effects"),
    ),
    "similarity, best matches": Case(
        SIMILARITY,
        "cls",
        {
            "pair": PAIR,
            "similarity_poolings": ["maxsim"],
            "similarity_details": True,
        },
        ("maxsim_margins",),
    ),
    "similarity over pairs": Case(
        SIMILARITY,
        held={
            "pair": PAIR,
            "similarity_poolings": ["mean", "max", "head"],
            "similarity_over": True,
            "source": "own sentences",
            "own_sentences": "\n".join(f"{row}\t{row} indeed" for row in ROWS[:12]),
        },
        views=("similarity_bands", "pair_anisotropy"),
        press="pairs-job-go",
        after={"similarity_centre": "mean of own sentences"},
    ),
    "map": Case(
        MAP,
        held={"map": "pca", "poolings": ["mean", "max"], **SENTENCES},
        views=("map", "pooling_by_layer"),
        press="numbers-go",
    ),
    "map of layer 2, by umap, in colours of the answers": Case(
        MAP,
        "cls",
        {
            "map": "umap",
            "poolings": ["mean", "head"],
            "layer_shown": 2,
            "map_of": "all",
            **SENTENCES,
        },
        ("map",),
    ),
    "map of the suite": Case(
        MAP,
        "mha",
        {"map": "pca", "poolings": ["mean"], "source": "suite", "rows_shown": 500},
        ("map", "pooling_by_layer"),
        "numbers-go",
    ),
    "evaluate, scores and behaviour": Case(
        EVALUATE, held=DATA_SET, views=("data_set_scores", "failure_rates"), press="job-go"
    ),
    "evaluate, confusion": Case(
        EVALUATE, held={"look": "confusion", **DATA_SET}, views=("confusion",), press="job-go"
    ),
    "evaluate, calibration": Case(
        EVALUATE, held={"look": "calibration", **DATA_SET}, views=("reliability",), press="job-go"
    ),
}
QUICK = {
    ("evaluate, scores and behaviour", "pair"),
    ("layers over sentences", "group"),
    ("winners over sentences", "group"),
    ("attributions", "group"),
    ("compare", "group"),
    ("compare, a word in doubt", "pair"),
    ("attention, heads", "group"),
    ("winners, contribution", "group"),
    ("layers, standardised", "group"),
    ("attributions over a data set", "group"),
    ("map", "group"),
    ("map of layer 2, by umap, in colours of the answers", "pair"),
    ("similarity", "pair"),
    ("similarity, by layer and without a word", "group"),
    ("similarity over pairs", "group"),
}
APART = {  # what goes to another process, where all is loaded anew
    ("compare", "pair"),
    ("layers, standardised", "group"),
    ("winners over sentences", "pair"),
    ("attention, rollout", "pair"),
    ("attributions", "checkpoint"),
    ("similarity over pairs", "pair"),
    ("evaluate, calibration", "pair"),
}
