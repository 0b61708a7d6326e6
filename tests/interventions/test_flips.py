"""What would change its mind: flips are those of the library's own forward, and the smallest."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

import analysis
from analysis.interventions.edits import edited, word_spans
from analysis.interventions.flips import applied, in_words, smallest_edits
from tests.support import tiny

TEXTS = (
    "the plot is thin but the acting is fine",
    "she said it was great and not dull",
    "a good film, not bad",
    "he was not very good",
)
WORDS = ("great", "dull", "not")


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    root = tmp_path_factory.mktemp("flips")
    for seed, head in enumerate(("cls", "max_seq_mha", "mha")):
        tiny.make_pooling_checkpoint(root / head, head, ("bad", "fair", "good"), seed=seed)
    return {path.name: analysis.load(path) for path in root.iterdir()}


def class_of(classifier, text, pair=None):
    return int(analysis.record(classifier, text, pair).logits.argmax())


def classes_of(classifier, texts):
    """The classes of many texts, by the tokenizer and the model themselves."""
    batch = classifier.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return classifier.model(**batch).logits.argmax(-1).numpy()


@pytest.mark.parametrize("head", ["cls", "max_seq_mha", "mha"])
@pytest.mark.parametrize("text", TEXTS)
def test_deletions_that_flip_are_the_fewest_that_any_search_finds(toys, head, text):
    classifier = toys[head]
    flips = smallest_edits(head, [classifier], text, reads=10_000)
    before, spans = class_of(classifier, text), word_spans(text)
    fewest = next(
        (
            size
            for size in (1, 2, 3)
            if size < len(spans)
            and (
                classes_of(
                    classifier,
                    [edited(text, None, chosen)[0] for chosen in combinations(spans, size)],
                )
                != before
            ).any()
        ),
        None,
    )
    assert all(flips.tried)
    assert flips.flipped == (fewest is not None)
    if fewest is not None:
        assert len(flips.edits) == fewest
        after = class_of(classifier, *applied(text, None, flips.edits))
        assert after != before
        labels = classifier.checkpoint.labels
        assert (flips.label, flips.other) == (labels[before], labels[after])
        assert flips.other in in_words(flips, text)


@pytest.mark.parametrize("head", ["cls", "mha"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_replacement_that_flips_is_the_strongest_of_all_single_ones(toys, head, text):
    classifier = toys[head]
    flips = smallest_edits(head, [classifier], text, kind="replacement", words=WORDS, most=1)
    before = analysis.record(classifier, text).logits
    target = int(before.argmax())
    margins = []
    for span in word_spans(text):
        for word in WORDS:
            if word != text[span[1] : span[2]]:
                logits = analysis.record(classifier, edited(text, None, [span], word)[0]).logits
                margins.append(logits[target] - np.delete(logits, target).max())
    assert flips.margins[1] == pytest.approx(min(margins), abs=1e-5)
    assert flips.flipped == (min(margins) < 0)
    assert flips.tried == (True, True)


def test_a_search_that_is_bounded_says_that_it_did_not_try_everything(toys):
    text = " ".join(["the plot is thin but the acting is fine"] * 4)
    flips = smallest_edits("mha", [toys["mha"]], text, reads=60)
    assert flips.reads <= 60
    assert flips.tried[:2] == (True, True), "every single deletion is tried"
    if len(flips.tried) > 2:
        assert not flips.tried[2]
    if not flips.flipped:
        assert "not every set was tried" in in_words(flips, text)


def test_of_seeds_the_mean_probability_predicts(toys):
    members = [toys["cls"], toys["mha"]]
    flips = smallest_edits("both", members, TEXTS[0], reads=10_000)
    text = applied(TEXTS[0], None, flips.edits)[0] if flips.flipped else TEXTS[0]
    shares = np.mean([analysis.record(member, text).probabilities for member in members], axis=0)
    assert members[0].checkpoint.labels[int(shares.argmax())] == flips.other


def test_a_pair_keeps_a_word_on_each_side(toys):
    flips = smallest_edits("cls", [toys["cls"]], "good", "dull film")
    for edits in flips.best[1:]:
        text, pair = applied("good", "dull film", edits)
        assert text
        assert pair


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"kind": "addition"}, "known: deletion"), ({"kind": "replacement"}, "give the words")],
)
def test_what_cannot_be_searched_is_refused_with_its_reason(toys, options, reason):
    with pytest.raises(ValueError, match=reason):
        smallest_edits("cls", [toys["cls"]], TEXTS[0], **options)


def test_a_search_can_be_stopped(toys):
    class Stopped(Exception):
        pass

    def stop(share):
        raise Stopped

    with pytest.raises(Stopped):
        smallest_edits("cls", [toys["cls"]], TEXTS[0], progress=stop)
