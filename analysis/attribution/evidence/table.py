"""The evidence of several attributions side by side, and what favours which by construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.attribution.evidence.faithfulness import (
    MEASURES,
    REPEATS,
    SHARES,
    Control,
    Faithfulness,
    faithfulness,
    random_control,
)
from analysis.attribution.results import Attribution, Progress

if TYPE_CHECKING:
    import pandas as pd

    from analysis.attribution.evidence.sensitivity import Sensitivity
    from analysis.checkpoints.loading import Classifier

RANDOM = "random rankings"  # the last row of the table

# key of a column -> which methods it favours by construction, in a sentence or two
FAVOURED: dict[str, str] = {
    "completeness_gap": "An integration error: it shrinks with the steps and says nothing about "
    "faithfulness. Methods that promise no sum have none.",
    "comprehensiveness": "Replaces the units that rank first and looks at the drop: what "
    "occlusion, ablation and leave-one-out do with one unit at a time, and the Shapley methods "
    "with many. They are favoured, most of all where they replace a unit by the same token.",
    "sufficiency": "Asks what a few units do alone. Methods that only ever look at the whole text "
    "with one unit gone (occlusion, ablation, leave-one-out) are not made for it; Shapley methods "
    "see such small sets and are favoured.",
    "deletion": "The same experiment as comprehensiveness, unit by unit, and favours the same "
    "methods. Saliency gives the size of an effect and no direction: it ranks units that speak "
    "against the class among the first, and is disfavoured.",
    "insertion": "The same experiment as sufficiency, unit by unit, starting from a text with "
    "every unit replaced. Methods whose baseline is that very text (integrated gradients, "
    "GradientSHAP and Shapley values with the same token) are favoured.",
    "sensitivity": "Favours methods that average over noise (SmoothGrad, GradientSHAP) or over "
    "many passes. Scores that ignore the text altogether would be the least sensitive of all: a "
    "small value is no sign of faithfulness.",
    "agreement": "Methods that share a principle agree for that reason: gradient with gradient, "
    "perturbation with perturbation.",
    "randomisation": "A method that follows the input more than the model (gradient × input "
    "multiplies by it) keeps some rank agreement when the weights are random. It tells that a "
    "method can fail, not that it is faithful.",
}


@dataclass(frozen=True)
class Evidence:
    """The evidence for one attribution: a row of the table."""

    name: str  # of the method or the checkpoint, as shown
    attribution: Attribution
    faithfulness: Faithfulness | None = None  # None: not measured
    sensitivity: Sensitivity | None = None


def faithfulness_of_all(
    classifier: Classifier,
    text: str,
    attributions: Sequence[Attribution],
    pair: str | None = None,
    *,
    replace: str = "mask",
    shares: Sequence[float] = SHARES,
    repeats: int = REPEATS,
    seed: int = 0,
    output: str = "probability",
    batch_tokens: int = 4096,
    progress: Progress | None = None,
) -> tuple[Faithfulness, ...]:
    """:func:`faithfulness` of each, attributions of the same units against the same rankings.

    Arguments and errors as in :func:`faithfulness`.
    """
    settings: dict[str, Any] = {
        "replace": replace,
        "shares": shares,
        "output": output,
        "batch_tokens": batch_tokens,
    }
    controls: dict[Any, Control] = {}
    records = []
    kinds = {(attribution.unit_tokens, attribution.target) for attribution in attributions}
    # A control is `repeats` rankings and a method one: the shares of the work.
    total = len(kinds) * repeats + len(attributions)
    done = 0.0

    def progress_of(work: int) -> Progress | None:
        if progress is None:
            return None
        report, start = progress, done
        return lambda share: report(min(1.0, (start + share * work) / total))

    for attribution in attributions:
        kind = (attribution.unit_tokens, attribution.target)
        if kind not in controls:
            controls[kind] = random_control(
                classifier,
                text,
                attribution,
                pair,
                repeats=repeats,
                seed=seed,
                progress=progress_of(repeats),
                **settings,
            )
            done += repeats
        records.append(
            faithfulness(
                classifier,
                text,
                attribution,
                pair,
                control=controls[kind],
                progress=progress_of(1),
                **settings,
            )
        )
        done += 1
    return tuple(records)


def evidence_table(rows: Sequence[Evidence]) -> pd.DataFrame:
    """One line a method (or checkpoint), the random rankings last, as numbers without badges.

    Columns: name, completeness_gap, then for each of MEASURES its value, `_normalised` (standard
    score among random rankings, larger is better), sensitivity, seconds, and how each was asked:
    target, output, unit, baseline, options, seed of the attribution, `replaced_by` and
    `measured_on` of its faithfulness. The last line holds the means of the random rankings of the
    first row's units, and `_low` and `_high` their middle 95 % in every line. NaN where a method
    has no such number or it was not measured.

    Raises ``ValueError`` without rows.
    """
    import pandas as pd

    if not rows:
        raise ValueError("there is no evidence to put in a table")
    lines = [_line(row) for row in rows]
    columns = max(lines, key=len)
    first = next((row.faithfulness for row in rows if row.faithfulness is not None), None)
    if first is not None:
        last: dict[str, Any] = {"name": RANDOM}
        for key, measure in first.measures().items():
            last[key], last[f"{key}_normalised"] = measure.random, 0.0
            last[f"{key}_low"], last[f"{key}_high"] = measure.band
        lines.append(last)
    return pd.DataFrame(lines, columns=list(columns))


def _line(row: Evidence) -> dict[str, Any]:
    attribution, measured = row.attribution, row.faithfulness
    gap = attribution.completeness_gap
    line: dict[str, Any] = {"name": row.name, "completeness_gap": np.nan if gap is None else gap}
    for key, measure in measured.measures().items() if measured is not None else ():
        line[key] = measure.value
        line[f"{key}_normalised"] = measure.normalised
        line[f"{key}_low"], line[f"{key}_high"] = measure.band
    line["sensitivity"] = np.nan if row.sensitivity is None else row.sensitivity.maximum
    line["seconds"] = attribution.seconds
    pair = attribution.target if isinstance(attribution.target, tuple) else (attribution.target,)
    line["target"] = " minus ".join(map(str, pair))
    line["output"], line["unit"], line["baseline"] = (
        attribution.output,
        attribution.unit,
        attribution.baseline,
    )
    line["options"] = ", ".join(f"{name}={value}" for name, value in attribution.options.items())
    line["seed"] = np.nan if attribution.seed is None else attribution.seed
    if measured is not None:
        line["replaced_by"], line["measured_on"] = measured.replace, measured.output
    return line


__all__ = ["FAVOURED", "MEASURES", "RANDOM", "Evidence", "evidence_table", "faithfulness_of_all"]


def one_below_another(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns as one, in their order."""
    import pandas as pd

    return pd.concat(list(tables), ignore_index=True)
