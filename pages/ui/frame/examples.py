"""The tasks of the demo checkpoints in words, and sentences worth a click."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """A text to try; `name` says what is worth looking at in it.

    `pair` belongs to the text where checkpoints read pairs; `like` is what it may be compared with
    where they read it alone.
    """

    name: str
    text: str
    pair: str = ""
    like: str = ""

    @property
    def other(self) -> str:
        """A second sentence, whatever reads the first."""
        return self.pair or self.like


@dataclass(frozen=True)
class TaskWords:
    """Title of a task on a page, and its examples (a newcomer sees the first)."""

    title: str
    examples: tuple[Example, ...]


TASKS = {
    "sst2": TaskWords(
        "Sentiment",
        (
            Example(
                "contrast",
                "Slow at first, but it earns every minute.",
                like="It takes its time, and every minute is worth it.",
            ),
            Example(
                "two turns",
                "The plot is thin, but the acting is anything but dull.",
                like="Great actors save a film with next to no story.",
            ),
            Example(
                "negation",
                "I would not say that this film is bad.",
                like="This is not a bad film at all.",
            ),
            Example(
                "irony",
                "A triumph of editing: they cut everything that made sense.",
                like="Whoever cut this film left out all of its sense.",
            ),
            Example(
                "hedge",
                "It is perhaps a little too long, though never quite boring.",
                like="A shorter film might have held me better.",
            ),
        ),
    ),
    "mrpc": TaskWords(
        "Paraphrase",
        (
            Example(
                "paraphrase",
                "The company said its profit rose by a third in the last quarter.",
                "In the last quarter, profit grew by one third, according to the company.",
            ),
            Example(
                "role swap",
                "The court sued the newspaper over the report.",
                "The newspaper sued the court over the report.",
            ),
            Example(
                "number",
                "The storm left 12 people dead and thousands without power.",
                "The storm left 21 people dead and thousands without power.",
            ),
            Example(
                "negation",
                "The board approved the merger on Friday.",
                "The board did not approve the merger on Friday.",
            ),
        ),
    ),
    "trec": TaskWords(
        "Question type",
        (
            Example(
                "location",
                "Where did the inventor of the telephone grow up?",
                like="In which city was Alexander Graham Bell raised?",
            ),
            Example(
                "number or entity",
                "What year did the first ship pass the Suez Canal?",
                like="When was the Suez Canal opened to ships?",
            ),
            Example(
                "abbreviation",
                "What does the abbreviation NATO stand for?",
                like="What is the full name of NATO?",
            ),
            Example(
                "description",
                "Why do leaves change their colour in autumn?",
                like="What makes trees turn yellow and red in the fall?",
            ),
            Example(
                "human, in disguise",
                "Which country's president signed the treaty?",
                like="Who put their name to the treaty?",
            ),
        ),
    ),
}
OTHER = TaskWords("Other", TASKS["sst2"].examples)


def second_for(text: str) -> str:
    """A second sentence for a text that is an example; "" for any other."""
    every = (example for task in TASKS.values() for example in task.examples)
    return next((example.other for example in every if example.text == text), "")


def words_for(task: str) -> TaskWords:
    """Title and examples of a task; a task of one's own keeps its own name."""
    known = TASKS.get(task)
    if known:
        return known
    own = {"other": OTHER.title, "csv": "Own data"}  # "csv": fine-tuned on files of one's own
    return TaskWords(own.get(task, task), OTHER.examples)
