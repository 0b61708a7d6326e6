"""Training, data sets and typing clean, cut and pad a text alike."""

from __future__ import annotations

import numpy as np

import analysis
from analysis.datasets import Table
from tests.support import zoo
from tests.support.sentences import in_order
from training.evaluate import predict
from training.trainer import Batches, TokenRows

TEXTS = ("a dull\x00film", "the plot is thin", "a\x1bgood\x07film", "who? \ud800")


def table() -> Table:
    return Table("own", "dev", TEXTS, None, np.zeros(len(TEXTS), np.int64), ("a", "b"))


def test_training_sees_the_tokens_that_typing_sees():
    own = zoo.loaded("max_seq_mha")
    rows = TokenRows(table(), own.tokenizer, own.limit)
    for row, text in enumerate(TEXTS):
        assert rows[row]["row"].ids == analysis.record(own, text).tokens.ids.tolist()


def test_a_batch_of_training_is_a_batch_of_a_data_set():
    own = zoo.loaded("max_seq_mha")
    rows = TokenRows(table(), own.tokenizer, own.limit)
    batch = Batches(own.inputs)([rows[row] for row in range(len(TEXTS))])
    labels = batch.pop("labels")
    assert labels.tolist() == [0, 0, 0, 0]
    logits = own.model(**batch).logits.numpy()
    alone = np.stack([analysis.record(own, text).logits for text in TEXTS])
    np.testing.assert_allclose(logits, alone, atol=1e-5)
    np.testing.assert_allclose(predict(own, table()), alone, atol=1e-5)


def test_changed_rows_are_counted_and_said():
    assert table().changed == 3
    assert in_order(table().changed_in_words(), "replaced", "3 rows")
    clean = Table("own", "dev", ("a film",), None, None, ())
    assert clean.changed_in_words() == ""
