"""A caption has the facts of its picture: checkpoint, text, class, method, colours."""

from __future__ import annotations

import pytest

from analysis.figures import view
from analysis.figures.files.captions import draft
from analysis.figures.recipes import registry
from analysis.figures.style.settings import Style
from tests.support import view_samples as samples
from tests.support import zoo
from tests.support.known_results import SENTENCE, attributed, checkpoint, split, tokens_of
from tests.support.sentences import in_order

TOKENS = tokens_of(SENTENCE)


def test_a_caption_has_the_facts():
    owner = checkpoint("sst2-max_seq_mha")
    owner.head, owner.head_options = "max_seq_mha", {"last_k": 3}
    plot = view("input_attribution", attributed(TOKENS, seed=0), TOKENS, owner)
    caption = draft(plot)
    for fact in (
        "Checkpoint: sst2-max_seq_mha (last 3 layers).",
        f"“{SENTENCE}”",
        "(integrated gradients) for positive",
        "Baseline: [PAD].",
    ):
        assert fact in caption
    reading = view("reading", split(TOKENS), TOKENS, 1, owner)
    assert "relative to the corpus mean" in draft(reading)
    assert "Seeds: 0, 1, 2." in draft(samples.plot_of("classes"))


def test_a_caption_of_several_checkpoints_has_the_same_facts():
    both = [zoo.loaded("max_seq_mha"), zoo.loaded("mha")]
    labels = both[0].checkpoint.labels
    words = draft(registry.make("strips", both, "The plots thinned.", None, [1, 0]))
    for fact in (
        f"for {labels[1]}",
        f"for {labels[0]}",
        "Baseline: ",
        "relative to",
        "(integrated gradients)",
        "Method: exact split.",
        "Checkpoints: max_seq_mha",
    ):
        assert fact in words, fact
    caption = draft(registry.make("reading", both, "The plots thinned.", None, 1))
    assert f"contribution to {labels[1]}" in caption
    assert "relative to" in caption


@pytest.mark.parametrize("key", ["deletion_insertion", "evidence_scores", "evidence_bars"])
def test_a_caption_names_the_class_and_not_its_number(key):
    plot = registry.make(
        key,
        [zoo.loaded("max_seq_mha")],
        "The plots thinned.",
        None,
        1,
        {"method": "leave_one_out", "repeats": 2},
    )
    assert f"Class: {zoo.loaded('max_seq_mha').checkpoint.labels[1]}." in draft(plot)


def test_a_caption_names_the_colours_that_are_drawn():
    plot = view("reading", split(TOKENS), TOKENS, 1)
    assert in_order(draft(plot), "Orange", "towards", "blue", "underlined")
    green = draft(plot, Style(palette="purple-green"))
    assert in_order(green, "Green", "towards", "purple", "underlined")
    caption = draft(plot, Style(greyscale=True))
    assert "orange" not in caption.lower()
    assert "underlined is against it" in caption
