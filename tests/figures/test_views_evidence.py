"""Pictures of the evidence: what stands in them are the numbers of the results, chance beside."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.attribution import FAVOURED, MEASURES, Evidence, evidence_table, faithfulness_of_all
from analysis.attribution.evidence.agreement import rank_agreement
from analysis.attribution.evidence.table import RANDOM
from analysis.attribution.texts.run import COLUMNS, WordMeans
from analysis.figures import Bars, Grid, HeatMap, Lines, view
from tests.support import word_adding_checkpoint as bag
from tests.support.evidence_pictures import (
    ATTRIBUTIONS,
    MEASURED,
    PLOTS,
    TOKENS,
    checks,
    summaries,
)
from tests.support.sentences import in_order


@pytest.mark.parametrize("name", PLOTS)
def test_every_picture_is_drawn_for_screen_and_paper_and_says_where_it_is_from(name):
    plot = PLOTS[name]()
    assert plot.view == name
    assert plot.provenance["checkpoint"] == "sst2-cls"
    assert "/home" not in str(plot.provenance)
    assert plot.caption.endswith(".")
    assert len(plot.screen().data) > 0
    for width in ("column", "full"):
        assert plot.paper(width=width, format="svg").startswith(b"<?xml")
    assert len(plot.frame()) > 0


def test_scores_are_the_standard_scores_with_random_rankings_at_zero():
    mark = PLOTS["evidence_scores"]().mark
    assert isinstance(mark, HeatMap)
    assert mark.rows == ("Integrated gradients", "Saliency", "random rankings")
    assert mark.columns == tuple(MEASURES)
    for row, result in enumerate(MEASURED):
        want = [result.measure(key).normalised for key in MEASURES]
        np.testing.assert_allclose(mark.values[row], want)
    assert (mark.values[-1] == 0).all()


def test_a_seed_group_is_the_mean_of_its_seeds_standard_scores():
    plot = view(
        "evidence_scores",
        [list(MEASURED), MEASURED[0]],
        ["group", "single"],
        row_label="checkpoint",
    )
    each = np.array([[record.measure(key).normalised for key in MEASURES] for record in MEASURED])
    np.testing.assert_allclose(plot.mark.values[0], each.mean(axis=0))
    np.testing.assert_allclose(plot.mark.values[1], each[0])
    spread = " / ".join(f"{sd:.1f}" for sd in each.std(axis=0, ddof=1))
    assert f"group {spread} (2 seeds)" in " ".join(plot.notes)
    alone = view("evidence_scores", MEASURED, ["a", "b"], row_label="checkpoint")
    assert "One seed each." in alone.notes
    assert "One seed each." not in PLOTS["evidence_scores"]().notes, "methods are no seeds"


def test_seeds_are_said_where_checkpoints_are_compared():
    def notes(*owners):
        rows = [
            summary for summary in summaries() if summary.checkpoint in {name for name, _ in owners}
        ]
        made = [SimpleNamespace(id=name, facts={"group": group}) for name, group in owners]
        return " ".join(view("evidence_means", rows, checkpoints=made).notes)

    assert "One seed each." in notes(("a", None), ("b", None))
    assert in_order(notes(("a", "g"), ("b", "g")), "seeds of a group", "nothing else")
    assert "seed" not in notes(("a", None))


def test_bars_are_the_values_and_only_random_rankings_have_a_band():
    mark = PLOTS["evidence_bars"]().mark
    assert isinstance(mark, Bars)
    measures = [result.measure("deletion") for result in MEASURED]
    np.testing.assert_allclose(
        mark.values[0], [*(measure.value for measure in measures), measures[0].random]
    )
    assert np.isnan(mark.intervals[0, :-1]).all()
    assert mark.intervals[0, -1].tolist() == pytest.approx(measures[0].band)
    with pytest.raises(ValueError, match="measure is 'no'"):
        view("evidence_bars", MEASURED, "no")


def test_curves_share_one_scale_and_carry_the_random_band():
    grid = PLOTS["deletion_insertion"]().mark
    assert isinstance(grid, Grid)
    for panel, curve in zip(grid.panels, ("deletion", "insertion"), strict=True):
        assert isinstance(panel, Lines)
        np.testing.assert_allclose(panel.x, 100 * MEASURED[0].fractions)
        for row, result in enumerate(MEASURED):
            np.testing.assert_allclose(panel.y[row], getattr(result, curve))
        mean, band = MEASURED[0].band(curve)
        np.testing.assert_allclose(panel.y[-1], mean)
        np.testing.assert_allclose(panel.bands[-1], band)
        assert panel.reference == 2
        assert panel.y_label == "probability of positive"
    assert len({panel.limits for panel in grid.panels}) == 1
    other = faithfulness_of_all(bag.adds(), bag.TEXT, ATTRIBUTIONS[:1], repeats=8, replace="mask")
    with pytest.raises(ValueError, match="same units and replacement"):
        view("deletion_insertion", [MEASURED[0], other[0]])


def test_agreement_states_its_null_band_and_how_many_pairs_lie_in_it():
    result = rank_agreement(ATTRIBUTIONS, TOKENS)
    plot = PLOTS["rank_agreement"]()
    np.testing.assert_allclose(plot.mark.values, result.tau)
    assert plot.mark.rows == ("Integrated gradients", "Saliency")
    assert plot.mark.bounds == (-1.0, 1.0)
    inside = int(not result.beyond_chance[0, 1])
    assert in_order(plot.notes[0], f"±{result.null[1]:.2f}", "95 %", f"{inside} of 1 pairs")


def test_randomisation_begins_at_one_and_names_its_stages():
    mark = PLOTS["randomisation"]().mark
    assert mark.places == ("nothing", "classifier", "layer 1", "embeddings")
    assert mark.series == ("scores", "absolute scores", "unrelated rankings")
    np.testing.assert_allclose(mark.y[0], [1.0, 0.5, np.nan, -0.1])
    assert mark.bands[2].tolist() == [[-0.7, 0.7]] * 4
    several = view("randomisation", [checks(), checks("occlusion")]).mark
    assert several.series == ("Saliency", "Occlusion", "unrelated rankings")
    drawn = view("randomisation", checks()).screen()
    assert drawn.layout.xaxis.ticktext == ("nothing", "classifier", "layer 1", "embeddings")


def test_means_stand_by_method_and_checkpoint_with_their_intervals():
    mark = PLOTS["evidence_means"]().mark
    place = COLUMNS.index("comprehensiveness_normalised")
    assert mark.series == ("a", "b")
    assert mark.categories == ("Saliency", "Occlusion")
    np.testing.assert_allclose(mark.values, [[place, place + 1]] * 2)
    assert mark.intervals[0, 0].tolist() == [place, place + 2]
    moved = [
        replace(summary, checkpoint=f"/home/somebody/{summary.checkpoint}")
        for summary in summaries()
    ]
    assert view("evidence_means", moved).mark.series == ("a", "b")
    with pytest.raises(ValueError, match="known: comprehensiveness"):
        view("evidence_means", summaries(), "no_normalised")


def test_words_stand_with_their_texts_by_class_on_one_scale():
    mark = PLOTS["largest_words"]().mark
    assert mark.subtitles == ("towards negative", "towards positive")
    assert mark.panels[0].categories == ("great (7)", "fine (5)")
    assert mark.panels[0].bounds == mark.panels[1].bounds == (0.0, 3.0)
    none = WordMeans(
        "c", "m", "positive", "logit", (), np.zeros(0), np.zeros((0, 2)), np.zeros(0, int), 0
    )
    with pytest.raises(ValueError, match="enough texts"):
        view("largest_words", none)


def test_nothing_to_draw_is_said_in_words():
    for name in (
        "evidence_scores",
        "evidence_bars",
        "deletion_insertion",
        "randomisation",
        "evidence_means",
        "largest_words",
    ):
        with pytest.raises(ValueError, match="no "):
            view(name, [])


def test_the_table_has_a_line_a_method_and_the_random_rankings_last():
    table = evidence_table(
        [
            Evidence(attribution.method, attribution, evidence)
            for attribution, evidence in zip(ATTRIBUTIONS, MEASURED, strict=True)
        ]
    )
    assert table["name"].tolist() == ["integrated_gradients", "saliency", RANDOM]
    assert table["completeness_gap"].tolist()[0] == 0.01
    assert np.isnan(table["completeness_gap"][1])
    for key in MEASURES:
        assert table[key][0] == pytest.approx(MEASURED[0].measure(key).value)
        assert table[key][2] == pytest.approx(MEASURED[0].measure(key).random)
        assert table[f"{key}_normalised"][2] == 0
    assert table["options"].tolist()[:2] == ["n_steps=3"] * 2
    assert table["replaced_by"].tolist()[:2] == ["pad"] * 2
    assert (table["measured_on"][0], table["output"][0]) == ("probability", "contrast")
    with pytest.raises(ValueError, match="no evidence"):
        evidence_table([])


def test_a_method_without_measured_faithfulness_keeps_its_line():
    rows = [Evidence("one", ATTRIBUTIONS[0]), Evidence("other", ATTRIBUTIONS[1], MEASURED[1])]
    table = evidence_table(rows)
    assert table["name"].tolist() == ["one", "other", RANDOM]
    assert table["completeness_gap"][0] == 0.01
    assert np.isnan(table["deletion"][0])
    assert table["seconds"].tolist()[:2] == [0.5, 0.5]
    assert evidence_table(rows[:1])["name"].tolist() == ["one"], "no rankings were drawn"


def test_what_favours_which_is_said_for_every_number_that_is_shown():
    assert set(FAVOURED) == {
        *MEASURES,
        "completeness_gap",
        "sensitivity",
        "agreement",
        "randomisation",
    }
    assert all(text.endswith(".") for text in FAVOURED.values())


def test_a_line_that_is_held_against_and_named_places_are_checked():
    x, y = np.arange(2.0), np.zeros((1, 2))
    with pytest.raises(ValueError, match="places has 1"):
        Lines(x, y, ("a",), "x", "y", places=("one",))
    with pytest.raises(ValueError, match="counts them from 0"):
        Lines(x + 1, y, ("a",), "x", "y", places=("one", "two"))
    with pytest.raises(ValueError, match="reference 1"):
        Lines(x, y, ("a",), "x", "y", reference=1)
