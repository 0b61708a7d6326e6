"""One batch of rows in, one out: what a pass over a data set gives."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.common.faults import CheckpointError
from analysis.corpus import runs
from analysis.datasets.table import Table
from tests.support import tiny, zoo
from tests.support.data_rows import batch_of, data, logits_of

HEADS = ("cls", "max_cls", "mha", "max_seq_mha", "mean", "max", "concat", "lora", "cls_mlp")


class TestPredictBatch:
    @pytest.mark.parametrize("name", [*HEADS, *tiny.FOREIGN, "regression"])
    def test_logits_are_those_of_the_text_alone(self, name):
        classifier, table = zoo.loaded(name), data(24)
        answer = runs.predict_batch(classifier, batch_of(table), batch_tokens=200)
        alone = np.stack([analysis.record(classifier, text).logits for text in table.text])
        np.testing.assert_allclose(logits_of(answer, alone.shape[1]), alone, rtol=0, atol=1e-5)
        assert answer["row"].to_pylist() == list(range(len(table)))

    @pytest.mark.parametrize("name", ["cls", "mean", "max_cls", "max_seq_mha"])
    def test_only_the_layers_that_are_pooled_are_handed_on(self, name, monkeypatch):
        classifier, table, seen = zoo.loaded(name), data(3), []
        real = classifier.model.head.read
        monkeypatch.setattr(
            classifier.model.head,
            "read",
            lambda hidden, mask: seen.append(len(hidden)) or real(hidden, mask),
        )
        runs.predict_batch(classifier, batch_of(table))
        assert set(seen) == {getattr(classifier.model.head, "last_k", 1)}

    @pytest.mark.parametrize("name", ["mha", "bert", "roberta", "distilbert"])
    def test_logits_of_pairs_are_those_of_the_pair_alone(self, name):
        classifier, table = zoo.loaded(name), data(24, pairs=True)
        answer = runs.predict_batch(classifier, batch_of(table), batch_tokens=300)
        traces = [
            analysis.record(classifier, text, pair)
            for text, pair in zip(table.text, table.pair, strict=True)
        ]
        alone = np.stack([trace.logits for trace in traces])
        np.testing.assert_allclose(logits_of(answer, alone.shape[1]), alone, rtol=0, atol=1e-5)
        assert answer["tokens"].to_pylist() == [len(trace.tokens) for trace in traces]
        assert answer["cut"].to_pylist() == [trace.tokens.dropped for trace in traces]

    @given(st.integers(8, 600), st.integers(0, 2**31))
    def test_batch_composition_changes_no_logit(self, tokens, seed):
        classifier, table = zoo.loaded("max_seq_mha"), data(20)
        whole = runs.predict_batch(classifier, batch_of(table))
        order = np.random.default_rng(seed).permutation(20)
        other = runs.predict_batch(
            classifier, batch_of(table).take(pa.array(order)), batch_tokens=tokens
        )
        assert other["row"].to_pylist() == order.tolist()
        np.testing.assert_allclose(
            logits_of(other, 3), logits_of(whole, 3)[order], rtol=0, atol=1e-5
        )

    def test_probabilities_class_and_gap_follow_from_the_logits(self):
        answer = runs.predict_batch(zoo.loaded("mha"), batch_of(data(12)))
        expected = torch.from_numpy(logits_of(answer, 3).copy()).double().softmax(1)
        shares = answer["probabilities"].flatten().to_numpy().reshape(-1, 3)
        np.testing.assert_allclose(shares, expected.numpy(), atol=1e-6)
        top = np.sort(expected.numpy(), axis=1)
        np.testing.assert_allclose(answer["gap"], top[:, -1] - top[:, -2], atol=1e-6)
        assert answer["predicted"].to_pylist() == expected.argmax(1).tolist()

    def test_a_text_beyond_the_limit_is_cut_and_counted(self):
        classifier = zoo.loaded("cls")
        table = Table("own", "dev", ("film " * 100, "film"), None, None, ())
        answer = runs.predict_batch(classifier, batch_of(table))
        assert answer["tokens"].to_pylist() == [tiny.POSITIONS, 3]
        assert answer["cut"].to_pylist() == [102 - tiny.POSITIONS, 0]

    def test_an_empty_batch_gives_an_empty_batch_with_the_same_columns(self):
        some = runs.predict_batch(zoo.loaded("cls"), batch_of(data(2)))
        none = runs.predict_batch(zoo.loaded("cls"), batch_of(data(2)).slice(0, 0))
        assert none.num_rows == 0
        assert none.schema == some.schema

    def test_a_row_without_a_text_is_named(self):
        table = Table("own", "dev", ("film", "  "), None, None, ())
        with pytest.raises(ValueError, match="Row 2 has no text"):
            runs.predict_batch(zoo.loaded("cls"), batch_of(table))

    def test_a_bare_encoder_has_no_prediction(self):
        with pytest.raises(CheckpointError, match="bare encoder"):
            runs.predict_batch(zoo.loaded("bare"), batch_of(data(2)))

    def test_fused_attention_gives_the_same_logits(self):
        opened = runs.open_for_data(zoo.folder("max_seq_mha"), dtype="float32", device="cpu")
        assert opened.model.encoder.config._attn_implementation == "sdpa"
        table = data(16)
        np.testing.assert_allclose(
            logits_of(runs.predict_batch(opened, batch_of(table)), 3),
            logits_of(runs.predict_batch(zoo.loaded("max_seq_mha"), batch_of(table)), 3),
            rtol=0,
            atol=1e-5,
        )

    def test_bfloat16_is_that_of_the_encoder_only(self):
        opened = runs.open_for_data(zoo.folder("mha"), dtype="bfloat16", device="cpu")
        assert runs.precision_of(opened) == "bfloat16"
        assert next(opened.model.head.parameters()).dtype is torch.float32
        assert next(opened.model.encoder.parameters()).dtype is torch.bfloat16
        answer = runs.predict_batch(opened, batch_of(data(8)))
        assert np.isfinite(logits_of(answer, 3)).all()


class TestMemory:
    def failing_above(self, monkeypatch, tokens, kind=torch.OutOfMemoryError, message="no memory"):
        real, sizes = runs.forward, []

        def forward(classifier, inputs):
            sizes.append(inputs["input_ids"].numel())
            if sizes[-1] > tokens:
                raise kind(message)
            return real(classifier, inputs)

        monkeypatch.setattr(runs, "forward", forward)
        return sizes

    @pytest.mark.parametrize(
        ("kind", "message"),
        [
            (torch.OutOfMemoryError, "CUDA out of memory"),
            (RuntimeError, "DefaultCPUAllocator: can't allocate memory: you tried"),
            (MemoryError, ""),
        ],
    )
    def test_out_of_memory_halves_the_batch_and_goes_on(self, monkeypatch, kind, message):
        classifier, table = zoo.loaded("mha"), data(60)
        whole = runs.predict_batch(classifier, batch_of(table))
        sizes = self.failing_above(monkeypatch, 150, kind, message)
        answer = runs.predict_batch(classifier, batch_of(table), batch_tokens=1000)
        np.testing.assert_allclose(logits_of(answer, 3), logits_of(whole, 3), rtol=0, atol=1e-5)
        assert sum(size > 150 for size in sizes) <= 4  # it learns, and does not fail every time

    def test_one_row_that_does_not_fit_is_an_error_in_words(self, monkeypatch):
        self.failing_above(monkeypatch, 5)
        with pytest.raises(CheckpointError, match="out of memory at one row"):
            runs.predict_batch(zoo.loaded("mha"), batch_of(data(8)))

    def test_another_runtime_error_is_not_taken_for_lack_of_memory(self, monkeypatch):
        self.failing_above(monkeypatch, 0, RuntimeError, "shapes do not fit")
        with pytest.raises(RuntimeError, match="shapes do not fit"):
            runs.predict_batch(zoo.loaded("mha"), batch_of(data(8)))
