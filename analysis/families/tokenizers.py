"""Tokenizers of each style, trained on a few sentences in a moment: for tiny random models."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

_SENTENCES = [
    "The plot is thin, but the acting is unbelievably good.",
    "A dull film with a great story. How many people live in the city?",
    "She said it is not good, and he said: who cares!",
] * 4
_BERT = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
_ROBERTA = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@cache
def tokenizer_of(style: str) -> PreTrainedTokenizerFast:
    """A fast tokenizer of a style.

    "wordpiece", "bytes" (BPE), "pieces" (SentencePiece), "xlnet" (the same with the special tokens
    behind the text) or "gemma" (spaces are no borders of words).
    """
    from transformers import PreTrainedTokenizerFast

    backend, names, types = {
        "wordpiece": _wordpiece,
        "bytes": _bytes,
        "pieces": _pieces,
        "xlnet": _xlnet,
        "gemma": _gemma,
    }[style]()
    inputs = ["input_ids", *(["token_type_ids"] if types else []), "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=inputs, **names)


def _wordpiece() -> tuple[Tokenizer, dict[str, str], bool]:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=list(_BERT.values()), show_progress=False
    )
    made.train_from_iterator(_SENTENCES, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, made.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return made, dict(_BERT), True


def _bytes() -> tuple[Tokenizer, dict[str, str], bool]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(_SENTENCES, trainer)
    made.post_processor = processors.RobertaProcessing(
        ("</s>", _id(made, "</s>")), ("<s>", _id(made, "<s>")), True, False
    )
    return made, dict(_ROBERTA), False


def _pieces() -> tuple[Tokenizer, dict[str, str], bool]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=_SPECIAL, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(_SENTENCES, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(name, made.token_to_id(name)) for name in ("<s>", "</s>")],
    )
    return made, dict(_ROBERTA), False


def _xlnet() -> tuple[Tokenizer, dict[str, str], bool]:
    from tokenizers import processors

    made, names, _ = _pieces()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s> <s>:2",
        pair="$A </s> $B:1 </s>:1 <s>:2",
        special_tokens=[(name, _id(made, name)) for name in ("<s>", "</s>")],
    )
    return made, names, True


def _id(tokenizer: Tokenizer, token: str) -> int:
    """Where a special token stands in the vocabulary."""
    place = tokenizer.token_to_id(token)
    assert isinstance(place, int)
    return place


def _gemma() -> tuple[Tokenizer, dict[str, str], bool]:
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )

    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="never"), pre_tokenizers.Punctuation()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=200, special_tokens=["<pad>", "<eos>", "<bos>", "<unk>"], show_progress=False
    )
    made.train_from_iterator(_SENTENCES, trainer)
    # A text is one piece of text to it, as with Gemma: a space is a character like any other.
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.decoder = decoders.Replace("▁", " ")
    made.post_processor = processors.TemplateProcessing(
        single="<bos> $A",
        pair="<bos> $A <bos> $B",
        special_tokens=[("<bos>", made.token_to_id("<bos>"))],
    )
    names = {f"{name}_token": f"<{name}>" for name in ("pad", "eos", "bos", "unk")}
    return made, names, False
