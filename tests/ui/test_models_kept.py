"""Models stay loaded as long as they fit in memory; no number of them is one too many."""

from __future__ import annotations

import shutil

import pytest

from analysis.checkpoints.folder import describe
from pages.ui.engine import models, server_wide


@pytest.fixture
def many(made, tmp_path, monkeypatch):
    """Twenty checkpoints, more than were once kept."""
    server_wide.forget()
    models._let_go.clear()
    folders = []
    for index in range(20):
        folder = tmp_path / f"toy-{index}"
        shutil.copytree(made / "toy-mha", folder)
        folders.append(folder)
    yield [describe(folder) for folder in folders]
    server_wide.forget()
    models._let_go.clear()


@pytest.fixture
def loads(monkeypatch):
    counted = []
    real = models._load
    monkeypatch.setattr(
        models, "_load", lambda folder: (counted.append(folder.id), real(folder))[1]
    )
    return counted


def test_twenty_chosen_checkpoints_are_loaded_once(many, loads):
    for _ in range(3):
        for checkpoint in many:
            models.classifier(checkpoint)
    assert len(loads) == 20
    assert models.told_of_memory() == ""


def test_beyond_the_bound_the_longest_unused_goes_and_that_is_told(many, loads, monkeypatch):
    size = sum(models._bytes_of(models._load(many[0])).values())
    loads.clear()
    monkeypatch.setenv("POOLLENS_MODEL_GB", str(3.5 * size / 2**30))
    server_wide.forget()
    for checkpoint in many[:4]:
        models.classifier(checkpoint)
    models.classifier(many[3])
    assert len(loads) == 4
    models.classifier(many[0])
    assert loads[-1] == many[0].id
    assert len(loads) == 5
    assert "let go" in models.told_of_memory()
    assert models._models().used <= models._models().budget


def test_heads_on_one_frozen_encoder_count_its_weights_once(tmp_path):
    import training
    from analysis.checkpoints.folder import describe
    from tests.support import frozen_data, zoo

    states = training.states(str(zoo.folder("bare")), frozen_data.table(24, 1), last_k=3)
    fitted = training.fit(states, ("cls", "mean", "max"), seeds=1, epochs=1, learning_rate=1e-3)
    folders = training.save(fitted, tmp_path / "heads", name="own")
    server_wide.forget()
    sizes = []
    for folder in folders:
        loaded = models.classifier(describe(folder))
        sizes.append(models._models().used)
    encoder = sum(p.numel() * p.element_size() for p in loaded.encoder.parameters())
    assert sizes[0] > encoder
    assert sizes[-1] - sizes[0] < encoder / 4
