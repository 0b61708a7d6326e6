"""Sensitivity to noise and the randomisation check: against hand, and leaving the model alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import analysis
from analysis.attribution import METHODS, attribute, randomisation, sensitivity
from analysis.attribution.evidence.randomisation import spearman_band, weight_stages
from tests.support import tiny, zoo
from tests.support import word_adding_checkpoint as bag

TEXT = "The plot is thin, but not dull."
# A method of each way to touch the model: gradients, reruns, hooks inside, many passes.
QUICK = ("integrated_gradients", "leave_one_out", "attention_x_gradient", "joint_layers")


def state_of(model) -> dict:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def flags_of(model) -> list:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [
        [
            (name, module.training, *(len(getattr(module, kind)) for kind in hooks))
            for name, module in model.named_modules()
        ],
        [(name, p.requires_grad, p.grad is None) for name, p in model.named_parameters()],
        torch.is_grad_enabled(),
    ]


def same(first: dict, other: dict) -> bool:
    return first.keys() == other.keys() and all(torch.equal(first[k], other[k]) for k in first)


class TestSensitivity:
    def test_on_a_sum_it_is_the_noise_itself(self):
        """Integrated gradients of a sum are the words' numbers, and noise adds to them."""
        numbers = np.array([bag.WEIGHTS[word] for word in bag.TEXT.split()])
        result = sensitivity(bag.adds(), bag.TEXT, target=1, samples=5, radius=0.1, n_steps=4)
        # the embedding of every token is (number, 1); [CLS] and [SEP] have number 0
        embedded = np.stack([[0, *numbers, 0], np.ones(9)], axis=-1)
        assert result.deviation == pytest.approx(embedded.std(ddof=1), rel=1e-5)
        draw = torch.Generator().manual_seed(0)
        for sample in result.samples:
            noise = torch.rand((1, 9, 2), generator=draw).numpy()[0] * 2 - 1
            moved = 0.1 * result.deviation * noise[1:-1, 0]
            want = np.linalg.norm(moved) / np.linalg.norm(numbers)
            assert sample == pytest.approx(want, rel=1e-4)

    def test_the_maximum_is_captums_and_that_of_the_samples(self):
        result = sensitivity(zoo.loaded("mha"), TEXT, target=0, samples=4, n_steps=8)
        assert len(result.samples) == 4
        assert result.maximum == pytest.approx(result.samples.max(), rel=1e-5)
        assert result.maximum > 0

    @pytest.mark.parametrize(
        "method",
        [
            name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
            for name in sorted(set(METHODS) - {"exact_split"})
        ],
    )
    def test_every_method_feels_the_noise_and_leaves_the_model_alone(self, method):
        classifier = zoo.loaded("max_seq_mha")
        # Transformers hooks a model once and for good when hidden states are first asked for.
        analysis.record(classifier, TEXT, attentions=True)
        before, flags = state_of(classifier.model), flags_of(classifier.model)
        result = sensitivity(
            classifier, "thin, not dull", method=method, samples=1, radius=0.1, unit="word"
        )
        assert result.method == method
        assert np.isfinite(result.maximum)
        assert result.maximum > 0
        assert same(state_of(classifier.model), before)
        assert flags_of(classifier.model) == flags

    def test_what_reads_the_text_itself_has_no_sensitivity(self):
        with pytest.raises(ValueError, match=r"noise .*does not reach"):
            sensitivity(zoo.loaded("max_seq_mha"), TEXT, method="exact_split")

    @pytest.mark.parametrize(
        "name",
        ["regression", *(pytest.param(n, marks=pytest.mark.slow) for n in ("max_seq_mha", "bert"))],
    )
    def test_more_noise_moves_the_scores_more(self, name):
        few, many = (
            sensitivity(zoo.loaded(name), TEXT, samples=3, radius=radius, n_steps=8).maximum
            for radius in (0.001, 0.1)
        )
        assert few < many

    def test_the_same_seed_gives_the_same_noise(self):
        ask = {"samples": 2, "n_steps": 4}
        first, second = (sensitivity(zoo.loaded("mha"), TEXT, **ask) for _ in range(2))
        other = sensitivity(zoo.loaded("mha"), TEXT, noise_seed=1, **ask)
        np.testing.assert_array_equal(first.samples, second.samples)
        assert not np.array_equal(first.samples, other.samples)

    def test_settings_that_mean_nothing_are_refused(self):
        for options, message in (
            ({"samples": 0}, "at least 1"),
            ({"radius": 0.0}, "above 0"),
            ({"radius": float("nan")}, "above 0"),
            ({"method": "no"}, "known:"),
            ({"colour": 3}, "no option colour"),
        ):
            with pytest.raises(ValueError, match=message):
                sensitivity(zoo.loaded("mha"), TEXT, **options)
        with pytest.raises(ValueError, match="no prediction to attribute"):
            sensitivity(zoo.loaded("bare"), TEXT)

    def test_progress_rises_to_the_whole_and_may_stop_the_work(self):
        class Stopped(Exception):
            pass

        seen: list[float] = []
        classifier = zoo.loaded("max_seq_mha")
        sensitivity(classifier, TEXT, samples=2, n_steps=4, progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == pytest.approx(1.0)

        def stop(share: float) -> None:
            if share > 0.5:
                raise Stopped

        before = state_of(classifier.model)
        with pytest.raises(Stopped):
            sensitivity(classifier, TEXT, samples=3, n_steps=4, progress=stop)
        assert same(state_of(classifier.model), before)
        assert classifier.lock.acquire(blocking=False)
        classifier.lock.release()


class TestRandomisation:
    def test_the_shared_model_keeps_every_bit(self):
        classifier = zoo.loaded("lora")
        before = state_of(classifier.model)
        flags = [p.requires_grad for p in classifier.model.parameters()]
        randomisation(classifier, TEXT, n_steps=2)
        assert same(state_of(classifier.model), before)
        assert [p.requires_grad for p in classifier.model.parameters()] == flags
        assert classifier.lock.acquire(blocking=False)
        classifier.lock.release()

    @pytest.mark.parametrize("name", ["max_seq_mha", "cls", "lora", *tiny.FOREIGN])
    def test_stages_go_downwards_and_hold_every_weight_once(self, name):
        model = zoo.loaded(name).model
        stages = weight_stages(model)
        names = [stage for stage, _ in stages]
        assert names[0] == "classifier"
        assert names[-1] == "embeddings"
        layers = [stage for stage in names if stage.startswith("layer")]
        assert layers == [f"layer {n}" for n in range(tiny.LAYERS, 0, -1)]
        assert ("pooling head" in names) == (name in ("max_seq_mha", "lora"))
        held = [id(p) for _, parameters in stages for p in parameters]
        assert sorted(held) == sorted(id(p) for p in model.parameters())

    def test_each_stage_draws_anew_what_it_names_and_keeps_the_rest(self):
        """By a method that looks at the weights instead of the text."""
        seen: list[dict] = []

        def looks(problem, **_):
            from analysis.attribution import Result

            seen.append(state_of(problem.classifier.model))
            return Result(np.arange(len(problem.units), dtype=float))

        from dataclasses import replace

        method = METHODS["integrated_gradients"]
        METHODS["integrated_gradients"] = replace(method, run=looks, complete=False)
        try:
            classifier = zoo.loaded("max_seq_mha")
            result = randomisation(classifier, TEXT, target=0)
        finally:
            METHODS["integrated_gradients"] = method
        assert len(seen) == len(result.stages) + 1
        changed: set[str] = set()
        for stage, before, after in zip(result.stages, seen, seen[1:], strict=False):
            now = {key for key in after if not torch.equal(after[key], before[key])}
            assert now
            assert not now & changed  # a stage is drawn once, and what was drawn stays
            changed |= now
            if stage.startswith("layer"):
                number = int(stage.split()[1]) - 1
                assert all(f"layer.{number}." in key for key in now)
        constant = {k for k, v in seen[0].items() if v.is_floating_point() and v.std() > 0}
        assert constant <= changed
        for key in changed:
            mean, spread = seen[0][key].mean(), seen[0][key].std()
            if seen[0][key].numel() > 500:
                assert seen[-1][key].std() == pytest.approx(float(spread), rel=0.15)
                assert float(seen[-1][key].mean()) == pytest.approx(
                    float(mean), abs=0.2 * float(spread)
                )
        np.testing.assert_allclose(result.spearman, 1.0)  # it never looked at the output

    def test_the_last_stage_is_the_correlation_with_a_model_that_learned_nothing(self):
        classifier = zoo.loaded("mha")
        result = randomisation(classifier, TEXT, target=1, n_steps=4)
        original = attribute(classifier, TEXT, target=1, n_steps=4)
        special = analysis.record(classifier, TEXT).tokens.special
        assert result.units == (~special).sum()
        assert result.target == 1

        import copy
        from dataclasses import replace

        model = copy.deepcopy(classifier.model)
        draw = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for _, parameters in weight_stages(model):
                for p in parameters:
                    noise = torch.randn(p.shape, generator=draw)
                    p.copy_(p.mean() + p.std(correction=0) * noise)
        random = attribute(replace(classifier, model=model), TEXT, target=1, n_steps=4)
        want = stats.spearmanr(original.scores[~special], random.scores[~special]).statistic
        assert result.spearman[-1] == pytest.approx(want, abs=1e-6)
        sizes = stats.spearmanr(
            np.abs(original.scores[~special]), np.abs(random.scores[~special])
        ).statistic
        assert result.absolute[-1] == pytest.approx(sizes, abs=1e-6)

    def test_the_class_that_the_trained_model_predicts_stays_the_target(self):
        classifier = zoo.loaded("max_seq_mha")
        result = randomisation(classifier, TEXT, n_steps=1)
        assert result.target == analysis.record(classifier, TEXT).predicted

    def test_progress_rises_to_the_whole_and_may_stop_the_work(self):
        class Stopped(Exception):
            pass

        seen: list[float] = []
        classifier = zoo.loaded("cls")
        randomisation(classifier, TEXT, n_steps=2, progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == pytest.approx(1.0)

        def stop(share: float) -> None:
            if share > 0.4:
                raise Stopped

        before = state_of(classifier.model)
        with pytest.raises(Stopped):
            randomisation(classifier, TEXT, n_steps=2, progress=stop)
        assert same(state_of(classifier.model), before)

    def test_the_null_band_is_that_of_unrelated_rankings(self):
        draw = np.random.default_rng(0)
        for n in (8, 30):
            correlations = [
                stats.spearmanr(np.arange(n), draw.permutation(n)).statistic for _ in range(2000)
            ]
            assert np.mean(np.abs(correlations) <= spearman_band(n)[1]) == pytest.approx(
                0.95, abs=0.02
            )
        assert spearman_band(2) == (-1.0, 1.0)
