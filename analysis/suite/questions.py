"""Question types: what kind of thing a question asks for (the six coarse classes of TREC)."""

from __future__ import annotations

from analysis.suite.cases import Case, Change, Maker, swap

ABBREVIATION, ENTITY, DESCRIPTION = "abbreviation", "entity", "description"
HUMAN, LOCATION, NUMBER = "human", "location", "number"

SHORT = ("NASA", "UNESCO", "DNA", "NATO", "FAQ", "HTML", "GPS", "CEO", "USB", "BBC")
LONG = (
    "the United Nations",
    "the European Union",
    "the World Health Organization",
    "the International Monetary Fund",
    "the Central Intelligence Agency",
    "chief executive officer",
)
COUNTRIES = ("Brazil", "Kenya", "Norway", "Japan", "Egypt", "Canada", "Peru", "Portugal")
PLACES = (
    "the Louvre",
    "the Taj Mahal",
    "Mount Etna",
    "the Sahara Desert",
    "Lake Victoria",
    "the Great Barrier Reef",
    "the Golden Gate Bridge",
    "the Colosseum",
)
PEOPLE = (
    "Mozart",
    "Marie Curie",
    "Nelson Mandela",
    "Frida Kahlo",
    "Isaac Newton",
    "Florence Nightingale",
    "Napoleon",
    "Galileo",
)
MARRIED = ("Mozart", "Marie Curie", "Frida Kahlo", "Napoleon", "Charles Darwin", "Cleopatra")
ONE_COUNTRY = (
    "the Louvre",
    "the Taj Mahal",
    "Mount Etna",
    "the Golden Gate Bridge",
    "the Colosseum",
    "the Great Barrier Reef",
)
REPUBLICS = ("Brazil", "Kenya", "Egypt", "Peru", "Portugal")
CABINETS = ("Norway", "Japan", "Canada", "Portugal", "Egypt")
BOOKS = (
    "Hamlet",
    "Don Quixote",
    "War and Peace",
    "Frankenstein",
    "Jane Eyre",
    "The Odyssey",
    "Robinson Crusoe",
    "Pride and Prejudice",
)
INVENTIONS = (
    "the telephone",
    "the printing press",
    "the steam engine",
    "the light bulb",
    "the zipper",
    "the telescope",
    "the piano",
    "the parachute",
)
NOTIONS = (
    "photosynthesis",
    "inflation",
    "gravity",
    "osmosis",
    "jazz",
    "democracy",
    "erosion",
    "insomnia",
)
WHYS = (
    "do leaves turn red in autumn",
    "is the sky blue",
    "do cats purr",
    "is the sea salty",
    "do people yawn",
    "does ice float on water",
    "do onions make people cry",
    "do volcanoes erupt",
)
MACHINES = (
    "a refrigerator",
    "a compass",
    "a microwave oven",
    "a vaccine",
    "a jet engine",
    "a hearing aid",
    "an electric motor",
    "a lie detector",
)
ENTITIES = (
    "What is the fastest animal on land?",
    "What bird lays the largest eggs?",
    "What is the hardest natural material?",
    "What colour is a ruby?",
    "What is the national flower of Japan?",
    "What is the favourite food of the panda?",
    "What breed of dog is the smallest?",
    "What gas do plants take in from the air?",
    "What metal is a good conductor of electricity?",
    "What kind of fruit is wine made from?",
    "What is the most popular sport in Brazil?",
    "What board game has a king and a queen?",
    "What disease is carried by mosquitoes?",
    "What vitamin is found in oranges?",
    "What musical instrument has 88 keys?",
    "What card game is played with two jokers?",
)
COUNTED = ("bones", "muscles", "teeth", "ribs")
PREFIXES = ("Can you tell me", "I would like to know", "Do you know")


def cases() -> list[Case]:
    """All question cases, labelled as the TREC checkpoints name their classes."""
    make = Maker("trec")
    groups = _question_words(make)
    _question_nouns(make)
    _other_question_word(make)
    _misleading_names(make)
    _polite(make, groups)
    _names_swapped(make)
    _extra_words(make, groups)
    return make.cases


def _question_words(make: Maker) -> dict[str, list[Case]]:
    """Plain questions; returns those whose word order survives "Can you tell me ...?"."""
    word = "question word"
    make.mft(word, "what does {short} stand for?", ABBREVIATION, short=SHORT)
    make.mft(word, "what is the full form of {short}?", ABBREVIATION, short=SHORT)
    make.mft(word, "what is the abbreviation for {long}?", ABBREVIATION, long=LONG)
    for question in ENTITIES:
        make.mft(word, question, ENTITY)
    make.mft(word, "what is {notion}?", DESCRIPTION, notion=NOTIONS)
    make.mft(word, "why {why}?", DESCRIPTION, why=WHYS)
    make.mft(word, "how does {machine} work?", DESCRIPTION, machine=MACHINES)
    wrote = make.mft(word, "who wrote {book}?", HUMAN, book=BOOKS)
    invented = make.mft(word, "who invented {invention}?", HUMAN, invention=INVENTIONS)
    make.mft(word, "where is {place}?", LOCATION, place=PLACES)
    make.mft(
        word,
        "where does {person} come from?",
        LOCATION,
        4,
        person=("Shakira", "Roger Federer", "Bjork", "Novak Djokovic"),
    )
    make.mft(
        word,
        "when did {event}?",
        NUMBER,
        event=(
            "the First World War begin",
            "the Berlin Wall fall",
            "the Titanic sink",
            "the French Revolution start",
            "the Roman Empire end",
            "Columbus reach America",
        ),
    )
    people = make.mft(word, "how many people live in {country}?", NUMBER, country=COUNTRIES)
    make.mft(
        word,
        "how tall is {thing}?",
        NUMBER,
        thing=("the Eiffel Tower", "Mount Everest", "an adult giraffe", "the Statue of Liberty"),
    )
    make.mft(
        word,
        "how far is it from {one} to {other}?",
        NUMBER,
        8,
        one=("London", "Cairo", "Lima"),
        other=("Paris", "Tokyo", "Oslo"),
    )
    return {"wrote": wrote, "invented": invented, "people": people}


def _question_nouns(make: Maker) -> None:
    noun = "question noun"
    make.mft(noun, "what is the capital of {country}?", LOCATION, country=COUNTRIES)
    make.mft(noun, "in which country is {place}?", LOCATION, place=ONE_COUNTRY)
    make.mft(noun, "what city was {person} born in?", LOCATION, person=PEOPLE)
    make.mft(noun, "what year was {person} born?", NUMBER, person=PEOPLE)
    make.mft(noun, "what is the population of {country}?", NUMBER, country=COUNTRIES)
    make.mft(
        noun, "what percentage of the people in {country} can read?", NUMBER, 6, country=COUNTRIES
    )
    make.mft(noun, "what language is spoken in {country}?", ENTITY, country=COUNTRIES)
    make.mft(noun, "what is the currency of {country}?", ENTITY, country=COUNTRIES)
    make.mft(noun, "what author wrote {book}?", HUMAN, book=BOOKS)
    make.mft(noun, "what is the name of the president of {country}?", HUMAN, country=REPUBLICS)
    make.mft(
        noun,
        "what scientist discovered {found}?",
        HUMAN,
        found=("penicillin", "radium", "oxygen", "the electron", "the planet Uranus"),
    )
    make.mft(
        noun,
        "what is the reason that {fact}?",
        DESCRIPTION,
        fact=(
            "the sky is blue",
            "cats purr",
            "the sea is salty",
            "people yawn",
            "ice floats on water",
            "bees dance",
        ),
    )
    make.mft(
        noun,
        "what is the meaning of the word {word}?",
        DESCRIPTION,
        word=("nostalgia", "serendipity", "placebo", "dilemma", "utopia", "paradox"),
    )


def _other_question_word(make: Maker) -> None:
    """Questions with another question word: the answer is of another kind."""
    capability = "other question word"
    born = make.mft(capability, "where was {person} born?", LOCATION, person=PEOPLE)
    make.dir(capability, "when was {person} born?", born, swap("Where", "When"), NUMBER)
    married = make.mft(capability, "who did {person} marry?", HUMAN, person=MARRIED)
    make.dir(capability, "when did {person} marry?", married, swap("Who", "When"), NUMBER)
    make.dir(capability, "where did {person} marry?", married, swap("Who", "Where"), LOCATION)
    built = make.mft(
        capability,
        "who built {building}?",
        HUMAN,
        building=(
            "the Eiffel Tower",
            "the Great Wall of China",
            "Stonehenge",
            "the Panama Canal",
            "the Parthenon",
            "Machu Picchu",
        ),
    )
    make.dir(
        capability,
        "why did they build {building}?",
        built,
        swap("Who built", "Why did they build"),
        DESCRIPTION,
    )
    make.dir(
        capability,
        "when did they build {building}?",
        built,
        swap("Who built", "When did they build"),
        NUMBER,
    )


def _misleading_names(make: Maker) -> None:
    """Names of one kind in a question about another kind."""
    misleading = "misleading names"
    for title, countries in (("president", REPUBLICS), ("prime minister", CABINETS)):
        make.mft(
            misleading,
            f"how many {title}s has {{country}} had since 1950?",
            NUMBER,
            country=countries,
        )
        make.mft(misleading, f"who was the first {title} of {{country}}?", HUMAN, country=countries)
    make.mft(
        misleading,
        "in which city did {person} spend most of the year 1800?",
        LOCATION,
        person=("Beethoven", "Goethe", "Jane Austen", "Thomas Jefferson", "Napoleon"),
    )
    make.mft(misleading, "how many {part} are there in the human body?", NUMBER, part=COUNTED)
    make.mft(misleading, "which writer came to {country} in 1925?", HUMAN, 6, country=COUNTRIES)
    make.mft(misleading, "what animal did {person} keep as a pet?", ENTITY, person=PEOPLE)
    make.mft(
        misleading,
        "why did {journey}?",
        DESCRIPTION,
        journey=(
            "Einstein leave Germany in 1933",
            "Gauguin leave Paris in 1891",
            "Napoleon leave Egypt in 1799",
            "Chaplin move to Switzerland in 1953",
            "Marco Polo travel to China in 1271",
            "Darwin sail to Brazil in 1832",
        ),
    )
    make.mft(
        misleading,
        "what instrument did {person} play when he was four years old?",
        ENTITY,
        person=("Mozart", "Chopin", "Liszt", "Haydn"),
    )


def _polite(make: Maker, groups: dict[str, list[Case]]) -> None:
    for prefix in PREFIXES:
        for group in groups.values():
            make.inv("polite openings", f"{prefix} ...?", group, _after(prefix))


def _after(prefix: str) -> Change:
    mark = "." if prefix.startswith("I ") else "?"
    return lambda case: f"{prefix} {case.text[0].lower()}{case.text[1:-1]}{mark}"


def _names_swapped(make: Maker) -> None:
    """Another name of the same kind: the question stays of the same kind."""
    names = "irrelevant names"
    swaps = (
        (
            "who painted {name}?",
            HUMAN,
            ("the Mona Lisa", "Guernica", "The Night Watch", "Sunflowers"),
        ),
        (
            "where did {name} grow up?",
            LOCATION,
            ("Beyonce", "Barack Obama", "Albert Einstein", "Agatha Christie"),
        ),
        (
            "how old was {name} when she died?",
            NUMBER,
            ("Cleopatra", "Jane Austen", "Edith Piaf", "Queen Victoria"),
        ),
        (
            "what sport is {name} famous for?",
            ENTITY,
            ("Usain Bolt", "Pele", "Serena Williams", "Michael Jordan"),
        ),
        (
            "how does {name} find its way home?",
            DESCRIPTION,
            ("a pigeon", "a salmon", "a bat", "a sea turtle"),
        ),
        ("what does the abbreviation {name} mean?", ABBREVIATION, ("WHO", "MIT", "AIDS", "PDF")),
    )
    for pattern, label, (first, *rest) in swaps:
        original = make.mft(names, pattern, label, name=(first,))
        for name in rest:
            make.inv(names, pattern, original, swap(first, name))


def _extra_words(make: Maker, groups: dict[str, list[Case]]) -> None:
    for group in groups.values():
        make.inv(
            "filler words",
            "So, ...?",
            group,
            lambda case: f"So, {case.text[0].lower()}{case.text[1:]}",
        )
        make.inv("filler words", "... Thank you.", group, lambda case: f"{case.text} Thank you.")
