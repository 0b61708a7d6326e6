"""Tiny checkpoints with random weights, made in well under a second, for tests of every kind.

Everything that could hide a fault by being zero is not zero here: biases, LoRA's second factor,
the classifier. Nothing is trained, so whatever a page shows of these has to be computed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORDS = (
    "the",
    "a",
    "plot",
    "film",
    "acting",
    "story",
    "is",
    "was",
    "not",
    "very",
    "thin",
    "dull",
    "good",
    "bad",
    "fine",
    "great",
    "poor",
    "but",
    "and",
    "or",
    "anything",
    "what",
    "who",
    "how",
    "many",
    "people",
    "live",
    "in",
    "city",
    "he",
    "she",
    "said",
    "it",
    "than",
    "less",
    "more",
)
PIECES = ("##s", "##ing", "##ed", "##ly", "##n", "##t", "##e")
MARKS = (".", ",", "?", "!", "'", "-", "<", ">")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SENTENCE = "The plot is thin, but the acting is anything but dull."
HIDDEN_SIZE, LAYERS, ATTENTION_HEADS, POSITIONS = 32, 4, 4, 64
FOREIGN = ("bert", "roberta", "distilbert", "electra")


def random_labels(seed: int, count: int = 3) -> tuple[str, ...]:
    """Class names that no code can know beforehand."""
    import numpy as np

    draw = np.random.default_rng(seed)
    letters = np.array(list("bdfgklmnprstvz"))
    names: dict[str, None] = {}
    while len(names) < count:
        names["".join(draw.choice(letters, 3)) + "o" + "".join(draw.choice(letters, 2))] = None
    return tuple(names)


def make_tokenizer(folder: Path, kind: str = "wordpiece") -> Path:
    """Tokenizer files in `folder`; `kind` is "wordpiece" (BERT's) or "bytes" (RoBERTa's).

    tokenizer.json carries fixed padding and a short limit of another purpose, as that of
    all-MiniLM-L6-v2 does; whoever trusts them gets wrong tokens.
    """
    from transformers import PreTrainedTokenizerFast

    tokenizer, names = _wordpiece() if kind == "wordpiece" else _bytes()
    tokenizer.enable_truncation(max_length=12)
    tokenizer.enable_padding(
        length=12, pad_id=tokenizer.token_to_id(names["pad_token"]), pad_token=names["pad_token"]
    )
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=16,
        model_input_names=inputs if kind == "wordpiece" else [inputs[0], inputs[2]],
        **names,
    ).save_pretrained(folder)
    return Path(folder)


def _wordpiece() -> tuple[Any, dict[str, str]]:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {piece: i for i, piece in enumerate((*SPECIAL, *WORDS, *PIECES, *MARKS))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return tokenizer, dict(zip(names, SPECIAL, strict=True))


def _bytes() -> tuple[Any, dict[str, str]]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    special = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "s"), ("Ġ", "is"), ("b", "u")]
    pieces = (*special, *alphabet, *(left + right for left, right in merges))
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.add_special_tokens(list(special))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", vocabulary["</s>"]), ("<s>", vocabulary["<s>"]), True, False
    )
    names = ("cls_token", "pad_token", "sep_token", "unk_token", "mask_token")
    return tokenizer, dict(zip(names, special, strict=True))


def randomize(model: Any, seed: int, scale: float = 0.25) -> Any:
    """Every weight and bias drawn anew, none of them zero; layer norms stay near the identity."""
    import torch

    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=draw)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.copy_(1 + 0.1 * noise)
            else:
                parameter.copy_(noise * (scale if parameter.dim() > 1 else 0.1))
    return model


def make_bare_encoder(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """A BertModel without a task; `changes` go to its configuration."""
    from transformers import BertModel

    randomize(BertModel(_config("bert", **changes), add_pooling_layer=False), seed).save_pretrained(
        folder
    )
    return make_tokenizer(folder)


def make_masked_lm(folder: Path, seed: int = 4) -> Path:
    """A BertForMaskedLM; its bias moves half of the terms below zero."""
    from transformers import BertForMaskedLM

    randomize(BertForMaskedLM(_config("bert")), seed, 0.4).save_pretrained(folder)
    return make_tokenizer(folder)


def make_foreign_checkpoint(
    folder: Path, architecture: str = "bert", labels: Sequence[str] | None = None, seed: int = 0
) -> Path:
    """A stock sequence classifier: "bert", "roberta", "distilbert" or "electra"."""
    from transformers import AutoModelForSequenceClassification

    names = random_labels(seed) if labels is None else tuple(labels)
    config = _config(architecture, **_names(names))
    model = AutoModelForSequenceClassification.from_config(config)
    randomize(model, seed).save_pretrained(folder)
    return make_tokenizer(folder, "bytes" if architecture == "roberta" else "wordpiece")


def make_pooling_checkpoint(
    folder: Path,
    head: str = "max_seq_mha",
    labels: Sequence[str] | None = (),
    adapter: bool = False,
    *,
    head_options: dict[str, Any] | None = None,
    encoder: Path | None = None,
    pairs: bool = False,
    task: str | None = None,
    seed: int = 0,
    facts: dict[str, Any] | None = None,
) -> Path:
    """A checkpoint of this project's kind, with a random pooling head and classifier.

    `labels`: () draws three names, None makes a regression. With `adapter` the folder holds a
    LoRA adapter and the pooling head only; its encoder is `encoder`, or is made beside the folder
    as ``_encoder`` (which `discover` passes over). `facts` becomes training.json.
    """
    import torch

    from analysis.checkpoints.model import build_classifier

    folder = Path(folder)
    if encoder is None:
        encoder = folder.parent / "_encoder"
        if not (encoder / "config.json").is_file():
            make_bare_encoder(encoder)
    names = random_labels(seed) if labels == () else labels
    torch.manual_seed(seed)
    model = build_classifier(
        encoder,
        head,
        {"last_k": 3, **(head_options or {})},
        names,
        task=task,
        pairs=pairs,
        seed=seed,
    )
    model.config.encoder_name = str(encoder)
    randomize(model.head, seed + 1, 0.2)
    randomize(model.classifier, seed + 2, 0.15)
    if adapter:
        _save_adapter(model, folder, seed)
    else:
        model.save_pretrained(folder)
        make_tokenizer(folder)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    if facts is not None:
        (folder / "training.json").write_text(json.dumps(facts))
    return folder


def _save_adapter(model: Any, folder: Path, seed: int) -> None:
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=2, target_modules=model.encoder_linear_names(), modules_to_save=["head", "classifier"]
    )
    wrapped = get_peft_model(model, lora)
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:  # LoRA starts with B = 0, which would hide a lost adapter
            randomize_one(parameter, seed)
            seed += 1
    wrapped.save_pretrained(folder, save_embedding_layers=False)


def randomize_one(parameter: Any, seed: int) -> None:
    """One tensor drawn anew, in place."""
    import torch

    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        parameter.copy_(0.3 * torch.randn(parameter.shape, generator=draw))


def _names(labels: Sequence[str]) -> dict[str, Any]:
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {name: i for i, name in enumerate(labels)},
    }


def _config(architecture: str, **changes: Any) -> Any:
    from transformers import AutoConfig

    size: dict[str, Any] = {
        "vocab_size": len(SPECIAL) + len(WORDS) + len(PIECES) + len(MARKS),
        "max_position_embeddings": POSITIONS,
        "pad_token_id": 0,
    }
    if architecture == "roberta":
        size = {
            "vocab_size": 5 + 256 + 6,
            "max_position_embeddings": POSITIONS + 2,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "type_vocab_size": 1,
        }
    if architecture == "distilbert":
        size |= {
            "dim": HIDDEN_SIZE,
            "n_layers": LAYERS,
            "n_heads": ATTENTION_HEADS,
            "hidden_dim": 2 * HIDDEN_SIZE,
        }
    else:
        size |= {
            "hidden_size": HIDDEN_SIZE,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": ATTENTION_HEADS,
            "intermediate_size": 2 * HIDDEN_SIZE,
        }
    if architecture == "electra":
        size["embedding_size"] = HIDDEN_SIZE // 2  # as in ELECTRA-small: projected to the hidden
    return AutoConfig.for_model(architecture, **{**size, **changes})
