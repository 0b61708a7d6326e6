"""Addresses with wrong types, unknown names and endless values: a page, never an error page."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.attribution import METHODS
from pages.ui.frame import address
from tests.support.pages import PAGES
from tests.support.parts import fast
from tests.support.sentences import in_order

TEXT = "the plot is thin but the acting is good"
QUIET: dict[str, Any] = dict(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
WORDS = (
    *("", "0", "1", "-1", "3.5", "nan", "inf", "-inf", "1e999", "9" * 5_000, "true", "None", "a"),
    *(
        "1.2.3",
        "1." * 50,
        "\x00",
        "<script>",
        "../../etc/passwd",
        "~nosuchuser",
        "{}",
        "[]",
        "é" * 99,
    ),
    *(
        "a" * 70_000,
        "=1+1",
        "%00",
        "toy-cls",
        "toy-cls,toy-mha",
        "word",
        "piece",
        "pca",
        "Data set",
    ),
    *("integrated_gradients", "file", "suite", "own sentences", "hub", "GLUE folder", "mean"),
)
OPTIONS = tuple(sorted(f"{key}.{name}" for key in METHODS for name in METHODS[key].options))
names = st.sampled_from((*address.NAMES, *OPTIONS, "nobody", "a.b", "held", "."))
values = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=20), st.lists(st.sampled_from(WORDS), max_size=3)
)
addresses = st.dictionaries(names, values, min_size=5, max_size=40)


def _open(open_app: Any, root: Any, page: str, given_values: dict[str, Any], whole: bool) -> None:
    own = {"text": TEXT, "checkpoints": ["toy-cls", "toy-max_seq_mha"]} if whole else {}
    app = open_app(root, page=page, query={**given_values, **own})
    assert not app.exception, [error.value for error in app.exception]
    app.run()
    assert not app.exception, [error.value for error in app.exception]


@pytest.mark.parametrize("page", fast(PAGES, lambda page: page in PAGES[::3]))
def test_a_page_opens_where_every_choice_has_an_odd_value(open_app, four, page):
    words = itertools.cycle(("9" * 5_000, "nan", "\x00", "a" * 70_000, "1e999", "-1", "<b>"))
    given_values = dict(zip((*address.NAMES, *OPTIONS), words, strict=False))
    _open(open_app, four, page, given_values, whole=True)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("word", ["9" * 5_000, "nan", "\x00", "a" * 70_000, "-1", "1e999"])
def test_a_page_opens_where_every_choice_has_this_value(open_app, four, page, word):
    _open(open_app, four, page, dict.fromkeys((*address.NAMES, *OPTIONS), word), whole=True)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_at_any_address(open_app, four, page):
    @settings(max_examples=12, **QUIET)
    @given(addresses, st.booleans())
    def check(given_values: dict[str, Any], whole: bool) -> None:
        _open(open_app, four, page, given_values, whole)

    check()


@given(st.text(max_size=50) | st.sampled_from(WORDS))
def test_every_kind_of_choice_is_read_or_refused(word):
    for name, kind in address.NAMES.items():
        try:
            value = kind.read([word])
        except (ValueError, OverflowError):
            continue
        assert value == value, name
        if isinstance(value, int | float):
            assert abs(value) <= 10**9


def test_an_endless_value_in_an_address_is_left_out_and_said(open_app, four):
    app = open_app(four, text=TEXT, pair="x" * 100_000, checkpoints=["toy-cls"])
    assert not app.exception
    assert any(in_order(note.value, "too long", "pair") for note in app.toast)


def test_a_megabyte_in_an_address_opens_the_page(open_app, four):
    app = open_app(four, text=TEXT, pair="x" * 10**6, checkpoints=["toy-cls"])
    assert not app.exception
