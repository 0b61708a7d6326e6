"""The battery: short truths about the library's numbers, each against oracles or a bare forward.

A truth is a function of no arguments that asserts. `test_faults` runs them as they are, and with
faults put into the library.
"""

from __future__ import annotations

import numpy as np
import torch

import analysis
from analysis import attribution
from analysis.heads import pooling
from analysis.reading import decomposition
from tests.support import oracles, tiny, zoo

TEXT = "The plot is thin, but not dull."
NAMES = ("max_seq_mha", "mha", "max_cls")


def close(have, want, tolerance=1e-4) -> None:
    np.testing.assert_allclose(have, want, rtol=tolerance, atol=tolerance)


def weights_of(name: str) -> tuple[dict, np.ndarray, np.ndarray]:
    state = {k: v.double().numpy() for k, v in zoo.loaded(name).model.state_dict().items()}
    layer = {
        key.removeprefix("head.attention."): value
        for key, value in state.items()
        if key.startswith("head.attention.")
    }
    return layer, state["classifier.weight"], state["classifier.bias"]


def padding_never_counts() -> None:
    hidden = torch.tensor([[[-3.0, -1.0], [-2.0, -4.0], [9.0, 0.0]]])
    mask = torch.tensor([[1, 1, 0]])
    for name in ("mean", "max", "last_token", "adaptive_mean", "concat"):
        options = {"segments": 2} if name == "adaptive_mean" else {}
        want = oracles.pool_row(name, hidden[0].double().numpy(), mask[0].numpy(), **options)
        close(pooling.pool(name, hidden, mask)[0], want)
    for name in NAMES:
        module = zoo.loaded(name).model.head
        states = torch.tensor(analysis.record(zoo.loaded(name), TEXT).hidden)[:, None]
        padded = torch.nn.functional.pad(states, (0, 0, 0, 3), value=5.0)
        real = torch.zeros(padded.shape[1:3])
        real[:, : states.shape[2]] = 1
        alone = module(states, torch.ones(states.shape[1:3])).vector
        close(module(padded, real).vector, alone)


def winners_are_absolute_layers() -> None:
    for name in ("max_seq_mha", "max_cls"):
        result = analysis.record(zoo.loaded(name), TEXT)
        _, winner, margin = oracles.max_layers(result.hidden.astype(np.float64), 3)
        length = len(winner) if name == "max_seq_mha" else 1
        have = result.head.winners
        assert have.layers == (2, 3, 4)
        assert np.array_equal(np.atleast_2d(have.layer), winner[:length])
        close(np.atleast_2d(have.margin), margin[:length])
        split = analysis.decompose(result, "zero")
        assert split.layers == (2, 3, 4)


def ties_go_to_the_earliest() -> None:
    hidden = torch.tensor([[[1.0], [2.0], [2.0]]])
    assert pooling.max_over_tokens(hidden, torch.ones(1, 3)).winner.item() == 1
    assert pooling.max_over_layers(hidden[0]).winner.item() == 1
    equal = torch.ones(tiny.LAYERS + 1, 1, 4, tiny.HIDDEN_SIZE)
    for name in ("max_seq_mha", "max_cls"):
        winners = zoo.loaded(name).model.head(equal, torch.ones(1, 4)).winners
        assert (winners.layer == 2).all()
        assert (winners.margin == 0).all()


def logits_split_as_the_formulas_say() -> None:
    for name in ("max_seq_mha", "mha"):
        result = analysis.record(zoo.loaded(name), TEXT)
        hidden = result.hidden.astype(np.float64)
        layers, values, source = (4,), hidden[-1], np.full(hidden[-1].shape, 4)
        if name == "max_seq_mha":
            layers, (values, source, _) = (2, 3, 4), oracles.max_layers(hidden, 3)
        layer, w_cls, b_cls = weights_of(name)
        output, alpha = oracles.attend(values[0], values, np.ones(len(values)), layer, 4)
        close(result.head.attention, alpha)
        close(result.logits, w_cls @ output + b_cls)
        mu = np.zeros(tiny.HIDDEN_SIZE)
        want, constant = oracles.split_attention(
            values, source, alpha, layers, layer, w_cls, b_cls, mu
        )
        try:
            split = analysis.decompose(result, "zero")
        except decomposition.NoExactSplit as error:
            raise AssertionError(str(error)) from error
        close(split.contributions, want)
        close(split.constant, constant)
        close(split.contributions.sum((1, 2, 3)) + split.constant, result.logits)


def the_class_asked_for_is_explained() -> None:
    classifier = zoo.loaded("max_seq_mha")
    result = analysis.record(classifier, TEXT)
    split = analysis.decompose(result, "zero")
    assert result.predicted == int(np.argmax(result.logits))
    ids = torch.tensor(result.tokens.ids)[None]
    empty = torch.where(torch.tensor(result.tokens.special), ids, 0)
    with torch.no_grad():
        full, bare = (classifier.model(i).logits[0].double().numpy() for i in (ids, empty))
    own = attribution.attribute(classifier, TEXT, n_steps=1)
    assert own.target == result.predicted
    for target in range(3):
        want = oracles.contrast(split.contributions, target)
        close(split.by_token(target), want.sum((0, 2)))
        close(split.by_layer(target), want.sum((0, 1)))
        scored = attribution.attribute(classifier, TEXT, target=target, n_steps=32)
        close(scored.delta, full[target] - bare[target])
        assert abs(scored.scores.sum() - scored.delta) < 0.05
        contrast = attribution.attribute(
            classifier, TEXT, target=target, n_steps=1, output="contrast"
        )
        close(contrast.delta, oracles.contrast(full - bare, target))


BATTERY = (
    padding_never_counts,
    winners_are_absolute_layers,
    ties_go_to_the_earliest,
    logits_split_as_the_formulas_say,
    the_class_asked_for_is_explained,
)
