"""Heads fitted on a frozen encoder: against scikit-learn, one by one, and saved and read again."""

from __future__ import annotations

import re
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression
from torch import nn

import analysis
import training
from analysis import heads
from analysis.heads import Pooled, PoolingHead
from tests.support import frozen_data, zoo
from training.evaluate import predict
from training.frozen.batches import batch_of
from training.frozen.members import is_free
from training.frozen.problem import problem_of, split_rows
from training.frozen.reading import reading_of
from training.frozen.results import FittedHead

QUICK = {"epochs": 3, "min_steps": 1, "learning_rate": 3e-3}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("states")


@pytest.fixture(scope="module")
def train(root):
    return frozen_data.states(root, frozen_data.table(240, 1))


@pytest.fixture(scope="module")
def dev(root):
    return frozen_data.states(root, frozen_data.table(120, 2, split="dev"))


def vectors(key, states):
    """(N, D) by the pooling head itself, a row at a time."""
    head = heads.build(key, 32, 4)
    reading = reading_of(head)
    pooled = []
    for row in range(len(states)):
        hidden, mask = batch_of(states.view(reading.views[0]), [row])
        pooled.append(reading.head(head)(hidden[None], mask).vector[0].numpy())
    return np.array(pooled)


@pytest.mark.parametrize(
    "key", ["mean", *(pytest.param(key, marks=pytest.mark.slow) for key in ("cls", "max"))]
)
def test_a_linear_head_becomes_scikit_learns_logistic_regression(key, train, dev):
    fitted = training.fit(
        train, [key], dev=dev, seeds=2, epochs=1500, batch_size=240, learning_rate=0.05,
        weight_decay=0.0,
    )  # fmt: skip
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=100_000)
    peer.fit(vectors(key, train), train.table.label)
    on_train = peer.predict_proba(vectors(key, train))
    least = -np.log(on_train[np.arange(len(train)), train.table.label]).mean()
    assert np.abs(fitted[key].loss[-1] - least).max() < 1e-3
    accuracy = peer.score(vectors(key, dev), dev.table.label)
    assert np.abs(fitted[key].scores["accuracy"] - accuracy).max() < 0.01


def test_a_regression_becomes_ordinary_least_squares_in_the_labels_own_unit(root):
    train = frozen_data.states(root, frozen_data.numbers(240, 1))
    dev = frozen_data.states(root, frozen_data.numbers(60, 2, split="dev"))
    fitted = training.fit(
        train, ["mean"], dev=dev, seeds=1, epochs=2500, batch_size=240, learning_rate=0.05,
        weight_decay=0.0,
    )  # fmt: skip
    peer = LinearRegression().fit(vectors("mean", train), train.table.label)
    expected = peer.predict(vectors("mean", dev))
    np.testing.assert_allclose(fitted["mean"].predictions[0], expected, atol=3.0)
    assert fitted["mean"].scores["pearson"] > 0.5


def test_several_labels_a_row_are_learnt_each_for_itself(root):
    train = frozen_data.states(root, frozen_data.labels(300, 1))
    dev = frozen_data.states(root, frozen_data.labels(100, 2, split="dev"))
    result = training.fit(train, ["mha"], dev=dev, seeds=2, epochs=20, learning_rate=3e-3)["mha"]
    assert result.predictions.shape == (2, 100, 3)
    assert result.scores["micro_f1"].min() > 0.95
    assert set(result.scores) == {"micro_f1", "macro_f1", "exact_match"}


@pytest.mark.parametrize("key", ["cls", "mha", "max_seq_mha", "weighted_mean", "cls_mlp"])
def test_seeds_together_are_the_seeds_one_by_one(key, train, dev, monkeypatch):
    monkeypatch.setattr("training.frozen.work.DTYPE", torch.float64)
    together = training.fit(train, [key], dev=dev, seeds=3, dropout=0.1, **QUICK)[key]
    for index in range(3):
        alone = training.fit(train, [key], dev=dev, seeds=[index], dropout=0.1, **QUICK)[key]
        for name, tensor in alone.weights.items():
            np.testing.assert_allclose(together.weights[name][index], tensor[0], atol=1e-5)
        np.testing.assert_allclose(together.loss[:, index], alone.loss[:, 0], atol=1e-5)
        assert (together.predictions[index] == alone.predictions[0]).all()


def test_seeds_differ_and_repeat(train, dev):
    first, again = (
        training.fit(train, ["mha"], dev=dev, seeds=2, **QUICK)["mha"] for _ in range(2)
    )
    assert np.abs(
        first.weights["classifier.weight"][0] - first.weights["classifier.weight"][1]
    ).max()
    for name, tensor in first.weights.items():
        assert (tensor == again.weights[name]).all()


@pytest.mark.parametrize("key", sorted(set(heads.HEADS)))
def test_what_is_saved_answers_as_what_was_fitted(key, train, dev, tmp_path):
    fitted = training.fit(train, [key], dev=dev, seeds=[4], **QUICK)
    (folder,) = training.save(fitted, tmp_path)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 10_000_000
    loaded = analysis.load(folder, device="cpu")
    result: FittedHead = fitted[key]
    logits = predict(loaded, dev.table)
    assert (logits.argmax(axis=1) == result.predictions[0]).all()
    with torch.no_grad():  # the head of the folder on the very states: equal to the bit of rounding
        head, classifier = loaded.model.head, loaded.model.classifier
        reading = reading_of(head)
        for name, tensor in (("head", head), ("classifier", classifier)):
            for part, value in tensor.state_dict().items():
                assert (value.numpy() == result.weights[f"{name}.{part}"][0]).all()
        hidden, mask = zip(*(batch_of(dev.view(v), range(8)) for v in reading.views), strict=True)
        states = reading.hidden(list(hidden))
        answers = classifier(reading.head(head)(states, mask[0]).vector)
    np.testing.assert_allclose(answers.numpy(), logits[:8], atol=2e-5)
    assert loaded.checkpoint.labels == frozen_data.CLASSES
    card = (folder / "README.md").read_text()
    assert "frozen encoder" in card
    assert str(tmp_path) not in card


def test_a_saved_head_is_found_by_discover_described_and_traced(train, dev, tmp_path):
    training.save(training.fit(train, ["max_seq_mha"], dev=dev, seeds=2, **QUICK), tmp_path)
    fitted, broken = analysis.checkpoints.discover(tmp_path)
    assert not broken
    assert [checkpoint.group for checkpoint in fitted] == ["toy-max_seq_mha"] * 2
    trace = analysis.record(analysis.load(fitted[0].folder, device="cpu"), "the plot is thin")
    assert analysis.decompose(trace).error < 1e-5


@pytest.mark.parametrize("name", ["max_seq_mha", "lora", "bert", "roberta"])
def test_the_encoder_of_any_checkpoint_will_do(name, tmp_path):
    data = frozen_data.table(40, 1)
    states = training.states(
        zoo.folder(name), data, folder=tmp_path / "states", precision="float32"
    )
    fitted = training.fit(states, ["mean"], seeds=1, **QUICK)
    (folder,) = training.save(fitted, tmp_path / "saved")
    loaded = analysis.load(folder, device="cpu")
    own = analysis.load(zoo.folder(name), device="cpu")
    for key, tensor in own.encoder.state_dict().items():
        assert torch.equal(loaded.encoder.state_dict()[key], tensor)
    # A head on that head's encoder: the same encoder again, and not one on the other.
    again = training.states(folder, data, folder=tmp_path / "states", precision="float32")
    assert again.folder == states.folder


def test_pairs_are_read_as_pairs(tmp_path):
    data = frozen_data.table(60, 1)
    pairs = replace(data, pair=tuple(reversed(data.text)))
    fitted = training.fit(frozen_data.states(tmp_path, pairs), ["mean"], seeds=1, **QUICK)
    (folder,) = training.save(fitted, tmp_path / "saved")
    loaded = analysis.load(folder, device="cpu")
    assert loaded.checkpoint.pairs
    held_out = split_rows(pairs, problem_of(pairs))[1]
    answers = predict(loaded, pairs)[held_out].argmax(axis=1)
    assert (answers == fitted["mean"].predictions[0]).all()


class Gated(PoolingHead):
    """A head of a user's own: layers weighed by learned numbers, and a branch on values."""

    def __init__(self, hidden_size, num_layers, *, start: float = 0.0, **base):
        super().__init__(hidden_size, num_layers, **base)
        self.gates = nn.Parameter(torch.full((num_layers + 1,), start))

    def read(self, hidden, attention_mask):
        mixed = torch.einsum("l,lbtd->btd", self.gates.softmax(0), hidden)
        if bool((mixed[:, 0] > 1e6).any()):  # no vmap can map this
            mixed = mixed * 0
        real = attention_mask[:, :, None].to(mixed.dtype)
        return Pooled((mixed * real).sum(1) / real.sum(1))


@pytest.fixture
def own_head():
    heads.head("gated_for_this_test")(Gated)
    yield Gated
    heads.HEADS.pop("gated_for_this_test")


def test_a_head_of_ones_own_is_fitted_saved_and_read_again(own_head, train, dev, tmp_path):
    reading = reading_of(heads.build("gated_for_this_test", 32, 4))
    assert len(reading.views) == 5
    assert not reading.merged
    fitted = training.fit(train, [own_head], dev=dev, seeds=3, **QUICK)
    result = fitted["gated_for_this_test"]
    assert result.complete
    assert np.ptp(result.weights["head.gates"], axis=1).min() > 0  # the gates were learnt
    folder = training.save(fitted, tmp_path, seeds=[1])[0]
    logits = predict(analysis.load(folder, device="cpu"), dev.table)
    assert (logits.argmax(axis=1) == result.predictions[1]).all()


@pytest.mark.parametrize(
    ("key", "merge", "first_only"),
    [
        ("cls", "layer", True),
        ("max_cls", "max", True),
        ("mha", "layer", False),
        ("max_seq_mha", "max", False),
        ("cls_mlp", "layer", True),
        ("mean_seq_mha", "mean", False),
        ("sum_seq_mha", "sum", False),
        ("max_seq_mean", "max", False),
    ],
)
def test_what_a_head_reads_is_found_by_trying(key, merge, first_only):
    head = heads.build(key, 32, 4)
    reading = reading_of(head)
    assert [view.merge for view in reading.views] == [merge]
    assert reading.first_only is first_only
    assert is_free(head) is (key in ("cls", "max_cls", "max_seq_mean"))


def test_the_rate_is_the_one_with_the_lowest_loss_on_the_held_out_tenth(train, dev):
    result = training.fit(train, ["mean"], dev=dev, seeds=1, rates=(1e-6, 1e-2), epochs=3)["mean"]
    assert set(result.rates) == {1e-6, 1e-2}
    assert result.learning_rate == min(result.rates, key=result.rates.__getitem__) == 1e-2


@pytest.mark.parametrize("key", ["mean", "mha"])
def test_rates_that_are_tried_together_are_tried_as_one_by_one(train, key):
    """Each trial is one training of the first seed, whatever the others come to."""
    rates = (1e-4, 1e-2, 1e30)  # the last diverges
    together = training.fit(train, [key], seeds=1, rates=rates, epochs=2)[key]
    for rate in rates[:2]:
        alone = training.fit(train, [key], seeds=1, rates=(rate,), epochs=2)[key]
        assert together.rates[rate] == pytest.approx(alone.rates[rate], abs=1e-5)
    assert np.isnan(together.rates[1e30])
    assert together.complete
    assert together.learning_rate in rates[:2]


def test_a_fit_leaves_the_smallest_numbers_as_they_were(train):
    training.fit(train, ["mean"], seeds=1, **QUICK)
    assert torch.tensor([1e-40]).mul(0.5).item() > 0


def test_a_head_whose_loss_is_not_finite_has_its_reason_and_the_others_go_on(train, dev, own_head):
    class Broken(Gated):
        def read(self, hidden, attention_mask):
            return Pooled(super().read(hidden, attention_mask).vector / self.gates.detach()[0])

    heads.head("broken_for_this_test")(Broken)
    try:
        with_zero = ("broken_for_this_test", {"start": 0.0})
        fitted = training.fit(train, [with_zero, "mean"], dev=dev, seeds=2, **QUICK)
    finally:
        heads.HEADS.pop("broken_for_this_test")
    broken, mean = fitted.heads
    assert not broken.fitted
    assert "not finite" in broken.reason
    assert mean.complete
    assert "not finite" in fitted.table()


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda hidden: Pooled(hidden[-1][:, 0].log()), "numbers that are not finite"),
        (lambda hidden: Pooled(hidden[-1][:, 0, :3]), r"shape \(3, 3\)"),
        (lambda hidden: Pooled(hidden[99][:, 0]), r"IndexError: .*in line \d+ of test_frozen_fit"),
        (lambda hidden: hidden[-1][:, 0], "no attribute 'vector'"),
        (lambda hidden: exit(3), "SystemExit"),
    ],
)
def test_a_head_of_ones_own_that_cannot_be_read_says_why(train, dev, read, reason):
    @heads.head("broken_for_this_test")
    class Broken(PoolingHead):
        def read(self, hidden, attention_mask):
            return read(hidden)

    try:
        fitted = training.fit(train, ["broken_for_this_test", "mean"], dev=dev, seeds=1, **QUICK)
    finally:
        heads.HEADS.pop("broken_for_this_test")
    broken, mean = fitted.heads
    assert re.search(reason, broken.reason)
    assert "learning rate" not in broken.reason
    assert mean.complete


def test_a_fit_tells_its_epochs_and_stops_with_what_is_there(train, dev):
    stop, reports = Event(), []

    def progress(news):
        reports.append(news)
        if news.head == "mha" and news.epoch == 2:
            stop.set()

    fitted = training.fit(
        train, ["mean", "mha", "max"], dev=dev, seeds=2, progress=progress, cancel=stop,
        **{**QUICK, "epochs": 6},
    )  # fmt: skip
    mean, mha, last = fitted.heads
    assert mean.complete
    assert mha.fitted
    assert not mha.complete
    assert "after epoch 2 of 6" in mha.reason
    assert not last.fitted
    shares = [news.share for news in reports]
    assert shares == sorted(shares)
    curve = [news.score for news in reports if news.head == "mean" and news.epoch]
    np.testing.assert_array_equal(curve, mean.curve)


def test_class_weights_make_a_rare_class_count(root):
    data = frozen_data.table(300, 3, classes=2)
    keep = np.flatnonzero((data.label == 0) | (np.arange(300) % 12 == 0))
    rare = frozen_data.states(root, data.take(keep))
    plain, weighted = (
        training.fit(rare, ["cls"], dev=rare, seeds=1, class_weights=how, **QUICK)["cls"]
        for how in (None, "balanced")
    )
    assert (weighted.predictions == 1).sum() > (plain.predictions == 1).sum()


def test_five_thousand_classes_are_fitted_and_those_without_rows_counted(root):
    data = frozen_data.table(6000, 5)
    names = tuple(f"class {n}, of many" for n in range(5000))
    label = np.random.default_rng(0).integers(5000, size=6000)
    many = frozen_data.states(root, replace(data, label=label, labels=names), precision="float16")
    fitted = training.fit(many, ["mean"], seeds=2, epochs=1, min_steps=1, learning_rate=1e-2)
    assert fitted["mean"].complete
    assert fitted["mean"].predictions.shape == (2, fitted.rows["held-out fifth"])
    assert any("no training row" in note for note in fitted.notes)
    assert any("no row that is scored" in note for note in fitted.notes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"label": None}, "no labels"),
        ({"label": np.zeros(40, np.int64)}, "at least two classes"),
        ({"label": np.full(40, 2.5), "labels": ()}, "every label is 2.5"),
        ({"label": np.array([np.nan] * 40), "labels": ()}, "not a finite number"),
    ],
)
def test_labels_that_cannot_be_fitted_are_refused(root, change, reason):
    states = frozen_data.states(root, replace(frozen_data.table(40, 6), **change))
    with pytest.raises(ValueError, match=reason):
        training.fit(states, ["cls"])


def test_three_rows_are_too_few(root):
    states = frozen_data.states(root, frozen_data.table(3, 7))
    with pytest.raises(ValueError, match="3 rows are too few"):
        training.fit(states, ["cls"])


def test_rows_of_one_text_come_to_one_side_and_none_leaks():
    data = frozen_data.table(100, 8).take(np.arange(100) % 60)
    train, dev = split_rows(data, problem_of(data))
    assert not {data.text[row] for row in train} & {data.text[row] for row in dev}
    assert len(train) + len(dev) == 100


def test_unknown_heads_options_and_seeds_are_named(train):
    with pytest.raises(ValueError, match="unknown pooling head 'max_of_all'"):
        training.fit(train, ["max_of_all"])
    with pytest.raises(ValueError, match="last_k is 9"):
        training.fit(train, [("max_cls", {"last_k": 9})])
    with pytest.raises(ValueError, match="named twice"):
        training.fit(train, ["cls", "cls"])
    with pytest.raises(ValueError, match="seeds are 0"):
        training.fit(train, ["cls"], seeds=0)
    with pytest.raises(ValueError, match="epochs is 0"):
        training.fit(train, ["cls"], epochs=0)
