"""Draws the gallery again: ``python -m docs.gallery`` (or ``make gallery``), without a browser."""

from __future__ import annotations

from pathlib import Path

from analysis import load
from analysis.figures.recipes import make
from analysis.figures.settings import Style
from analysis.figures.sidecar import save, sidecar

HERE = Path(__file__).parent
TEXT = "The plot is thin, but the acting is anything but dull."
EARNS = "Slow at first, but it earns every minute."
FOUR = ("sst2-cls", "sst2-max_cls", "sst2-mha", "sst2-max_seq_mha")
# name -> view, checkpoints, text, parameters, style
PICTURES: dict[str, tuple[str, tuple[str, ...], str, dict[str, object], dict[str, object]]] = {
    "strips": ("strips", ("sst2-max_seq_mha",), EARNS, {}, {}),
    "winners": ("winners", ("sst2-max_seq_mha",), EARNS, {"quantity": "contribution"}, {}),
    "layer_quantities": ("layer_quantities", ("sst2-max_seq_mha",), EARNS, {}, {"width": "full"}),
    "drop_effects": ("drop_effects", ("sst2-max_seq_mha",), EARNS, {}, {"palette": "blue-red"}),
    "sweep": ("sweep", ("sst2-max_cls", "sst2-max_seq_mha"), EARNS, {}, {"venue": "icml"}),
    "attention": ("attention", ("sst2-max_seq_mha",), EARNS, {}, {}),
    "depth": ("depth", FOUR, EARNS, {}, {"width": "full"}),
    "leave_one_out": ("leave_one_out", ("sst2-mha",), TEXT, {}, {"greyscale": True}),
}


def main() -> None:
    """Every picture as a PNG of 200 dots an inch; prints what was written."""
    loaded = {name: load(name) for name in FOUR}
    for name, (view, names, text, params, style) in PICTURES.items():
        plot = make(view, [loaded[one] for one in names], text, params=params)
        made = save(sidecar(plot, Style.from_dict(style), "png", 200), name)
        (HERE / made.name).write_bytes(made.data)
        print(f"{made.name}: {len(made.data) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
