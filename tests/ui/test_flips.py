"""What would change its mind on Compare: searched when asked, and every flip is a forward's."""

from __future__ import annotations

import pytest

from tests.support import bare_forward as truth
from tests.support import compare_reader as seen

TEXT = "the plot is thin, not dull"


@pytest.mark.parametrize("kind", ["deletion", "replacement"])
def test_edits_shown_flip_the_prediction_of_their_pooling_head(open_app, four, kind):
    app = open_app(four, text=TEXT, flip_kind=kind)
    assert not [key for key in seen.pieces(app) if key.startswith("flips-")], "nothing unasked"
    app.button(key="flips-go").click().run()
    pieces = seen.pieces(app)
    for path in sorted(four.glob("toy-*")):
        piece = pieces[f"flips-{path.name}"]
        (line,) = piece.all("line")
        before = truth.pooling(path, TEXT)
        if not piece.all("change"):
            assert f"{path.name} stays {before.labels[before.logits.argmax()]}" in line.text
            continue
        (change,) = piece.all("change")
        left = _without_struck(change)
        after = truth.pooling(path, left)
        assert after.logits.argmax() != before.logits.argmax()
        assert f"predicts {after.labels[after.logits.argmax()]}" in line.text


def _without_struck(node):
    return "".join(
        child if isinstance(child, str) else ("" if child.tag == "del" else _without_struck(child))
        for child in node.children
    )
