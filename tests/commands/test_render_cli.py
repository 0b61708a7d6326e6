"""The command line and the notebook: any view without the app, and words for what goes wrong."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

import analysis
from analysis.__main__ import main
from analysis.figures import Plot, view
from analysis.figures.recipes import registry
from analysis.figures.recipes.study import PICTURES as STUDY
from tests.support import tiny, zoo
from tests.support.known_results import checkpoint, split, tokens_of
from tests.support.sentences import in_order

ROOT = Path(__file__).resolve().parents[2]
TEXT = "The plots thinned, not dully."


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """toy-mha, toy-max_seq_mha-s0 and -s1, of one set of classes."""
    made = tmp_path_factory.mktemp("checkpoints")
    tiny.make_pooling_checkpoint(made / "toy-mha", "mha", ("bad", "good"), pairs=True)
    for seed in range(2):
        tiny.make_pooling_checkpoint(
            made / f"toy-max-s{seed}", "max_seq_mha", ("bad", "good"), seed=seed
        )
    return made


@pytest.fixture
def render(root, tmp_path, capsys):
    """`render(view, "--option", ...) -> (exit code, files, stdout, stderr)`."""

    def call(*arguments, checkpoint="toy-max-s0", text=TEXT):
        words = ["render", *arguments, "--checkpoints", str(root), "--output", str(tmp_path / "o")]
        words += ["--checkpoint", checkpoint] if checkpoint else []
        words += ["--text", text] if text is not None else []
        code = main(words)
        console = capsys.readouterr()
        files = {p.name: p.read_bytes() for p in sorted((tmp_path / "o").glob("*"))}
        return code, files, console.out, console.err

    return call


def test_the_list_names_every_view_in_one_line(capsys):
    assert main(["render", "--list"]) == 0
    console = capsys.readouterr()
    lines = console.out.splitlines()
    assert {"winners", "strips", "attention", "layers"} <= {line.split()[0] for line in lines}
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)
    assert any("[quantity, words" in line for line in lines if line.startswith("winners"))


def test_a_picture_is_written_with_its_sidecar_and_named(render, root):
    code, files, out, _ = render("winners", "--venue", "acl", "--format", "pdf,svg,png,csv")
    assert code == 0
    assert set(files) == {f"winners-toy-max-s0.{e}" for e in ("pdf", "svg", "png", "csv", "json")}
    assert len(out.splitlines()) == 5
    page = PdfReader(io.BytesIO(files["winners-toy-max-s0.pdf"])).pages[0]
    assert float(page.mediabox.width) == pytest.approx(3.03 * 72, abs=0.1)
    image = Image.open(io.BytesIO(files["winners-toy-max-s0.png"]))
    assert image.width == pytest.approx(3.03 * 300, abs=1)
    data = json.loads(files["winners-toy-max-s0.json"])
    expected = registry.make("winners", [analysis.load(root / "toy-max-s0")], TEXT)
    drawn = Plot.from_json(json.dumps(data["data"][0]))
    assert drawn.mark.values.tolist() == expected.mark.values.tolist()


def test_options_reach_the_picture(render):
    code, files, _, err = render(
        "winners",
        "--target",
        "good",
        "--set",
        "quantity=contribution",
        "--pieces",
        "--venue",
        "icml",
        "--width",
        "full",
        "--name",
        "mine",
        "--format",
        "svg",
        "--font",
        "serif",
        "--greyscale",
        "--title",
    )
    assert code == 0, err
    data = json.loads(files["mine.json"])
    assert data["params"]["quantity"] == "contribution"
    assert data["params"]["words"] is False
    assert data["params"]["target"] == 1
    assert data["style"] | {"venue": "icml", "width": "full", "font": "serif"} == data["style"]
    assert (data["style"]["greyscale"], data["style"]["title"]) == (True, True)


def test_a_seed_group_and_several_checkpoints_are_drawn_together(render):
    code, files, _, err = render("classes", "--checkpoint", "toy-max")
    assert code == 0, err
    mark = Plot.from_json(
        json.dumps(
            json.loads(next(data for name, data in files.items() if name.endswith(".json")))[
                "data"
            ][0]
        )
    ).mark
    assert mark.series == ("toy-max", "toy-max-s0")
    assert mark.dots.shape == (2, 2, 2)


def test_a_pair_is_read_as_a_pair(render):
    code, files, _, err = render("reading", "--pair", "It was dull.", checkpoint="toy-mha")
    assert code == 0, err
    assert json.loads(files["reading-toy-mha.json"])["pair"] == "It was dull."


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (["winers"], {}, "no view is called 'winers'; known are "),
        ([], {}, "name a view"),
        (["winners"], {"text": None}, "give the text that is read"),
        (["winners"], {"text": "  "}, "give the text that is read"),
        (["winners"], {"checkpoint": None}, "name a checkpoint: --checkpoint C. In checkpoints"),
        (["winners"], {"checkpoint": "nothing-here"}, "was not found. Looked in"),
        (["winners"], {"checkpoint": "toy-mha"}, "takes no maximum over layers"),
        (["winners", "--venue", "dreams"], {}, "no venue is called 'dreams'; known are"),
        (["winners", "--width", "900"], {}, "cannot be drawn"),
        (["winners", "--format", "bmp"], {}, "no format is called 'bmp'; known are pdf"),
        (["winners", "--format", "json"], {}, "no format is called 'json'"),
        (["winners", "--format", ","], {}, "name a format"),
        (["winners", "--target", "fine"], {}, "has no class 'fine'; it has bad, good"),
        (["winners", "--target", "7"], {}, "class 7 does not exist"),
        (["winners", "--set", "quantity"], {}, "--set takes NAME=VALUE"),
        (["winners", "--set", "amount=3"], {}, "has no parameter amount; it has quantity, words"),
        (["winners", "--set", "quantity=luck"], {}, "known: deviation, contribution"),
        (["winners", "--name", "../x"], {}, "a file name without folder"),
        (["map"], {}, "drawn over a data set: give one (--data FILE)"),
        (["study_scores"], {}, "is drawn of a study: --study FOLDER"),
        (["study_scores", "--study", "nowhere"], {}, "no results of a study in nowhere"),
        (
            ["study_scores", "--study", "x", "--set", "tasks=rte"],
            {},
            "tasks is 'rte': expected a list of",
        ),
        (["winners", "--study", "x"], {}, "not of a study: leave out --study"),
        (["attribution_strips", "--set", "method=luck"], {}, "no method is called 'luck'"),
        (["attribution_disagreement", "--set", "method=saliency"], {}, "2 different methods"),
        (["rank_agreement", "--set", "unit=line"], {}, "line"),
        (["variant"], {}, "give the second version of the text"),
        (["variant", "--set", "variant=5"], {}, "variant is 5: expected a text"),
        (["cls_by_layer", "--set", "token=99"], {}, "token 99 is not there: choose 0 to"),
        (["cls_by_layer", "--set", "top=-1"], {}, "top is -1"),
        (["dimension", "--set", "token=99"], {}, "token 99 is not there"),
        (["dimension", "--set", "index=a"], {}, "index is 'a': expected a whole number"),
        (["dimension", "--set", "index=99999"], {}, "dimension 99999 is not there"),
        (["depth", "--set", "token=99"], {}, "token 99 is not there"),
        (["token_attention", "--set", "token=999"], {}, "token 999 is not there"),
        (["cls_row", "--set", "layer=99"], {}, "layer 99 has no attention: choose 1 to"),
        (["cls_row", "--set", "layer=a"], {}, "layer is 'a'"),
        (["blocks", "--set", "layer=99"], {}, "layer 99 is not there"),
        (["blocks", "--set", "head=99"], {}, "attention head 99 is not there"),
        (["encoder_head", "--set", "window=[1]"], {}, "window is [1]"),
        (
            ["encoder_head", "--set", "window=3"],
            {},
            "window is 3: expected a list of whole numbers",
        ),
        (
            ["what_if", "--set", "drop_layers=4"],
            {},
            "drop_layers is 4: expected a list of whole numbers",
        ),
        (["what_if", "--set", "drop_layers=[99]"], {}, "99"),
        (["what_if", "--set", "mask_tokens=[99]"], {}, "99"),
        (["winners", "--set", "limit=a"], {}, "limit is 'a': expected a number"),
        (["winners", "--set", "limit=0"], {}, "limit is 0: expected a number above 0"),
        (["winners", "--set", "words=maybe"], {}, "words is 'maybe': expected true or false"),
        (["winners", "--set", "head=true"], {}, "head is True: expected a whole number"),
        (["winners", "--set", "reference=zz"], {}, "reference is 'zz'; known here: zero, corpus"),
        (
            ["reading", "--set", "reference=5"],
            {},
            "reference is 5: expected a text or a list of texts",
        ),
        (["reading", "--format", "png", "--dpi", "1"], {}, "1 dots an inch cannot be drawn"),
        (["reading", "--dpi", "99999"], {}, "give 36 to 2400"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(render, arguments, options, sentence):
    code, files, out, err = render(*arguments, **options)
    assert (code, files, out) == (1, {}, "")
    assert sentence in err
    assert "Traceback" not in err


def test_hostile_text_is_drawn_and_written_nowhere_else(render, tmp_path):
    text = "<script>alert(1)</script> $x$ \\input{/etc/passwd} 😀 שלום \u202e %s"
    code, files, _, err = render("reading", "--format", "pdf,svg", text=text)
    assert code == 0, err
    assert b"<script>" not in files["reading-toy-max-s0.svg"]
    assert {p.name for p in tmp_path.iterdir()} == {"o"}


@pytest.mark.parametrize("key", sorted(STUDY))
def test_a_study_is_drawn_from_its_folder(key, tmp_path, capsys):
    folder = ROOT / "study" / "results" / "minilm"
    code = main(["render", key, "--study", str(folder), "--output", str(tmp_path)])
    errors = capsys.readouterr().err
    if code:  # the runs of this study are still being added
        assert "Traceback" not in errors
        assert "run" in errors
        return
    data = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert data["view"] == key
    assert str(ROOT) not in json.dumps(data)


def test_a_folder_that_is_none_is_said(root, tmp_path, capsys):
    (tmp_path / "o").write_text("a file")
    code = main(
        [
            "render",
            "reading",
            "--checkpoints",
            str(root),
            "--checkpoint",
            "toy-mha",
            "--text",
            TEXT,
            "--output",
            str(tmp_path / "o"),
        ]
    )
    assert code == 1
    assert in_order(capsys.readouterr().err, "not a folder", "--output")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: None, "there is no such file"),
        (lambda p: p.mkdir(), "this is a folder"),
        (lambda p: p.write_text("{}"), "not a figure of PoolLens"),
        (lambda p: p.write_bytes(b"\xff\xfe\x00"), "it is no JSON"),
    ],
)
def test_rebuild_says_what_is_wrong_with_a_file_and_goes_on(make, sentence, tmp_path, capsys):
    from analysis.figures.files.saved import save
    from analysis.figures.files.sidecar import sidecar

    tokens = tokens_of(TEXT)
    good = save(sidecar(view("reading", split(tokens), tokens, 1, checkpoint())), "good")
    (tmp_path / "good.json").write_bytes(good.sidecar)
    make(tmp_path / "bad.json")
    code = main(
        [
            "rebuild",
            str(tmp_path / "bad.json"),
            str(tmp_path / "good.json"),
            "--from-data",
            "--output",
            str(tmp_path / "out"),
        ]
    )
    said_all = capsys.readouterr()
    assert code == 1
    assert sentence in said_all.err
    assert (tmp_path / "out" / "good.pdf").read_bytes() == good.data


def test_usage_errors_leave_with_two(capsys):
    for arguments in ([], ["dance"], ["render", "--words", "--pieces"], ["rebuild"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    assert "render" in capsys.readouterr().out


def test_the_command_line_answers_without_loading_torch():
    code = (
        "import sys; from analysis.__main__ import main; main(['render', '--list']);"
        "print([m for m in ('torch', 'matplotlib', 'plotly', 'streamlit') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "[]"


def test_doctor_tells_what_is_there_and_what_is_broken(root, tmp_path, capsys):
    assert main(["doctor", "--checkpoints", str(root)]) == 0
    output = capsys.readouterr().out
    assert in_order(output, "toy-mha", "mha", "2 classes")
    assert "no browser is needed" in output
    assert "sans font:" in output
    shutil.copytree(root / "toy-mha", tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    assert main(["doctor", "--checkpoints", str(tmp_path)]) == 1
    assert "truncated or damaged" in capsys.readouterr().out
    assert main(["doctor", "--checkpoints", str(tmp_path / "nowhere")]) == 1


# --- in a notebook ----------------------------------------------------------------------------


def test_a_picture_shows_itself_and_is_saved_as_the_app_saves_it(tmp_path):
    trace = analysis.record(zoo.loaded("max_seq_mha"), TEXT)
    plot = analysis.figures.view("winners", trace)
    assert plot.paper(venue="acl")[:5] == b"%PDF-"
    shown = plot._repr_mimebundle_()
    assert "<svg" in shown["image/svg+xml"]
    assert repr(plot).startswith("Plot('winners', 'Max-pool winners")
    path = plot.save(tmp_path / "figures", format="svg", author="J. Doe")
    assert path.read_bytes()[:5] == b"<?xml"
    assert json.loads(path.with_suffix(".json").read_text())["signed"] == {"author": "J. Doe"}


def test_a_picture_imports_nothing_heavy_before_it_is_shown():
    code = (
        "import sys\n"
        "from tests.support.known_results import *\n"
        "from analysis.figures import view\n"
        "t = tokens_of(SENTENCE); p = view('reading', split(t), t, 1, checkpoint()); repr(p)\n"
        "print([m for m in ('matplotlib', 'plotly', 'pandas') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr
