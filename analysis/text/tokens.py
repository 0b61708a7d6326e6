"""Tokens of a text, and the one door where text is cleaned before anything else sees it."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.common.phrases import amount
from analysis.common.records import freeze
from analysis.text.word_spans import words_of

if TYPE_CHECKING:
    from tokenizers import Encoding
    from transformers import BatchEncoding, PreTrainedTokenizerFast

_ONE_AT_A_TIME = threading.Lock()
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Tokens:
    """T tokens of one text (or pair), by position; repeated pieces never merge."""

    text: str  # as tokenised (cleaned): `offsets` index into it
    pair: str | None  # the second text, where there is one
    ids: np.ndarray  # (T,) int vocabulary ids
    pieces: tuple[str, ...]  # (T,) word pieces as the vocabulary spells them
    words: np.ndarray  # (T,) int word index, ascending through both texts; -1 = special token
    offsets: np.ndarray  # (T, 2) int character span in `text` or `pair`; (0, 0) = special token
    special: np.ndarray  # (T,) bool
    segment: np.ndarray  # (T,) int: 0 = text, 1 = pair
    dropped: int  # tokens cut off because the text exceeds the model's limit
    notes: tuple[str, ...] = ()  # what cleaning replaced, in words
    types: np.ndarray | None = None  # (T,) int token types, where the tokenizer gives them
    blank: np.ndarray | None = None  # (T,) bool: the piece is nothing but white space

    def __post_init__(self) -> None:
        size = len(self.ids)
        for name in ("pieces", "words", "offsets", "special", "segment"):
            if len(getattr(self, name)) != size:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {size} tokens")
        for name in ("types", "blank"):
            values = getattr(self, name)
            if values is not None and len(values) != size:
                raise ValueError(f"{name} has {len(values)} entries for {size} tokens")
        freeze(self)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """(T,) what each token covers in the text as typed; special tokens by their own name.

        A character that several byte pieces share is shown once; the others show their piece, and
        so does a piece of nothing but white space, whose place some tokenizers give as that of
        the letter behind it.
        """
        shown: list[str] = []
        previous: tuple[int, int, int] | None = None
        for position, piece in enumerate(self.pieces):
            span = self.span(position)
            if self.blank is not None and self.blank[position]:
                shown.append(piece)
                continue
            if self.special[position] or span == previous:
                shown.append(piece)
            else:
                shown.append(self._slice(*span).strip() or piece)
            previous = span
        return tuple(shown)

    @cached_property
    def spaced(self) -> tuple[bool, ...]:
        """(T,) whether white space stands before the token in its text (a strip keeps it)."""
        return tuple(
            bool(self.special[position])
            or start == 0
            # some tokenizers count the space before a word as its first character
            or self._slice(segment, start - 1, start + 1).strip()
            != self._slice(segment, start - 1, start + 1)
            for position, (segment, start, _) in enumerate(map(self.span, range(len(self))))
        )

    def span(self, position: int) -> tuple[int, int, int]:
        """(segment, start, end) of a token: which text, and which characters of it."""
        start, end = self.offsets[position].tolist()
        return int(self.segment[position]), start, end

    def touching(self, segment: int, start: int, end: int) -> tuple[int, ...]:
        """Positions of the ordinary tokens that share a character with [start, end) of a text."""
        return tuple(
            position
            for position, (first, last) in enumerate(self.offsets.tolist())
            if not self.special[position]
            and self.segment[position] == segment
            and first < end
            and start < last
        )

    def special_position(self, number: int) -> int:
        """Position of the n-th special token (from 0), else of the last; 0 where there is none."""
        places = [position for position, special in enumerate(self.special) if special]
        return places[min(number, len(places) - 1)] if places else 0

    def special_number(self, position: int) -> int:
        """Number of special tokens before a position."""
        return int(self.special[:position].sum())

    def _slice(self, segment: int, start: int, end: int) -> str:
        return ((self.pair or "") if segment else self.text)[max(start, 0) : end]

    def word_groups(self) -> tuple[tuple[int, ...], ...]:
        """Token positions of each word, in order; a special token is a group of its own."""
        groups: list[list[int]] = []
        previous: int | None = None
        for position, word in enumerate(self.words.tolist()):
            if word >= 0 and word == previous:
                groups[-1].append(position)
            else:
                groups.append([position])
            previous = word
        return tuple(tuple(group) for group in groups)


def one_line(name: str) -> str:
    """A name as everything here writes it: cleaned as texts are, and on one line."""
    return name if name.isprintable() and name == name.strip() else " ".join(clean(name)[0].split())


def clean(text: str) -> tuple[str, tuple[str, ...]]:
    """The text as every other part sees it, and in words what was replaced.

    Characters are replaced one for one, so offsets into the result are offsets into what was
    typed. Unpaired surrogates (no tokenizer and no browser takes them) become U+FFFD; control
    characters other than tab and line ends become a space. Everything else stays as typed.

    Raises ``ValueError`` where the text is no string.
    """
    if not isinstance(text, str):
        raise ValueError(f"a text is needed, and this is {type(text).__name__}")
    if text.isprintable():  # no surrogate and no control character: nothing to replace
        return text, ()
    surrogates = controls = 0
    characters = []
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs":
            surrogates += 1
            character = REPLACEMENT
        elif category == "Cc" and character not in "\t\n\r":
            controls += 1
            character = " "
        characters.append(character)
    notes = []
    if surrogates:
        notes.append(f"{amount(surrogates, 'unpaired surrogate')} replaced by {REPLACEMENT}")
    if controls:
        notes.append(f"{amount(controls, 'control character')} replaced by a space")
    return "".join(characters), tuple(notes)


def changed_rows(texts: Sequence[str], pairs: Sequence[str | None] | None = None) -> int:
    """In how many rows of a data set :func:`clean` replaces something."""
    second = [None] * len(texts) if pairs is None else pairs
    return sum(
        bool(clean(text)[1] or (pair and clean(pair)[1]))
        for text, pair in zip(texts, second, strict=True)
    )


def set_prompt(tokenizer: PreTrainedTokenizerFast, prompt: str) -> None:
    """Let a tokenizer put a prompt before every text (of a pair, before the first), as models do
    that were trained with an instruction; "" takes it away."""
    tokenizer.prompt_before_text = prompt


def _prompt_of(tokenizer: PreTrainedTokenizerFast) -> str:
    return str(getattr(tokenizer, "prompt_before_text", ""))


def tokenize(
    tokenizer: PreTrainedTokenizerFast, text: str, pair: str | None = None, limit: int = 512
) -> Tokens:
    """Tokens of a text (or pair) as the model gets them, cut to `limit`, special tokens included.

    `tokenizer` is a fast tokenizer of Transformers. Its own length limit and padding are not
    used: a tokenizer.json may carry settings of another purpose. What was cut is counted in
    `dropped`; of a pair the longer text is cut first. Pieces of the tokenizer's prompt
    (:func:`set_prompt`) are special tokens: they stand in no text that was typed.

    Raises ``ValueError`` for a blank text.
    """
    text, notes = clean(text)
    if not text.strip():
        raise ValueError("the text is empty: type a sentence")
    if pair is not None:
        pair, pair_notes = clean(pair)
        notes += tuple(note for note in pair_notes if note not in notes)
        pair = pair if pair.strip() else None

    prompt = _prompt_of(tokenizer)

    def encode(**truncation: Any) -> BatchEncoding:
        # verbose=False: the warning about the length is this function's own business.
        encoded: BatchEncoding = tokenizer(
            prompt + text,
            pair,
            padding=False,
            return_offsets_mapping=True,
            verbose=False,
            **truncation,
        )
        return encoded

    # Truncation is state of the shared tokenizer: another thread's setting would cut this text.
    with _ONE_AT_A_TIME:
        encoded = encode(truncation=False)
        full = len(encoded["input_ids"])
        if full > limit:
            encoded = encode(truncation="longest_first", max_length=limit)
    fast = _fast(encoded)[0]
    # A special token stands with the text before it: the last [SEP] of a pair closes the pair.
    segments: list[int] = []
    for segment in fast.sequence_ids:
        segments.append((segments[-1] if segments else 0) if segment is None else segment)
    if pair is not None and 1 not in segments:  # a second text without tokens still has its [SEP]
        segments[-1] = 1
    special = np.array([segment is None for segment in fast.sequence_ids])
    offsets = np.array(fast.offsets, dtype=np.int64).reshape(-1, 2)
    if prompt:
        in_first = ~special & (np.array(segments) == 0)
        special |= in_first & (offsets[:, 1] <= len(prompt))
        offsets[in_first] = np.maximum(offsets[in_first] - len(prompt), 0)
    ids = np.array(encoded["input_ids"], dtype=np.int64)
    unknown = 0 if tokenizer.unk_token_id is None else int((ids == tokenizer.unk_token_id).sum())
    if unknown:
        notes += (f"{amount(unknown, 'piece')} not in the vocabulary ({tokenizer.unk_token})",)
    pieces = tuple(tokenizer.convert_ids_to_tokens(ids.tolist()))
    blank = np.array(
        [not s and _is_blank(tokenizer, p) for p, s in zip(pieces, special, strict=True)], bool
    )
    return Tokens(
        text=text,
        pair=pair,
        ids=ids,
        pieces=pieces,
        words=_words((text, pair or ""), offsets, segments, special, blank),
        offsets=offsets,
        special=special,
        segment=np.array(segments, dtype=np.int64),
        dropped=full - len(ids),
        notes=notes,
        types=_types_of(tokenizer, fast),
        blank=blank,
    )


def _fast(encoded: BatchEncoding) -> list[Encoding]:
    """Rows as a fast tokenizer gives them; :func:`load_tokenizer` lets no other through."""
    assert encoded.encodings is not None
    return encoded.encodings


def _types_of(tokenizer: PreTrainedTokenizerFast, fast: Encoding) -> np.ndarray | None:
    """(T,) token types as the tokenizer gives them; None where its model takes none."""
    if "token_type_ids" not in tokenizer.model_input_names:
        return None
    return np.array(fast.type_ids, dtype=np.int64)


def _is_blank(tokenizer: PreTrainedTokenizerFast, piece: str) -> bool:
    """Whether a piece stands for white space alone, by the tokenizer's own decoder."""
    if len(piece) > 1 and piece.isascii():
        return False
    decoder = tokenizer.backend_tokenizer.decoder
    return not (piece if decoder is None else decoder.decode([piece])).strip()


@dataclass(frozen=True)
class TokenRow:
    """The inputs of a model for one row of a data set, and how many tokens were cut off."""

    ids: list[int]
    types: list[int] | None  # token types, where the tokenizer gives them
    dropped: int


def tokenize_rows(
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    limit: int = 512,
) -> list[TokenRow]:
    """Many rows at once, each with the same ids that :func:`tokenize` gives for it alone.

    A blank pair counts as none. Raises ``ValueError`` where a text is blank.
    """
    cleaned = [clean(text)[0] for text in texts]
    blank = next((row for row, text in enumerate(cleaned) if not text.strip()), None)
    if blank is not None:
        raise ValueError(f"row {blank + 1} of {len(cleaned)} has no text")
    if pairs is None:
        return _rows_of(tokenizer, cleaned, None, limit)
    second = [clean(pair)[0] for pair in pairs]
    with_pair = [row for row, pair in enumerate(second) if pair.strip()]
    alone = [row for row, pair in enumerate(second) if not pair.strip()]
    rows_by_number: dict[int, TokenRow] = {}
    for rows, chosen in ((with_pair, [second[row] for row in with_pair]), (alone, None)):
        made = _rows_of(tokenizer, [cleaned[row] for row in rows], chosen, limit)
        rows_by_number.update(zip(rows, made, strict=True))
    return [rows_by_number[row] for row in range(len(cleaned))]


def _rows_of(
    tokenizer: PreTrainedTokenizerFast, texts: list[str], pairs: list[str] | None, limit: int
) -> list[TokenRow]:
    if not texts:
        return []
    prompt = _prompt_of(tokenizer)
    texts = [prompt + text for text in texts] if prompt else texts

    def encode(rows: list[int] | slice, **truncation: Any) -> BatchEncoding:
        chosen = texts[rows] if isinstance(rows, slice) else [texts[row] for row in rows]
        seconds = None
        if pairs is not None:
            seconds = pairs[rows] if isinstance(rows, slice) else [pairs[row] for row in rows]
        encoded: BatchEncoding = tokenizer(
            chosen,
            seconds,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
            **truncation,
        )
        return encoded

    with _ONE_AT_A_TIME:
        encoded = encode(slice(None), truncation=False)
        ids, fast = list(encoded["input_ids"]), list(_fast(encoded))
        full = [len(row) for row in ids]
        long = [row for row, length in enumerate(full) if length > limit]
        if long:
            shorter = encode(long, truncation="longest_first", max_length=limit)
            for place, row in enumerate(long):
                ids[row], fast[row] = shorter["input_ids"][place], _fast(shorter)[place]
    typed = "token_type_ids" in tokenizer.model_input_names
    return [
        TokenRow(tokens, list(fast[row].type_ids) if typed else None, full[row] - len(tokens))
        for row, tokens in enumerate(ids)
    ]


def _words(
    texts: tuple[str, str],
    offsets: np.ndarray,
    segments: list[int],
    special: np.ndarray,
    blank: np.ndarray,
) -> np.ndarray:
    """(T,) word of each token: that of its first character which is no white space.

    A piece of white space alone belongs to the word behind it, or to the last one of its text.
    """
    of_characters = [words_of(text) for text in texts]
    first = (0, int(of_characters[0].max(initial=-1)) + 1)
    words = np.full(len(offsets), -1, dtype=np.int64)
    waiting: list[int] = []
    last = (-1, -1)  # segment and word of the token before
    for position, segment in enumerate(segments):
        if special[position]:
            _close(words, waiting, last[1])
            waiting, last = [], (-1, -1)
            continue
        if segment != last[0] >= 0:
            _close(words, waiting, last[1])
            waiting = []
        start, end = offsets[position].tolist()
        inside = of_characters[segment][max(start, 0) : end]
        inside = inside[inside >= 0]
        if blank[position] or not len(inside):
            waiting.append(position)
            continue
        word = max(first[segment] + int(inside[0]), last[1] if last[0] == segment else -1)
        words[waiting] = word
        words[position] = word
        waiting, last = [], (segment, word)
    _close(words, waiting, last[1])
    return words


def _close(words: np.ndarray, waiting: list[int], last: int) -> None:
    """White space at the end of a text joins its last word; alone it is word 0."""
    words[waiting] = max(last, 0)
