import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.figures import Grid, view
from analysis.reading.decomposition import STRAIGHT_LINE
from analysis.reading.winners import Winners
from tests.support.known_results import (
    SENTENCE,
    TREC,
    attributed,
    checkpoint,
    split,
    tokens_of,
    trace,
    winners,
)
from tests.support.sentences import in_order

TOKENS = tokens_of("Screenplays bore me.", "They do not.")


def test_classes_of_one_checkpoint_are_its_probabilities():
    plot = view("classes", trace([0.39, 0.61]), target=0)
    assert plot.mark.values.tolist() == [[0.39, 0.61]]
    assert plot.mark.categories == ("negative", "positive")
    assert plot.mark.predicted == (1,)
    assert plot.mark.chosen == 0
    assert plot.mark.bounds == (0.0, 1.0)
    assert plot.provenance["target"] == "negative"
    assert "sha256" in plot.provenance


def test_a_seed_group_shows_its_mean_its_spread_and_a_dot_for_each_seed():
    seeds = [[0.2, 0.8], [0.3, 0.7], [0.4, 0.6]]
    group = [trace(p, name=f"a-s{i}", group="a", seed=i) for i, p in enumerate(seeds)]
    mark = view("classes", [group, trace([0.1, 0.9], name="b")]).mark
    assert mark.series == ("a", "b")
    np.testing.assert_allclose(mark.values, [[0.3, 0.7], [0.1, 0.9]])
    np.testing.assert_allclose(mark.intervals[0, 0], [0.2, 0.4])  # sd of .2 .3 .4 is .1
    np.testing.assert_allclose(mark.dots[0].T, seeds)
    assert np.isnan(mark.dots[1, :, 1:]).all()
    assert np.isnan(mark.intervals[1]).all()


def test_seeds_that_disagree_predict_what_their_mean_predicts():
    group = [trace(p, name="a") for p in ([0.9, 0.1], [0.45, 0.55], [0.45, 0.55])]
    assert view("classes", [group]).mark.predicted == (0,)


def test_checkpoints_of_two_tasks_are_not_drawn_together():
    with pytest.raises(ValueError, match=r"trec-cls has other classes.*sst2-cls"):
        view("classes", [trace([0.5, 0.5]), trace(np.ones(6) / 6, name="trec-cls", labels=TREC)])


def test_nothing_to_predict_is_said_in_words():
    bare = trace([0.5, 0.5])
    bare.logits = None
    with pytest.raises(ValueError, match="bare encoder"):
        view("classes", bare)
    with pytest.raises(ValueError, match="at least one trace"):
        view("classes", [])


def test_regression_shows_the_value_itself():
    mark = view("classes", trace([3.4], labels=("score",))).mark
    assert mark.values.tolist() == [[3.4]]
    assert mark.value_label == "predicted value"
    assert mark.predicted == (None,)


def test_piece_scores_sum_into_words_and_keep_their_characters():
    result = attributed(TOKENS)
    pieces = view("input_attribution", result, TOKENS, checkpoint()).mark
    words = view("input_attribution", result, TOKENS, checkpoint(), words=True).mark
    assert len(pieces.labels) == len(TOKENS)
    assert words.labels == (
        "[CLS]",
        "Screenplays",
        "bore",
        "me",
        ".",
        "[SEP]",
        "They",
        "do",
        "not",
        ".",
        "[SEP]",
    )
    assert words.positions[1] == (1, 2)
    assert words.spans[1].tolist() == [0, 11]
    assert words.values[1] == pytest.approx(result.scores[1] + result.scores[2])
    assert words.values.sum() == pytest.approx(result.scores.sum())
    assert words.segment == (0,) * 6 + (1,) * 5
    assert words.spaced == (True, True, True, True, False, True, True, True, True, False, True)


def test_word_scores_stay_word_scores_in_either_mode():
    result = attributed(TOKENS)
    result.unit_tokens = TOKENS.word_groups()
    result.scores = np.arange(11.0)
    for words in (False, True):
        mark = view("input_attribution", result, TOKENS, words=words).mark
        assert mark.values.tolist() == list(range(11))


def test_several_strips_share_one_limit_and_a_given_limit_holds():
    results = [attributed(TOKENS, seed) for seed in range(3)]
    grid = view("input_attribution", results, TOKENS, [checkpoint(str(i)) for i in range(3)]).mark
    assert isinstance(grid, Grid)
    largest = max(np.abs(r.scores).max() for r in results)
    assert [panel.bound for panel in grid.panels] == [largest] * 3
    fixed = view("input_attribution", results, TOKENS, limit=9.0).mark
    assert {panel.bound for panel in fixed.panels} == {9.0}


def test_reading_is_the_contrast_of_the_target_at_each_position():
    d = split(TOKENS, classes=3)
    mark = view("reading", d, TOKENS, 2, checkpoint()).mark
    for t in range(len(TOKENS)):
        by_class = [d.contributions[c, :, t, :].sum() for c in range(3)]
        assert mark.values[t] == pytest.approx(by_class[2] - (by_class[0] + by_class[1]) / 2)
    words = view("reading", d, TOKENS, 2, checkpoint(), words=True)
    assert words.mark.values.sum() == pytest.approx(mark.values.sum())
    assert words.provenance["reference"] == "corpus"
    assert "relative to the corpus mean" in words.caption


def test_a_class_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="class 2 does not exist"):
        view("reading", split(TOKENS), TOKENS, 2)
    with pytest.raises(ValueError, match="class -1 does not exist"):
        view("source_layers", split(TOKENS), winners(TOKENS), -1)


def test_a_split_of_another_text_is_refused():
    with pytest.raises(ValueError, match="tokens of the same trace"):
        view("reading", split(TOKENS), tokens_of(SENTENCE), 1)


def test_source_layers_stand_on_one_axis_with_share_and_contribution():
    d, w = split(TOKENS, layers=(4, 5, 6)), winners(TOKENS, (4, 5, 6))
    wins, contribution = view("source_layers", d, w, 1, checkpoint(), TOKENS).mark.panels
    assert wins.categories == contribution.categories == ("4", "5", "6")
    np.testing.assert_allclose(wins.values[0], [100 * (w.layer == n).mean() for n in (4, 5, 6)])
    by_hand = [
        d.contributions[1, :, :, k].sum() - d.contributions[0, :, :, k].sum() for k in range(3)
    ]
    np.testing.assert_allclose(contribution.values[0], by_hand)


def test_a_layer_that_did_not_compete_has_no_share():
    w = winners(TOKENS, (4, 5, 6))
    extra = split(TOKENS, layers=(0, 4, 5, 6))
    assert np.isnan(view("source_layers", extra, w, 1).mark.panels[0].values[0, 0])
    with pytest.raises(ValueError, match="layers \\[4\\] win"):
        view("source_layers", split(TOKENS, layers=(5, 6, 7)), w, 1)


def test_provenance_says_whose_numbers_these_are_and_never_where_files_lie():
    owner = checkpoint("/home/somebody/models/mine")
    plots = [
        view("input_attribution", attributed(TOKENS), TOKENS, owner),
        view("reading", split(TOKENS), TOKENS, 1, owner),
        view("source_layers", split(TOKENS), winners(TOKENS), 1, owner, TOKENS),
    ]
    for plot in plots:
        provenance = json.dumps(dict(plot.provenance))
        assert plot.provenance["checkpoint"] == "mine"
        assert plot.provenance["sha256"] == "0123456789abcdef" * 4
        assert plot.provenance["target"] == "positive"
        assert plot.provenance["pair"] == "They do not."
        assert "somebody" not in provenance


def test_two_folders_of_one_name_keep_two_names():
    same = [trace([0.4, 0.6], name=f"/home/somebody/{place}/mine") for place in "ab"]
    assert view("classes", same).mark.series == ("mine", "mine (2)")
    strips = view("reading", [split(TOKENS)] * 2, TOKENS, 1, [t.checkpoint for t in same]).mark
    assert strips.subtitles == ("mine", "mine (2)")


def test_without_a_maximum_over_layers_the_contributions_stand_alone():
    w, contributions = winners(TOKENS), split(TOKENS)
    of_tokens = Winners(w.layer, w.layer, w.margin, w.layers)
    for none in (None, of_tokens):
        plot = view("source_layers", contributions, none, 1)
        assert plot.mark.values.tolist() == [contributions.by_layer(1).tolist()]
        assert "measured error" in plot.notes[0]
    bent = replace(contributions, rule=STRAIGHT_LINE, points=32)
    note = view("source_layers", bent, None, 1).notes[0]
    assert in_order(note, "straight line", "own layers")
    assert in_order(note, "gap", f"{bent.gap:.0e} logits", "32 points")
    assert "xact" not in note


def test_the_same_results_give_the_same_numbers():
    first, second = (view("reading", split(TOKENS), TOKENS, 1).frame() for _ in range(2))
    assert first.equals(second)
