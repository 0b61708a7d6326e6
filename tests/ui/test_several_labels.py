"""A data set whose rows have several labels, on the pages that read its sentences."""

from __future__ import annotations

import json

import pytest

from pages.ui.data import file
from tests.support import frozen_data
from tests.support.pages import PAGES


@pytest.mark.parametrize("page", [page for page in PAGES if "9_" not in page and page])
@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_a_page_opens_on_a_data_set_with_several_labels_a_row(open_app, four, tmp_path, page, kind):
    texts = frozen_data.table(40, 1).text
    path = tmp_path / ("own.jsonl" if kind == "labels" else "own.csv")
    if kind == "labels":
        sets = [["sport", "war"], [], ["war"]]
        rows = [json.dumps({"text": t, "label": sets[n % 3]}) for n, t in enumerate(texts)]
    else:
        rows = ["text,height,weight", *(f"{t},{n}.5,{n % 7}" for n, t in enumerate(texts))]
    path.write_text("\n".join(rows))
    held = {
        "source": "file",
        "dataset_file": file.Held(path, path.name, kind),
        "text": "the plot is thin",
        "evaluate": "Data set",
    }
    app = open_app(four, page=page, held=held)
    assert not app.exception, [error.value for error in app.exception]
