"""A vector for each token, as late interaction compares them: projected, then scaled to length 1.

A folder of a multi-vector model (sentence-transformers 6, PyLate) declares a dense layer over the
tokens, what stands before a query and a document, how a query is filled up with [MASK], and which
tokens of a document do not count. A checkpoint that declares none of it is compared by the token
vectors of its last layer, and says so.
"""

from __future__ import annotations

import copy
import json
import string
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from analysis.checkpoints import CheckpointError
from analysis.checkpoints.forward import forward
from analysis.common.memory import enough_memory
from analysis.reading.trace import model_inputs
from analysis.text.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

    from analysis.checkpoints.loading import Classifier

NO_PROJECTION = "no projection: token vectors of the last layer"
_ACTIVATIONS = {
    "Identity": nn.Identity, "Tanh": nn.Tanh, "ReLU": nn.ReLU, "GELU": nn.GELU, "SiLU": nn.SiLU,
    "Sigmoid": nn.Sigmoid,
}  # fmt: skip
_QUERY_LENGTH = 32  # of ColBERT, where a folder of PyLate names none


@dataclass(frozen=True)
class LateInteraction:
    """A checkpoint's declaration of late interaction."""

    steps: tuple[nn.Module, ...] = ()  # over the last axis, each with its residual inside
    words: str = NO_PROJECTION  # what is compared, for people
    normalise: bool = True
    prefixes: tuple[str, str] = ("", "")  # before a query and before a document
    marker: bool = False  # whether a prefix is a token of its own in the vocabulary
    expansion: int = 0  # a query is filled up to so many tokens; 0 = it is not
    fixed: bool = True  # ... and cut there
    attend: bool = False  # ... and the encoder reads what it was filled up with
    filler: str | None = None  # ... with this token; None: the mask token
    lengths: tuple[int | None, int | None] = (None, None)  # most tokens of a query, a document
    skipped: tuple[str, ...] = ()  # tokens that do not count
    skip_in: tuple[str, ...] = ("document",)
    mean: bool = False  # declared: the sum divided by the number of query tokens


@dataclass(frozen=True)
class TokenVectors:
    """One text as late interaction sees it."""

    tokens: Tokens
    vectors: np.ndarray  # (T, D) float32
    counts: np.ndarray  # (T,) bool: whether the token is compared


_DECLARED: WeakKeyDictionary[nn.Module, LateInteraction] = WeakKeyDictionary()


def declared(classifier: Classifier) -> LateInteraction:
    """The declaration in a checkpoint's folder; read once for each loaded model."""
    held = _DECLARED.get(classifier.model)
    if held is None:
        held = _DECLARED[classifier.model] = _read(classifier)
    return held


def token_vectors(classifier: Classifier, text: str, role: str) -> TokenVectors:
    """Vectors of the tokens of a "query" or a "document".

    Raises ``ValueError`` for a blank text, :class:`CheckpointError` for a folder whose modules
    cannot be read or a device that runs out of memory.
    """
    how = declared(classifier)
    number = ("query", "document").index(role)
    if not text.strip():
        raise ValueError(f"the {role} is empty: type a text to compare")
    tokenizer, limit = classifier.tokenizer, classifier.limit
    if how.marker:
        tokenizer = _with_marker(tokenizer, how.prefixes)
    most = how.lengths[number]
    if role == "query" and how.expansion and how.fixed:
        most = how.expansion
    tokens = tokenize(tokenizer, how.prefixes[number] + text, limit=min(limit, most or limit))
    inputs = model_inputs(classifier, tokens)
    own = len(tokens)
    if role == "query" and how.expansion > own:
        tokens, inputs = _filled_up(classifier, how, tokens, inputs)
    with enough_memory(classifier, f"at {len(tokens)} tokens"), torch.no_grad():
        output, _, _ = forward(classifier, inputs, {})
        vectors = output.hidden_states[-1][0].float()
        for step in how.steps:
            vectors = step.to(vectors.device)(vectors)
        if how.normalise:
            vectors = nn.functional.normalize(vectors, dim=-1)
    counts = np.ones(len(tokens), bool)
    if how.skipped and role in how.skip_in:
        ids = np.atleast_1d(tokenizer.convert_tokens_to_ids(list(how.skipped))).tolist()
        known = [number for number in ids if number != tokenizer.unk_token_id]
        counts = ~np.isin(tokens.ids, np.array(known, dtype=np.int64))
    return TokenVectors(tokens, vectors.cpu().numpy(), counts)


def _filled_up(
    classifier: Classifier, how: LateInteraction, tokens: Tokens, inputs: dict[str, Tensor]
) -> tuple[Tokens, dict[str, Tensor]]:
    """The query with filler tokens up to its length; the encoder sees them where it attends."""
    tokenizer = classifier.tokenizer
    filler = how.filler or tokenizer.mask_token or tokenizer.eos_token
    if filler is None:
        raise CheckpointError(
            f"{classifier.checkpoint.name}: queries are filled up with the mask token, and the "
            "tokenizer has none. Name one in its query_expansion."
        )
    missing = how.expansion - len(tokens)
    number = tokenizer.convert_tokens_to_ids(filler)
    longer = replace(
        tokens,
        ids=np.concatenate([tokens.ids, np.full(missing, number)]),
        pieces=(*tokens.pieces, *(filler,) * missing),
        words=np.concatenate([tokens.words, np.full(missing, -1)]),
        offsets=np.concatenate([tokens.offsets, np.zeros((missing, 2), np.int64)]),
        special=np.concatenate([tokens.special, np.ones(missing, bool)]),
        segment=np.concatenate([tokens.segment, np.full(missing, tokens.segment[-1])]),
        types=None
        if tokens.types is None
        else np.concatenate([tokens.types, np.full(missing, tokens.types[-1])]),
        blank=None
        if tokens.blank is None
        else np.concatenate([tokens.blank, np.zeros(missing, bool)]),
    )
    filled = model_inputs(classifier, longer)
    if not how.attend:
        filled["attention_mask"][:, len(tokens) :] = 0
    return longer, filled


_MARKED: WeakKeyDictionary[PreTrainedTokenizerFast, PreTrainedTokenizerFast] = WeakKeyDictionary()


def _with_marker(
    tokenizer: PreTrainedTokenizerFast, prefixes: tuple[str, str]
) -> PreTrainedTokenizerFast:
    """A copy of the tokenizer in which a prefix of its vocabulary stays in one piece."""
    held = _MARKED.get(tokenizer)
    if held is None:
        from tokenizers import AddedToken

        held = copy.deepcopy(tokenizer)
        vocabulary = held.get_vocab()
        for prefix in prefixes:
            for name in (prefix, prefix.split(None, 1)[0] if prefix.split() else ""):
                if name and name in vocabulary:
                    if held.tokenize(name) != [name]:
                        token = AddedToken(name, normalized=False, special=True)
                        held.add_special_tokens({"additional_special_tokens": [token]})
                    break
        _MARKED[tokenizer] = held
    return held


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path.parent.name}/{path.name} cannot be read ({error})") from error


def _read(classifier: Classifier) -> LateInteraction:
    folder = classifier.checkpoint.folder
    modules = _json(folder / "modules.json") or []
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    settings = _json(folder / "config_sentence_transformers.json")
    pylate = settings.get("model_type") == "ColBERT" or any(
        str(module.get("type", "")).startswith("pylate") for module in modules
    )
    own = settings.get("model_type") == "MultiVectorEncoder" or "MultiVectorMask" in kinds
    if "Pooling" in kinds or not modules or not (pylate or own):
        return LateInteraction()
    steps: list[nn.Module] = []
    names: list[str] = []
    for module, kind in zip(modules, kinds, strict=True):
        if kind == "Dense":
            place = folder / str(module.get("path", ""))
            steps.append(dense(place))
            config = _json(place / "config.json")
            names.append(f"{config.get('in_features')} to {config.get('out_features')} numbers")
    of_module = _json(folder / "sentence_bert_config.json")
    mask: dict[str, Any] = {}
    if "MultiVectorMask" in kinds:
        path = str(modules[kinds.index("MultiVectorMask")].get("path", ""))
        mask = _json(folder / path / "config.json")
    prompts = settings.get("prompts") or {}
    document = next((prompts[n] for n in ("document", "passage", "corpus") if prompts.get(n)), "")
    prefixes = (str(prompts.get("query") or ""), str(document))
    marks = tuple(settings.get(f"{role}_prefix") for role in ("query", "document"))
    if any(marks):
        prefixes = tuple(  # type: ignore[assignment]
            (mark or "") + prefix.removeprefix(mark or "")
            for mark, prefix in zip(marks, prefixes, strict=True)
        )
    skipped = mask.get("skiplist_words")
    if skipped is None and pylate:
        skipped = settings.get("skiplist_words", list(string.punctuation))
    expansion, fixed, attend, filler = _expansion(settings, of_module, pylate)
    words = f"dense layer over the tokens, {' and '.join(names)}" if names else NO_PROJECTION
    return LateInteraction(
        steps=tuple(steps),
        words=words,
        normalise=pylate or "Normalize" in kinds,
        prefixes=prefixes,
        marker=any(marks),
        expansion=expansion,
        fixed=fixed,
        attend=attend,
        filler=filler,
        lengths=tuple(
            of_module.get(f"{role}_length") or settings.get(f"{role}_length")
            for role in ("query", "document")
        ),
        skipped=tuple(skipped or ()),
        skip_in=tuple(mask.get("skiplist_tasks") or ("document",)),
        mean=settings.get("similarity_fn_name") == "meanmaxsim",
    )


def _expansion(
    settings: dict[str, Any], of_module: dict[str, Any], pylate: bool
) -> tuple[int, bool, bool, str | None]:
    """(length, whether it cuts, whether the encoder attends, filler): sentence-transformers' or
    PyLate's way of saying it."""
    declared = of_module.get("query_expansion", settings.get("query_expansion"))
    if declared:
        fixed = declared.get("strategy", "fixed") == "fixed"
        return int(declared["length"]), fixed, bool(declared.get("attend")), declared.get("token")
    if not pylate or settings.get("do_query_expansion") is False:
        return 0, False, False, None
    attend = settings.get("attend_to_expansion_tokens", settings.get("attend_to_mask_tokens"))
    return int(settings.get("query_length") or _QUERY_LENGTH), True, bool(attend), None


class _Residual(nn.Module):
    """A dense layer with what it was given added to what it gives."""

    def __init__(self, inner: nn.Module, way: nn.Module) -> None:
        super().__init__()
        self.inner, self.way = inner, way

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.inner(vectors) + self.way(vectors))


def dense(folder: Path) -> nn.Module:
    """The Dense module of a sentence-transformers or PyLate folder, from safetensors.

    Raises :class:`CheckpointError` where its files are missing, pickled, or name an activation
    that is not one of PyTorch's usual ones.
    """
    from safetensors.torch import load_file

    config, name = _json(folder / "config.json"), f"{folder.parent.name}/{folder.name}"
    file = folder / "model.safetensors"
    if not file.is_file():
        raise CheckpointError(
            f"{name}: there is no model.safetensors. Save the model again with "
            "safe_serialization=True; pickles are never opened."
        )
    state = load_file(file)
    kind = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = _ACTIVATIONS.get(kind.rsplit(".", 1)[-1])
    if activation is None:
        raise CheckpointError(
            f"{name}: its activation function is {kind}; known: {', '.join(_ACTIVATIONS)}"
        )
    linear = _linear(state["linear.weight"], state.get("linear.bias"))
    step: nn.Module = nn.Sequential(linear, activation())
    if config.get("use_residual"):
        own = state.get("residual.weight")
        step = _Residual(step, nn.Identity() if own is None else _linear(own, None))
    elif activation is nn.Identity:
        step = linear
    return step.eval().requires_grad_(False)


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    linear.weight = nn.Parameter(weight.float())
    if bias is not None:
        linear.bias = nn.Parameter(bias.float())
    return linear
