"""The sidebar below the navigation: device, precision, checkpoint details, adding one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.faults import reason
from pages.ui.engine import models
from pages.ui.frame import address, catalogue, settings
from pages.ui.frame.catalogue import Catalogue, Entry
from pages.ui.kit import cards

SHARED = (
    "This server is shared. What you upload, type and compute is seen by you alone, and goes "
    "when you have not come back for a week."
)


def draw_precision() -> None:
    """Before the first answer: a link that asks for a precision gets it in its first run."""
    with st.sidebar:
        st.divider()
        st.selectbox(
            "Precision of the encoder",
            models.PRECISIONS,
            **address.kept("precision"),
            help="Pooling head and split always run in float32.",
        )


def draw_sidebar(checkpoints: Catalogue, entries: Sequence[Entry], lazy: bool = False) -> None:
    """Draw the sidebar: checkpoints, collected figures and settings.

    With `lazy` a checkpoint's details are looked up when they are unfolded: for a page that has
    not loaded it anyway.
    """
    with st.sidebar:
        st.caption(models.device_name())
        if models.told_of_memory():
            st.caption(models.told_of_memory())
        details = st.expander(
            "Checkpoint details", key="details", on_change="rerun" if lazy else "ignore"
        )
        with details:
            members = [member for entry in entries for member in entry.members]
            if lazy and not details.open:
                pass
            elif members:
                chosen = st.selectbox("Checkpoint", members, format_func=lambda m: m.name)
                _details(chosen)
            else:
                st.caption("Choose a checkpoint first.")
        if settings.read().shared:
            st.caption(SHARED)
            if settings.read().hub:
                _add_listed(settings.read().hub)
        else:
            _add()
            if settings.is_open():
                st.caption(settings.OPEN)
        if checkpoints.broken:
            with st.expander(f"Not usable ({len(checkpoints.broken)})", icon=":material/warning:"):
                for broken in checkpoints.broken:
                    st.markdown(f"**{cards.plain(broken.name)}**")
                    st.text(broken.reason)


def _add() -> None:
    with st.expander("Add a folder or Hub id"):
        with st.form("add", border=False, enter_to_submit=True):
            reference = st.text_input(
                "Folder or Hub id",
                placeholder="my-model, or user/model",
                help="A folder with config.json and safetensors (Transformers, PEFT, "
                "sentence-transformers, or weights with a poollens.yaml), or a model on the Hub.",
            )
            if st.form_submit_button("Add") and reference.strip():
                _look_for(reference)
        _tell()


def _add_listed(names: Sequence[str]) -> None:
    """The models of the Hub that the operator of a shared server offers."""
    with st.expander("Add a model of the Hub"):
        reference = st.selectbox("Model", names, key="add-listed")
        if st.button("Add", key="add-listed-go") and reference:
            _look_for(reference)
        _tell()


def _look_for(reference: str) -> None:
    try:
        with st.spinner("Looking for it"):
            name = catalogue.add(reference)
    except Exception as error:
        st.session_state["add_message"] = reason(error, reference)
    else:
        st.session_state["add_message"] = ""
        st.session_state["select_added"] = name
        st.rerun()


def _tell() -> None:
    if st.session_state.get("add_message"):
        st.text(st.session_state["add_message"])


def _details(checkpoint: Checkpoint) -> None:
    rows: dict[str, object] = {
        "encoder": checkpoint.encoder,
        "pooling head": checkpoint.head or "its own layers",
    }
    rows |= {
        _OPTION_NAMES.get(k, k): v
        for k, v in checkpoint.head_options.items()
        if k in ("last_k", "num_heads") or v not in (False, "none", None)
    }
    try:
        loaded = models.classifier(checkpoint)
    except Exception as error:
        rows["problem"] = reason(error)
    else:
        rows["parameters"] = f"{loaded.parameters:,}"
        rows["token limit"] = loaded.limit
        if loaded.report.unexpected:
            rows["unused tensors"] = ", ".join(loaded.report.unexpected)
    rows |= _scores(checkpoint.facts.get("metrics"))
    rows["sha256"] = checkpoint.sha256[:12]
    for name, value in rows.items():
        st.text(f"{name}: {value}")
    for remark in checkpoint.remarks:
        st.text(remark)


def _scores(metrics: object) -> dict[str, str]:
    """Scores by split as training writes them; a card of another maker may hold anything."""
    if not isinstance(metrics, dict):
        return {}
    return {
        f"{name} ({split})": f"{value:.3f}"
        for split, scores in metrics.items()
        if isinstance(scores, dict)
        for name, value in scores.items()
        if isinstance(value, int | float)
    }


_OPTION_NAMES = {"last_k": "last k layers", "num_heads": "attention heads"}
