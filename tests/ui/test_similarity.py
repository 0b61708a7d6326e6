"""The Similarity page: its scores are the library's, and what is missing it says."""

from __future__ import annotations

import pytest

import analysis
from tests.support.compare_reader import pieces

FIRST, SECOND = "the plots thinned, not dully", "he said the story was poor"
PAGE = "pages/5_Similarity.py"


@pytest.fixture
def open_similarity(open_app):
    """`open_similarity(folder, **chosen) -> AppTest` on the Similarity page."""

    def start(root, held=None, **chosen):
        return open_app(root, page=PAGE, held=held, **{"text": FIRST, "pair": SECOND, **chosen})

    return start


def _values(card):
    return [float(node.text.replace("\N{MINUS SIGN}", "-")) for node in card.all("value")]


def test_scores_are_the_librarys(open_similarity, four):
    app = open_similarity(four, checkpoints=["toy-mha"])
    shown = _values(pieces(app)["compared-toy-mha"])
    classifier = analysis.load(four / "toy-mha")
    expected = [
        analysis.similarity(classifier, FIRST, SECOND, pooling).score
        for pooling in ("mean", "max", "cls")
    ]
    assert shown == pytest.approx(expected, abs=0.0051)


def test_a_word_struck_out_changes_the_scores(open_similarity, four):
    held = {"struck": ((FIRST, SECOND), ((0, 4, 9),))}  # "plots"
    app = open_similarity(four, held, checkpoints=["toy-mha"])
    html = pieces(app)["compared-toy-mha"]
    edit = analysis.similarities.leave_out(
        analysis.load(four / "toy-mha"), FIRST, SECOND, _positions(four)
    )
    assert _values(html)[0] == pytest.approx(edit.after.score, abs=0.0051)
    assert [node.text for node in html.all("struck")] == ["plots"] * 3


def _positions(four):
    tokens = analysis.record(analysis.load(four / "toy-mha"), FIRST).tokens
    return [place for place, (start, end) in enumerate(tokens.offsets.tolist())
            if start < 9 and end > 4]  # fmt: skip


@pytest.mark.parametrize("missing", ["text", "pair"])
def test_one_text_missing_is_asked_for(open_similarity, four, missing):
    app = open_similarity(four, checkpoints=["toy-mha"], **{missing: ""})
    which = {"text": "first", "pair": "second"}[missing]
    assert any(f"Type the {which} sentence" in info.value for info in app.info)
    assert not app.exception
