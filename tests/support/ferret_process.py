"""Run by the Python of an environment that has ferret-xai: its AOPC of given rankings, as JSON.

Imported by no test: ferret 0.4 wants other versions of most packages. In an environment of its
own (``pip install ferret-xai "pyarrow<21"``; with the pyarrow that pip picks by itself it fails on
import), ``FERRET_PYTHON=that/bin/python pytest tests/attribution/test_ferret.py`` asks it anew.
"""

import json
import sys

import numpy as np


def main() -> None:
    import ferret
    from ferret.evaluators.faithfulness_measures import (
        AOPC_Comprehensiveness_Evaluation,
        AOPC_Sufficiency_Evaluation,
    )
    from ferret.explainers.explanation import Explanation
    from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

    question = json.load(sys.stdin)
    model = AutoModelForSequenceClassification.from_pretrained(question["folder"]).eval()
    # Its transformers (4) knows no tokenizer class of version 5; the files themselves it reads.
    names = ("pad", "unk", "cls", "sep", "mask")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=f"{question['folder']}/tokenizer.json",
        **{f"{name}_token": f"[{name.upper()}]" for name in names},
    )
    measures = [
        kind(model, tokenizer)
        for kind in (AOPC_Comprehensiveness_Evaluation, AOPC_Sufficiency_Evaluation)
    ]
    answers = []
    for case in question["cases"]:
        explanation = Explanation(
            text=case["text"],
            tokens=measures[0].helper.get_tokens(case["text"]),
            scores=np.array(case["scores"]),
            explainer="given",
            target=case["target"],
        )
        settings = {
            "only_pos": True,  # without it, it fails on NumPy 1.26: the scores given are positive
            "removal_args": {
                "remove_tokens": case["replace"] == "remove",
                "based_on": "k",
                "thresholds": case["counts"],
            },
        }
        answers.append(
            [
                float(
                    measure.compute_evaluation(explanation, target=case["target"], **settings).score
                )
                for measure in measures
            ]
        )
    print(json.dumps({"version": ferret.__version__, "answers": answers}))


if __name__ == "__main__":
    main()
