"""Recipes of maxima: who wins, what that is worth, and what changes without a layer or a token."""

from __future__ import annotations

from dataclasses import replace

from analysis.common.phrases import name_without_folder
from analysis.datasets.sentences import Rows
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import (
    GivenTarget,
    Request,
    Subject,
    known_reference,
    within,
)
from analysis.figures.views import comparisons, interventions, winners_over, winning_tokens
from analysis.figures.views import dimensions as views_dimensions
from analysis.figures.views import winners as views_winners
from analysis.figures.views.source import provenance_of
from analysis.interventions.effects import DropEffects
from analysis.reading import margins
from analysis.reading.decomposition import Decomposition, NoExactSplit
from analysis.reading.dimensions import dimensions
from analysis.reading.winners import part_of_maximum
from analysis.seed_groups import averages
from analysis.seed_groups.winners_over import Many, joined, joined_seeds


@recipe("winners")
def winners(
    request: Request,
    quantity: str = "deviation",
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
    reference: str | list[str] | None = None,
    head: int | None = None,
    chosen_token: int | None = None,
    chosen_layer: int | None = None,
) -> Plot:
    """Layers x tokens of a maximum over layers: wins, contribution, drop effect or attention."""
    known_reference(reference)
    words = words and quantity != "drop effect"  # those of pieces do not add up to words

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        index = subject.class_index(target)
        splits = subject.splits(reference) if quantity == "contribution" else None
        effects = subject.each(results.drop_effects, True) if quantity == "drop effect" else None
        plots = []
        for place, (trace, corpus) in enumerate(
            zip(subject.traces(), subject.profiles(), strict=True)
        ):
            if trace.head.weights is not None:
                within("attention head", head, 0, len(trace.head.weights) - 1)
            plots.append(
                views_winners.winners(
                    trace,
                    quantity,
                    index,
                    split=splits[place] if splits else None,
                    effects=effects[place] if effects else None,
                    profile=corpus,
                    words=words,
                    special=special,
                    limit=limit,
                    head=head,
                    chosen_token=chosen_token,
                    chosen_layer=chosen_layer,
                )
            )
        plot = comparisons.mean_over_seeds(plots)
        if not subject.is_group:
            return plot
        notes = plot.notes
        if splits:  # the largest error of all seeds stands for that of the first
            exact = views_winners.exact(subject.traces()[0].head, splits)
            notes = (notes[0], exact, *notes[2:])
        source = provenance_of([subject.checkpoint])
        return replace(plot, notes=notes, provenance={**plot.provenance, **source})

    return request.each(draw)


@recipe("layer_quantities")
def layer_quantities(
    request: Request,
    limit: float | None = None,
    reference: str | list[str] | None = None,
    chosen: int | None = None,
) -> Plot:
    """By source layer: share of wins, its percentile, deviation, contribution, drop effect."""
    subject, target = request.only("layer_quantities")
    try:
        effects: list[DropEffects] | None = list(subject.each(results.drop_effects, False))
    except ValueError:  # a single layer competes: nothing can leave
        effects = None
    try:
        splits: list[Decomposition] | None = subject.splits(reference)
    except NoExactSplit:
        splits = None
    plot = views_winners.layer_quantities(
        list(subject.traces()),
        subject.class_index(target),
        splits,
        effects,
        subject.profiles(),
        limit,
        chosen,
    )
    own = provenance_of([subject.checkpoint])
    shared = {k: v for k, v in plot.provenance.items() if k not in ("checkpoints", *own)}
    return replace(plot, provenance={**shared, **own})


@recipe("margins")
def win_margins(request: Request) -> Plot:
    """Margins of the wins, and the share that flips under small noise.

    Raises
    ------
    ValueError
        The pooling head takes no maximum.
    """
    subject, _ = request.only("margins")
    subject.only("margins")
    trace = subject.traces()[0]
    won = trace.head.winners
    if won is None:
        raise ValueError(
            f"{subject.name}: its pooling head does not max-pool, so there are no winners"
        )
    try:
        flips = subject.only("margins").result(results.noise_flips)
    except ValueError:  # no corpus profile gives the scale of the noise
        flips = None
    return views_winners.margins(
        margins.margin_histogram(won), flips, subject.checkpoint, trace.tokens
    )


@recipe("sweep")
def sweep(request: Request) -> Plot:
    """Class probability for the last k layers, k = 1 .. L, with label flips ringed."""
    sweeps = [list(subject.each(results.sweep)) for subject in request.subjects]
    target = request.subjects[0].class_index(request.targets[0])
    return interventions.sweep(sweeps, request.names, target)


@recipe("sweep_winners")
def sweep_winners(request: Request) -> Plot:
    """Share of wins by layer for every k of a sweep; a seed group: mean over seeds."""

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        mean, spread = averages.mean_sweep_shares(subject.each(results.sweep), subject.checkpoint)
        plot = interventions.sweep_winners(mean)
        if not subject.is_group:
            return plot
        note = (
            f"Mean over {len(subject.members)} seeds; the largest standard deviation in a cell is "
            f"{100 * spread:.1f} points."
        )
        return replace(plot, notes=(note, *plot.notes))

    return request.each(draw)


@recipe("sweep_pooled")
def sweep_pooled(request: Request) -> Plot:
    """Change of the pooled vector when the maximum runs over another number of layers."""
    sweeps = [list(subject.each(results.sweep)) for subject in request.subjects]
    return interventions.sweep_pooled(sweeps, request.names)


@recipe("what_if")
def what_if(
    request: Request,
    drop_layers: list[int] | None = None,
    mask_tokens: list[int] | None = None,
    where: str = "head",
) -> Plot:
    """Class probabilities before and after layers left the pool or tokens were mrequest."""
    subject, _ = request.only("what_if")
    return interventions.what_if(
        list(
            subject.each(results.what_if, tuple(drop_layers or ()), tuple(mask_tokens or ()), where)
        ),
        subject.checkpoint,
    )


@recipe("token_winners")
def token_winners(
    request: Request,
    quantity: str = "wins",
    words: bool = True,
    limit: float | None = None,
    reference: str | list[str] | None = None,
) -> Plot:
    """Of a maximum over tokens: which tokens win ("wins"), or what they add ("contribution")."""

    def draw(subject: Subject, target: GivenTarget) -> Plot:
        return winning_tokens.token_winners(
            subject.traces(),
            quantity,
            subject.class_index(target),
            subject.splits(reference) if quantity == "contribution" else None,
            subject.checkpoint,
            subject.name,
            words,
            limit,
        )

    return request.each(draw)


@recipe("dimensions")
def dimensions_of_a_token(
    request: Request,
    token: int = 0,
    count: int = 10,
    reference: str | list[str] | None = None,
) -> Plot:
    """One token's dimensions that add most to a class: contribution, weight, values, margin."""
    subject, target = request.only("dimensions")
    subject.only("dimensions")
    (trace,) = subject.traces()
    within("token", token, 0, len(trace.tokens) - 1)
    (split,) = subject.splits(reference)
    part = part_of_maximum(trace.head)
    table = dimensions(trace, token, subject.class_index(target), split.reference, part)
    return views_dimensions.dimensions(table, subject.checkpoint, trace.tokens, count)


@recipe("winner_means")
def winner_means(
    request: Request,
    by: str = winners_over.LAYER,
    quantity: str = winners_over.WINS,
    classes: str = winners_over.TOGETHER,
    place: int = 0,
    reference: str | None = None,
    most: int = 128,
    first: int | None = None,
) -> Plot:
    """Over a data set: mean share of wins or contribution, by source layer or token type.

    `classes` is "together", "predicted" or "given". Where layers are series within a type there is
    a picture a class: `place` says which. `first` leaves all but the first sentences out.
    """
    subject, _ = request.only("winner_means")
    sentences = request.sentences(most, first)
    many = _over(subject, sentences.rows, reference)
    plots = winners_over.means(many, by, quantity, classes, sentences.classes)
    within("place", place, 0, len(plots) - 1)
    return plots[place]


@recipe("seed_disagreement")
def seed_disagreement(
    request: Request, reference: str | None = None, most: int = 128, first: int | None = None
) -> Plot:
    """Over a data set: how often two seeds of a group have another winner, beside chance.

    Raises
    ------
    ValueError
        The subject is no seed group.
    """
    subject, _ = request.only("seed_disagreement")
    if not subject.is_group:
        raise ValueError("seeds of a group are compared: name a seed group")
    return winners_over.stable(_over(subject, request.sentences(most, first).rows, reference))


@recipe("group_difference")
def group_difference(
    request: Request, reference: str | None = None, most: int = 128, first: int | None = None
) -> Plot:
    """Over a data set: share of wins by layer, one seed group minus the other.

    Raises
    ------
    ValueError
        The subjects are no two groups whose maximum runs over the same layers.
    """
    rows = request.sentences(most, first).rows
    groups_ = [_over(subject, rows, reference) for subject in request.subjects]
    if len(groups_) != 2 or not winners_over.couples(groups_):
        raise ValueError("two seed groups whose maximum runs over the same layers are compared")
    return winners_over.against(*groups_)[0]


def _over(subject: Subject, rows: Rows, reference: str | None) -> Many:
    """The winners of a subject over sentences, from results of one sentence each."""
    texts = [subject.reads(text, pair) for text, pair in rows]
    samples = tuple(
        joined([text.members[place].result(results.winner_sample, reference) for text in texts])
        for place in range(len(subject.members))
    )
    seeds = None
    if subject.is_group:
        parts = [
            text.members[0].result(results.disagreement_of_seeds, text.members) for text in texts
        ]
        seeds = joined_seeds(parts, samples[0])
    members = tuple(member.checkpoint for member in subject.members)
    return Many(name_without_folder(subject.name), members, samples, seeds)
