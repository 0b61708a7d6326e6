"""A checkpoint that was added by its folder goes by the folder's name: no page shows the path."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from analysis.common import jobs
from tests.support import tiny
from tests.support.parts import fast

SENTENCE, PAIR = "the film is good", "he said the story was poor"
ROWS = "\n".join(
    f"the {a} is {b}" for a in ("plot", "acting", "film", "song") for b in ("fine", "dull", "thin")
)


@pytest.fixture
def added(made, folder, tmp_path):
    """Folders outside of the app's own: a pooling head, a stock model, encoders, a broken one."""
    place = tmp_path / "somewhere-else"
    shutil.copytree(made / "toy-max_seq_mha", place / "mine")
    shutil.copytree(made / "toy-max_seq_mha", place / "twin" / "mine")
    tiny.make_foreign_checkpoint(place / "stock", "bert", seed=7)
    tiny.make_bare_encoder(place / "bare")
    shutil.copytree(place / "stock", place / "broken")
    stored = json.loads((place / "broken" / "tokenizer.json").read_text())
    stored["model"]["vocab"]["beyond"] = 10_000
    (place / "broken" / "tokenizer.json").write_text(json.dumps(stored))
    return [str(place / name) for name in ("mine", "twin/mine", "stock", "bare", "broken")]


def seen(app) -> list[str]:
    """All that can be read on the page; not what is told on hover, nor what a link holds."""
    kinds = ("text", "markdown", "caption", "warning", "error", "info", "success", "metric")
    words = [str(element.value) for kind in kinds for element in getattr(app, kind)]
    for kind in ("html", "bidi_component"):
        words += [str(part.proto) for part in app.get(kind)]
    for widget in (*app.multiselect, *app.selectbox):
        words += [str(option) for option in widget.options]
    words += [str(frame.value.to_csv()) for frame in app.dataframe]
    for chart in app.get("plotly_chart"):
        words.append(chart.proto.spec)
    words += [button.label for button in (*app.button, *app.get("download_button"))]
    whole = [word.replace("\\", "") for word in words]
    hidden = r'(title|aria-label)="[^"]*"|\bid: "[^"]*"|"key":"[^"]*"'
    return [re.sub(hidden, "", word) for word in whole]


COMPUTE = ("job-go", "vectors-go", "many-button", "over-go")
PAGES = [
    ("", {}),
    ("pages/1_Layers.py", {}),
    ("pages/2_Max_pool_winners.py", {}),
    ("pages/3_Attention.py", {}),
    ("pages/4_Attributions.py", {}),
    ("pages/5_Similarity.py", {"similarity_details": True}),
    ("pages/6_Embedding_map.py", {"map": "pca", "map_of": "all"}),
    ("pages/7_Train.py", {}),
    ("pages/8_Evaluate.py", {"evaluate": "Data set"}),
    ("pages/9_Figures.py", {}),
]


@pytest.mark.parametrize(("page", "held"), fast(PAGES, lambda case: case in PAGES[::2]))
def test_no_page_shows_the_folder_of_a_checkpoint(open_app, folder, added, tmp_path, page, held):
    data = {"source": "own sentences", "own_sentences": ROWS}
    held = {"added_checkpoints": added, "checkpoints": added, **data, **held}
    app = open_app(folder, page=page, text=SENTENCE, pair=PAIR, held=held)
    for _ in range(3):
        for button in app.button:
            if not button.disabled and button.key in (
                "job-go",
                "vectors-go",
                "many-button",
                "over-go",
            ):
                button.click()
        app.run()
        for job in list(jobs._jobs.values()):
            job.wait(300)
    app.run()
    assert not app.exception
    words = seen(app)
    assert any("stock" in word for word in words)
    shown = [word for word in words if str(tmp_path / "somewhere-else") in word]
    at = [word[max(0, word.index(str(tmp_path)) - 90) :][:260] for word in shown]
    assert not at, "\n".join(at)


def test_two_folders_of_one_name_are_told_apart_where_one_chooses(open_app, folder, added):
    held = {"added_checkpoints": added, "checkpoints": added[:2]}
    app = open_app(folder, text=SENTENCE, held=held)
    box = next(box for box in app.multiselect if box.label == "Checkpoints")
    assert {"mine", "mine (2)", "stock", "bare"} <= set(box.options)
    assert box.value == added[:2]
