"""The output as a function of which units are present: what every perturbation method asks.

Captum's perturbation methods run on coalitions (a row of zeros and ones, one place a unit) and
not on embeddings: a unit is then perturbed as a whole whatever "absent" means, no coalition is
evaluated twice, and passes share batches that are bounded by tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution.problem import Problem, batches, special_id
from analysis.checkpoints.forward import embedded

if TYPE_CHECKING:
    from torch import Tensor

# What takes the place of an absent unit, in words for the result.
ABSENT = {
    "baseline": "",
    "mask": "[MASK] in the unit's place",
    "pad": "[PAD] in the unit's place",
    "remove": "unit removed, the rest moves up",
    "encoder": "unit hidden from the encoder's attention and the pooling head",
    "head": "unit hidden from the pooling head only",
}


class Game:
    """Values of coalitions of the P free units; special tokens are always present."""

    def __init__(self, problem: Problem, absent: str) -> None:
        self.problem, self.absent = problem, absent
        self.players = problem.free
        self._known: dict[bytes, float] = {}
        owner = np.full(len(problem.tokens), len(self.players))
        for player, unit in enumerate(self.players):
            owner[list(problem.units[unit])] = player
        self._owner = owner
        self._answer = self._answers()
        everybody = np.ones((2, len(self.players)), dtype=bool)
        self._known[everybody[0].tobytes()] = problem.full
        if absent == "baseline":
            self._known[(~everybody[1]).tobytes()] = problem.empty

    @property
    def named(self) -> str | None:
        """The meaning of absence, in words; None where the baseline's name says it."""
        return ABSENT[self.absent] or None

    def values(self, coalitions: np.ndarray, done: float = 0.0, share: float = 1.0) -> np.ndarray:
        """(n, P) bool, True = present -> (n,) float64; progress goes from done to done + share."""
        rows = np.ascontiguousarray(coalitions, dtype=bool)
        keys = [row.tobytes() for row in rows]
        missing = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._known}
        present = self._present(np.array(list(missing.values()), dtype=bool))
        # Rows of one length side by side: nothing is padded that need not be.
        order = np.argsort(present.sum(axis=1), kind="stable")
        names = list(missing)
        for part in batches(len(names), self.problem.rows):
            chosen = order[part]
            answers = self._answer(present[chosen]).tolist()
            self._known.update(zip((names[i] for i in chosen), answers, strict=True))
            self.problem.report(done + share * part.stop / len(names))
        return np.array([self._known[key] for key in keys])

    def on_tensors(self, coalitions: Tensor) -> Tensor:
        """(n, P) ones and zeros -> (n,): the function that Captum perturbs."""
        import torch

        return torch.tensor(self.values(coalitions.numpy() > 0.5))

    def ends(self) -> tuple[Tensor, Tensor]:
        """(1, P) of ones and of zeros: Captum's inputs and baselines."""
        import torch

        size = len(self.players)
        return torch.ones(1, size), torch.zeros(1, size)

    def scores(self, by_player: np.ndarray | Sequence[float]) -> np.ndarray:
        """(P, ...) -> (U, ...) with zeros for special tokens."""
        values = np.asarray(by_player, dtype=np.float64)
        scores = np.zeros((len(self.problem.units), *values.shape[1:]))
        scores[list(self.players)] = values
        return scores

    def _present(self, coalitions: np.ndarray) -> np.ndarray:
        """(n, P) -> (n, T) which tokens are present."""
        if not len(coalitions):
            return np.zeros((0, len(self._owner)), dtype=bool)
        always = np.ones((len(coalitions), 1), dtype=bool)
        return np.concatenate([coalitions, always], axis=1)[:, self._owner]

    def _answers(self) -> Callable[[np.ndarray], Tensor]:
        """The function from (n, T) present tokens to (n,) values."""
        import torch

        problem = self.problem
        device = problem.inputs.device
        explain = torch.no_grad()(problem.value)
        if self.absent in ("baseline", "mask", "pad"):
            filler = problem.baseline
            if self.absent != "baseline":
                index = special_id(problem.classifier, self.absent)
                filler = embedded(problem.classifier, torch.full((1, 1), index, device=device))

            def replaced(present: np.ndarray) -> Tensor:
                here = torch.tensor(present, device=device)[:, :, None]
                return explain(torch.where(here, problem.inputs, filler))

            return replaced
        if self.absent == "head":
            return self._hidden_from_head()

        def hidden(present: np.ndarray) -> Tensor:
            mask = torch.tensor(present, device=device).long()
            return explain(problem.inputs.expand(len(present), -1, -1), attention_mask=mask)

        def removed(present: np.ndarray) -> Tensor:
            here = torch.tensor(present, device=device)
            # The tokens that stay, in their order, then padding that nothing attends to.
            order = (~here).long().argsort(dim=1, stable=True)[:, : int(here.sum(1).max())]
            changed = {
                name: tensor.expand(len(present), -1).gather(1, order)
                for name, tensor in problem.fixed.items()
            }
            changed["attention_mask"] = here.gather(1, order).long()
            return explain(problem.inputs[0][order], **changed)

        return removed if self.absent == "remove" else hidden

    def _hidden_from_head(self) -> Callable[[np.ndarray], Tensor]:
        import torch

        from analysis.heads.base import of_rows

        problem = self.problem
        model = problem.classifier.pooling_model
        layer = problem.classifier.output_layer
        assert model is not None  # only a pooling head is hidden from
        assert layer is not None  # a problem is posed of a classifier
        with problem.classifier.lock, torch.no_grad():
            encoded = model.encode(
                inputs_embeds=problem.inputs.to(problem.classifier.dtype), **problem.fixed
            )
            hidden = torch.stack([state.float() for state in encoded.hidden_states])
            attentions = None
            if model.head.reads_attentions():
                assert encoded.attentions is not None
                attentions = torch.stack([weights.float() for weights in encoded.attentions])

        def unread(present: np.ndarray) -> Tensor:
            problem.report(0.0)
            mask = torch.tensor(present, device=hidden.device).long()
            with problem.classifier.lock, torch.no_grad():
                rows = len(present)
                pooled = model.head(
                    hidden.expand(-1, rows, -1, -1), mask, of_rows(attentions, rows)
                )
                return problem.explained(layer(pooled.vector))

        return unread
