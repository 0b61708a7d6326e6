"""The Evaluate page of checkpoints that answer with numbers: one a row, or several."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import pearsonr

import analysis
from analysis.common import jobs
from tests.support import tiny
from tests.support.sentences import in_order

TEXTS = [f"the {a} is {b}" for a in ("plot", "film", "song", "end") for b in ("fine", "dull")]
NUMBERS = np.random.default_rng(0).normal(size=(len(TEXTS), 2)).round(3)


def opened(open_app, folder, names, table):
    """The page after two checkpoints with these outputs have been through the rows of a CSV."""
    for seed, kind in enumerate(("bert", "roberta")):
        path = tiny.make_foreign_checkpoint(folder / kind, kind, names, seed=seed)
        config = json.loads((path / "config.json").read_text())
        config["problem_type"] = "regression"
        (path / "config.json").write_text(json.dumps(config))
    held = {"evaluate": "Data set", "checkpoints": ["bert", "roberta"], "source": "file"}
    app = open_app(folder, page="pages/8_Evaluate.py", held=held)
    app.file_uploader[0].set_value(("mine.csv", table.encode(), "text/csv")).run()
    assert not app.exception
    app.button(key="job-go").click().run()
    for job in list(jobs._jobs.values()):
        assert job.wait(120)
    return app.run()


def text_of(app) -> str:
    elements = (*app.text, *app.markdown, *app.caption, *app.warning, *app.error, *app.info)
    return " ".join(element.value for element in elements).replace("\\", "")


@pytest.mark.parametrize(
    ("names", "header", "metric"),
    [
        (("score",), "text,score", "Pearson"),
        (("valence", "arousal"), "text,valence,arousal", "Pearson, valence"),
    ],
)
def test_numbers_are_read_and_scored(open_app, folder, names, header, metric):
    rows = [
        ",".join([text, *map(str, row[: len(names)])])
        for text, row in zip(TEXTS, NUMBERS.tolist(), strict=True)
    ]
    app = opened(open_app, folder, names, "\n".join([header, *rows]))
    assert not app.exception
    loaded = analysis.load(folder / "bert")
    value = [analysis.record(loaded, text).logits[0] for text in TEXTS]
    want = pearsonr(NUMBERS[:, 0], value).statistic
    assert in_order(text_of(app), "bert", "8 rows", f"{metric} {want:.3f}")
    for look in ("examples", "agreement"):
        app.session_state["look"] = look
        assert not app.run().exception
