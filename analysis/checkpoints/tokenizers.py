"""A checkpoint's tokenizer: opened without code, checked against the model, and what it decides."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from analysis.checkpoints.model import PoolingClassifier
from analysis.common.faults import CheckpointError
from analysis.text.batches import InputRules

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from analysis.checkpoints.protocols import ModelWithEmbeddings

_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model")
_SENTENCEPIECE = ("*.model", "*.spm")  # spm.model, spiece.model, sentencepiece.bpe.model, ...
_SHORT = "a b"  # what a tokenizer adds around it are its special tokens


def load_tokenizer(folder: str | Path) -> PreTrainedTokenizerFast:
    """The fast tokenizer of a folder; its own length limit and padding are not trusted.

    Raises :class:`CheckpointError` where there are no tokenizer files, or none that can be read.
    """
    from transformers import AutoTokenizer

    folder = Path(folder)
    files = [path.name for pattern in _SENTENCEPIECE for path in sorted(folder.glob(pattern))]
    spm = files[0] if files else None
    if spm is None and not any((folder / name).is_file() for name in _FILES):
        _refuse_characters(folder)
        # Transformers would make one with an empty vocabulary, to which every word is unknown.
        raise CheckpointError(
            f"{folder.name}: there are no tokenizer files beside config.json. Save the "
            "tokenizer there too: tokenizer.save_pretrained(folder)."
        )
    _check_merges(folder)
    only_spm = spm is not None and not (folder / "tokenizer.json").is_file()
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, use_fast=True, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:
        if only_spm:
            raise _unread(folder, str(spm), error) from error
        if not (folder / "tokenizer.json").is_file():
            raise
        tokenizer = _plain(folder, error)
    # An architecture whose tokenizers read no SentencePiece gets one of special tokens only.
    if only_spm and set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise _unread(folder, str(spm), None)
    if not tokenizer.is_fast:
        if only_spm:
            raise _unread(folder, str(spm), None)
        raise CheckpointError(
            f"{folder.name}: its {type(tokenizer).__name__} has no fast version, so tokens cannot "
            "be placed in the text. Add a tokenizer.json where there is one for this model, or use "
            "a model that has one, such as BERT, ModernBERT or DeBERTa."
        )
    return cast("PreTrainedTokenizerFast", tokenizer)


def _refuse_characters(folder: Path) -> None:
    """Raise :class:`CheckpointError` where the tokenizer has no vocabulary at all: CANINE's,
    Perceiver's, ByT5's."""
    import transformers

    file = folder / "tokenizer_config.json"
    try:
        settings = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError):
        return
    kind = str(settings.get("tokenizer_class") or "") if isinstance(settings, dict) else ""
    known = getattr(transformers, kind, None) if kind.isidentifier() else None
    if known is not None and getattr(known, "vocab_files_names", None) == {}:
        raise CheckpointError(
            f"{folder.name}: its {kind} reads single characters or bytes and has no fast version, "
            "so tokens cannot be placed in the text. Use a model with word pieces, such as BERT, "
            "ModernBERT or DeBERTa."
        )


def _check_merges(folder: Path) -> None:
    """Raise :class:`CheckpointError` where a byte-pair vocabulary has lost its merges."""
    alone = (folder / "vocab.json").is_file() and not (folder / "tokenizer.json").is_file()
    if alone and not (folder / "merges.txt").is_file():
        raise CheckpointError(
            f"{folder.name}: its tokenizer is the vocabulary vocab.json alone, and merges.txt, "
            "which belongs to it, is missing. Copy merges.txt too, or the tokenizer.json that "
            "holds both."
        )


def _plain(folder: Path, error: Exception) -> PreTrainedTokenizerFast:
    """The tokenizer of tokenizer.json as it stands, where its own class cannot be built of it."""
    from transformers import PreTrainedTokenizerFast

    try:
        plain: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(
            folder, local_files_only=True
        )
    except Exception:
        raise error from None
    return plain


def _unread(folder: Path, file: str, error: Exception | None) -> CheckpointError:
    """Why a SentencePiece file alone could not be read, and the line that converts it."""
    reason = "" if error is None else (str(error).strip() or type(error).__name__).splitlines()[0]
    # Transformers tries another format after this one failed, and its error is about that one.
    shown = "" if not reason or "tiktoken" in reason else f" ({reason[:200]})"
    return CheckpointError(
        f"{folder.name}: its tokenizer is the SentencePiece file {file} alone, and it could not be "
        f"read{shown}. Copy the file again, or convert it where it works (pip install "
        "sentencepiece protobuf): AutoTokenizer.from_pretrained(folder).save_pretrained(folder), "
        "which writes tokenizer.json."
    )


def check_vocabulary(name: str, model: nn.Module, tokenizer: PreTrainedTokenizerFast) -> None:
    """Raise :class:`CheckpointError` where the tokenizer's ids or token types exceed the model's
    embeddings."""
    inner = _inner(model)
    types = max(tokenizer(_SHORT, _SHORT).get("token_type_ids") or [0])
    known = getattr(inner.config, "type_vocab_size", None)
    if takes_token_types(inner) and known is not None and types >= known:
        raise CheckpointError(
            f"{name}: its tokenizer gives token types up to {types} and the model has embeddings "
            f"for {known}, up to {known - 1}: it is the tokenizer of another model. Save the one "
            "that it was trained with beside it: tokenizer.save_pretrained(folder)."
        )
    try:
        rows = int(cast("ModelWithEmbeddings", model).get_input_embeddings().weight.shape[0])
    except (AttributeError, NotImplementedError):
        return  # no table of embeddings, as in a model of characters
    largest = max(tokenizer.get_vocab().values(), default=0)
    if largest >= rows:
        raise CheckpointError(
            f"{name}: its tokenizer has ids up to {largest} and the model embeddings for {rows} "
            f"only, up to {rows - 1}. Tokens were added and the model was not resized: call "
            "model.resize_token_embeddings(len(tokenizer)), train it, and save both."
        )


def input_rules(model: nn.Module, tokenizer: PreTrainedTokenizerFast) -> InputRules:
    """Rules for shorter rows of a batch: their padding, and whether token types are handed over.

    A classifier on a decoder looks for the last token that is not `config.pad_token_id`. So that
    number stays as it is where there is one; where there is none it is set to the tokenizer's,
    which leaves the answer to a text alone as it was. A tokenizer without such a token, or one
    that ends every text with it, leaves only batches of equal length.
    """
    inner = _inner(model)
    config = inner.config.get_text_config()
    own, of_tokenizer = config.pad_token_id, tokenizer.pad_token_id
    alike = False
    if isinstance(own, int) and 0 <= own < getattr(config, "vocab_size", own + 1):
        pad = own
    elif of_tokenizer is not None and of_tokenizer not in tokenizer(_SHORT)["input_ids"]:
        pad = config.pad_token_id = int(of_tokenizer)
    elif not type(model).__name__.endswith("ForSequenceClassification"):
        pad = 0  # nothing looks for the last token but the mask
    else:
        pad, alike = 0, True
        config.pad_token_id = -1  # no token: the last one of a row is its last
    return InputRules(pad, takes_token_types(inner), alike)


def _inner(model: nn.Module) -> PreTrainedModel:
    """The model of Transformers inside one of this project's own."""
    inner = getattr(model, "encoder", model) if hasattr(model, "pool") else model
    return cast("PreTrainedModel", inner)


def takes_token_types(model: nn.Module) -> bool:
    """Whether a model tells token types apart: it takes them, and has more than one."""
    config: Any = model.config
    size = getattr(config, "type_vocab_size", None)
    takes = "token_type_ids" in inspect.signature(model.forward).parameters
    return takes and (size is None or size > 1)


def token_limit(model: nn.Module, tokenizer: PreTrainedTokenizerFast) -> int:
    """Tokens that a model takes, special tokens included."""
    base: Any = model.encoder if isinstance(model, PoolingClassifier) else model
    positions = getattr(base.config.get_text_config(), "max_position_embeddings", None)
    if not isinstance(positions, int) or positions <= 0:
        declared = int(tokenizer.model_max_length)
        return declared if declared < 100_000 else 512
    # RoBERTa-like encoders count positions from pad_token_id + 1.
    for module in base.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, nn.Embedding) and table.padding_idx is not None:
            return positions - table.padding_idx - 1
    return positions
