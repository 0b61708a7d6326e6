"""Controls of a fit: encoder, pooling heads, seeds, and the name it is kept under."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from hashlib import sha256
from importlib.util import find_spec

import streamlit as st

from analysis.common.phrases import amount, name_without_folder
from analysis.datasets.table import Table
from pages.ui.data.choose import DataChoice
from pages.ui.frame import address
from pages.ui.frame.catalogue import Catalogue
from pages.ui.train import results
from pages.ui.train.fit_job import FROZEN, Wish

HOW = {FROZEN: "frozen (seconds)", "lora": "LoRA (minutes)", "full": "full (hours)"}
VERBS = {FROZEN: "Fit", "lora": "Fine-tune with LoRA:", "full": "Fine-tune in full:"}
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT = ("cls", "max_cls", "mean", "max", "mha", "max_seq_mha")  # the quick ones first
MOST_CLASSES = 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")


def encoder(checkpoints: Catalogue) -> str:
    """The encoder whose states are read: the bundled one, or that of any checkpoint known here."""
    members = {
        member.id: str(member.folder)
        for entry in checkpoints.entries
        for member in entry.members
        if getattr(member, "base", None) is None
    }
    places = {MINILM: MINILM, **members}
    chosen = st.selectbox(
        "Encoder",
        list(places),
        format_func=name_without_folder,
        **address.kept("train_encoder"),
        help="It is not changed. The encoder of a fine-tuned checkpoint has already learnt its "
        "task; a bare encoder has not. Add your own in the sidebar.",
    )
    return places.get(str(chosen), MINILM)


def wish(data: DataChoice, encoder: str) -> Wish:
    """Pooling heads, seeds and name, drawn; what is fitted with them."""
    from analysis.heads import HEADS

    assert data.table is not None
    how = str(
        st.segmented_control(
            "Encoder while the heads learn",
            list(HOW),
            default=FROZEN,
            required=True,
            format_func=HOW.__getitem__,
            **address.kept("train_how"),
            help="Frozen: what each head can read out of the encoder as it is. Fine-tuned: encoder "
            "and head learn together, by low-rank adapters (LoRA) or all weights.",
        )
    )
    # not in a column: there it would show one line of what was chosen, and cut the rest
    heads = st.multiselect(
        "Pooling heads",
        sorted(HEADS),
        default=[head for head in DEFAULT if head in HEADS],
        **address.kept("train_heads"),
        placeholder="Choose at least one",
        help="Your own heads are here too, once they are registered with --heads FILE.",
    )
    middle, right = st.columns((1, 2))
    with middle:
        seeds = st.number_input(
            "Seeds",
            1,
            30,
            5,
            **address.kept("train_seeds"),
            help="A seed decides the start and the order of rows. The more seeds, the smaller "
            "the differences that the tests can decide.",
        )
    wish = Wish(
        table=data.table,
        data=data.name,
        encoder=encoder,
        heads=tuple(heads),
        seeds=int(seeds),
        name=_proposal(data, encoder, how),
        how=how,
    )
    wish = replace(wish, name=_free(wish))
    with right:
        name = st.text_input(
            "Name",
            placeholder=wish.name,
            **address.kept("train_name"),
            help="The fit and its checkpoints are kept under this name. Letters, digits, dots, "
            "hyphens.",
        )
    return replace(wish, name=(name or "").strip() or wish.name)


def about(wish: Wish) -> str:
    """Description of what the button begins, with the time it takes."""
    rows = f"On {len(wish.table):,} rows"
    if wish.how == FROZEN:
        return (
            f"{rows}; the encoder is read once and stays as it is. It can be stopped with what is "
            "there, and goes on while you visit other pages."
        )
    from training.tasks import recipe

    plan = recipe("csv")
    train = math.ceil(0.8 * len(wish.table))
    steps = math.ceil(math.ceil(train / plan.batch_size) * plan.epochs_for(train))
    runs = len(wish.heads) * wish.seeds
    return (
        f"{rows}: {amount(runs, 'run')} of {steps:,} steps each, one after the other; minutes each "
        "for a small encoder, hours for a large one without a GPU. It goes on while you visit "
        "other pages; stopped, or after a restart, it goes on where it was."
    )


def refusal(wish: Wish) -> str:
    """Why this cannot be fitted, in a sentence with the next step; empty where it can."""
    from training.finetune import require_encoder
    from training.frozen.problem import problem_of

    if not wish.heads:
        return "No pooling head is chosen. Choose at least one above."
    if not _NAME.fullmatch(wish.name):
        return (
            f"{wish.name!r} cannot be a folder's name. Use letters, digits, dots and hyphens, "
            "at most 60."
        )
    if wish.how != FROZEN and not (find_spec("accelerate") and find_spec("peft")):
        return (
            'Fine-tuning needs packages that are not installed: pip install "poollens[train]", '
            "and start the app again."
        )
    if wish.table.label is None:
        return "These rows have no labels, so nothing can be fitted. Choose a labelled data set."
    if len(wish.table.labels) > MOST_CLASSES:
        return (
            f"{len(wish.table.labels):,} different labels: is this the column of the classes? "
            f"At most {MOST_CLASSES:,} classes are fitted here; the command line has no limit."
        )
    try:
        if wish.how != FROZEN:
            require_encoder(wish.encoder)
        problem_of(wish.table)
    except ValueError as error:
        return str(error)
    if results.exists(wish.name) and not _is_own(wish):
        return f"A fit called {wish.name} is kept already: choose another name, or delete it."
    return ""


def _is_own(wish: Wish) -> bool:
    return results.wish_of(wish.name) == wish.digest


def _free(wish: Wish) -> str:
    """The proposed name, numbered where another fit has it."""
    number, name = 1, wish.name
    while results.exists(name) and results.wish_of(name) != wish.digest:
        number += 1
        name = f"{wish.name}-{number}"
    return name


def _proposal(data: DataChoice, encoder: str, how: str) -> str:
    assert isinstance(data.table, Table)
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{data.name}".lower()).strip("-")[:30] or "data"
    mark = sha256(f"{data.table.digest}{encoder}".encode()).hexdigest()[:4]
    return f"{words}-{mark}" if how == FROZEN else f"{words}-{how}-{mark}"
