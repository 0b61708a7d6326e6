"""Sentiment of film reviews: what a reader calls positive or negative without a second thought."""

from __future__ import annotations

from analysis.suite.cases import Case, Maker, evenly, swap

POSITIVE, NEGATIVE = "positive", "negative"

PARTS = (
    "acting",
    "plot",
    "script",
    "dialogue",
    "soundtrack",
    "camera work",
    "ending",
    "direction",
    "cast",
    "humour",
)
# Parts that one meets all through a film.
THROUGHOUT = ("acting", "dialogue", "soundtrack", "camera work", "cast", "humour")
GOOD = ("wonderful", "brilliant", "superb", "excellent", "delightful", "outstanding")
BAD = ("terrible", "awful", "dreadful", "lousy", "pathetic", "abysmal")
# What "not" and "anything but" go well with: praise and blame of a middling strength.
FAIR = ("good", "impressive", "convincing", "memorable")
WEAK = ("dull", "mediocre", "forgettable", "lifeless")
PRAISE = ("a joy to watch", "a triumph", "a small masterpiece", "a real treat")
BLAME = ("a waste of time", "a complete failure", "a tedious mess", "a bitter disappointment")
LIKED = ("loved", "enjoyed", "adored", "admired")
DISLIKED = ("hated", "disliked", "detested", "despised")
CITIES = ("Boston", "Denver", "Lisbon", "Vienna", "Toronto", "Chicago")
NAMES = ("Anna", "Maria", "Omar", "Kenji", "Fatima", "Lukas")
DAYS = ("Monday", "Tuesday", "Thursday", "Friday", "Saturday", "Sunday")

_SIDES = ((POSITIVE, GOOD, LIKED, PRAISE), (NEGATIVE, BAD, DISLIKED, BLAME))


def cases() -> list[Case]:
    """All sentiment cases, labelled as SST-2 names its classes."""
    make = Maker("sst2")
    plain = _plain(make)
    _negation(make)
    _double_negation(make)
    _contrast(make)
    _change_over_time(make)
    _intensifiers(make, plain)
    _hedges(make, plain)
    _irrelevant_nouns(make)
    _added_verdicts(make, plain)
    return make.cases


def _plain(make: Maker) -> list[Case]:
    parts: list[Case] = []
    for label, adjectives, verbs, verdicts in _SIDES:
        parts += make.mft(
            "plain", "the {part} is {adjective}.", label, part=PARTS, adjective=adjectives
        )
        make.mft("plain", "this is {a adjective} film.", label, adjective=adjectives)
        make.mft("plain", "what {a adjective} film!", label, adjective=adjectives)
        make.mft("plain", "I {verb} the {part}.", label, verb=verbs, part=PARTS)
        make.mft("plain", "the film is {verdict}.", label, verdict=verdicts)
        make.mft("plain", "from beginning to end, this is {verdict}.", label, verdict=verdicts)
    return parts


def _negation(make: Maker) -> None:
    simple = "negation"
    make.mft(simple, "the {part} is not {adjective}.", NEGATIVE, part=PARTS, adjective=FAIR)
    make.mft(
        simple,
        "there is nothing {adjective} about the {part}.",
        NEGATIVE,
        20,
        part=PARTS,
        adjective=FAIR,
    )
    make.mft(simple, "I did not like the {part}.", NEGATIVE, part=PARTS)
    make.mft(simple, "nobody in the audience enjoyed the {part}.", NEGATIVE, part=PARTS)
    make.mft(
        simple, "the {part} is anything but {adjective}.", POSITIVE, part=PARTS, adjective=WEAK
    )
    make.mft(simple, "the {part} is never {adjective}.", POSITIVE, 20, part=PARTS, adjective=WEAK)
    make.mft(simple, "the {part} is not bad at all.", POSITIVE, part=PARTS)
    make.mft(simple, "I have no complaints about the {part}.", POSITIVE, part=PARTS)


def _double_negation(make: Maker) -> None:
    double = "double negation"
    make.mft(
        double,
        "nobody could say that the {part} is not {adjective}.",
        POSITIVE,
        20,
        part=PARTS,
        adjective=FAIR,
    )
    make.mft(
        double,
        "it is not true that the {part} is not {adjective}.",
        POSITIVE,
        20,
        part=PARTS,
        adjective=FAIR,
    )
    make.mft(
        double, "there was not a moment when I did not enjoy the {part}.", POSITIVE, part=THROUGHOUT
    )
    make.mft(
        double,
        "nobody could deny that the {part} is {adjective}.",
        NEGATIVE,
        20,
        part=PARTS,
        adjective=WEAK,
    )
    make.mft(
        double,
        "it is impossible not to notice how {adjective} the {part} is.",
        NEGATIVE,
        20,
        part=PARTS,
        adjective=WEAK,
    )
    make.mft(
        double, "there was not a moment when I did not hate the {part}.", NEGATIVE, part=THROUGHOUT
    )


def _contrast(make: Maker) -> None:
    for label, contrast, verdicts in ((POSITIVE, BAD, PRAISE), (NEGATIVE, GOOD, BLAME)):
        make.mft(
            "contrast",
            "the {part} is {adjective}, but the film as a whole is {verdict}.",
            label,
            32,
            part=PARTS,
            adjective=contrast,
            verdict=verdicts,
        )
        make.mft(
            "contrast",
            "although the {part} is {adjective}, the film as a whole is {verdict}.",
            label,
            32,
            part=PARTS,
            adjective=contrast,
            verdict=verdicts,
        )
        make.mft(
            "contrast",
            "the film as a whole is {verdict}, although the {part} is {adjective}.",
            label,
            24,
            part=PARTS,
            adjective=contrast,
            verdict=verdicts,
        )
        make.mft(
            "contrast",
            "despite {a adjective} {part}, this film is {verdict}.",
            label,
            16,
            part=("script", "ending", "soundtrack", "plot"),
            adjective=contrast,
            verdict=verdicts,
        )


def _change_over_time(make: Maker) -> None:
    change = "change over time"
    things = ("this director", "this series", "films of this kind", "the leading actor")
    make.mft(
        change,
        "I used to find {thing} {before}, but now I am a devoted fan.",
        POSITIVE,
        thing=things,
        before=("dull", "irritating", "overrated"),
    )
    make.mft(
        change,
        "I used to adore {thing}, but now I find it {after}.",
        NEGATIVE,
        thing=("this series", "this film", "this trilogy", "this story"),
        after=("dull", "irritating", "unbearable"),
    )
    make.mft(
        change,
        "years ago I thought this film was {before}; today I think it is {after}.",
        POSITIVE,
        18,
        before=BAD,
        after=GOOD,
    )
    make.mft(
        change,
        "years ago I thought this film was {before}; today I think it is {after}.",
        NEGATIVE,
        18,
        before=GOOD,
        after=BAD,
    )
    make.mft(
        change,
        "the first half is {before}, but by the end the film is {verdict}.",
        POSITIVE,
        12,
        before=("slow", "confusing", "clumsy"),
        verdict=PRAISE,
    )
    make.mft(
        change,
        "the first half is {before}, but by the end the film is {verdict}.",
        NEGATIVE,
        12,
        before=("lively", "charming", "clever"),
        verdict=BLAME,
    )


def _some(plain: list[Case], each: int) -> list[Case]:
    """``each`` of the plain sentences of either label, in turn over parts and adjectives."""
    return [
        case
        for label in (POSITIVE, NEGATIVE)
        for case in evenly([case for case in plain if case.label == label], each)
    ]


def _intensifiers(make: Maker, plain: list[Case]) -> None:
    for word in ("truly", "absolutely", "simply"):
        make.dir(
            "intensifiers",
            f"the {{part}} is {word} {{adjective}}.",
            _some(plain, 16),
            swap(" is ", f" is {word} "),
        )
    for label, adjectives in ((POSITIVE, FAIR), (NEGATIVE, WEAK)):
        make.mft(
            "intensifiers",
            "the {part} is extremely {adjective}.",
            label,
            16,
            part=PARTS,
            adjective=adjectives,
        )


def _hedges(make: Maker, plain: list[Case]) -> None:
    for opening in (
        "I think",
        "In my opinion,",
        "It seems to me that",
        "If you ask me,",
        "I would say that",
    ):
        make.inv(
            "hedges",
            f"{opening} the {{part}} is {{adjective}}.",
            _some(plain, 12),
            swap("The ", f"{opening} the "),
        )


def _irrelevant_nouns(make: Maker) -> None:
    nouns = "irrelevant nouns"
    for label, adjectives, verbs, _ in _SIDES:
        seen = make.mft(
            nouns,
            f"we saw it in {CITIES[0]}, and the {{part}} is {{adjective}}.",
            label,
            8,
            part=PARTS,
            adjective=adjectives,
        )
        for city in CITIES[1:4]:
            make.inv(
                nouns,
                "we saw it in {city}, and the {part} is {adjective}.",
                seen,
                swap(CITIES[0], city),
            )
        cases = make.mft(
            nouns,
            f"my friend {NAMES[0]} {{verb}} the {{part}}, and so did I.",
            label,
            8,
            verb=verbs,
            part=PARTS,
        )
        for name in NAMES[1:4]:
            make.inv(
                nouns,
                "my friend {name} {verb} the {part}, and so did I.",
                cases,
                swap(NAMES[0], name),
            )
        dated = make.mft(
            nouns,
            f"I watched this film on {DAYS[0]}; it is {{adjective}}.",
            label,
            adjective=adjectives,
        )
        for day in DAYS[1:4]:
            make.inv(
                nouns, "I watched this film on {day}; it is {adjective}.", dated, swap(DAYS[0], day)
            )


def _added_verdicts(make: Maker, plain: list[Case]) -> None:
    added = {
        POSITIVE: ("I would gladly see it again.", "I recommend it with all my heart."),
        NEGATIVE: ("I want my money back.", "I cannot recommend it to anyone."),
    }
    for label, sentences in added.items():
        same = [case for case in _some(plain, 16) if case.label == label]
        for sentence in sentences:
            make.dir(
                "added verdict",
                f"the {{part}} is {{adjective}}. {sentence}",
                same,
                swap(".", f". {sentence}"),
            )
