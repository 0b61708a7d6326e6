"""The Similarity page: its scores are the library's, and what is missing it says."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.common import jobs
from analysis.families.table import make
from tests.support import tiny
from tests.support.compare_reader import pieces
from tests.support.sentences import in_order

FIRST, SECOND = "the plots thinned, not dully", "he said the story was poor"
PAGE = "pages/5_Similarity.py"


@pytest.fixture
def open_similarity(open_app):
    """`open_similarity(folder, **chosen) -> AppTest` on the Similarity page."""

    def start(root, held=None, **chosen):
        return open_app(root, page=PAGE, held=held, **{"text": FIRST, "pair": SECOND, **chosen})

    return start


def _values(card):
    return [float(node.text.replace("\N{MINUS SIGN}", "-")) for node in card.all("value")]


def test_scores_are_the_librarys(open_similarity, four):
    app = open_similarity(four, checkpoints=["toy-mha"])
    shown = _values(pieces(app)["compared-toy-mha"])
    classifier = analysis.load(four / "toy-mha")
    expected = [
        analysis.similarity(classifier, FIRST, SECOND, pooling).score
        for pooling in ("mean", "max", "cls")
    ]
    assert shown == pytest.approx(expected, abs=0.0051)


def test_a_decoder_is_compared_by_its_last_token_before_anybody_chooses(open_similarity, tmp_path):
    """Its first token sees nothing of the text: every two texts would be alike by it."""
    folder = make(tmp_path / "gpt2", "gpt2", classifier=False)
    app = open_similarity(tmp_path, checkpoints=["gpt2"])
    classifier = analysis.load(folder, device="cpu")
    expected = [
        analysis.similarity(classifier, FIRST, SECOND, pooling).score
        for pooling in ("mean", "max", "last_token")
    ]
    assert _values(pieces(app)["compared-gpt2"]) == pytest.approx(expected, abs=0.0051)


def test_a_word_struck_out_changes_the_scores(open_similarity, four):
    held = {"edits": ["0.4.9"]}  # "plots"
    app = open_similarity(four, held, checkpoints=["toy-mha"])
    html = pieces(app)["compared-toy-mha"]
    edit = analysis.similarities.leave_out(
        analysis.load(four / "toy-mha"), FIRST, SECOND, _positions(four)
    )
    assert _values(html)[0] == pytest.approx(edit.after.score, abs=0.0051)
    assert [node.text for node in html.all("struck")] == ["plots"] * 3


def _positions(four):
    tokens = analysis.record(analysis.load(four / "toy-mha"), FIRST).tokens
    return [place for place, (start, end) in enumerate(tokens.offsets.tolist())
            if start < 9 and end > 4]  # fmt: skip


@pytest.mark.parametrize("missing", ["text", "pair"])
def test_one_text_missing_is_asked_for(open_similarity, four, missing):
    app = open_similarity(four, checkpoints=["toy-mha"], **{missing: ""})
    which = {"text": "first", "pair": "second"}[missing]
    assert any(f"Type the {which} sentence" in info.value for info in app.info)
    assert not app.exception


def test_a_seed_group_shows_the_mean_over_its_seeds(open_similarity, seeds):
    app = open_similarity(seeds, checkpoints=["toy-one"])
    card = pieces(app)["compared-toy-one"]
    members = [analysis.load(path) for path in sorted(seeds.glob("toy-one-s*"))]
    expected = [
        np.mean([analysis.similarity(member, FIRST, SECOND, name).score for member in members])
        for name in ("mean", "max", "cls")
    ]
    assert _values(card) == pytest.approx(expected, abs=0.0051)
    assert "mean of 2 seeds" in card.text
    assert not app.exception


def test_a_word_put_in_is_read_in_the_place_of_the_one_struck_out(open_similarity, four):
    held = {"edits": ["0.4.9.story"]}
    app = open_similarity(four, held, checkpoints=["toy-mha"])
    html = pieces(app)["compared-toy-mha"]
    typed = analysis.similarity(
        analysis.load(four / "toy-mha"), FIRST.replace("plots", "story"), SECOND, "mean"
    )
    assert _values(html)[0] == pytest.approx(typed.score, abs=0.0051)
    assert {node.text for node in html.all("put")} == {"story"}
    assert {node.text for node in html.all("struck")} == {"plots"}


@pytest.mark.parametrize(
    "edits", ["0.4.900", "7.1.2", "0.9.4", "a.b.c", "0", "0.4.9.x&edits=0.5.8"]
)
def test_edits_of_an_address_that_cannot_be_are_left_out(open_similarity, four, edits):
    several = edits.split("&edits=")
    app = open_similarity(four, checkpoints=["toy-mha"], edits=several)
    assert not app.exception
    fields = [field.key for field in app.text_input if (field.key or "").startswith("put-")]
    assert fields == (["put-0-4-9"] if len(several) > 1 else [])


def test_what_cannot_be_compared_stays_in_its_own_row(open_similarity, folder):
    tiny.make_bare_encoder(folder / "plain", seed=5)
    tiny.make_masked_lm(folder / "sparse")
    app = open_similarity(
        folder, checkpoints=["plain", "sparse"], similarity_poolings=["mean", "maxsim", "splade"]
    )
    plain, sparse = (pieces(app)[f"compared-{name}"] for name in ("plain", "sparse"))
    assert len(_values(plain)) == 2
    assert "masked language model" in plain.text
    assert in_order(plain.text, "no projection", "last layer")
    assert len(_values(sparse)) == 3
    assert not app.exception


@pytest.mark.parametrize(
    ("poolings", "says"), [([], "at least one pooling"), (["maxsim"], "one vector of a sentence")]
)
def test_without_a_pooling_the_page_says_which_to_choose(open_similarity, four, poolings, says):
    app = open_similarity(
        four, {"similarity_poolings": poolings, "similarity_over": True,
               "source": "own sentences", "own_sentences": "a plot\ta film"},
        checkpoints=["toy-mha"],
    )  # fmt: skip
    assert any(says in info.value for info in app.info)
    assert not app.exception


@pytest.mark.parametrize("named", ["toy-mha: max", "gone: max"])
def test_a_link_names_whose_details_are_open(open_similarity, four, named):
    app = open_similarity(
        four, checkpoints=["toy-mha", "toy-cls"], similarity_details="true", similarity_detail=named
    )
    assert not app.exception
    box = app.selectbox(key="similarity_detail")
    assert box.value == (named if named in box.options else box.options[0])


def test_a_first_visit_shows_an_example_pair(open_app, four):
    app = open_app(four, page=PAGE)
    assert app.session_state["pair"]
    scores = [value for name, html in pieces(app).items() if name.startswith("compared-")
              for value in _values(html)]  # fmt: skip
    assert len(scores) == 3 * len(app.session_state["checkpoints"])


def test_who_typed_a_sentence_is_asked_for_the_second(open_app, four):
    app = open_app(four, page=PAGE, text="a sentence of my own", checkpoints=["toy-mha"])
    assert any("Type the second sentence" in info.value for info in app.info)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("the same words", "the same words"),
        ("the plot is thin", "\u5267\u60c5\u5f88\u5355\u8584\u3002"),
        ("!", "?"),
        ("the plot is thin " * 200, "a good film " * 200),
        ("a" * 300, "\U0001f3ac \U0001f600"),
    ],
)
def test_odd_pairs_have_scores_and_take_no_page_down(open_similarity, four, first, second):
    app = open_similarity(
        four, checkpoints=["toy-mha", "toy-max_seq_mha"], text=first.strip(), pair=second.strip(),
        similarity_poolings=["mean", "max", "cls", "concat", "head", "maxsim"],
        similarity_details="true", similarity_effects="true",
    )  # fmt: skip
    assert not app.exception
    for name in ("toy-mha", "toy-max_seq_mha"):
        values = _values(pieces(app)[f"compared-{name}"])
        assert len(values) == 6
        if first == second:
            assert values == pytest.approx([1] * 6, abs=0.0051)


def test_the_vector_that_a_sentence_transformers_folder_declares_is_a_row(open_similarity, folder):
    library = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    from sentence_transformers import util
    from sentence_transformers.base.modules import Dense, Normalize
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    encoder = tiny.make_bare_encoder(folder.parent / "its-encoder", seed=5)
    size = tiny.HIDDEN_SIZE
    model = library.SentenceTransformer(
        modules=[Transformer(str(encoder)), Pooling(size, "mean"), Dense(size, 12), Normalize()],
        device="cpu",
    )
    model.save(str(folder / "declared"))
    app = open_similarity(folder, checkpoints=["declared"])
    card = pieces(app)["compared-declared"]
    reloaded = library.SentenceTransformer(str(folder / "declared"), device="cpu")
    vectors = reloaded.encode([FIRST, SECOND])
    assert _values(card)[-1] == pytest.approx(float(util.cos_sim(*vectors)), abs=0.0051)
    assert "straight line" in card.text
    assert not app.exception


def test_pairs_of_a_data_set_open_above_with_the_mean_to_measure_from(
    open_similarity, four, monkeypatch, tmp_path
):
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))
    rows = [f"the {noun} is {word}\t{word} {noun}" for noun in ("plot", "film")
            for word in ("thin", "dull", "good")]  # fmt: skip
    for key in list(jobs._jobs):
        jobs.forget(key)
    held = {
        "similarity_over": True, "source": "own sentences", "own_sentences": "\n".join(rows),
        "similarity_details": True, "similarity_effects": True,
    }  # fmt: skip
    app = open_similarity(four, held, checkpoints=["toy-mha"])
    app.button(key="pairs-job-go").click().run()
    for job in list(jobs._jobs.values()):
        assert job.wait(300)
    app.run()
    assert not app.exception
    assert any("6 pairs" in caption.value for caption in app.caption)
    app.session_state["similarity_centre"] = "mean of own sentences"
    app.run()
    assert not app.exception
    classifier = analysis.load(four / "toy-mha")
    sides = sorted({side for row in rows for side in row.split("\t")})
    vectors = analysis.corpus.embed(classifier, sides, pooling=("mean",))["mean", -1]
    expected = analysis.similarity(classifier, FIRST, SECOND, centre=vectors.mean(0)).score
    assert _values(pieces(app)["compared-toy-mha"])[0] == pytest.approx(expected, abs=0.0051)


def test_a_sentence_that_is_the_mean_itself_has_no_cosine_and_its_row_says_so(
    open_similarity, four, monkeypatch, tmp_path
):
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))
    for key in list(jobs._jobs):
        jobs.forget(key)
    held = {
        "similarity_over": True, "source": "own sentences", "own_sentences": f"{FIRST}\t{FIRST}",
    }  # fmt: skip
    app = open_similarity(four, held, checkpoints=["toy-mha"])
    app.button(key="pairs-job-go").click().run()
    for job in list(jobs._jobs.values()):
        assert job.wait(300)
    app.run()
    app.session_state["similarity_centre"] = "mean of own sentences"
    app.run()
    assert not app.exception
    card = pieces(app)["compared-toy-mha"]
    assert not _values(card)
    assert card.text.count("it has no direction") == 3
