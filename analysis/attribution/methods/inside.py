"""Methods that look inside: attention times gradient, the pooled layers, the head's split."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution.methods.gradients import FEWEST, TOLERANCE, converged, doubled, on_numpy
from analysis.attribution.problem import Problem
from analysis.attribution.registry import Option, Result, method
from analysis.checkpoints.forward import forward
from analysis.reading.trace import record

if TYPE_CHECKING:
    from torch import Tensor, nn

    from analysis.checkpoints.loading import Classifier


# --- attention × gradient ------------------------------------------------------------------------


def _no_attentions(classifier: Classifier) -> str:
    encoder = classifier.encoder
    if getattr(encoder.config, "_attn_implementation", "eager") == "eager":
        return ""
    return (
        f"{classifier.checkpoint.name}: fused attention keeps no weights: load with "
        "attn_implementation='eager'"
    )


@method(
    "attention_x_gradient",
    "Attention × gradient",
    "Serrano and Smith (2019), Is Attention Interpretable?; over the layers of an encoder: Barkan "
    "et al. (2021), Grad-SAM",
    family="attention",
    needs=("backward", "attentions"),
    cost=lambda units, options: 1,
    note="Each attention weight of the encoder times the output's slope along it, summed over "
    "layers, attention heads and queries at the token that is attended to. It sees what goes "
    "through attention weights only: not the residual stream, nor the values. For the pooling "
    "head's own attention the exact split with reference zero is the same product.",
    options=(Option("layers", "all", "choice", "Layers of the encoder.", ("all", "last")),),
    why_not=_no_attentions,
)
def attention_x_gradient(problem: Problem, layers: str = "all") -> Result:
    """Sum of weight × gradient over the layers' attention heads and queries, at each key.

    Raises
    ------
    ValueError
        The encoder gives no attentions.
    """
    import torch

    problem.report(0.0)
    inputs = problem.inputs.clone().requires_grad_().to(problem.classifier.dtype)
    with problem.classifier.lock:
        output, _, logits = forward(
            problem.classifier,
            {"inputs_embeds": inputs, **problem.fixed},
            {"output_attentions": True},
        )
    weights = output.attentions
    if not weights or any(layer is None for layer in weights):
        raise ValueError(f"{problem.classifier.checkpoint.name}: the encoder gave no attentions")
    chosen = tuple(weights) if layers == "all" else (weights[-1],)
    assert logits is not None  # a problem is posed of a classifier
    value = problem.explained(logits.float()).sum()
    slopes = torch.autograd.grad(value, chosen, allow_unused=True)
    scores = np.zeros(len(problem.tokens))
    for weight, slope in zip(chosen, slopes, strict=True):
        if slope is not None:
            scores += on_numpy((weight * slope)[0].sum(dim=(0, 1)))
    count = len(weights)
    used = tuple(range(1, count + 1)) if layers == "all" else (count,)
    return Result(problem.by_unit(scores), layer=f"attention weights of {_named_layers(used)}")


# --- the pooled layers as joint inputs -----------------------------------------------------------

_MOST, _MOST_STOCK = 2048, 256  # steps, where they grow by themselves
_HEADS = 20  # passes through a pooling head that take as long as one through its encoder, about


def _no_last_layer(classifier: Classifier) -> str:
    head = classifier.head
    if classifier.checkpoint.kind == "pooling" and head is not None and head.reads_attentions():
        return (
            f"{classifier.checkpoint.name}: its pooling head reads the encoder's attentions "
            "besides the hidden states, so these are not all that moves the output"
        )
    if classifier.checkpoint.kind == "pooling" or _last_layer(classifier) is not None:
        return ""
    return (
        f"{classifier.checkpoint.name}: {type(classifier.encoder).__name__} has no list of layers "
        "whose last one could be an input of its own"
    )


def _last_layer(classifier: Classifier) -> nn.Module | None:
    """The last layer of a stock encoder: of the list as long as its configuration says."""
    from torch import nn

    encoder = classifier.encoder
    depth = getattr(encoder.config, "num_hidden_layers", None)
    for module in encoder.modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return module[-1]
    return None


@method(
    "joint_layers",
    "Integrated gradients of the pooled layers",
    "Sundararajan, Taly and Yan (2017), with the hidden states of the pooled layers as joint "
    "inputs; compare layer conductance (Dhamdhere et al. 2019), which gives every layer the whole",
    family="gradient",
    complete=True,
    needs=("baseline", "backward"),
    cost=lambda units, options: 4 + (options["n_steps"] or FEWEST) // _HEADS,
    most=lambda units, options: 4 + (options["n_steps"] or doubled(_MOST)) // _HEADS,
    stock=(
        lambda units, options: 4 + (options["n_steps"] or FEWEST),
        # Captum looks at both ends of the line anew for each number of steps.
        lambda units, options: (
            2 + (options["n_steps"] + 2 if options["n_steps"] else doubled(_MOST_STOCK, beside=2))
        ),
    ),
    note="Which layer carries the prediction: the hidden states of all layers that the pooling "
    "head reads move together from those of the baseline to those of the text. Scores sum over "
    "tokens and layers to the change of the output. What the encoder did before is not told apart "
    "by token: [CLS] may hold everything.",
    options=(
        Option(
            "n_steps",
            None,
            "int",
            "Points along the line. Empty: they grow until the gap is below the tolerance.",
            low=1,
            high=4096,
        ),
        TOLERANCE,
    ),
    why_not=_no_last_layer,
)
def joint_layers(problem: Problem, n_steps: int | None = None, tolerance: float = 0.01) -> Result:
    """Captum's integrated gradients with the pooled layers' hidden states as joint inputs.

    For a pooling head the layers are those it reads, and only the pooling head is run again. A
    stock classifier has one: the last (Captum's LayerIntegratedGradients).
    """
    from captum.attr import IntegratedGradients, LayerIntegratedGradients

    if problem.classifier.checkpoint.kind != "pooling":
        # Captum's hook puts other states in the layer's place: nobody else may run through it.
        apart = replace(problem, classifier=_apart(problem.classifier))
        layer = _last_layer(apart.classifier)
        inside = LayerIntegratedGradients(apart.value, layer)

        def through(steps: int) -> np.ndarray:
            output = inside.attribute(
                problem.inputs,
                problem.baseline,
                n_steps=steps,
                internal_batch_size=problem.rows,
            )
            states = output[0] if isinstance(output, tuple) else output
            return on_numpy(states[0].sum(-1))[:, None]

        depth = int(getattr(problem.classifier.encoder.config, "num_hidden_layers", 0))
        return _by_layer(problem, through, (depth,), n_steps, tolerance, _MOST_STOCK)
    layers, ends, value = _pooled_layers(problem)
    integrate = IntegratedGradients(value)
    rows = max(1, 4 * problem.rows // len(ends[0]))

    def joint(steps: int) -> np.ndarray:
        chosen = [tuple(end[layer] for layer in layers) for end in ends]
        attributions = integrate.attribute(
            chosen[0], chosen[1], n_steps=steps, internal_batch_size=rows
        )
        return np.stack([on_numpy(layer[0].sum(-1)) for layer in attributions], axis=-1)

    return _by_layer(problem, joint, layers, n_steps, tolerance, _MOST)


def _by_layer(
    problem: Problem,
    scores: Callable[[int], np.ndarray],
    layers: tuple[int, ...],
    n_steps: int | None,
    tolerance: float,
    most: int,
) -> Result:
    delta = problem.full - problem.empty
    integral = converged(problem, scores, delta, n_steps, tolerance, most)
    by_layer = problem.by_unit(integral.scores)
    return Result(
        by_layer.sum(axis=1),
        delta,
        {"n_steps": integral.steps},
        layer=f"output of {_named_layers(layers)}",
        layer_scores=by_layer,
        layers=layers,
        stopped=integral.stopped,
        converged=integral.converged,
    )


def _apart(classifier: Classifier) -> Classifier:
    """Copies of the modules with the same weights: hooks on these touch no other thread."""
    model = classifier.model
    tensors = (*model.parameters(), *model.buffers())
    return replace(
        classifier, model=copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})
    )


Ends = tuple[list["Tensor"], list["Tensor"]]


def _pooled_layers(
    problem: Problem,
) -> tuple[tuple[int, ...], Ends, Callable[..., Tensor]]:
    """(layers that are read, hidden states of text and baseline, the output as their function)."""
    import torch

    model = problem.classifier.pooling_model
    output_layer = problem.classifier.output_layer
    assert model is not None  # the method is for pooling heads
    assert output_layer is not None
    with problem.classifier.lock, torch.no_grad():
        states = model.encode(
            inputs_embeds=torch.cat([problem.inputs, problem.baseline]).to(
                problem.classifier.dtype
            ),
            **{name: tensor.expand(2, -1) for name, tensor in problem.fixed.items()},
        ).hidden_states
    ends: Ends = ([state[:1].float() for state in states], [state[1:].float() for state in states])
    mask = problem.fixed["attention_mask"]

    def answer(hidden: list[Tensor]) -> Tensor:
        rows = len(hidden[-1])
        stacked = torch.stack([states.expand(rows, -1, -1) for states in hidden])
        pooled = model.head(stacked, mask.expand(rows, -1))
        return problem.explained(output_layer(pooled.vector).float())

    layers = _layers_read(model.head.pool_layers, ends, answer)

    def value(*layer_states: Tensor) -> Tensor:
        problem.report(0.0)
        hidden = [end.expand(len(layer_states[0]), -1, -1) for end in ends[0]]
        for layer, states in zip(layers, layer_states, strict=True):
            hidden[layer] = states
        return answer(hidden)

    return layers, ends, value


def _layers_read(
    pooled: tuple[int, ...], ends: Ends, answer: Callable[[list[Tensor]], Tensor]
) -> tuple[int, ...]:
    """Layers that a pooling head names as pooled, and those its output has a slope along."""
    import torch

    read = set(pooled)
    for end in ends:
        hidden = [states.clone().requires_grad_() for states in end]
        slopes = torch.autograd.grad(answer(hidden).sum(), hidden, allow_unused=True)
        read |= {i for i, slope in enumerate(slopes) if slope is not None and bool(slope.any())}
    return tuple(sorted(read)) or (len(ends[0]) - 1,)


def _named_layers(layers: tuple[int, ...]) -> str:
    if len(layers) == 1:
        return f"layer {layers[0]}"
    if layers == tuple(range(layers[0], layers[-1] + 1)):
        return f"layers {layers[0]} to {layers[-1]}"
    return "layers " + ", ".join(map(str, layers))


# --- the split of the pooling head ---------------------------------------------------------------


_SPLITS: weakref.WeakKeyDictionary[Classifier, str] = weakref.WeakKeyDictionary()


def _no_split(classifier: Classifier) -> str:
    """Why a checkpoint's logits are no sum; it hangs on no text, and is found out once."""
    from analysis.reading.decomposition import NoExactSplit, decompose

    if classifier not in _SPLITS:
        try:
            decompose(record(classifier, "a"), "zero")
            _SPLITS[classifier] = ""
        except NoExactSplit as error:
            _SPLITS[classifier] = str(error)
    return _SPLITS[classifier]


@method(
    "exact_split",
    "Split of the pooling head",
    "PoolLens; compare direct logit attribution (TransformerLens) and DecompX (Modarressi et al. "
    "2023)",
    family="attention",
    complete=True,
    cost=lambda units, options: 1,
    note="What the pooling head reads from each position, given its attention weights and source "
    "layers, relative to the reference: exact for a linear head, along a straight line through "
    "its own layers for another (the gap is the error of that integral). It explains the pooling "
    "head and not how the encoder made what is read: for cls and max_cls everything sits on "
    "[CLS].",
    options=(
        Option(
            "reference",
            None,
            "choice",
            "What values are measured from. Empty: the corpus mean where the checkpoint has a "
            "profile, else zero.",
            ("corpus", "zero"),
        ),
    ),
    why_not=_no_split,
)
def exact_split(problem: Problem, reference: str | None = None) -> Result:
    """`decompose` of the output that is explained; raises ``ValueError`` for a probability."""
    import torch

    from analysis.reading.decomposition import decompose

    if problem.output == "probability" and problem.classifier.checkpoint.labels:
        raise ValueError(
            "the split is one of logits, and a probability is no sum: choose the logit or "
            "the contrast"
        )
    trace = record(problem.classifier, problem.tokens.text, problem.tokens.pair)
    split = decompose(trace, reference)
    # The output is linear in the logits: its value at each class alone is that class's weight.
    weights = on_numpy(problem.explained(torch.eye(len(split.logits), dtype=torch.float64)))
    by_token = np.einsum("c,cptk->tk", weights, split.contributions)
    by_layer = problem.by_unit(by_token)
    return Result(
        by_layer.sum(axis=1),
        float(weights @ (split.logits - split.constant)),
        {"reference": split.reference},
        baseline={"corpus": "corpus mean of the values", "zero": "values of zero"}.get(
            split.reference
        ),
        layer="values that the pooling head reads"
        + ("" if split.exact else f", split {split.rule}"),
        layer_scores=by_layer,
        layers=split.layers,
    )
