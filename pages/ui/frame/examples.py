"""The tasks of the demo checkpoints in words, and sentences worth a click."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """A text to try; `name` says what is worth looking at in it."""

    name: str
    text: str
    pair: str = ""


@dataclass(frozen=True)
class TaskWords:
    """How a task is called on a page, and its examples (the first is what a newcomer sees)."""

    title: str
    examples: tuple[Example, ...]


TASKS = {
    "sst2": TaskWords(
        "Sentiment",
        (
            Example("contrast", "Slow at first, but it earns every minute."),
            Example("two turns", "The plot is thin, but the acting is anything but dull."),
            Example("negation", "I would not say that this film is bad."),
            Example("irony", "A triumph of editing: they cut everything that made sense."),
            Example("hedge", "It is perhaps a little too long, though never quite boring."),
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
            Example("location", "Where did the inventor of the telephone grow up?"),
            Example("number or entity", "What year did the first ship pass the Suez Canal?"),
            Example("abbreviation", "What does the abbreviation NATO stand for?"),
            Example("description", "Why do leaves change their colour in autumn?"),
            Example("human, in disguise", "Which country's president signed the treaty?"),
        ),
    ),
}
OTHER = TaskWords("Other", TASKS["sst2"].examples)


def words_for(task: str) -> TaskWords:
    """Title and examples of a task; a task of one's own keeps its own name."""
    known = TASKS.get(task)
    if known:
        return known
    return TaskWords(OTHER.title if task == "other" else task, OTHER.examples)
