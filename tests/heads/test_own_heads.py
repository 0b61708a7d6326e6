"""A pooling head of one's own: from a file, from a notebook, with nothing in the package edited."""

from __future__ import annotations

import sys
import types

import pytest
import torch

import analysis
from analysis import heads
from analysis.checkpoints.loading import register_heads
from analysis.common.faults import CheckpointError
from analysis.reading.decomposition import NoExactSplit
from tests.support import tiny

SOURCE = '''
from analysis.heads import Pooled, PoolingHead, head
from analysis import pooling

@head("last_two")
class LastTwo(PoolingHead):
    """Mean of the last two layers' [CLS]."""

    def __init__(self, hidden_size, num_layers, *, share=0.5, **base):
        super().__init__(hidden_size, num_layers, **base)
        self.share = share

    def read(self, hidden, attention_mask):
        index = pooling.first_token(attention_mask)
        last, before = (pooling.take_token(layer, index) for layer in (hidden[-1], hidden[-2]))
        return Pooled(self.share * last + (1 - self.share) * before)
'''


@pytest.fixture(autouse=True)
def same_heads_afterwards():
    before = dict(heads.HEADS)
    yield
    heads.HEADS.clear()
    heads.HEADS.update(before)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_heads.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def checkpoint(file, tmp_path):
    register_heads(file)
    return tiny.make_pooling_checkpoint(tmp_path / "own", "last_two", head_options={"share": 0.3})


def test_a_file_registers_its_heads(file):
    assert register_heads(file) == ("last_two",)
    assert heads.options_of(heads.HEADS["last_two"])["share"] == 0.5
    module = heads.build("last_two", hidden_size=8, num_layers=2, share=0.25)
    hidden = torch.randn(3, 2, 4, 8)
    vector = module(hidden, torch.ones(2, 4)).vector
    torch.testing.assert_close(vector, 0.25 * hidden[2, :, 0] + 0.75 * hidden[1, :, 0])


def test_a_file_may_import_from_the_installed_packages_name(file):
    file.write_text(SOURCE.replace("from analysis", "from poollens"))
    assert register_heads(file) == ("last_two",)
    assert issubclass(heads.HEADS["last_two"], heads.PoolingHead)


def test_a_file_may_be_read_again(file):
    register_heads(file)
    first = heads.HEADS["last_two"]
    register_heads(file)
    assert heads.HEADS["last_two"] is not first


def test_a_checkpoint_names_its_own_head_and_gets_it(checkpoint):
    own = heads.HEADS["last_two"]
    classifier = analysis.load(checkpoint, head=own, device="cpu")
    trace = analysis.record(classifier, tiny.SENTENCE)
    state = classifier.model.classifier
    vector = 0.3 * trace.hidden[-1, 0] + 0.7 * trace.hidden[-2, 0]
    want = torch.tensor(vector) @ state.weight.T + state.bias
    torch.testing.assert_close(torch.tensor(trace.logits), want, rtol=0, atol=1e-5)


def test_a_head_that_reports_a_vector_alone_has_no_split(checkpoint):
    trace = analysis.record(analysis.load(checkpoint, device="cpu"), tiny.SENTENCE)
    assert trace.head.winners is None
    assert trace.head.attention is None
    with pytest.raises(NoExactSplit, match="last_two"):
        analysis.decompose(trace)


def test_an_unknown_head_is_answered_with_how_to_name_its_file(checkpoint):
    del heads.HEADS["last_two"]
    with pytest.raises(CheckpointError, match=r"'last_two' is not known.*--heads my_heads\.py"):
        analysis.load(checkpoint, device="cpu")


def test_a_subclass_without_a_key_of_its_own_is_not_taken_for_its_parent(checkpoint):
    class Mine(heads.Mha):
        pass

    with pytest.raises(CheckpointError, match=r"Mine is not registered.*@head"):
        analysis.load(checkpoint, head=Mine, device="cpu")


def test_weights_that_do_not_make_the_vector_are_no_split(tmp_path):
    @heads.head("boastful")
    class Boastful(heads.Mean):
        def read(self, hidden, attention_mask):
            pooled = super().read(hidden, attention_mask)
            return heads.Pooled(pooled.vector + 1, weights=pooled.weights, values=pooled.values)

    folder = tiny.make_pooling_checkpoint(tmp_path / "boastful", "boastful")
    trace = analysis.record(analysis.load(folder, device="cpu"), tiny.SENTENCE)
    with pytest.raises(NoExactSplit, match="do not add up"):
        analysis.decompose(trace)


def test_a_key_is_not_taken_twice():
    with pytest.raises(ValueError, match=r"'mha' exists already \(Mha\)"):

        @heads.head("mha")
        class Other(heads.PoolingHead):
            pass


def test_a_notebook_cell_may_run_again(monkeypatch):
    # A class of a notebook lives in a __main__ that has no file.
    cell = types.ModuleType("cell_without_a_file")
    monkeypatch.setitem(sys.modules, cell.__name__, cell)
    source = "from analysis import heads\n@heads.head('noted')\nclass Noted(heads.Cls): pass\n"
    exec(source, cell.__dict__)
    exec(source, cell.__dict__)
    assert heads.HEADS["noted"] is cell.Noted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("def (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_file_that_fails_is_named_with_its_reason(tmp_path, text, message):
    path = tmp_path / "broken_heads.py"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"broken_heads\.py: {message}"):
        register_heads(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="there is no such file"):
        register_heads(tmp_path / "nowhere.py")


def test_a_head_of_ones_own_that_fails_is_the_one_that_is_named(file, tmp_path):
    register_heads(file)
    folder = tiny.make_pooling_checkpoint(tmp_path / "own", "last_two")
    file.write_text(
        SOURCE.replace("index = pooling", "raise LookupError('no row 17')\n        index = pooling")
    )
    register_heads(file)
    with pytest.raises(CheckpointError, match=r"no row 17.*last_two .*file of your own"):
        analysis.load(folder, device="cpu")


PLAIN = """
import torch
from torch import nn
from analysis.heads import Pooled, PoolingHead, head

@head({key!r})
class Own(PoolingHead):
    {init}

    def read(self, hidden, attention_mask):
        return Pooled(hidden[-1][:, 0])
"""


def register(tmp_path, init="pass", key="own"):
    path = tmp_path / "own.py"
    path.write_text(PLAIN.format(key=key, init=init))
    return register_heads(path)


@pytest.mark.parametrize(
    ("init", "options"),
    [
        ("pass", {"layer_norm": False, "pooler": "none"}),
        ("def __init__(self, d, n): super().__init__(d, n)", {}),
        ("def __init__(self, d, n, *, heat=2): super().__init__(d, n)", {"heat": 2}),
        ("def __init__(self, d, n, heat=2): super().__init__(d, n)", {"heat": 2}),
        ("def __init__(self, d, n, **more): super().__init__(d, n)", {}),
    ],
)
def test_a_head_gets_the_options_that_it_takes(tmp_path, init, options):
    register(tmp_path, init)
    known = heads.options_of(heads.HEADS["own"])
    assert options.items() <= known.items()
    assert ("layer_norm" in known) == ("**" in init or init == "pass")
    module = heads.build("own", 8, 2, **known)
    assert module(torch.randn(3, 2, 4, 8), torch.ones(2, 4)).vector.shape == (2, 8)


@pytest.mark.parametrize("key", ["", "all", "a/b", "../own", ".own", "a\nb"])
def test_a_key_that_cannot_be_part_of_a_folders_name_is_refused(tmp_path, key):
    with pytest.raises(ValueError, match="cannot be the key"):
        register(tmp_path, key=key)


def test_an_option_without_a_default_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"'heat'.*has no default"):
        register(tmp_path, "def __init__(self, d, n, *, heat): super().__init__(d, n)")


def test_a_head_that_cannot_be_made_is_told_and_no_type_error_of_python(tmp_path):
    register(tmp_path, "def __init__(self, d, n): self.d = d")
    with pytest.raises(ValueError, match=r"cannot be made.*begins with super"):
        heads.build("own", 8, 2)


def test_a_file_that_ends_python_ends_its_own_reading_alone(tmp_path):
    path = tmp_path / "own.py"
    path.write_text("raise SystemExit(3)")
    with pytest.raises(ValueError, match=r"own\.py: SystemExit"):
        register_heads(path)
