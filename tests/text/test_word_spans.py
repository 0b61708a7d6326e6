"""Words by their characters alone, in scripts with and without spaces."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.text.tokens import tokenize
from analysis.text.word_spans import words_of
from tests.support import zoo


def words(text):
    numbers = words_of(text)
    return [
        "".join(c for c, number in zip(text, numbers, strict=True) if number == word)
        for word in range(numbers.max(initial=-1) + 1)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so-so, naïve cafe\u0301.", ["so", "-", "so", ",", "naïve", "cafe\u0301", "."]),
        ("हिन्दी फिल्म", ["हिन्दी", "फिल्म"]),
        ("这部电影good", ["这", "部", "电", "影", "good"]),
        ("ภาพนี้ดี", ["ภ", "า", "พ", "นี้", "ดี"]),
        ("ຮູບດີ", ["ຮູ", "ບ", "ດີ"]),
        ("នេះល្អ", ["នេះ", "ល្អ"]),
        ("ရုပ်ရှင်ကောင်း", ["ရု", "ပ်", "ရှ", "င်", "ကော", "င်း"]),
        ("it👍🏽👍 👨‍👩‍👧🇩🇪🇫🇷 ❤️ 1️⃣", ["it", "👍🏽", "👍", "👨‍👩‍👧", "🇩🇪", "🇫🇷", "❤️", "1️⃣"]),
        ("a \u0308b\r\nc", ["a", "\u0308b", "c"]),
    ],
)
def test_words_of_known_texts(text, expected):
    assert words(text) == expected


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=40))
def test_every_character_but_white_space_is_in_one_word(text):
    numbers = words_of(text)
    assert [number < 0 for number in numbers] == [character.isspace() for character in text]
    inside = [number for number in numbers if number >= 0]
    assert inside == sorted(inside)
    assert set(inside) == set(range(len(set(inside))))


@given(st.text(alphabet="กาเีิ้ังမြန်ាខ្លាດີ👍🏽\u200d", min_size=1, max_size=12))
def test_no_word_begins_with_a_vowel_or_tone_that_is_written_on_a_letter(text):
    for word in words("ก" + text):
        assert not unicodedata.category(word[0]).startswith("M")


def test_the_pieces_of_a_sentence_without_spaces_are_as_many_words_as_it_has():
    text = "ดีมาก👍🏽"
    tokens = tokenize(zoo.loaded("roberta").tokenizer, text, limit=128)  # pieces of bytes
    assert {int(word) for word in tokens.words if word >= 0} == set(range(len(words(text))))
