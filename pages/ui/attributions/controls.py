"""The controls of the Attributions page, drawn from the registry of methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.attribution import METHODS, Method, Option
from analysis.attribution.results import OUTPUT_NAMES
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry
from pages.ui.kit import cards

if TYPE_CHECKING:
    from analysis.attribution.registry import OptionValue

_FIRST = ("integrated_gradients", "gradient_x_input", "leave_one_out")
OTHERS = "all others"
_BASELINES = {
    "pad": "[PAD]",
    "mask": "[MASK]",
    "mean": "mean embedding",
    "text": "another sentence",
}
BY_METHOD, BY_CHECKPOINT = "by method", "by checkpoint"


@dataclass(frozen=True)
class AttributionRequest:
    """State of the page's controls."""

    methods: tuple[str, ...]
    focus: str  # the method whose bars and evidence are shown in detail
    output: str
    against: str  # a class's name, or OTHERS
    baseline: str
    baseline_text: str
    span: str  # words of the text that are one unit; "" for none
    seed: int
    options: dict[str, tuple[tuple[str, OptionValue], ...]] = field(default_factory=dict)


def ask(entries: Sequence[Entry]) -> AttributionRequest:
    """Draw the controls and return what they say."""
    with st.container(key="attribution-controls"):
        methods = _methods()
        output = (
            st.segmented_control(
                "Explain",
                tuple(OUTPUT_NAMES),
                default="contrast",
                required=True,
                format_func=lambda output: OUTPUT_NAMES[output],
                **address.kept("output"),
                help="Logit margin: the class's logit minus the mean of the others (a shift common "
                "to all classes cancels). Logit: the class's own. Probability: after the softmax.",
            )
            or "contrast"
        )
        against = _against(entries)
        baseline = (
            st.selectbox(
                "Baseline",
                tuple(_BASELINES),
                **address.kept("baseline"),
                width=150,
                format_func=_BASELINES.__getitem__,
                help="What the text is compared with; special tokens stay. Every baseline is a "
                "choice, and another one asks another question.",
            )
            or "pad"
        )
        focus = _focus(methods)
        options, seed, span = _options(methods, focus)
    with st.container(key="baseline-place"):
        text = ""
        if baseline == "text":
            text = (
                st.text_input(
                    "Sentence to compare with",
                    live="250ms",
                    **address.kept("baseline_text"),
                    placeholder="Padded or cut to the length of the text",
                )
                or ""
            )
    return AttributionRequest(methods, focus, output, against, baseline, text, span, seed, options)


def _methods() -> tuple[str, ...]:
    known, arguments = list(METHODS), address.kept("methods")
    if "methods" in st.session_state:
        kept = [key for key in st.session_state["methods"] if key in known]
        if kept != list(st.session_state["methods"]):
            st.session_state["methods"] = kept
    chosen = st.multiselect(
        "Methods",
        known,
        default=[key for key in _FIRST if key in known][:3],
        format_func=lambda key: METHODS[key].title,
        placeholder="Choose methods",
        **arguments,
        help="Choose several: a finding on which they agree does not depend on one method.",
    )
    return tuple(chosen)


def _focus(methods: tuple[str, ...]) -> str:
    """The method in focus; its box stands above the bars, a click on a strip's title sets it."""
    focus = st.session_state.get("focus")
    return focus if focus in methods else methods[0] if methods else ""


def choose_focus(methods: tuple[str, ...], focus: str) -> None:
    """The box above the bars."""
    if st.session_state.get("focus") not in (None, *methods):
        st.session_state["focus"] = focus
    st.selectbox(
        "Method in focus",
        methods,
        format_func=lambda key: METHODS[key].title,
        label_visibility="collapsed",
        width=240,
        **address.kept("focus"),
    )


def _against(entries: Sequence[Entry]) -> str:
    names = tuple(dict.fromkeys(name for entry in entries for name in entry.first.labels))
    many = any(len(entry.first.labels) > 2 for entry in entries)
    if not many:  # of two classes the other one is the mean of the others
        return OTHERS
    if st.session_state.get("against") not in (None, OTHERS, *names):
        st.session_state.pop("against", None)
    return (
        st.selectbox(
            "Against",
            (OTHERS, *names),
            width=160,
            **address.kept("against"),
            help="All others: the output chosen under Explain. A class: the difference of the two.",
        )
        or OTHERS
    )


def _options(
    methods: tuple[str, ...], focus: str
) -> tuple[dict[str, tuple[tuple[str, OptionValue], ...]], int, str]:
    """Options of every chosen method (the one in focus first), so that all are in the address."""
    chosen: dict[str, tuple[tuple[str, OptionValue], ...]] = {}
    seed = 0
    with st.container(key="attribution-options"), st.popover("Options", icon=":material/tune:"):
        span = (
            st.text_input(
                "Span as one unit",
                live="250ms",
                placeholder="some words of the text",
                help="Words of the text, as they stand there: the whole span then counts as one "
                "unit among words.",
                **address.kept("span"),
            )
            or ""
        )
        for key in sorted(methods, key=lambda key: key != focus):
            method = METHODS[key]
            st.markdown(f"**{cards.plain(method.title)}**", help=method.note)
            values = [(name, _control(method, option)) for name, option in method.options.items()]
            chosen[key] = tuple((n, v) for n, v in values if v != method.options[n].default)
            if not values:
                st.caption("It has no options.")
        if any(METHODS[key].family == "sampling" for key in methods):
            seed = int(
                st.number_input(
                    "Seed of the samples",
                    0,
                    9999,
                    0,
                    **address.kept("attribution_seed"),
                    help="Another seed draws other samples: how far the scores move is the "
                    "method's own error.",
                )
            )
    return chosen, seed, span.strip()


def _control(method: Method, option: Option) -> OptionValue:
    key = f"{method.key}.{option.name}"
    label = option.name
    if not _fits(st.session_state.get(key), option):  # an address may hold anything
        del st.session_state[key]
    if option.kind == "bool":
        return bool(st.toggle(label, bool(option.default), help=option.help, **address.kept(key)))
    if option.kind == "choice":
        chosen: str | None = st.selectbox(
            label,
            option.choices,
            help=option.help,
            placeholder="chosen by the method",
            index=None if option.default is None else option.choices.index(option.default),
            **address.kept(key),
        )
        return chosen
    if option.kind == "int":
        low, high = (None if end is None else int(end) for end in (option.low, option.high))
        value = st.number_input(
            label,
            low,
            high,
            option.default,
            1,
            help=option.help,
            **address.kept(key),
            placeholder="chosen by the method",
        )
        return None if value is None else int(value)
    number: float | None = st.number_input(
        label,
        option.low,
        option.high,
        option.default,
        _step(option),
        format="%.4g",
        help=option.help,
        **address.kept(key),
    )
    return number


def _fits(value: Any, option: Option) -> bool:
    """Whether the option's control can hold a value; None is its default."""
    if value is None or option.kind == "choice":
        return value is None or value in option.choices
    if option.kind == "bool" or isinstance(value, bool):
        return isinstance(value, bool) and option.kind == "bool"
    low, high = (end if end is not None else value for end in (option.low, option.high))
    return isinstance(value, int if option.kind == "int" else int | float) and low <= value <= high


def _step(option: Option) -> float:
    return abs(float(option.default or 1.0)) / 2 or 0.1
