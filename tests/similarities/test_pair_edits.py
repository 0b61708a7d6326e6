"""Words left out and put in: places are those of the sentences as typed, whatever else is done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.similarities import token_pairs
from analysis.similarities.pair_edits import as_typed, replaced
from tests.support import zoo

FIRST, SECOND = "The plots thinned, not dully.", "The film was good, not dull."
PLOTS, DULL = (0, 4, 9), (1, 23, 27)


def _words(text: str, side: int) -> list[tuple[int, int, int]]:
    places, start = [], 0
    for word in text.split(" "):
        places.append((side, start, start + len(word)))
        start += len(word) + 1
    return places


SENTENCE = st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=6).map(" ".join)


@given(SENTENCE, SENTENCE, st.data())
def test_every_word_is_where_its_new_text_stands_and_leads_back(
    first: str, second: str, data: st.DataObject
) -> None:
    every = [*_words(first, 0), *_words(second, 1)]
    new = {
        place: data.draw(st.sampled_from(["", "x", "longer than it"])) for place in every
        if data.draw(st.booleans())
    }  # fmt: skip
    puts = [(*place, word) for place, word in new.items()]
    stay = [place for place in every if place not in new]
    texts, moved = replaced((first, second), puts, stay)
    for before, after in zip(stay, moved, strict=True):
        side, start, end = after
        assert texts[side][start:end] == (first, second)[before[0]][before[1] : before[2]]
        assert (side, *as_typed(puts, side, (start, end))) == before
    joined = [" ".join(new.get(place, (first, second)[place[0]][place[1] : place[2]])
                       for place in every if place[0] == side) for side in (0, 1)]  # fmt: skip
    assert list(texts) == joined


def test_a_word_that_was_put_in_leads_to_the_one_whose_place_it_took() -> None:
    puts = [(0, 4, 9, "long stories")]
    assert as_typed(puts, 0, (4, 8)) == (4, 9)
    assert as_typed(puts, 0, (9, 16)) == (4, 9)
    assert as_typed(puts, 1, (4, 8)) == (4, 8)


@pytest.mark.parametrize(
    ("puts", "says"),
    [([(0, 4, 9, "x"), (0, 6, 12, "y")], "same characters"), ([(0, 4, 99, "x")], "not in"),
     ([(2, 0, 1, "x")], "sentence 3")],
)  # fmt: skip
def test_edits_that_cannot_be_are_refused(puts, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replaced((FIRST, SECOND), puts)


@pytest.mark.parametrize("pooling", ["mean", "max", "head", "maxsim"])
def test_a_word_put_in_is_the_sentence_typed_with_it(pooling: str) -> None:
    encoder = zoo.loaded("max_seq_mha")
    puts = [(*PLOTS, "stories"), (*DULL, "bad")]
    typed = FIRST.replace("plots", "stories"), SECOND.replace("dull", "bad")
    if pooling == "maxsim":
        made = token_pairs.maxsim_pairs(encoder, FIRST, SECOND, puts=puts)
        whole = token_pairs.maxsim_pairs(encoder, FIRST, SECOND)
        expected = token_pairs.maxsim_pairs(encoder, *typed)
    else:
        both = [analysis.record(encoder, text) for text in (FIRST, SECOND)]
        made = token_pairs.pooled_pairs(encoder, *both, pooling, puts=puts)
        whole = token_pairs.pooled_pairs(encoder, *both, pooling)
        expected = token_pairs.pairs_of(analysis.similarity(encoder, *typed, pooling))
    assert made.score == pytest.approx(expected.score, abs=1e-9)
    assert made.before == pytest.approx(whole.score, abs=1e-9)
    assert made.contributions.sum() == pytest.approx(made.score, abs=1e-6)


@pytest.mark.parametrize("name", ["maxsim", "splade"])
def test_effects_on_best_matches_and_terms_are_scores_without_each_word(name: str) -> None:
    encoder = zoo.loaded("masked_lm" if name == "splade" else "max_seq_mha")
    make = token_pairs.splade_pairs if name == "splade" else token_pairs.maxsim_pairs
    effects = token_pairs.effects_of(name, encoder, FIRST, SECOND)
    whole = make(encoder, FIRST, SECOND)
    assert effects.score == pytest.approx(whole.score)
    for side, (values, groups) in enumerate(
        zip((effects.a, effects.b), effects.groups, strict=True)
    ):
        tokens = effects.tokens[side]
        for value, group in zip(values, groups, strict=True):
            if tokens.special[list(group)].any():
                assert value != value
                continue
            start, end = tokens.offsets[group[0]][0], tokens.offsets[group[-1]][1]
            texts = [FIRST, SECOND]
            texts[side] = texts[side][:start] + texts[side][end:]
            assert value == pytest.approx(whole.score - make(encoder, *texts).score, abs=1e-5)
