"""Tokens by position: text of every kind, limits, words, offsets; the one door of cleaning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.text.tokens import REPLACEMENT, Tokens, clean, tokenize
from tests.support import tiny, zoo
from tests.support.hostile_texts import HOSTILE
from tests.support.sentences import in_order

KINDS = ("wordpiece", "bytes")


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return zoo.loaded("roberta" if request.param == "bytes" else "bert").tokenizer


@pytest.fixture(scope="module")
def minilm():
    from analysis.checkpoints.encoders import resolve_encoder
    from analysis.checkpoints.tokenizers import load_tokenizer

    return load_tokenizer(resolve_encoder("sentence-transformers/all-MiniLM-L6-v2").path)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_text_of_every_kind_has_tokens_placed_in_it(text, tokenizer):
    tokens = tokenize(tokenizer, text, limit=64)
    assert 2 <= len(tokens) <= 64
    assert len(tokens.labels) == len(tokens.spaced) == len(tokens)
    assert len(tokens.text) == len(text)
    for position in range(len(tokens)):
        _, start, end = tokens.span(position)
        assert 0 <= start <= end <= len(text)
        if tokens.special[position]:
            assert (start, end) == (0, 0)
    "".join(tokens.labels).encode()  # no surrogate is left for a browser to choke on


@given(text=st.text(min_size=1, max_size=40).filter(lambda text: clean(text)[0].strip()))
def test_any_text_is_tokenized(text):
    for name in ("bert", "roberta"):
        tokens = tokenize(zoo.loaded(name).tokenizer, text, limit=64)
        assert tokens.special[[0, -1]].all()
        groups = tokens.word_groups()
        assert [t for group in groups for t in group] == list(range(len(tokens)))


def test_tokens_equal_the_tokenizers_own_without_its_limit_and_padding(tokenizer):
    text = tiny.SENTENCE
    tokens = tokenize(tokenizer, text, limit=64)
    plain = tokenizer(text, padding=False, truncation=False)
    assert tokens.ids.tolist() == plain["input_ids"]
    assert tokens.pieces == tuple(tokenizer.convert_ids_to_tokens(plain["input_ids"]))
    assert tokens.dropped == 0
    assert len(tokens) > 12  # the limit that tokenizer.json carries


def test_the_demo_encoder_takes_512_tokens_although_its_tokenizer_says_128(minilm):
    import json
    from pathlib import Path

    stored = json.loads((Path(minilm.name_or_path) / "tokenizer.json").read_text())
    assert stored["truncation"]["max_length"] == 128
    assert stored["padding"]["strategy"] == {"Fixed": 128}
    assert len(tokenize(minilm, "dull", limit=512)) == 3
    fits = tokenize(minilm, "dull " * 510, limit=512)
    assert (len(fits), fits.dropped) == (512, 0)
    cut = tokenize(minilm, "dull " * 10_000, limit=512)
    assert (len(cut), cut.dropped) == (512, 10_002 - 512)
    assert cut.pieces[-1] == "[SEP]"


def test_of_a_pair_the_longer_text_is_cut_first(minilm):
    tokens = tokenize(minilm, "dull " * 600, "a short one", limit=512)
    assert tokens.dropped == 606 - 512
    assert tokens.pieces[-4:] == ("a", "short", "one", "[SEP]")
    assert (tokens.segment == 1).sum() == 4  # with its [SEP]


def test_pieces_words_and_offsets_of_a_known_sentence(minilm):
    tokens = tokenize(minilm, "Unbelievably dull, dull.", limit=512)
    assert tokens.pieces == (
        "[CLS]",
        "un",
        "##bel",
        "##ie",
        "##va",
        "##bly",
        "dull",
        ",",
        "dull",
        ".",
        "[SEP]",
    )
    assert tokens.words.tolist() == [-1, 0, 0, 0, 0, 0, 1, 2, 3, 4, -1]
    assert tokens.labels == (
        "[CLS]",
        "Un",
        "bel",
        "ie",
        "va",
        "bly",
        "dull",
        ",",
        "dull",
        ".",
        "[SEP]",
    )
    assert tokens.word_groups() == ((0,), (1, 2, 3, 4, 5), (6,), (7,), (8,), (9,), (10,))
    assert tokens.spaced[6]
    assert not tokens.spaced[7]
    assert tokens.spaced[8]
    assert not any(tokens.spaced[2:6])


def test_words_of_a_pair_never_merge_across_the_texts(minilm):
    tokens = tokenize(minilm, "dull dull", "dull dull", limit=512)
    assert tokens.words.tolist() == [-1, 0, 1, -1, 2, 3, -1]
    assert tokens.segment.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert tokens.special.tolist() == [True, False, False, True, False, False, True]
    assert tokens.span(4) == (1, 0, 4)


def test_byte_pieces_that_share_a_character_show_it_once():
    tokens = tokenize(zoo.loaded("roberta").tokenizer, "a \U0001f600 b", limit=64)
    assert tokens.labels.count("\U0001f600") == 1


def test_cleaning_replaces_one_for_one_and_says_what():
    text, notes = clean("a\ud800b\x00c\x1bd")
    assert text == f"a{REPLACEMENT}b c d"
    surrogates, controls = notes
    assert in_order(surrogates, "1 unpaired surrogate", REPLACEMENT)
    assert in_order(controls, "2 control characters", "space")
    assert clean("tab\tline\nend\r") == ("tab\tline\nend\r", ())


@given(st.text())
def test_cleaning_keeps_every_position_and_is_done_once(text):
    cleaned, _ = clean(text)
    assert len(cleaned) == len(text)
    assert clean(cleaned) == (cleaned, ())
    cleaned.encode()


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\x00\x01", "\u2003"])
def test_a_blank_text_is_answered_in_words(text, tokenizer):
    with pytest.raises(ValueError, match="text is empty"):
        tokenize(tokenizer, text)


@pytest.mark.parametrize("text", [None, 7, b"bytes", ["a"]])
def test_what_is_no_string_is_refused(text, tokenizer):
    with pytest.raises(ValueError, match=f"this is {type(text).__name__}"):
        tokenize(tokenizer, text)


def test_a_blank_second_text_is_none(tokenizer):
    tokens = tokenize(tokenizer, "dull", " \n")
    assert tokens.pair is None
    assert np.array_equal(tokens.ids, tokenize(tokenizer, "dull").ids)


def test_unknown_pieces_are_counted():
    tokens = tokenize(zoo.loaded("bert").tokenizer, "qqqq the zzzz")
    (note,) = tokens.notes
    assert in_order(note, "2 pieces", "vocabulary", "[UNK]")
    assert tokens.labels[1] == "qqqq"


def test_arrays_of_tokens_cannot_be_written_to(tokenizer):
    tokens = tokenize(tokenizer, "dull")
    for array in (tokens.ids, tokens.words, tokens.offsets, tokens.special, tokens.segment):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(ValueError, match="has 1 entries for 2 tokens"):
        Tokens(
            "a",
            None,
            np.zeros(2),
            ("a",),
            np.zeros(2),
            np.zeros((2, 2)),
            np.zeros(2),
            np.zeros(2),
            0,
        )


def test_two_threads_may_share_a_tokenizer():
    from concurrent.futures import ThreadPoolExecutor

    own = zoo.loaded("bert").tokenizer

    def once(number: int) -> int:
        return len(tokenize(own, "dull " * (number % 90 + 1), limit=64 - number % 2))

    with ThreadPoolExecutor(8) as pool:
        lengths = list(pool.map(once, range(400)))
    assert lengths == [min(n % 90 + 3, 64 - n % 2) for n in range(400)]


def test_special_tokens_are_counted_as_they_stand(tokenizer):
    tokens = tokenize(tokenizer, "the plot is thin", "and dull")
    places = np.flatnonzero(tokens.special).tolist()
    for number, place in enumerate(places):
        assert tokens.special_position(number) == place
        assert tokens.special_number(place) == number
    assert tokens.special_position(99) == places[-1]


def test_tokens_touch_the_characters_they_lie_on(tokenizer):
    tokens = tokenize(tokenizer, "the plot is thin", "the plot")
    for segment, text in enumerate(("the plot is thin", "the plot")):
        start = text.index("plot")
        touched = tokens.touching(segment, start, start + 4)
        assert touched
        for position in range(len(tokens)):
            which, first, last = tokens.span(position)
            lies = which == segment and set(range(first, last)) & set(range(start, start + 4))
            assert (position in touched) == (bool(lies) and not tokens.special[position])
    assert not tokens.touching(0, 3, 3)
