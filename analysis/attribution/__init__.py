"""Attribution of a prediction to the units of its text, through Captum where Captum has it.

    result = attribute(classifier, text, pair=None, method="integrated_gradients", target=None,
                       unit="piece", output="logit", baseline="pad", **options)

``METHODS`` maps a key to a :class:`Method`: title, citation, family ("gradient", "perturbation",
"sampling", "attention"), whether theory promises that the scores sum (`complete`), what it costs
(`cost(units, options)` passes), what favours it (`note`), what it needs ("baseline", "backward",
"attentions"), and its :class:`Option` s, from which a page draws its controls.
``@method("key", ...)`` adds one: it takes a :class:`Problem` and returns a :class:`Result`.

:class:`Attribution` is the frozen answer: scores (U,), interval (U, 2) for sampling methods,
layer_scores (U, K) where source layers are told apart, delta and completeness gap, baseline,
options as used, seed, seconds. `why_not` says in a sentence why a checkpoint cannot have a
method, `expected_seconds` what it will take, `passes` how many passes. A progress callback that
raises :class:`Enough` keeps what is done; :class:`TooCostly` says what would be cheaper.

The evidence for an attribution: :func:`faithfulness` (and `random_control`,
`faithfulness_of_all`, `evidence_table`), :func:`rank_agreement` and `largest_disagreement`
(of checkpoints with different tokenizers after `aligned`),
:func:`sensitivity`, :func:`randomisation`; ``FAVOURED`` says what favours which method, and
:func:`trust` which of them the evidence on one text supports. Over a
data set: :func:`over_texts` (kept in an `EvidenceStore`), `summarise_evidence`,
`agreement_over_texts`, `largest_words`.

Importing this package loads no torch.
"""

from analysis.attribution.evidence.agreement import (
    Disagreement,
    RankAgreement,
    aligned,
    largest_disagreement,
    null_band,
    rank_agreement,
)
from analysis.attribution.evidence.faithfulness import (
    MEASURES,
    SHARES,
    Control,
    Faithfulness,
    Measure,
    faithfulness,
    random_control,
)
from analysis.attribution.evidence.randomisation import Randomisation, randomisation
from analysis.attribution.evidence.sensitivity import Sensitivity, sensitivity
from analysis.attribution.evidence.table import (
    FAVOURED,
    Evidence,
    evidence_table,
    faithfulness_of_all,
)
from analysis.attribution.evidence.trust import MethodEvidence, Trust, trust
from analysis.attribution.evidence.variants import REPLACE
from analysis.attribution.methods import gradients, inside, noisy, perturbations, shapley  # noqa: F401
from analysis.attribution.problem import Problem, output_of
from analysis.attribution.registry import FAMILIES, METHODS, Method, Option, Result, method
from analysis.attribution.results import (
    BASELINES,
    OUTPUTS,
    UNITS,
    Attribution,
    Enough,
    Progress,
    Target,
    TooCostly,
    in_words,
)
from analysis.attribution.run import attribute, expected_seconds, passes, why_not
from analysis.attribution.texts.agreement import (
    MeanAgreement,
    agreement_frame,
    agreement_over_texts,
)
from analysis.attribution.texts.run import (
    COLUMNS,
    EvidenceSummary,
    TextEvidence,
    WordMeans,
    evidence_frame,
    largest_words,
    over_texts,
    summarise_evidence,
    summary_frame,
    word_frame,
)
from analysis.attribution.texts.store import EvidenceStore
from analysis.attribution.units import unit_groups

__all__ = [
    "BASELINES",
    "COLUMNS",
    "FAMILIES",
    "FAVOURED",
    "MEASURES",
    "METHODS",
    "OUTPUTS",
    "REPLACE",
    "SHARES",
    "UNITS",
    "Attribution",
    "Control",
    "Disagreement",
    "Enough",
    "Evidence",
    "EvidenceStore",
    "EvidenceSummary",
    "Faithfulness",
    "MeanAgreement",
    "Measure",
    "Method",
    "MethodEvidence",
    "Option",
    "Problem",
    "Progress",
    "Randomisation",
    "RankAgreement",
    "Result",
    "Sensitivity",
    "Target",
    "TextEvidence",
    "TooCostly",
    "Trust",
    "WordMeans",
    "agreement_frame",
    "agreement_over_texts",
    "aligned",
    "attribute",
    "evidence_frame",
    "evidence_table",
    "expected_seconds",
    "faithfulness",
    "faithfulness_of_all",
    "in_words",
    "largest_disagreement",
    "largest_words",
    "method",
    "null_band",
    "output_of",
    "over_texts",
    "passes",
    "random_control",
    "randomisation",
    "rank_agreement",
    "sensitivity",
    "summarise_evidence",
    "summary_frame",
    "trust",
    "unit_groups",
    "why_not",
    "word_frame",
]
