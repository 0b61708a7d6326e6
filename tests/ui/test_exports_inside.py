"""Layers, Max-pool winners and Attention: every picture has its export, and gives its files."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from support import tiny

from analysis.figures.plot import Plot

TEXT = "the plot is thin but the acting is fine"
MODULES = (
    "followed",
    "layers_depth",
    "layers_map",
    "layers_dimension",
    "show",
    "winners_cards",
    "winners_detail",
    "winners_panel",
    "winners_tokens",
    "attention_page",
    "attention_encoder",
)


@pytest.fixture
def exported(open_app: Any, made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`exported(page, **chosen)` -> what each export menu of the page offers, by its key."""
    found: dict[str, dict[str, Plot]] = {}
    for name in MODULES:
        module = importlib.import_module(f"pages.ui.{name}")
        real = module.export_menu

        def watched(plots: Any, key: str, *rest: Any, real: Any = real) -> None:
            found[key] = dict(plots)
            real(plots, key, *rest)

        monkeypatch.setattr(module, "export_menu", watched)

    def start(page: str, root: Path = made, **chosen: Any) -> dict[str, dict[str, Plot]]:
        app = open_app(root, page=page, held={"text": TEXT, **chosen})
        assert not app.exception, [error.value for error in app.exception]
        found.clear()
        app.run()
        labels = [one.proto.popover.label for one in app.get("popover")]
        assert labels.count("Export") == len(found)
        return dict(found)

    return start


def check(menus: dict[str, dict[str, Plot]], *keys: str) -> None:
    """The menus are these, and every view among their pictures gives a PDF and a table."""
    assert set(menus) == set(keys)
    seen = set()
    for plots in menus.values():
        assert plots
        for plot in plots.values():
            assert plot.caption
            assert len(plot.frame())
            if plot.view not in seen:
                assert plot.paper(format="pdf").startswith(b"%PDF")
            seen.add(plot.view)


def test_layers_exports_every_picture(exported: Any):
    menus = exported(
        "pages/1_Layers.py", checkpoints=["toy-cls", "toy-mha"], marked_layer=2, marked_dimension=5
    )
    check(menus, "export-depth", "export-map", "export-dimension", "export-turned")
    assert {plot.view for plot in menus["export-depth"].values()} == {"depth", "at_layer"}


def test_winners_exports_every_picture(exported: Any):
    names = ("toy-max_cls", "toy-max_seq_mha")
    menus = exported(
        "pages/2_Max_pool_winners.py", drop_layers=[4], checkpoints=list(names), target="predicted"
    )
    sweeps = {key for key in menus if key.startswith("export-sweep-")}
    assert "export-sweep-winners" in sweeps
    check(
        menus,
        *sweeps,
        "export-margins",
        "export-dimensions",
        *(f"export-won-{name}" for name in names),
        *(f"export-what-if-{name}" for name in names),
    )


def test_winning_tokens_export_their_strips(exported: Any, folder: Path):
    tiny.make_pooling_checkpoint(folder / "toy-t", "max", tiny.random_labels(3), seed=4)
    menus = exported("pages/2_Max_pool_winners.py", folder, checkpoints=["toy-t"])
    assert {plot.view for plot in menus["export-won-toy-t"].values()} == {"token_winners"}


@pytest.mark.parametrize(
    "view", ["Attention heads", "One token", "Rollout", "Entropy, distance", "Input parts"]
)
def test_attention_exports_every_picture(exported: Any, view: str):
    menus = exported("pages/3_Attention.py", checkpoints=["toy-cls", "toy-mha"], encoder_view=view)
    check(menus, "export-own", "export-encoder")
