"""A pass over texts: what is asked, what it takes, and where its records are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from analysis.attribution.results import OUTPUT_NAMES
from analysis.attribution.texts.records import whole_rows
from analysis.attribution.texts.store import EvidenceStore
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.faults import reason
from analysis.common.jobs import Desk, time_in_words
from analysis.datasets.sentences import random_rows
from analysis.figures.plot import Plot
from analysis.figures.recipes.evidence_texts import EvidenceSettings, text_evidence
from analysis.figures.recipes.request import Data, Subject
from analysis.figures.recipes.results import Member
from pages.ui.attributions import engine as attributions
from pages.ui.attributions.controls import OTHERS, AttributionRequest
from pages.ui.attributions.measurements import Setting
from pages.ui.engine import models as engine
from pages.ui.engine.results import RecordedStore
from pages.ui.engine.results_folder import folder
from pages.ui.engine.server_wide import kept_up_to

if TYPE_CHECKING:
    from analysis.attribution import TextEvidence

SAMPLES = 10  # of the sensitivity of each text
# Reruns of a text for its random rankings, and for a ranking of its own.
_CONTROL, _OWN = 260, 26
_REPLACED = {"mask": "[MASK]", "pad": "[PAD]", "remove": "nothing (taken out)"}


class EvidencePass:
    """These texts through these checkpoints by these methods; its records are kept as they come."""

    def __init__(
        self,
        members: Sequence[Checkpoint],
        data: Data,
        count: int,
        request: AttributionRequest,
        setting: Setting,
        samples: int,
    ) -> None:
        self.members, self.data, self.count, self.request = members, data, count, request
        self.rows = rows = random_rows(data.table, count)
        self.setting, self.samples = setting, samples
        self._question = {
            "checkpoints": [[member.id, member.sha256] for member in members],
            "precision": engine.precision(),
            "rows": hashlib.sha256(repr(rows).encode("utf-8", "surrogatepass")).hexdigest(),
            "output": request.output,
            "against": request.against,
            "baseline": request.baseline,
            "baseline_text": request.baseline_text,
            "seed": request.seed,
            # Only what differs from the defaults: another method beside them changes nothing.
            "options": repr(sorted(pair for pair in request.options.items() if pair[1])),
            "replace": setting.replace,
            "measured": setting.output,
            "sensitivity": samples,
        }
        self._settings = hashlib.sha256(repr(self._question).encode()).hexdigest()
        self.key = f"evidence-over-{self._settings}-{','.join(request.methods)}"

    @property
    def total(self) -> int:
        """Records that there will be."""
        return len(self.rows) * len(self.members) * len(self.request.methods)

    def in_words(self) -> str:
        """Question to every text, in words."""
        request, named = self.request, {"mask": "[MASK]", "pad": "[PAD]", "mean": "mean embedding"}
        against = "" if request.against == OTHERS else f" against {request.against}"
        baseline = named.get(request.baseline, f"“{request.baseline_text.strip()}”")
        span = "; the span is of one text and not used here" if request.span else ""
        return (
            f"Each text: its predicted class{against} by {OUTPUT_NAMES[request.output]}, baseline "
            f"{baseline}, a unit replaced by {_REPLACED[self.setting.replace]} and measured on the "
            f"{OUTPUT_NAMES[self.setting.output]}. Units are words{span}."
        )

    @property
    def settings(self) -> EvidenceSettings:
        """Question to every text, as the recipes take it."""
        request = self.request
        options = {key: tuple(request.options.get(key, ())) for key in request.methods}
        return EvidenceSettings(
            methods=tuple(request.methods),
            output=request.output,
            against=None if request.against == OTHERS else request.against,
            baseline=request.baseline,
            baseline_text=request.baseline_text.strip() or None,
            options=tuple((key, pairs) for key, pairs in options.items() if pairs),
            replace=self.setting.replace,
            measured=self.setting.output,
            sensitivity=self.samples,
            seed=request.seed,
        )

    def whole(self, records: Sequence[TextEvidence]) -> int:
        """Number of texts, from the first on, that all methods and checkpoints have done."""
        ids = [member.id for member in self.members]
        return min(whole_rows(records, ids, self.request.methods), self.count)

    def picture(
        self,
        view: str,
        records: Sequence[TextEvidence],
        members: Sequence[Checkpoint],
        **params: Any,
    ) -> Plot:
        """A picture of these records by its recipe.

        Raises
        ------
        ValueError
            There is no such picture; the message gives the reason.
        """
        from analysis.figures.recipes.registry import make

        own = asdict(self.settings)
        methods = list(own.pop("methods"))
        own["options"] = {key: dict(pairs) for key, pairs in self.settings.options} or None
        if view == "evidence_means":
            own["methods"] = methods
        done = 1 + max((record.row for record in records), default=-1)
        first = done if done < self.count else None

        def recorded(member: Member, arguments: tuple[Any, ...]) -> tuple[TextEvidence, ...]:
            settings: EvidenceSettings = arguments[-1]
            return tuple(
                record
                for record in records
                if record.checkpoint == member.checkpoint.id and record.method in settings.methods
            )

        store = RecordedStore(text_evidence, recorded)
        subjects = [Subject(m.id, (Member(m, "", None, store),)) for m in members]
        params = {**own, "texts": self.count, "first": first, **params}
        return make(view, subjects, "", None, None, params, self.data)

    def cost(self, left: int) -> str:
        """Seconds that are left, from measured passes over a text of middle length."""
        by_length = sorted(self.rows, key=lambda row: len(row[0]) + len(row[1] or ""))
        text, pair = by_length[len(by_length) // 2]
        try:
            seconds = sum(self._seconds(member, text, pair) for member in self.members)
        except Exception as error:
            return reason(error)
        each = seconds / max(1, len(self.members) * len(self.request.methods))
        return (
            f"{left:,} attributions with their evidence, about {time_in_words(left * each)}; it "
            "can be stopped, and keeps what is done. A text that a method would need minutes for "
            "is left out and counted as not measured."
        )

    def _seconds(self, member: Checkpoint, text: str, pair: str | None) -> float:
        total, rerun = 0.0, 0.0
        for key in self.request.methods:
            question = attributions.Question(
                text,
                pair,
                key,
                0,
                "word",
                self.request.output,
                "pad",
                None,
                (),
                self.request.options.get(key, ()),
                self.request.seed,
            )
            if isinstance(attributions.cost(member, question), str):
                continue  # refused at once
            rerun = attributions.forward_seconds(member, question)
            again = 1 + (self.samples + 1 if self.samples else 0)
            total += again * attributions.seconds(member, question) + _OWN * rerun
        return total + _CONTROL * rerun

    def done(self) -> list[TextEvidence]:
        """Records of the chosen methods so far, each once."""
        return _chosen(_store(self._settings, _question=self._question), self.request.methods)

    def work(self) -> Callable[[Desk], None]:
        """The job: goes on after the records that are known when it begins."""
        models = [engine.classifier(member) for member in self.members]
        store, rows, request = (
            _store(self._settings, _question=self._question),
            self.rows,
            self.request,
        )
        settings, total = self.settings, self.total

        def go(desk: Desk) -> None:
            from analysis.attribution import over_texts

            # Another selection of methods may have gone on since the button was drawn.
            done = _chosen(store, request.methods)
            behind = sum(not record.unforeseen for record in done)

            def report(share: float) -> None:
                desk.report(behind, total, share=share)
                desk.check()

            for text in over_texts(
                models,
                rows,
                request.methods,
                output=settings.output,
                against=settings.against,
                baseline=settings.baseline,
                baseline_text=settings.baseline_text,
                options={key: dict(pairs) for key, pairs in settings.options},
                replace=settings.replace,
                measured=settings.measured,
                sensitivity_samples=settings.sensitivity,
                seed=settings.seed,
                done=done,
                progress=report,
            ):
                store.append(text)
                behind += 1

        return go


def _chosen(store: EvidenceStore, methods: Sequence[str]) -> list[TextEvidence]:
    """Records of these methods, one for each row, checkpoint and method."""
    known = {record.key: record for record in list(store.items) if record.method in methods}
    return sorted(known.values(), key=lambda record: record.row)


@kept_up_to(256, most=8, growing=True)
def _store(settings: str, _question: Mapping[str, object]) -> EvidenceStore:
    """On disk, so that a pass goes on after the app was closed."""
    return EvidenceStore.opened(folder() / "evidence" / f"{settings}.jsonl", _question)
