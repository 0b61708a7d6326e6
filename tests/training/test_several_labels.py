"""Fine-tuning where a row may have several classes: from lists, and from a column a class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import f1_score

import analysis
from tests.support.training_data import QUICK, facts_in, sentences
from training.finetune import finetune
from training.settings import command, load_splits

CLASSES = ("dull", "good")


def write(folder, form, columns=CLASSES):
    """train and dev with the labels that a text's words say."""
    paths = {}
    for part, count in (("train", 48), ("dev", 16)):
        texts = [f"{text} {part}" for text, _ in sentences(count, len(part))]
        draw = np.random.default_rng(len(part))
        label = draw.integers(0, 2, (len(texts), 2))
        frame = pd.DataFrame({"sentence": texts})
        if form == "columns":
            frame[list(columns)] = label
        else:
            frame["labels"] = [
                [c for c, on in zip(CLASSES, row, strict=True) if on] for row in label
            ]
        paths[part] = folder / f"{part}.{'json' if form == 'json' else 'csv'}"
        if form == "json":
            frame.to_json(paths[part], orient="records")
        else:
            frame.to_csv(paths[part], index=False)
    return paths


@pytest.fixture
def own(run, tmp_path):
    def make(form, **changes):
        named = {"label_columns": CLASSES} if form == "columns" else {"label": "labels"}
        return run(
            task="csv", data=None, text="sentence", **write(tmp_path, form), **named, **changes
        )

    return make


def test_lists_and_columns_are_the_same_rows(own):
    tables = [load_splits(own(form)).train for form in ("columns", "csv", "json")]
    for table in tables:
        assert table.several
        assert table.labels == CLASSES
        np.testing.assert_array_equal(table.label, tables[0].label)
        assert table.text == tables[0].text


def test_a_finished_folder_gives_each_class_its_sigmoid(own):
    settings = own("columns", recipe=replace(QUICK, epochs=1))
    assert "--label-columns 'dull' 'good'" in command(settings)
    folder = finetune(settings)
    loaded = analysis.load(folder)
    assert loaded.checkpoint.output == "sigmoid"
    assert loaded.checkpoint.labels == CLASSES
    dev = load_splits(settings).scored["dev"]
    chance = np.stack([analysis.record(loaded, text).probabilities for text in dev.text])
    want = f1_score(dev.label, chance > 0.5, average="micro", zero_division=0.0)
    assert facts_in(folder)["metrics"]["dev"]["micro_f1"] == pytest.approx(want)
    assert "micro_f1" in (folder / "README.md").read_text()


def test_the_loss_is_that_of_each_class_for_itself(encoder):
    from analysis.checkpoints.model import build_classifier

    model = build_classifier(encoder, "cls", {}, CLASSES, several=True)
    model.eval()
    labels = torch.tensor([[1, 0], [1, 1]])
    output = model(input_ids=torch.tensor([[2, 6, 3], [2, 7, 3]]), labels=labels)
    chance = torch.sigmoid(output.logits)
    want = -(labels * chance.log() + (1 - labels) * (1 - chance).log()).mean()
    assert output.loss.item() == pytest.approx(want.item(), rel=1e-5)


def test_a_row_that_cannot_be_read_is_named(own, tmp_path):
    settings = own("json")
    frame = pd.read_json(settings.train)
    frame.loc[3, "sentence"] = ""
    frame.to_json(settings.train, orient="records")
    with pytest.raises(ValueError, match="row 4: no text"):
        load_splits(settings)
