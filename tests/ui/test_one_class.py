"""Where pooling heads disagree, every page explains one class in all of its cards, and names it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

import analysis
from pages.ui.engine.replies import common_class, explained_in_words
from pages.ui.frame.choice import Choice
from tests.support import compare_reader as seen
from tests.support.sentences import in_order
from tests.support.winners_reader import charts, heat

TEXTS = (
    "the film is good",
    "not good",
    "she said nothing",
    "the plots thinned, not dully but fine",
)
PAGES = {
    "app.py": "answer-",
    "pages/1_Layers.py": "",
    "pages/2_Max_pool_winners.py": "",
    "pages/3_Attention.py": "answer-",
    "pages/4_Attributions.py": "",
}


@pytest.fixture(scope="module")
def disagreement(made: Path) -> tuple[str, str, int]:
    """A text on which these pooling heads disagree, the class of most, and how many predict it."""
    folders = [made / f"toy-{head}" for head in ("cls", "max_cls", "mha", "max_seq_mha")]
    for text in TEXTS:
        traces = [analysis.record(analysis.load(folder), text) for folder in folders]
        labels = [trace.checkpoint.labels[trace.predicted] for trace in traces]
        if len(set(labels)) > 1:
            label = common_class(labels)
            return text, label, labels.count(label)
    raise AssertionError("the random checkpoints agree on every text")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_names_the_one_class_that_it_explains(open_app, four, disagreement, page):
    text, label, count = disagreement
    held = {"text": text, "methods": ["saliency"]}
    app = open_app(four, page=page, held=held)
    assert not app.exception
    page_text = seen.text_of(app).replace("\\", "")
    if page == "app.py":
        assert in_order(page_text, f"Logits of {label}", "minus the mean")
    else:
        assert in_order(page_text, label, f"{count} of 4")
    for key, card in seen.pieces(app).items():
        named = [node.all("name")[0].text for node in card.all("chosen")]
        assert not named or named == [label]
        if page == "pages/3_Attention.py" and "; explained: " in card.text:
            assert f"; explained: {label}" in card.text, key


def test_the_map_of_winners_is_of_the_class_of_most(open_app, four, disagreement):
    text, label, _ = disagreement
    app = open_app(four, page="pages/2_Max_pool_winners.py", held={"text": text, "unit": "pieces"})
    trace = analysis.record(analysis.load(four / "toy-max_seq_mha"), text)
    split = analysis.decompose(trace, "zero")
    expected = split.contrast(trace.checkpoint.labels.index(label)).sum(axis=0).T
    np.testing.assert_allclose(heat(charts(app)["map-toy-max_seq_mha"]), expected, atol=1e-6)


def test_attributions_are_of_the_class_of_most(open_app, four, disagreement):
    text, label, _ = disagreement
    app = open_app(
        four, page="pages/4_Attributions.py", held={"text": text, "methods": ["saliency"]}
    )
    page_text = seen.text_of(app).replace("\\", "")
    assert f"strongest evidence for {label}" in page_text
    assert "its class" not in page_text


def test_a_class_that_is_chosen_is_explained_and_named(open_app, four, disagreement):
    text, label, _ = disagreement
    labels = analysis.load(four / "toy-cls").checkpoint.labels
    other = next(name for name in labels if name != label)
    app = open_app(four, page="pages/3_Attention.py", held={"text": text, "target": other})
    assert in_order(seen.text_of(app).replace("\\", ""), "Orange", "right", f"for {other}")


def test_checkpoints_of_other_classes_are_counted_apart():
    def entry(*labels: str) -> Any:
        return SimpleNamespace(classifies=True, first=SimpleNamespace(labels=labels))

    polar, question = entry("neg", "pos"), entry("HUM", "LOC")

    def words(entries: list[Any], labels: list[str]) -> str:
        return explained_in_words(cast(Choice, SimpleNamespace(target="", entries=entries)), labels)

    assert words([polar, polar], ["pos", "pos"]) == "pos"
    assert words([polar] * 3, ["pos", "neg", "pos"]) == "pos, which 2 of 3 predict"
    assert in_order(
        words([polar, polar, question], ["pos", "pos", "HUM"]), "pos", "one", "other classes"
    )
    split = words([polar, polar, polar, question, question], ["pos", "neg", "pos", "HUM", "LOC"])
    assert in_order(split, "pos", "2 of 3", "2 with other classes")
