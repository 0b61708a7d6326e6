"""A checkpoint that cannot be used is listed with its reason, and the others work."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.support import bare_forward as truth
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.sentences import in_order

SENTENCE = "the film is good"


def listed(app):
    """What stands under "Not usable" in the sidebar."""
    box = [e for e in app.sidebar.expander if e.label.startswith("Not usable")]
    return "\n".join(line.value for e in box for kind in (e.markdown, e.text) for line in kind)


@pytest.fixture
def good(made, folder):
    shutil.copytree(made / "toy-mha", folder / "good")
    return folder


def broken(good):
    shutil.copytree(good / "good", good / "broken")
    return good / "broken"


def empty(path):
    shutil.rmtree(path)
    path.mkdir()


def no_config(path):
    (path / "config.json").unlink()


def damaged_config(path):
    (path / "config.json").write_text('{"model_type": ')


def truncated(path):
    weights = path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def another_architecture(path):
    (path / "config.json").write_text(
        json.dumps({"model_type": "vit", "architectures": ["ViTForImageClassification"]})
    )


def pickle(path):
    (path / "model.safetensors").rename(path / "pytorch_model.bin")


def code(path):
    config = json.loads((path / "config.json").read_text())
    config["auto_map"], config["model_type"] = {"AutoModel": "evil.Model"}, "evil"
    (path / "config.json").write_text(json.dumps(config))
    (path / "evil.py").write_text("raise SystemExit('this must never run')")


BROKEN = {
    empty: "the folder is empty",
    no_config: "there is no config.json",
    damaged_config: "config.json cannot be read",
    truncated: "truncated or damaged",
    another_architecture: "its architecture is ViTForImageClassification",
    pickle: "its weights are a pickle",
    code: "never runs code from a checkpoint",
}


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda f: f.__name__)
def test_broken_folder_is_listed_with_its_reason_and_the_others_work(open_app, good, breaks):
    breaks(broken(good))
    app = open_app(good, text=SENTENCE)
    shown = seen.cards(app)
    assert list(shown) == ["good"]
    true = truth.pooling(good / "good", SENTENCE)
    assert shown["good"].shown == f"{true.probabilities.max():.2f}"
    assert "broken" in listed(app)
    assert BROKEN[breaks] in listed(app)


def test_missing_encoder_names_each_place_looked_in(open_app, good, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    encoder = tmp_path / "moved" / "encoder"
    tiny.make_bare_encoder(encoder)
    tiny.make_pooling_checkpoint(good / "lost", "mha", adapter=True, encoder=encoder)
    shutil.rmtree(encoder)
    app = open_app(good, text=SENTENCE)
    assert list(seen.cards(app)) == ["good"]
    assert str(encoder) in listed(app)
    assert "Looked in" in listed(app) or "looked in" in listed(app)


def test_adapter_on_an_encoder_of_other_weights_is_listed(open_app, good, tmp_path):
    encoder = tmp_path / "encoder"
    tiny.make_bare_encoder(encoder, seed=1)
    tiny.make_pooling_checkpoint(good / "other", "mha", adapter=True, encoder=encoder)
    tiny.make_bare_encoder(encoder, seed=2)
    app = open_app(good, text=SENTENCE)
    assert list(seen.cards(app)) == ["good"]
    assert "has other weights" in listed(app)


def weights(path, change):
    from safetensors.torch import load_file, save_file

    tensors = load_file(path / "model.safetensors")
    change(tensors)
    save_file(tensors, path / "model.safetensors", {"format": "pt"})


def test_nan_weights_are_named_in_their_own_card(open_app, good):
    weights(broken(good), lambda t: t["classifier.weight"].fill_(float("nan")))
    shown = seen.cards(open_app(good, text=SENTENCE))
    assert set(shown) == {"broken", "good"}
    warning = shown["broken"].answer.all("warn")[0].text
    assert in_order(warning, "classifier.weight", "NaN")
    assert not shown["broken"].answer.all("p"), "no number beside a reason"
    true = truth.pooling(good / "good", SENTENCE)
    assert shown["good"].shown == f"{true.probabilities.max():.2f}"


def test_missing_tensors_are_named_in_their_own_card(open_app, good):
    weights(broken(good), lambda t: t.pop("head.attention.in_proj_weight"))
    shown = seen.cards(open_app(good, text=SENTENCE))
    warning = shown["broken"].answer.all("warn")[0].text
    assert "lacks 1 tensors" in warning or "lacks 1 tensor" in warning
    assert "head.attention.in_proj_weight" in warning
    assert shown["good"].shown


def test_unknown_pooling_head_says_how_to_bring_it(open_app, good):
    path = broken(good)
    config = json.loads((path / "config.json").read_text()) | {"head": "golden"}
    (path / "config.json").write_text(json.dumps(config))
    app = open_app(good, text=SENTENCE, checkpoints=["broken", "good"])
    warning = seen.cards(app)["broken"].answer.all("warn")[0].text
    assert "'golden' is not known" in warning
    assert "--heads" in warning


def test_folder_of_broken_checkpoints_only_still_has_a_page(open_app, good):
    empty(broken(good))
    shutil.rmtree(good / "good")
    app = open_app(good)
    assert not app.exception
    assert "the folder is empty" in listed(app)


def test_adding_what_is_not_there_says_where_it_looked(open_app, good, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    app = open_app(good, text=SENTENCE)
    field = next(w for w in app.text_input if w.label == "Folder or Hub id")
    field.set_value("nowhere-at-all")
    next(b for b in app.button if b.label == "Add").click().run()
    assert in_order(seen.text_of(app.sidebar), "'nowhere-at-all'", "not found", "Looked in")
    assert app.text_input(key="text").value == SENTENCE
    assert list(seen.cards(app)) == ["good"]


def test_added_folder_is_chosen_and_answers(open_app, good, tmp_path):
    tiny.make_pooling_checkpoint(tmp_path / "elsewhere" / "mine", "cls", seed=9)
    path = tmp_path / "elsewhere" / "mine"
    app = open_app(good, text=SENTENCE)
    next(w for w in app.text_input if w.label == "Folder or Hub id").set_value(str(path))
    next(b for b in app.button if b.label == "Add").click().run()
    shown = seen.cards(app)
    assert set(shown) == {"good", str(path)}
    true = truth.pooling(path, SENTENCE)
    assert shown[str(path)].shown == f"{true.probabilities.max():.2f}"


@pytest.mark.parametrize("page", ["app.py", "pages/2_Max_pool_winners.py", "pages/3_Attention.py"])
def test_a_folder_of_any_name_has_its_card(open_app, good, page):
    shutil.copytree(good / "good", good / "user__model")
    shutil.copytree(good / "good", good / "a b (c) #1")
    app = open_app(good, page=page, text=SENTENCE)
    shown = str(app)
    assert "user__model" in shown
    assert "a b (c) #1" in shown
