"""Every pooling head that comes with the package, and stock heads, on the pages that read them."""

from __future__ import annotations

import pytest

import analysis
from analysis import heads
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.parts import fast

TEXT = "the plot is thin"
PAGES = ("", "pages/1_Layers.py", "pages/2_Max_pool_winners.py", "pages/3_Attention.py")
BUILT_IN = sorted(k for k, cls in heads.HEADS.items() if cls.__module__.startswith("analysis."))


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    root = tmp_path_factory.mktemp("every")
    labels = tiny.random_labels(3)
    for seed, key in enumerate(BUILT_IN):
        options = {"num_latents": 8} if key == "latent_attention" else {}
        tiny.make_pooling_checkpoint(root / key, key, labels, head_options=options, seed=seed)
    for architecture in tiny.FOREIGN:
        tiny.make_foreign_checkpoint(root / f"stock-{architecture}", architecture, labels)
    return root


# All heads on Compare; on the other pages, too, in the slow part.
@pytest.mark.parametrize(
    "page", fast(PAGES, lambda page: not page), ids=lambda page: page or "Compare"
)
def test_every_head_stands_on_the_page(every, open_app, page):
    names = [*BUILT_IN, *(f"stock-{name}" for name in tiny.FOREIGN)]
    held = {"weigh": "value norms"} if "Attention" in page else {}
    for start in range(0, len(names), 8):
        app = open_app(every, page=page, held={"text": TEXT, **held},
                       checkpoints=names[start : start + 8])  # fmt: skip
        assert not app.exception
        assert not app.error


def test_what_each_head_reads_and_its_source_layers_stand_on_its_card(every, open_app):
    chosen = ["weighted_layers", "multi_layer", "cls_tanh", "last_token", "stock-bert"]
    target = analysis.checkpoints.describe(every / chosen[0]).labels[1]
    app = open_app(every, text=TEXT, checkpoints=chosen, unit="pieces", target=target)
    shown = seen.cards(app)
    for name in chosen:
        trace = analysis.record(analysis.load(every / name, device="cpu"), TEXT)
        split = analysis.decompose(trace)
        reading = shown[name].reading.text
        for value in split.by_layer(1):
            assert f"{value:+.2f}" in reading
        assert ("straight line" in reading) == (not split.exact)
