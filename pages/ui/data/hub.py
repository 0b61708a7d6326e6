"""Any data set of the Hub: which one, its columns, and what its labels mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import streamlit as st

from analysis.datasets.upload import Columns, Reading, read_hub
from pages.ui.data import file
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.frame import address
from pages.ui.kit import cards

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def ask(labels: Sequence[str] | None, pairs: bool | None) -> Reading | None:
    """Draw the choice; the split as read, or None where none was fetched yet.

    Raises
    ------
    ValueError
        No such data set, or the Hub does not answer (said within seconds).
    """
    with st.container(key="dataset-hub"):
        repo = _typed("Data set", "hub_repo", "stanfordnlp/imdb", "Its name on the Hub.")
        config = _typed("Configuration", "hub_config", "default", "Many have only one.")
        split = _typed("Split", "hub_split", "validation", "train, validation, test, ...")
    if not repo:
        st.caption("Type the name of a data set; nothing is fetched until then.")
        return None
    config, split = config or "default", split or "validation"
    for name in (repo, config, split):
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name on the Hub. Copy it from the page of the data set, as in "
                "stanfordnlp/imdb."
            )
    key = f"{repo}-{config}-{split}"
    if not st.session_state.get(f"fetch-{key}"):
        st.button(
            "Fetch it",
            on_click=st.session_state.update,
            kwargs={f"fetch-{key}": True},
            help="From the Hub's cache on this machine, or over the network.",
        )
        return None
    return _fetched((repo, split, config), key, labels, pairs)


def _typed(label: str, key: str, example: str, help_text: str) -> str:
    typed = st.text_input(label, **address.kept(key), placeholder=example, help=help_text)
    return str(typed or "").strip()


def _fetched(
    named: tuple[str, str, str], key: str, labels: Sequence[str] | None, pairs: bool | None
) -> Reading:
    classes = None if labels is None else tuple(labels)
    with st.spinner(f"Reading {cards.plain(named[0])}, {cards.plain(named[1])}"):
        try:
            first = _read(named, None, classes, pairs, ())
        except ValueError:
            # Asked again only by a new click, when there may be a network.
            st.session_state.pop(f"fetch-{key}", None)
            raise
    columns = file.columns(key, first.names, first.columns)
    meaning = f"mapping-{key}-{columns.label}-{labels}"
    mapping: dict[str, str | None] = st.session_state.get(meaning) or {}
    with st.spinner("Reading the columns"):
        reading = _read(named, columns, classes, pairs, tuple(mapping.items()))
    file.explain_reading(reading, labels, meaning)
    return reading


@kept_up_to(256, most=4)
def _read(
    named: tuple[str, str, str],
    columns: Columns | None,
    labels: tuple[str, ...] | None,
    pairs: bool | None,
    mapping: tuple[tuple[str, Any], ...],
) -> Reading:
    return read_hub(*named, columns=columns, labels=labels, pairs=pairs, mapping=dict(mapping))
