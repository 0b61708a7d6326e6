"""Add understands what people bring: a YAML beside weights, and folders that PEFT wrote."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

import analysis
from tests.support import compare_reader as seen
from tests.support import tiny, zoo

SENTENCE = "the film is good"
KEYS = {"bert.": "encoder.", "pool.": "head.", "out.": "classifier."}


def own_script(folder):
    """Weights under somebody's own names, their encoder, and the YAML that says which is which."""
    folder.mkdir()
    own = zoo.loaded("max_seq_mha")
    state = {}
    for key, tensor in own.model.state_dict().items():
        theirs = next(name for name, ours in KEYS.items() if key.startswith(ours))
        state[theirs + key.removeprefix(KEYS[theirs])] = tensor.numpy()
    save_file(state, folder / "run.safetensors")
    tiny.make_bare_encoder(folder / "encoder", seed=9)
    spec = {
        "weights": "run.safetensors",
        "encoder": "encoder",
        "head": "max_seq_mha",
        "head_options": dict(own.checkpoint.head_options),
        "labels": list(own.checkpoint.labels),
        "keys": KEYS,
    }
    (folder / "poollens.yaml").write_text(yaml.safe_dump(spec))
    (folder / "other.yaml").write_text(yaml.safe_dump(spec))
    return folder


def add(app, reference):
    next(w for w in app.text_input if w.label == "Folder or Hub id").set_value(str(reference))
    next(b for b in app.button if b.label == "Add").click().run()
    assert not app.exception
    return app


@pytest.fixture
def app(open_app, four):
    return open_app(four, text=SENTENCE, checkpoints=["toy-cls"])


@pytest.mark.parametrize("file", ["", "other.yaml"])
def test_a_yaml_beside_the_weights_is_added_and_answers(app, tmp_path, file):
    where = own_script(tmp_path / "mine") / file
    shown = seen.cards(add(app, where))
    assert set(shown) == {"toy-cls", str(where)}
    chance = analysis.record(zoo.loaded("max_seq_mha"), SENTENCE).probabilities
    assert shown[str(where)].shown == f"{chance.max():.2f}"
    assert shown[str(where)].reading is not None, "its pooling head is read as every other is"
    named = shown[str(where)].answer.all("id")[0]
    assert (named.text, named.attributes["title"]) == (where.name, str(where))
    assert str(tmp_path) not in seen.verdict(app), "a path is shown short"


def test_a_yaml_that_names_no_keys_says_so(app, tmp_path):
    where = own_script(tmp_path / "mine")
    (where / "poollens.yaml").write_text("weights: run.safetensors\nencoder: encoder\nhead: cls\n")
    add(app, where)
    assert "name keys as well" in seen.text_of(app.sidebar)
    assert list(seen.cards(app)) == ["toy-cls"]


def test_an_adapter_alone_is_added_and_answers(app, tmp_path):
    from tests.checkpoints.test_peft_folders import adapter

    where, _, _ = adapter(tmp_path, "bert")
    shown = seen.cards(add(app, where))
    chance = analysis.record(analysis.load(where, device="cpu"), SENTENCE).probabilities
    assert shown[str(where)].shown == f"{np.max(chance):.2f}"
