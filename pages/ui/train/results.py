"""The fits that are kept: scores, verdict, curves, confusion, and the way to Compare."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import streamlit as st

from analysis.common.faults import reason
from analysis.datasets.tasks import metric_name
from analysis.figures.recipes.fits import picture_of
from analysis.statistics.fit_words import leaders, verdict
from analysis.study.fits import FitScores, fits_in, read_fit
from pages.ui.frame import address
from pages.ui.frame.sentence_fields import compare
from pages.ui.kit import cards, tables
from pages.ui.kit.show import panel
from pages.ui.train.fit_job import FROZEN, WISH, root

ABOUT_TUNED = (
    "Scores of pooling heads that were fine-tuned together with the encoder, all by the same "
    "recipe. Seeds vary the start and the order of the rows."
)
ABOUT = (
    "Scores of pooling heads fitted on the states of an encoder that was not changed: what each "
    "can read out of it as it is. They do not say how the heads compare when the encoder is "
    "fine-tuned with them."
)


def exists(name: str) -> bool:
    """Whether a fit of this name is kept."""
    return (root() / name / WISH).is_file()


def wish_of(name: str) -> str:
    """The digest of what a kept fit was asked to be; empty where it cannot be read."""
    try:
        return str(json.loads((root() / name / WISH).read_text(encoding="utf-8"))["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def draw(fresh: str | None) -> None:
    """The fit that was chosen or has just ended, and the others to choose from."""
    names = [path.name for path in fits_in(root())]
    if not names:
        return
    if fresh is not None and st.session_state.get("train_last") != fresh:
        st.session_state["train_last"] = st.session_state["train_shown"] = fresh
    if st.session_state.get("train_shown") not in names:
        st.session_state["train_shown"] = fresh if fresh in names else names[-1]
    chosen = str(st.selectbox("Kept fits", names, **address.kept("train_shown")))
    try:
        fit = read_fit(root() / chosen)
    except Exception as error:
        st.error(cards.plain(reason(error, chosen)))
        _delete(chosen)
        return
    _draw(fit, root() / chosen)


def _draw(fit: FitScores, folder: Path) -> None:
    about = ABOUT if fit.tuning == FROZEN else ABOUT_TUNED
    with st.container(key="fit-results"):
        if fit.scored:
            best = fit.scored[0]
            st.markdown(cards.plain(f"{leaders(fit)} {verdict(fit)}"))
            _go(fit, folder)
            panel(picture_of("fit_scores", fit), "fit_scores", about)
            _table(fit)
            with st.container(key="fit-pictures"):
                if any(head.curve.size for head in fit.scored):
                    panel(picture_of("fit_curves", fit), "fit_curves", about)
                if best.confusion.size:
                    panel(picture_of("fit_confusion", fit, best.name), "fit_confusion", about)
        for head in fit.heads:
            if head.reason:
                st.caption(cards.plain(f"{head.name}: {head.reason}"))
        for note in fit.notes:
            st.caption(cards.plain(note))
        _delete(fit.name)


def _go(fit: FitScores, folder: Path) -> None:
    """The one button that matters then: the fresh checkpoints on a sentence where they differ."""
    chosen = [name for name in fit.checkpoints if name.endswith("-s0")][:4]
    if not chosen:
        return
    if st.button("Compare them now", type="primary", icon=":material/compare_arrows:"):
        compare(*fit.example, checkpoints=chosen)
    st.caption("On the scored row about which they disagree most.")


def _table(fit: FitScores) -> None:
    rows = [
        {
            "pooling head": head.name,
            "mean": 100 * head.scores.mean(),
            "spread over seeds": 100 * head.scores.std(ddof=1) if len(head.scores) > 1 else None,
            "trained parameters": head.parameters,
            "seconds": head.seconds,
            "learning rate": head.learning_rate,
        }
        for head in fit.scored
    ]
    form = st.column_config.NumberColumn
    tables.table(
        rows,
        {
            "mean": form(f"mean {metric_name(fit.metric)} (× 100)", format="%.1f"),
            "trained parameters": form(format="localized"),
            "spread over seeds": form(format="%.2f"),
            "seconds": form(format="%.1f"),
        },
    )


def _delete(name: str) -> None:
    with st.popover("Delete this fit", type="tertiary", icon=":material/delete:"):
        st.caption("Its checkpoints go with it.")
        if st.button("Delete", key="fit-delete"):
            shutil.rmtree(root() / name, ignore_errors=True)
            st.rerun()
