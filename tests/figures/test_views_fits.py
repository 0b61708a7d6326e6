"""Pictures of a fit show its own numbers, from the folder as from the record."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.figures.marks import Bars, HeatMap, Lines
from analysis.figures.recipes.fits import PICTURES, of_folder, picture_of
from analysis.study.fits import write_fit
from tests.support.record_samples import known_fit


def test_scores_are_the_seeds_and_the_best_head_stands_first():
    fit, plot = known_fit(), picture_of("fit_scores", known_fit())
    assert isinstance(plot.mark, Bars)
    order = [head.name for head in fit.scored]
    assert list(plot.mark.categories) == order
    np.testing.assert_allclose(plot.mark.dots[0], [100 * head.scores for head in fit.scored])
    np.testing.assert_allclose(plot.mark.values[0], [100 * h.scores.mean() for h in fit.scored])
    assert "mha" not in order


def test_curves_are_means_over_seeds():
    fit, plot = known_fit(), picture_of("fit_curves", known_fit())
    assert isinstance(plot.mark, Lines)
    np.testing.assert_allclose(plot.mark.y, [100 * h.curve.mean(axis=1) for h in fit.scored])


def test_a_confusion_row_sums_to_all_rows_of_its_label():
    plot = picture_of("fit_confusion", known_fit(), "cls")
    assert isinstance(plot.mark, HeatMap)
    np.testing.assert_allclose(plot.mark.values.sum(axis=1), 100)
    np.testing.assert_allclose(plot.mark.values[0], [75, 25])


@pytest.mark.parametrize("view", PICTURES)
def test_a_picture_from_the_folder_is_that_from_the_record(tmp_path, view):
    write_fit(known_fit(), tmp_path)
    assert of_folder(view, tmp_path).to_json() == picture_of(view, known_fit()).to_json()


def test_what_is_no_fit_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no fit"):
        of_folder("fit_scores", tmp_path)
    (tmp_path / "fit.json").write_text("[1]")
    with pytest.raises(ValueError, match="cannot be understood"):
        of_folder("fit_scores", tmp_path)
