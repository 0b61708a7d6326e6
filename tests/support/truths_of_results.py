"""Short truths about what is made of the library's numbers: means of seeds, depth, words, tests.

As in `truths`: a function of no arguments that asserts, against oracles or by definition. They look
functions up where they are called from, so that a fault can be put there.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch
from scipy import stats

import analysis
from analysis import attribution, interventions
from analysis.common import outputs
from analysis.figures.recipes import registry
from analysis.reading import attention, layers
from analysis.seed_groups import averages
from analysis.statistics import basics, family_tests, permutation
from tests.support import oracles, seed_scores, zoo
from tests.support.truths import TEXT, close

SEEDS = ("max_seq_mha", "lora")  # two checkpoints of one recipe
PIECES = "The plots thinned, not dully."  # words of several pieces


def _traces():
    return [analysis.record(zoo.loaded(name), TEXT) for name in SEEDS]


def a_seed_group_is_the_mean_of_its_members() -> None:
    traces = _traces()
    splits = [analysis.decompose(trace, "zero") for trace in traces]
    mean = averages.mean_decomposition(splits)
    close(mean.logits, sum(trace.logits.astype(np.float64) for trace in traces) / len(traces))
    close(mean.contributions.sum((1, 2, 3)) + mean.constant, mean.logits)
    results = [attribution.attribute(zoo.loaded(n), TEXT, target=1, n_steps=4) for n in SEEDS]
    close(averages.mean_attribution(results).scores, sum(r.scores for r in results) / len(results))


def a_trajectory_is_that_of_its_layers() -> None:
    trace = analysis.record(zoo.loaded("cls"), TEXT)
    path = layers.follow(zoo.loaded("cls"), trace, token=2)
    rows = trace.hidden[:, 2].astype(np.float64)
    close(path.norm, [np.sqrt((row**2).sum()) for row in rows])
    for depth in range(1, len(rows)):
        pair = rows[depth - 1], rows[depth]
        cosine = pair[0] @ pair[1] / np.sqrt((pair[0] @ pair[0]) * (pair[1] @ pair[1]))
        close(path.cosine_to_previous[depth], cosine)


def an_answer_at_a_depth_is_that_of_its_layer() -> None:
    classifier = zoo.loaded("cls")
    trace = analysis.record(classifier, TEXT)
    path = layers.follow(classifier, trace)
    weight, bias = classifier.model.classifier.weight, classifier.model.classifier.bias
    with torch.no_grad():
        for depth, states in enumerate(trace.hidden):
            close(path.logits[depth], (weight @ torch.tensor(states[0]) + bias).numpy())


def a_recipe_draws_the_class_it_was_asked_for() -> None:
    subject = zoo.loaded("max_seq_mha")
    split = analysis.decompose(analysis.record(subject, PIECES), "zero")
    for target in range(3):
        plot = registry.make(
            "reading", [subject], PIECES, None, target, {"words": False, "reference": "zero"}
        )
        close(plot.mark.values, split.by_token(target))


def words_add_up_their_pieces() -> None:
    classifier = zoo.loaded("max_seq_mha")
    groups_of_words = analysis.record(classifier, PIECES).tokens.word_groups()
    assert max(map(len, groups_of_words)) > 1
    ask = {"method": "gradient_x_input", "target": 1}
    pieces = attribution.attribute(classifier, PIECES, unit="piece", **ask)
    words = attribution.attribute(classifier, PIECES, unit="word", **ask)
    close(words.scores, [pieces.scores[list(group)].sum() for group in groups_of_words])


def rollout_multiplies_half_the_attention_and_half_the_residual() -> None:
    trace = analysis.record(zoo.loaded("cls"), TEXT, attentions=True)
    product = np.eye(len(trace.tokens))
    for layer in trace.attentions:
        mean = sum(head.astype(np.float64) for head in layer) / len(layer)
        product = (mean / 2 + np.eye(len(mean)) / 2) @ product
    close(attention.rollout(trace).values[-1], product)


def probabilities_are_the_softmax_of_each_row() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 3)) * 3
    close(outputs.probabilities("softmax", logits), [oracles.softmax(row) for row in logits])
    trace = analysis.record(zoo.loaded("cls"), TEXT)
    close(trace.probabilities, oracles.softmax(trace.logits.astype(np.float64)))


def a_layer_that_is_dropped_takes_part_in_no_maximum() -> None:
    classifier = zoo.loaded("max_cls")  # the maximum runs over layers 2, 3 and 4
    hidden = analysis.record(classifier, TEXT).hidden
    weight, bias = classifier.model.classifier.weight, classifier.model.classifier.bias
    for layer in (2, 3, 4):
        kept = [hidden[other, 0] for other in (2, 3, 4) if other != layer]
        with torch.no_grad():
            want = (weight @ torch.tensor(np.max(kept, axis=0)) + bias).numpy()
        close(interventions.what_if(classifier, TEXT, drop_layers=(layer,)).logits[1], want)


def a_family_is_corrected_for_all_its_tests() -> None:
    draw = seed_scores.generator(3)
    report = analysis.statistics.compare(seed_scores.study(draw.normal(size=(2, 3, 6))), draws=499)
    tests = [*report.headlines, *report.comparisons]
    p = np.array([test.p for test in tests])
    close([test.adjusted for test in tests], seed_scores.step_down(p[None])[0])
    assert family_tests.ALPHA == 0.05


def a_permutation_test_counts_every_split() -> None:
    draw = np.random.default_rng(5)
    first, other = draw.normal(size=4), draw.normal(size=4) + 1
    every = np.concatenate([first, other])
    observed = abs(first.mean() - other.mean())
    gaps = []
    for chosen in combinations(range(8), 4):
        rest = [place for place in range(8) if place not in chosen]
        gaps.append(abs(every[list(chosen)].mean() - every[rest].mean()))
    close(permutation.permutation_p(first, other), np.mean(np.array(gaps) >= observed - 1e-12))


def rank_agreement_is_kendalls() -> None:
    draw = np.random.default_rng(6)
    first, other = draw.normal(size=6), draw.normal(size=6)
    result = basics.kendall(first, other)
    close(result.tau, stats.kendalltau(first, other).statistic)
    close(result.p, stats.kendalltau(first, other, method="exact").pvalue)


BATTERY = (
    a_seed_group_is_the_mean_of_its_members,
    a_trajectory_is_that_of_its_layers,
    an_answer_at_a_depth_is_that_of_its_layer,
    a_recipe_draws_the_class_it_was_asked_for,
    words_add_up_their_pieces,
    rollout_multiplies_half_the_attention_and_half_the_residual,
    probabilities_are_the_softmax_of_each_row,
    a_layer_that_is_dropped_takes_part_in_no_maximum,
    a_family_is_corrected_for_all_its_tests,
    a_permutation_test_counts_every_split,
    rank_agreement_is_kendalls,
)
