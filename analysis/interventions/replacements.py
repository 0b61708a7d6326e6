"""Words that may take another word's place: of the suite, a data set, or a masked language model.

A masked language model proposes the words that fit where one was masked, so the edited sentence
stays one that somebody could have written; words of the suite or a data set need not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.interventions.edits import Span, edited, word_at, word_spans

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from analysis.checkpoints.loading import Classifier
    from analysis.datasets.table import Table

SOURCES = {
    "suite": "behaviour suite",
    "data": "data set",
    "masked": "masked language model",
}
MOST = 40  # words of a lexicon
FITTING = 12  # words that a masked language model proposes for each place
MOST_ROWS = 20_000  # of a data set that its words are taken from


def of_table(table: Table, most: int = MOST) -> tuple[str, ...]:
    """The words that tell a data set's classes apart, in turn of each class; without classes those
    that it uses most, function words aside.

    Raises
    ------
    ValueError
        Its texts have no words.
    """
    from analysis.text.telling import telling_words

    texts = table.text[:MOST_ROWS]
    classes = 1
    codes = np.zeros(len(texts), int)
    if table.label is not None and table.labels and not table.regression:
        label = np.asarray(table.label)[: len(texts)]
        if label.ndim == 1:
            codes, classes = label.astype(int), len(table.labels)
    words = telling_words(texts, codes, classes, most)
    in_turn = [
        own[place] for place in range(most) for own in words if place < len(own) and own[place]
    ]
    chosen = tuple(dict.fromkeys(in_turn))[:most]
    if not chosen:
        raise ValueError("the data set has no words to put in: take another source of words")
    return chosen


def fitting(
    classifier: Classifier, text: str, pair: str | None = None, most: int = FITTING
) -> dict[Span, tuple[str, ...]]:
    """For each word the words that a masked language model finds likeliest in its place.

    The model is that of the checkpoint's folder, or of its encoder's. Only whole words of letters
    that are one piece of the vocabulary are proposed, never the word itself; a word behind the
    length limit has none.

    Returns
    -------
    dict
        By the word's span, the likeliest first, at most `most`.

    Raises
    ------
    CheckpointError
        There is no masked language model, or its tokenizer has no mask token.
    """
    import torch

    from analysis.checkpoints import masked_lm
    from analysis.common.faults import CheckpointError
    from analysis.common.memory import enough_memory
    from analysis.reading.trace import model_inputs
    from analysis.text.tokens import tokenize

    filler = masked_lm.filler_of(classifier)
    tokenizer = filler.tokenizer
    if tokenizer.mask_token is None:
        raise CheckpointError(
            f"{filler.checkpoint.id}: its tokenizer has no mask token, so no word can be masked. "
            "Take the words from the suite or a data set."
        )
    network = masked_lm.head_of(filler)
    assert network is not None  # a filler has one
    proposals: dict[Span, tuple[str, ...]] = {}
    for span in word_spans(text, pair):
        masked, masked_pair = edited(text, pair, [span], tokenizer.mask_token)
        tokens = tokenize(tokenizer, masked, masked_pair, limit=filler.limit)
        places = np.flatnonzero(np.asarray(tokens.ids) == tokenizer.mask_token_id)
        if len(places) != 1:
            continue  # cut off, or the text has a mask of its own
        with enough_memory(filler, f"at {len(tokens)} tokens"), torch.no_grad():
            logits = network(**model_inputs(filler, tokens)).logits[0, int(places[0])].float()
        # Pieces of words and marks are among the likeliest: a few times as many are looked at.
        ids = logits.topk(min(10 * most, len(logits))).indices.tolist()
        proposals[span] = _whole_words(tokenizer, ids, word_at(text, pair, span), most)
    return proposals


def _whole_words(
    tokenizer: PreTrainedTokenizerFast, ids: Sequence[int], word: str, most: int
) -> tuple[str, ...]:
    words: dict[str, None] = {}
    for number in ids:
        piece = str(tokenizer.convert_ids_to_tokens(number))
        shown = str(tokenizer.decode([number])).strip()
        if not shown.isalpha() or piece.startswith("##") or shown.casefold() == word.casefold():
            continue
        if _is_continuation(tokenizer, piece, shown):
            continue
        words.setdefault(shown)
        if len(words) == most:
            break
    return tuple(words)


def _is_continuation(tokenizer: PreTrainedTokenizerFast, piece: str, shown: str) -> bool:
    """Whether the piece goes on with a word: it is not what a word by itself is cut into."""
    return list(tokenizer.tokenize(f" {shown}")) != [piece]
