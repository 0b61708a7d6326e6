"""Controls of the maps: rows, poolings and layer, layout and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.phrases import name_without_folder
from analysis.maps.atlas import Wish
from analysis.maps.projection import METRICS
from pages.ui.frame import address

SIZES = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
MOST_PANELS = 9
ALL_LAYERS_UP_TO = 10_000  # rows: beyond, only the layer in view is computed and kept
MOST_LAYOUT_ROWS = 700_000  # rows times panels times layers: about 1 GB of vectors
_ALL = "all"
_METHODS = {"pca": "PCA", "umap": "UMAP"}
_ALIGN = {
    "procrustes": "Procrustes",
    "aligned_umap": "AlignedUMAP",
    "none": "each on its own",
}


@dataclass(frozen=True)
class MapRequest:
    """All choices for the maps except the data set."""

    members: tuple[Checkpoint, ...]  # those on the panels
    most: int  # rows of the sample
    seed: int
    poolings: tuple[str, ...]
    layer: int
    layers: int  # L of the deepest checkpoint
    wish: Wish


def ask(
    members: Sequence[Checkpoint], depth: int, rows: int, there: Sequence[str] = ()
) -> MapRequest:
    """Draw the controls; ``depth`` is the number of layers, ``rows`` the data set's size.

    ``there`` are the poolings of vectors that were opened from a folder, without a checkpoint.
    """
    from analysis.corpus.embedding import TITLES, poolings_of

    with st.container(key="map-controls"):
        members = _members(members)
        of_members = [name for member in members for name in poolings_of(member)]
        known = list(dict.fromkeys([*there, *of_members]))
        if any(name not in known for name in st.session_state.get("poolings", ())):
            left = [name for name in st.session_state["poolings"] if name in known]
            if left:
                st.session_state["poolings"] = left
            else:  # those of other vectors: begin with the usual ones
                del st.session_state["poolings"]
        poolings = st.multiselect(
            "Poolings",
            known,
            default=[n for n in ("mean", "max", "cls") if n in known] or known[:1],
            **address.kept("poolings"),
            placeholder="Choose poolings",
            format_func=lambda name: TITLES.get(name, name),
        )
        method = st.segmented_control(
            "Map",
            tuple(_METHODS),
            default="umap",
            required=True,
            **address.kept("map"),
            format_func=_METHODS.__getitem__,
            help="PCA keeps large distances and is drawn at once. UMAP keeps neighbourhoods; "
            "distances between far groups of a UMAP mean little.",
        )
        with st.expander("Sample and layout", icon=":material/tune:"):
            sizes = [size for size in SIZES if size < rows] + [min(rows, SIZES[-1])]
            if st.session_state.get("rows_shown") not in (None, *sizes):
                st.session_state.pop("rows_shown")
            most = st.selectbox(
                "Rows",
                sizes,
                index=min(1, len(sizes) - 1),
                **address.kept("rows_shown"),
                format_func=lambda size: f"all {size:,}" if size == rows else f"{size:,}",
                help="A seeded sample that keeps the shares of the classes.",
            )
            seed = st.number_input("Seed", 0, 9_999, 0, **address.kept("map_seed"))
            neighbors = st.slider("Neighbours", 2, 100, 15, **address.kept("n_neighbors"))
            distance = st.slider("min_dist", 0.0, 0.99, 0.1, 0.01, **address.kept("min_dist"))
            metric = st.selectbox("Metric", METRICS, **address.kept("metric"))
            align = st.selectbox(
                "Panels side by side",
                tuple(_ALIGN),
                **address.kept("align"),
                format_func=_ALIGN.__getitem__,
                help="Procrustes turns, mirrors and scales each map onto the first, which changes "
                "no neighbourhood. AlignedUMAP lays them out together.",
            )
    wish = Wish(
        method=str(method),
        seed=int(seed),
        n_neighbors=int(neighbors),
        min_dist=float(distance),
        metric=str(metric),
        alignment=str(align) if method == "umap" or align == "none" else "procrustes",
    )
    layer = shown_layer(depth)
    return MapRequest(tuple(members), int(most), int(seed), tuple(poolings), layer, depth, wish)


def shown_layer(depth: int) -> int:
    """The layer in view, which the map's own slider chooses; the last one until then."""
    layer = st.session_state.get("layer_shown")
    return depth if layer is None or not 0 <= layer <= depth else int(layer)


def show_layer(layer: int, depth: int) -> None:
    """Choose the layer in view; the last one needs no place in the address."""
    address.choose(layer_shown=None if layer == depth else layer)


def _members(members: Sequence[Checkpoint]) -> Sequence[Checkpoint]:
    """One checkpoint's poolings side by side, or all checkpoints'."""
    if len(members) < 2:
        return members
    names = [member.id for member in members]
    if st.session_state.get("map_of") not in (None, *names, _ALL):
        st.session_state.pop("map_of")
    chosen = st.selectbox(
        "Maps of",
        [*names, _ALL],
        **address.kept("map_of"),
        format_func=lambda name: (
            f"all {len(names)} checkpoints" if name == _ALL else name_without_folder(name)
        ),
        help=f"A panel for each pooling and checkpoint, at most {MOST_PANELS}.",
    )
    return members if chosen == _ALL else [members[names.index(chosen)]]
