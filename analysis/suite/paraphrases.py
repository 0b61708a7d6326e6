"""Paraphrase pairs: the same said in other words, or something else said in nearly the same."""

from __future__ import annotations

import re

from analysis.suite.cases import Case, Maker

SAME, DIFFERENT = "paraphrase", "different"

PEOPLE = ("senator", "lawyer", "banker", "teacher", "doctor", "journalist", "minister", "engineer")
# Past tense and participle are alike, and turning the roles round changes what happened.
DEEDS = ("accused", "criticised", "praised", "hired", "blamed", "rescued")
FIRMS = ("Nortec", "Bellway Foods", "Harlan Steel", "Orion Airlines")
CITIES = ("Chicago", "Madrid", "Seoul", "Nairobi")
MONTHS = ("March", "June", "September", "December")
NAMES = ("Anna Keller", "James Okafor", "Maria Lopez", "David Chen")
OTHER_NAME = dict(
    zip(NAMES, ("Laura Stein", "Peter Novak", "Julia Rossi", "Samuel Reed"), strict=True)
)
OTHER_CITY = {"Chicago": "Boston", "Madrid": "Lisbon", "Seoul": "Osaka", "Nairobi": "Cairo"}
OTHER_MONTH = {"March": "May", "June": "October", "September": "January", "December": "April"}


def cases() -> list[Case]:
    """All pairs, labelled as the MRPC checkpoints name their classes."""
    make = Maker("mrpc")
    same = _same_sentence(make)
    _active_passive(make)
    _role_swap(make)
    _word_order(make)
    _numbers(make, same)
    _names(make, same)
    _negation(make, same)
    _synonyms(make)
    _order_of_the_pair(make)
    _same_change_in_both(make, same)
    return make.cases


def _same_sentence(make: Maker) -> list[Case]:
    """A sentence beside itself: the originals of every change that makes the two differ."""
    patterns = (
        "{firm} will open a new factory in {place} in {month}.",
        "{firm} said on Monday that it would hire 400 people in {place}.",
    )
    made = []
    for pattern in patterns:
        made += make.mft(
            "same sentence",
            (pattern, pattern),
            SAME,
            12,
            firm=FIRMS,
            place=CITIES,
            month=MONTHS if "{month}" in pattern else ("",),
        )
    pattern = "{name} sold 250 shares of {firm} on Friday."
    made += make.mft("same sentence", (pattern, pattern), SAME, 12, name=NAMES, firm=FIRMS)
    return made


def _active_passive(make: Maker) -> None:
    voice = "active and passive"
    make.mft(
        voice,
        ("the {one} {deed} the {other}.", "the {other} was {deed} by the {one}."),
        SAME,
        24,
        one=PEOPLE[:4],
        deed=DEEDS,
        other=PEOPLE[4:],
    )
    make.mft(
        voice,
        ("the {one} {deed} the {other}.", "the {one} was {deed} by the {other}."),
        DIFFERENT,
        24,
        one=PEOPLE[4:],
        deed=DEEDS,
        other=PEOPLE[:4],
    )
    make.mft(
        voice,
        (
            "{firm} bought the old stadium in {city}.",
            "the old stadium in {city} was bought by {firm}.",
        ),
        SAME,
        firm=FIRMS,
        city=CITIES,
    )


def _role_swap(make: Maker) -> None:
    swap = "role swap"
    make.mft(
        swap,
        ("the {one} {deed} the {other} on Tuesday.", "the {other} {deed} the {one} on Tuesday."),
        DIFFERENT,
        32,
        one=PEOPLE[:4],
        deed=DEEDS,
        other=PEOPLE[4:],
    )
    make.mft(
        swap,
        ("{one} sued {other} over the contract.", "{other} sued {one} over the contract."),
        DIFFERENT,
        one=FIRMS[:2],
        other=FIRMS[2:],
    )
    # With these verbs the roles are equal, so exchanging them changes nothing.
    make.mft(
        swap,
        ("the {one} met the {other} in {city}.", "the {other} met the {one} in {city}."),
        SAME,
        16,
        one=PEOPLE[:4],
        other=PEOPLE[4:],
        city=CITIES,
    )
    make.mft(
        swap,
        ("the {one} married the {other} in {month}.", "the {other} married the {one} in {month}."),
        SAME,
        12,
        one=PEOPLE[:4],
        other=PEOPLE[4:],
        month=MONTHS,
    )


def _word_order(make: Maker) -> None:
    order = "word order"
    make.mft(
        order,
        (
            "{firm} closed its office in {city} in {month}.",
            "in {month}, {firm} closed its office in {city}.",
        ),
        SAME,
        24,
        firm=FIRMS,
        city=CITIES,
        month=MONTHS,
    )
    make.mft(
        order,
        (
            '"We are very pleased with the result," {name} said in {city}.',
            '{name} said in {city}: "We are very pleased with the result."',
        ),
        SAME,
        name=NAMES,
        city=CITIES,
    )
    make.mft(
        order,
        (
            "the {one} and the {other} signed the agreement.",
            "the {other} and the {one} signed the agreement.",
        ),
        SAME,
        16,
        one=PEOPLE[:4],
        other=PEOPLE[4:],
    )
    make.mft(
        order,
        (
            "because of the storm, the flight to {city} was cancelled on {day}.",
            "on {day}, the flight to {city} was cancelled because of the storm.",
        ),
        SAME,
        city=CITIES,
        day=("Monday", "Thursday", "Saturday"),
    )


def _numbers(make: Maker, same: list[Case]) -> None:
    make.mft(
        "numbers",
        ("{firm} cut {few} jobs in {city}.", "{firm} cut {many} jobs in {city}."),
        DIFFERENT,
        24,
        firm=FIRMS,
        few=("20", "150"),
        city=CITIES,
        many=("900", "7,000"),
    )
    make.mft(
        "numbers",
        ("the storm killed {few} people in {city}.", "the storm killed {many} people in {city}."),
        DIFFERENT,
        12,
        few=("three", "seven"),
        city=CITIES,
        many=("forty", "ninety"),
    )
    make.mft(
        "numbers",
        (
            "{firm} will open a factory in {month} {one}.",
            "{firm} will open a factory in {month} {other}.",
        ),
        DIFFERENT,
        12,
        firm=FIRMS,
        month=MONTHS,
        one=("2003",),
        other=("2009",),
    )
    counted = [case for case in same if re.search(r"\b(400|250)\b", case.text)]
    make.dir(
        "numbers",
        "another number in the second sentence",
        counted,
        lambda case: (case.text, re.sub(r"\b(400|250)\b", "90", case.text)),
        DIFFERENT,
    )


def _names(make: Maker, same: list[Case]) -> None:
    for who in NAMES:
        make.mft(
            "names",
            ("{name} was elected mayor of {city}.", "{other} was elected mayor of {city}."),
            DIFFERENT,
            name=(who,),
            city=CITIES,
            other=(OTHER_NAME[who],),
        )
    for city in CITIES:
        make.mft(
            "names",
            ("{firm} moved its head office to {city}.", "{firm} moved its head office to {other}."),
            DIFFERENT,
            firm=FIRMS,
            city=(city,),
            other=(OTHER_CITY[city],),
        )
    make.dir(
        "names",
        "another name in the second sentence",
        same,
        lambda case: (case.text, _other_names(case.text)),
        DIFFERENT,
    )


def _other_names(text: str) -> str:
    """The first person or city that is named, replaced by another."""
    for names in (OTHER_NAME, OTHER_CITY):
        for name, new_name in names.items():
            if name in text:
                return text.replace(name, new_name)
    raise ValueError(f"no name in {text!r}")


def _negation(make: Maker, same: list[Case]) -> None:
    make.mft(
        "negation",
        (
            "the {one} signed the {paper} on Friday.",
            "the {one} did not sign the {paper} on Friday.",
        ),
        DIFFERENT,
        24,
        one=PEOPLE,
        paper=("contract", "petition", "report"),
    )
    make.mft(
        "negation",
        (
            "the {one} refused to answer questions about the {topic}.",
            "the {one} did not agree to answer questions about the {topic}.",
        ),
        SAME,
        12,
        one=PEOPLE,
        topic=("election", "accident"),
    )
    opening = [case for case in same if "will open" in case.text]
    make.dir(
        "negation",
        "will -> will not in the second sentence",
        opening,
        lambda case: (case.text, case.text.replace("will open", "will not open")),
        DIFFERENT,
    )


def _synonyms(make: Maker) -> None:
    pairs = (
        (
            "{firm} bought its main rival for 2 billion dollars.",
            "{firm} purchased its main rival for 2 billion dollars.",
        ),
        (
            "the police in {city} found the stolen painting.",
            "the police in {city} discovered the stolen painting.",
        ),
        (
            "{firm} will begin selling the new car in {month}.",
            "{firm} will start selling the new car in {month}.",
        ),
        (
            "{name} won the race in {city} in spite of an injury.",
            "{name} won the race in {city} despite an injury.",
        ),
    )
    slots = {"firm": FIRMS, "city": CITIES, "month": MONTHS, "name": NAMES}
    for pair in pairs:
        used = {name: values for name, values in slots.items() if f"{{{name}}}" in pair[0]}
        make.mft("synonyms", pair, SAME, 12, **used)
    opposites = (
        ("shares of {firm} rose sharply in {month}.", "shares of {firm} fell sharply in {month}."),
        ("{name} won the race in {city}.", "{name} lost the race in {city}."),
    )
    for pair in opposites:
        used = {name: values for name, values in slots.items() if f"{{{name}}}" in pair[0]}
        make.mft("opposites", pair, DIFFERENT, 12, **used)


def _order_of_the_pair(make: Maker) -> None:
    """Whether two sentences say the same does not depend on which is read first."""
    chosen: list[Case] = []
    for capability in ("active and passive", "role swap", "word order", "numbers", "synonyms"):
        swapped = [
            case for case in make.cases if case.capability == capability and case.kind == "MFT"
        ]
        chosen += swapped[:: max(len(swapped) // 10, 1)][:10]
    make.inv(
        "order of the pair",
        "second sentence / first sentence",
        chosen,
        lambda case: (case.pair or "", case.text),
    )


def _same_change_in_both(make: Maker, same: list[Case]) -> None:
    """Another name in both sentences alike leaves the relation of the two as it was."""
    for capability in ("synonyms", "word order"):
        changed = [
            case
            for case in make.cases
            if case.capability == capability
            and case.kind == "MFT"
            and any(city in case.text for city in CITIES)
        ]
        make.inv(
            "irrelevant names",
            "the same other city in both sentences",
            changed[:: max(len(changed) // 16, 1)][:16],
            lambda case: (_other_city(case.text), _other_city(case.pair or "")),
        )


def _other_city(text: str) -> str:
    for city, new_city in OTHER_CITY.items():
        text = text.replace(city, new_city)
    return text
