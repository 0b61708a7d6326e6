"""Faults in what is made of the numbers: each must break the truth that guards against it.

As in `test_faults`, one room further up: seeds, depth, recipes, words, tests of significance.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis import interventions
from analysis.attribution import problem
from analysis.common import outputs
from analysis.figures.recipes import registry
from analysis.figures.views import compare
from analysis.reading import attention, layers, reread
from analysis.seed_groups import averages
from analysis.statistics import basics, family_tests, permutation
from tests.support import truths_of_results as truths
from tests.support import zoo


@pytest.mark.parametrize("truth", truths.BATTERY, ids=lambda truth: truth.__name__)
def test_the_battery_holds(truth):
    truth()


def the_first_seed_stands_for_the_group(patch) -> None:
    patch.setattr(averages, "mean_decomposition", lambda splits: splits[0])


def attributions_of_seeds_are_summed(patch) -> None:
    mean = averages.mean_attribution
    patch.setattr(
        averages,
        "mean_attribution",
        lambda results: replace(mean(results), scores=sum(r.scores for r in results)),
    )


def the_course_begins_one_layer_too_high(patch) -> None:
    course = layers.course
    patch.setattr(layers, "course", lambda vectors: course(np.roll(vectors, -1, axis=0)))


def answers_by_depth_are_those_of_the_layer_below(patch) -> None:
    depth_logits = reread.depth_logits
    patch.setattr(
        reread, "depth_logits", lambda *arguments: np.roll(depth_logits(*arguments), 1, axis=0)
    )


def a_recipe_hands_on_the_next_class(patch) -> None:
    target = registry.Subject.target
    patch.setattr(
        registry.Subject, "target", lambda self, arguments: (target(self, arguments) + 1) % 3
    )


def a_recipe_forgets_that_pieces_were_asked_for(patch) -> None:
    reading = compare.reading
    patch.setattr(
        compare,
        "reading",
        lambda *arguments, words, **more: reading(*arguments, words=True, **more),
    )


def a_word_is_its_first_piece(patch) -> None:
    patch.setattr(
        problem.Problem,
        "by_unit",
        lambda self, scores: np.array([np.asarray(scores)[unit[0]] for unit in self.units]),
    )


def rollout_forgets_the_residual_stream(patch) -> None:
    patch.setattr(
        attention,
        "encoder_attention",
        lambda trace: 2 * trace.attentions - np.eye(len(trace.tokens)),
    )


def probabilities_sum_to_one_down_the_rows(patch) -> None:
    from scipy.special import softmax

    patch.setattr(outputs, "probabilities", lambda kind, logits: softmax(logits, axis=0))


def the_layer_below_is_dropped(patch) -> None:
    what_if = interventions.what_if
    patch.setattr(
        interventions,
        "what_if",
        lambda *arguments, drop_layers, **more: what_if(
            *arguments, drop_layers=tuple(max(layer - 1, 2) for layer in drop_layers), **more
        ),
    )


def no_test_is_corrected_for_the_others(patch) -> None:
    patch.setattr(family_tests, "holm", lambda p: np.asarray(p, np.float64))


def a_correction_forgets_that_it_climbs(patch) -> None:
    def bare(p):
        p = np.asarray(p, np.float64)
        ranks = np.argsort(np.argsort(p))
        return np.minimum((len(p) - ranks) * p, 1.0)

    patch.setattr(family_tests, "holm", bare)


def the_observed_split_is_not_counted(patch) -> None:
    splits = permutation._splits
    patch.setattr(permutation, "_splits", lambda first, second: splits(first, second)[1:])


def ranks_are_compared_by_one_side(patch) -> None:
    signs = basics._signs
    patch.setattr(basics, "_signs", lambda values: np.maximum(signs(values), 0.0))


FAULTS = {
    the_first_seed_stands_for_the_group: truths.a_seed_group_is_the_mean_of_its_members,
    attributions_of_seeds_are_summed: truths.a_seed_group_is_the_mean_of_its_members,
    the_course_begins_one_layer_too_high: truths.a_trajectory_is_that_of_its_layers,
    answers_by_depth_are_those_of_the_layer_below: truths.an_answer_at_a_depth_is_that_of_its_layer,
    a_recipe_hands_on_the_next_class: truths.a_recipe_draws_the_class_it_was_asked_for,
    a_recipe_forgets_that_pieces_were_asked_for: truths.a_recipe_draws_the_class_it_was_asked_for,
    a_word_is_its_first_piece: truths.words_add_up_their_pieces,
    rollout_forgets_the_residual_stream: (
        truths.rollout_multiplies_half_the_attention_and_half_the_residual
    ),
    probabilities_sum_to_one_down_the_rows: truths.probabilities_are_the_softmax_of_each_row,
    the_layer_below_is_dropped: truths.a_layer_that_is_dropped_takes_part_in_no_maximum,
    no_test_is_corrected_for_the_others: truths.a_family_is_corrected_for_all_its_tests,
    a_correction_forgets_that_it_climbs: truths.a_family_is_corrected_for_all_its_tests,
    the_observed_split_is_not_counted: truths.a_permutation_test_counts_every_split,
    ranks_are_compared_by_one_side: truths.rank_agreement_is_kendalls,
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_breaks_the_truth_that_guards_against_it(fault, monkeypatch):
    for name in (*truths.SEEDS, "cls", "max_cls"):
        zoo.loaded(name)  # made before the fault, so that the fault alone is new
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        FAULTS[fault]()
    monkeypatch.undo()
    FAULTS[fault]()
