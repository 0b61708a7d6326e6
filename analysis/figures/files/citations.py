"""BibTeX entries of a picture's methods, and the views and methods that need them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import resources

from analysis.figures.marks import Grid, Strip
from analysis.figures.picture import Picture

# A split of a logit by what was read.
_SPLIT = ("nanda2022transformerlens", "modarressi2023decompx")
# Views that are about a maximum over layers or a pooling head of MaxPoolBERT.
_POOLING = (
    "winners",
    "source_layers",
    "layer_quantities",
    "margins",
    "sweep",
    "sweep_winners",
    "sweep_pooled",
    "what_if",
    "dimensions",
    "winner_means",
    "seed_disagreement",
    "group_difference",
    "pooling_attention",
    "reading",
    "flow",
    "study_scores",
    "study_differences",
    "study_spread",
    "learning_curves",
)
VIEWS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_POOLING, ("behrendt2025maxpoolbert",)),
    **dict.fromkeys(
        ("winners", "winner_means", "largest_words"),
        ("behrendt2025maxpoolbert", "conneau2017infersent"),
    ),
    **dict.fromkeys(
        ("reading", "flow", "source_layers", "layer_quantities", "dimensions"),
        ("behrendt2025maxpoolbert", *_SPLIT),
    ),
    "rollout": ("abnar2020rollout",),
    **dict.fromkeys(
        ("similarity_bands", "similarity_map", "similarity_layers"),
        ("eberle2020bilrp", "reimers2019sentence"),
    ),
    "max_winners": ("conneau2017infersent", "eberle2020bilrp"),
    "maxsim_margins": ("khattab2020colbert",),
    "splade_terms": ("formal2021splade",),
    "pair_correlations": ("bonett2000spearman", "ethayarajh2019contextual"),
    "pair_anisotropy": ("ethayarajh2019contextual",),
    "cka": ("kornblith2019cka", "szekely2014partial"),
    "depth": ("nostalgebraist2020lens",),
    "head_summary": ("clark2019what",),
    **dict.fromkeys(("leave_one_out", "similarity_effects"), ("li2016erasure",)),
    "map": ("venna2001neighborhood",),
    "pooling_by_layer": ("ethayarajh2019contextual",),
    "reliability": ("guo2017calibration",),
    "randomisation": ("adebayo2018sanity",),
    "deletion_insertion": ("samek2017evaluating",),
    "evidence_bars": ("deyoung2020eraser", "yeh2019infidelity"),
    "evidence_means": ("deyoung2020eraser", "yeh2019infidelity"),
    "evidence_scores": ("deyoung2020eraser", "yeh2019infidelity"),
}
METHODS: dict[str, tuple[str, ...]] = {
    "MaxSim": ("khattab2020colbert",),
    "SPLADE": ("formal2021splade",),
    "integrated_gradients": ("sundararajan2017axiomatic",),
    "joint_layers": ("sundararajan2017axiomatic", "dhamdhere2019neuron"),
    "gradient_x_input": ("shrikumar2016black",),
    "saliency": ("simonyan2014deep",),
    "attention_x_gradient": ("serrano2019attention", "barkan2021gradsam"),
    "smoothgrad": ("smilkov2017smoothgrad",),
    "gradient_shap": ("lundberg2017unified", "erion2021improving"),
    "occlusion": ("zeiler2014visualizing",),
    "ablation": ("li2016erasure",),
    "leave_one_out": ("li2016erasure",),
    "shapley_sampling": ("castro2009polynomial", "mitchell2022sampling"),
    "kernel_shap": ("lundberg2017unified", "covert2021improving"),
    "exact_split": _SPLIT,
    "umap": ("mcinnes2018umap",),
    "aligned_umap": ("mcinnes2018umap",),
}
_BY_CAPTUM = {
    "integrated_gradients",
    "joint_layers",
    "gradient_x_input",
    "saliency",
    "smoothgrad",
    "gradient_shap",
    "occlusion",
    "ablation",
    "shapley_sampling",
    "kernel_shap",
}
# The demo checkpoints and the tasks of the study, by the first word of their names.
DATA: dict[str, tuple[str, ...]] = {
    "sst2": ("socher2013recursive",),
    "mrpc": ("dolan2005paraphrases",),
    "trec": ("li2002questions",),
}
_PAPER_HEADS = ("max_cls", "mha", "max_seq_mha")


def keys_of(plots: Picture | Sequence[Picture]) -> tuple[str, ...]:
    """Keys of every work that these pictures rest on, in the order of the bibliography."""
    pictures = [plots] if isinstance(plots, Picture) else plots
    keys = {"poollens"}
    for plot in pictures:
        keys.update(_keys(plot))
    return tuple(key for key in _entries() if key in keys)


def bibtex(plots: Picture | Sequence[Picture]) -> str:
    """The BibTeX of `keys_of`, an entry each."""
    return "\n\n".join(_entries()[key] for key in keys_of(plots)) + "\n"


def _keys(plot: Picture) -> Iterator[str]:
    source = plot.provenance
    yield from VIEWS.get(plot.view, ())
    methods = source.get("method") or []
    for method in [*(methods if isinstance(methods, list) else [methods]), *_of_strips(plot)]:
        name = re.sub(r"[\s×]+", "_", str(method).replace(" × ", "_x_"))
        yield from METHODS.get(name, ())
        if name.startswith(("exact_split", "split_along")):
            yield from METHODS["exact_split"]
        if name.startswith("split_along"):
            yield from METHODS["integrated_gradients"]
        if name in _BY_CAPTUM:
            yield "kokhlikyan2020captum"
    if plot.params.get("quantity") == "contribution":
        yield from _SPLIT
    if plot.params.get("norms"):
        yield "kobayashi2020norms"
    owners = source.get("checkpoints")
    names = [str(owner.get("checkpoint", "")) for owner in (owners or [source]) if owner]
    for name in names:
        task, _, head = re.sub(r"-s\d+$", "", name.rpartition("/")[2]).partition("-")
        if head in _PAPER_HEADS:
            yield "behrendt2025maxpoolbert"
        if head and task in DATA:
            yield from (*DATA[task], "wang2020minilm", "reimers2019sentence")
    yield from DATA.get(str(source.get("data", "")).lower().replace("-", ""), ())


def _of_strips(plot: Picture) -> Iterator[str]:
    """Methods that the strips of a picture name as what they show."""
    for panel in plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,):
        if isinstance(panel, Strip):
            exact = panel.value_label.startswith(
                ("contribution to the logit margin", "contribution to the contrast")
            )
            yield "exact split" if exact else panel.value_label.removesuffix(" attribution")


@lru_cache(maxsize=1)
def _entries() -> dict[str, str]:
    """key -> entry, as they stand in references.bib."""
    text = resources.files("analysis.figures").joinpath("references.bib").read_text("utf-8")
    entries = re.split(r"\n(?=@)", text.strip())
    return {re.match(r"@\w+\{([^,]+),", entry)[1]: entry.strip() for entry in entries}  # type: ignore[index]
