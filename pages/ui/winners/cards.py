"""A maximum over layers: the map of layers and tokens, and what wins and matters by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.common import arrays
from analysis.common.faults import reason
from analysis.figures.marks import Bars, Grid, HeatMap
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.screen.markup import html
from analysis.figures.screen.sheet import merge
from analysis.figures.views.winners import BY_HEAD
from analysis.reading import over_winners
from pages.ui.engine.replies import Reply, common_limit
from pages.ui.engine.results import picture, subject_of
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards, cells, selection, shades
from pages.ui.kit.show import export_menu

if TYPE_CHECKING:
    from analysis.interventions.effects import DropEffects
    from analysis.reading.trace import Trace
    from analysis.text.tokens import Tokens

DROP = "drop effect"
QUANTITIES = ("contribution", "deviation", DROP, "attention")
ABOUT = (
    "Map: a cell is a source layer at a token. Contribution: what its winning values add to the "
    "explained class minus the mean of the others (split of the logit); deviation: its share of "
    "wins less the usual one; drop effect: what that difference really loses when the layer "
    "leaves the pool there; attention: the pooling head's, which knows no layers. Bars: several "
    "quantities, because winning often and mattering are not the same: a win is worth its weight "
    "times its margin over the runner-up. MaxPoolBERT, arXiv 2505.15696."
)
_CHART: dict[str, Any] = {"displayModeBar": False}
_LABELS = 34  # names under a map; of more tokens only some are named, the rest on hover
_WIDE = 90  # tokens above which a map is drawn in full width, its layers below it


@dataclass(frozen=True)
class Won:
    """One entry whose pooling head takes a maximum over layers."""

    reply: Reply
    effects: tuple[DropEffects, ...]  # one a member, or none
    no_effects: str = ""  # why there are none

    @property
    def name(self) -> str:
        """Name of the checkpoint or of the seed group."""
        return self.reply.entry.id

    @property
    def trace(self) -> Trace:
        """The first member's forward."""
        return self.reply.traces[0]

    @property
    def layers(self) -> tuple[int, ...]:
        """Absolute indices of the layers that compete."""
        won = self.trace.head.winners
        return () if won is None else won.layers

    @property
    def every_token(self) -> bool:
        """Whether every token is pooled, and not [CLS] alone."""
        won = self.trace.head.winners
        return won is not None and won.layer.ndim == 2


def won_by(reply: Reply, choice: Choice) -> Won:
    """The entry with the true change for each layer that leaves the pool."""
    subject = subject_of(reply.entry, choice.text, choice.pair)
    try:
        return Won(reply, subject.each(results.drop_effects, False))
    except Exception as error:
        return Won(reply, (), f"No drop effect: {reason(error).rstrip('.')}.")


def in_words(shown: Sequence[Won]) -> str:
    """The layer that wins most and the one that matters most, with their numbers."""
    sentences = []
    for won in shown:
        shares = over_winners.shares_by_layer(won.reply.traces)
        most = arrays.top(shares)
        name, share = won.reply.entry.name, 100 * shares[most]
        sentence = f"{name}: layer {won.layers[most]} wins most ({share:.0f} %)"
        if won.effects:
            falls = over_winners.fall_by_layer(won.effects, won.reply.target)
            top = arrays.top(falls)
            does = "lowers" if falls[top] > 0 else "raises"
            what = f"logit margin of {won.reply.label}" if won.reply.label else "value"
            sentence += (
                f"; removing layer {won.layers[top]} {does} the {what} most ({abs(falls[top]):.2f})"
            )
        sentences.append(sentence + ".")
    return " ".join(sentences)


def token_of(reply: Reply, choice: Choice) -> int:
    """The token that is chosen in any view; else the one that adds most to the explained class."""
    tokens = reply.traces[0].tokens
    if selection.is_chosen(choice) or not reply.splits:
        return selection.followed(choice).position(tokens)
    added = over_winners.added_by_token(reply.splits, reply.target)
    return arrays.top(added)


def draw(shown: Sequence[Won], choice: Choice, quantity: str, reference: str | None) -> str:
    """One card each, on common scales, those with a map first; returns what is true of all."""
    ordered = sorted(shown, key=lambda won: not won.every_token)
    bars = [_layers(won, choice, reference, None) for won in ordered]
    bounds = [
        abs(part.bounds[1])
        for plot in bars
        if isinstance(plot.mark, Grid)
        for part, name in zip(plot.mark.panels, plot.mark.subtitles, strict=True)
        if isinstance(part, Bars) and name in ("contribution", DROP)
    ]
    limit = common_limit("layer-bars", choice.key, max(bounds, default=1.0), st.session_state)
    shared: dict[str, None] = {}
    for won in ordered:
        with st.container(border=True, key=f"won-{won.name}"):
            title, body, notes = (
                st.container(key=f"won-{part}-{won.name}")
                for part in ("title", "wide" if _wide(won) else "body", "notes")
            )
            sentences: list[str] = []
            plots: dict[str, Plot] = {}
            with body:
                left, right = (
                    st.container(key=f"won-{part}-{won.name}") for part in ("map", "layers")
                )
                with left:
                    plot = _map_or_reason(won, choice, quantity, reference, sentences)
                if plot is not None:
                    plots["Map"] = plot
                layers = _layers(won, choice, reference, limit)
                plots["By layer"] = layers
                with right:
                    cards.piece(html(layers, css=False), f"bars-{won.name}")
            with title:
                part = shown_part(won, quantity) if plot else None
                heading = f"**{cards.plain(won.reply.entry.name)}**" + (
                    f": {quantity}" if plot else ""
                )
                heading += "" if part is None else f", attention head {part}"
                st.markdown(heading, help=ABOUT)
                export_menu(plots, f"export-won-{won.name}")
            shared[layers.notes[0]] = None
            own = (*sentences, *(plot.notes if plot else ()), *layers.notes[1:], won.no_effects)
            notes.caption(cards.plain(" ".join(dict.fromkeys(filter(None, own)))))
    return " ".join(shared)


def _wide(won: Won) -> bool:
    return not won.every_token or len(won.trace.tokens) > _WIDE


def _map_or_reason(
    won: Won, choice: Choice, quantity: str, reference: str | None, reasons: list[str]
) -> Plot | None:
    """Draw the map, or add to `reasons` why there is none."""
    if not won.every_token:
        reasons.append(f"{won.trace.checkpoint.head} pools [CLS] only, so there is no token map.")
        return None
    try:
        plot = _map(won, choice, quantity, reference, None)
        assert isinstance(plot.mark, HeatMap)
        largest = plot.mark.bounds[1]
        limit = common_limit(f"map-{quantity}", choice.key, largest, st.session_state)
        plot = _map(won, choice, quantity, reference, limit)
    except Exception as error:
        reasons.append(reason(error, won.name))
        return None
    if quantity == DROP and choice.words:
        reasons.append("Shown by word piece: drop effects of pieces do not add up to words.")
    _chart(won, plot, choice, quantity)
    return plot


def _map(
    won: Won, choice: Choice, quantity: str, reference: str | None, limit: float | None
) -> Plot:
    """Layers × tokens: of a group the mean over its seeds."""
    return picture(
        "winners",
        [won.reply.entry],
        choice,
        [won.reply.target],
        quantity=quantity,
        words=by_words(choice, quantity),
        limit=limit,
        reference=reference,
        head=shown_part(won, quantity),
        chosen_token=token_of(won.reply, choice),
        chosen_layer=st.session_state.get(selection.LAYER),
    )


def shown_part(won: Won, quantity: str) -> int | None:
    """The attention head of the pooling head that was chosen, where the map can be of it alone.

    Those of different seeds do not correspond: a group is shown over all.
    """
    part, rows = st.session_state.get("marked_part"), won.trace.head.attention
    if quantity not in BY_HEAD or won.reply.entry.is_group or part is None or rows is None:
        return None
    return int(part) if part < len(rows) else None


def heads_of(shown: Sequence[Won]) -> int:
    """Number of attention heads to choose from."""
    rows = [won.trace.head.attention for won in shown if not won.reply.entry.is_group]
    return max((len(row) for row in rows if row is not None), default=0)


def by_words(choice: Choice, quantity: str) -> bool:
    """Words where they are asked for and the quantity allows them."""
    return choice.words and quantity != DROP


def _chart(won: Won, plot: Plot, choice: Choice, quantity: str) -> None:
    """The map with the chosen cell framed; a click on a cell chooses its token and layer."""
    from analysis.figures.screen.plotly import sheet

    mark = plot.mark
    assert isinstance(mark, HeatMap)
    key = f"map-{won.name}"
    drawing = sheet(plot, height=118 + 30 * len(mark.rows))
    drawing.layout |= {"margin": {"l": 4, "r": 4, "t": 6, "b": 4}, "dragmode": False}
    shades.adapt(drawing)
    for cells_of_map in drawing.traces("heatmap"):
        merge(cells_of_map, colorbar={"title": {"side": "top"}})
    tokens = won.trace.tokens
    units = _units(tokens, by_words(choice, quantity))
    token = token_of(won.reply, choice)
    column = next((u for u, unit in enumerate(units) if token in unit), 0)
    step = -(-len(units) // _LABELS)
    named = sorted(
        {*range(0, len(units), step)} - {*range(column - step + 1, column + step)} | {column}
    )
    texts = drawing.axis("x")["ticktext"]
    drawing.axis(
        "x", tickvals=named, ticktext=[texts[u] for u in named], title={"text": None}, tickangle=-90
    )
    layer = st.session_state.get(selection.LAYER)
    row = won.layers.index(layer) if layer in won.layers else None
    top, bottom = (-0.5, len(won.layers) - 0.5) if row is None else (row - 0.5, row + 0.5)
    drawing.box((column - 0.5, column + 0.5), (top, bottom))

    def clicked(_: int, chosen_row: int, chosen_column: int) -> None:
        selection.choose(choice.text, choice.pair, tokens, units[chosen_column][0])
        st.session_state[selection.LAYER] = won.layers[chosen_row]

    st.plotly_chart(drawing.figure, key=key, config=_CHART)
    cells.listen(f"clicks-{won.name}", clicked)


def _units(tokens: Tokens, words: bool) -> Sequence[tuple[int, ...]]:
    return tokens.word_groups() if words else tuple((t,) for t in range(len(tokens)))


def _layers(won: Won, choice: Choice, reference: str | None, limit: float | None) -> Plot:
    plot = picture(
        "layer_quantities",
        [won.reply.entry],
        choice,
        [won.reply.target],
        reference=reference,
        limit=limit,
        chosen=st.session_state.get(selection.LAYER),
    )
    assert isinstance(plot.mark, Grid)
    # Two fit beside a map, and three abreast on a phone.
    return replace(plot, mark=replace(plot.mark, columns=3 if _wide(won) else 2))
