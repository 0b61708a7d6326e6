"""Words that may take another's place: a data set's most telling, a masked language model's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import analysis
from analysis.checkpoints import masked_lm
from analysis.common.faults import CheckpointError
from analysis.datasets.table import Table
from analysis.interventions import replacements
from analysis.interventions.edits import word_spans
from analysis.interventions.flips import smallest_edits
from tests.support import tiny

TEXT = "the plot is thin but the acting is fine"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A pooling head on an encoder with a masked language model's head, and one without."""
    root = tmp_path_factory.mktemp("masked")
    encoder = tiny.make_masked_lm(root / "filler")
    with_head = tiny.make_pooling_checkpoint(root / "with", "mha", ("bad", "good"), encoder=encoder)
    without = tiny.make_pooling_checkpoint(root / "without", "mha", ("bad", "good"))
    return encoder, with_head, without


def independent(folder, text, start, end, most):
    """Transformers' own masked language model on the text with a mask in place of one word."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    inputs = tokenizer(text[:start] + tokenizer.mask_token + text[end:], return_tensors="pt")
    place = int((inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero()[0])
    with torch.no_grad():
        logits = model(**inputs).logits[0, place]
    pieces = tokenizer.convert_ids_to_tokens(logits.argsort(descending=True).tolist())
    words = [piece for piece in pieces if piece.isalpha() and piece != text[start:end]]
    return tuple(words[:most])


def test_the_words_that_fit_are_those_of_transformers_own_masked_language_model(folders):
    encoder, with_head, _ = folders
    fitting = replacements.fitting(analysis.load(with_head), TEXT, most=4)
    assert list(fitting) == list(word_spans(TEXT))
    for (_, start, end), words in fitting.items():
        assert words == independent(encoder, TEXT, start, end, len(words))
        assert TEXT[start:end] not in words
        assert words


def test_each_word_of_a_pair_is_masked_in_its_own_text(folders):
    fitting = replacements.fitting(analysis.load(folders[1]), "the plot is thin", "a good film")
    assert {segment for segment, _, _ in fitting} == {0, 1}


def test_a_search_takes_what_fits_in_each_place(folders):
    classifier = analysis.load(folders[1])
    fitting = replacements.fitting(classifier, TEXT)
    flips = smallest_edits("mha", [classifier], TEXT, kind="replacement", words=fitting)
    for edits in flips.best:
        assert all(word in fitting[span] for span, word in edits)


def test_a_checkpoint_without_a_masked_language_model_is_told_so(folders):
    classifier = analysis.load(folders[2])
    assert masked_lm.folder_of(classifier.checkpoint) is None
    with pytest.raises(CheckpointError, match="masked language model"):
        replacements.fitting(classifier, TEXT)


def test_a_broken_configuration_has_no_head(tmp_path):
    assert not masked_lm.has_head(tmp_path)
    for content in ("{", "[]", '{"architectures": 3}', '{"architectures": null}'):
        (tmp_path / "config.json").write_text(content)
        assert not masked_lm.has_head(tmp_path)


def table(texts, labels=None, names=()):
    label = None if labels is None else np.array(labels)
    return Table("own", "all", tuple(texts), None, label, tuple(names))


def test_words_of_a_data_set_are_those_that_tell_its_classes_apart():
    texts = ["a dull film", "a dull plot", "a great film", "a great plot"]
    words = replacements.of_table(table(texts, [0, 0, 1, 1], ("bad", "good")), most=2)
    assert set(words) == {"dull", "great"}


def test_words_of_a_data_set_without_labels_are_those_it_uses_most():
    assert replacements.of_table(table(["the film", "film and plot", "film"]), most=1) == ("film",)
    with pytest.raises(ValueError, match="no words"):
        replacements.of_table(table(["12 34", "?!"]))
