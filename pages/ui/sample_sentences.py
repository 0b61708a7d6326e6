"""Sentences made from templates, for whoever has no set of sentences at hand."""

from __future__ import annotations

from itertools import product

_SUBJECTS = ("The film", "This story", "The second act", "Her performance", "The whole cast",
             "His new book", "The concert", "That old play")  # fmt: skip
_SAID = (
    "is warm and funny from start to end.",
    "is dull, and it never finds a reason to exist.",
    "was not as bad as people said.",
    "was long, but nobody in the room looked at the clock.",
    "cost more than it was worth.",
    "begins well and then loses its way.",
    "made me laugh twice and yawn ten times.",
    "would have been better without the music.",
    "is the best that we have seen this year.",
    "says little, and says it very loudly.",
    "leaves you with a question instead of an answer.",
    "has no weak moment and no strong one either.",
)
_ASKED = ("Who built", "Where is", "When did they open", "How large is", "Why do people visit",
          "What is the name of", "Which country owns", "How many rooms has")  # fmt: skip
_THINGS = (
    "the tower by the river?", "the oldest library in Europe?", "the station of this town?",
    "the largest ship on the lake?", "the museum of clocks?", "the bridge near the harbour?",
    "the house of the first president?", "the garden behind the school?", "the lighthouse?",
    "the longest tunnel in the world?", "the theatre that burned down?", "the new observatory?",
)  # fmt: skip


def sample(task: str, pairs: bool = False) -> tuple[tuple[str, str | None], ...]:
    """96 texts, or pairs of them: questions for question types, statements for all else."""
    starts, ends = (_ASKED, _THINGS) if task == "trec" else (_SUBJECTS, _SAID)
    texts = [f"{start} {end}" for start, end in product(starts, ends)]
    if not pairs:
        return tuple((text, None) for text in texts)
    # every second pair shares its subject, every other one its predicate
    others = [texts[(i + (1 if i % 2 else len(ends))) % len(texts)] for i in range(len(texts))]
    return tuple(zip(texts, others, strict=True))
