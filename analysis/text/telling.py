"""The words that tell groups of texts apart: class-based TF-IDF.

Source: Grootendorst 2022 (BERTopic, arXiv 2203.05794).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.common.first_import import scikit_learn

# Words of a stop list that a classifier of sentences turns on.
_KEPT = frozenset({"no", "not", "nor", "never", "nothing", "nobody", "none", "cannot", "without"})
# Forms of its words that scikit-learn's list lacks.
_FORMS = frozenset({"did", "does", "doing", "having"})


def telling_words(
    texts: Sequence[str], codes: np.ndarray, count: int, most: int = 3
) -> list[tuple[str, ...]]:
    """The words of largest class-based TF-IDF of each of ``count`` classes.

    ``codes`` (N,) are the classes of the N texts; those of -1 are in none.

    A word's weight in a class is its share of the class's words times ``log(1 + A / f)``, A the
    mean number of words of a class and f how often the word stands in all of them. English
    function words are left out where others are left, negations stay.
    """
    scikit_learn()
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    if not count:
        return []
    rows: list[list[str]] = [[] for _ in range(count)]
    for text, code in zip(texts, codes.tolist(), strict=True):
        if code >= 0:
            rows[code].append(text)
    joined = [" ".join(own) for own in rows]
    # Two letters at least, an apostrophe inside a word: "don't" is one.
    vectorizer = CountVectorizer(token_pattern=r"(?u)\b[^\W\d_][\w'’]*\w\b")
    try:
        counts = vectorizer.fit_transform(joined)
    except ValueError:  # no words at all, such as in texts of digits
        return [()] * count
    words = vectorizer.get_feature_names_out()
    plain = np.array([word in (ENGLISH_STOP_WORDS | _FORMS) - _KEPT for word in words])
    weights = class_tf_idf(np.asarray(counts.todense(), dtype=float))
    named = []
    for own in weights:
        known = np.flatnonzero(own > 0)
        chosen = known[~plain[known]] if (~plain[known]).any() else known
        best = chosen[np.argsort(-own[chosen], kind="stable")][:most]
        named.append(tuple(str(words[place]) for place in best))
    return named


def class_tf_idf(counts: np.ndarray) -> np.ndarray:
    """Class-based TF-IDF (C, W) of how often each word stands in each class (C, W)."""
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts, dtype=float), where=total > 0)
    everywhere = counts.sum(axis=0)
    ratio = np.divide(
        total.mean(), everywhere, out=np.zeros_like(everywhere, dtype=float), where=everywhere > 0
    )
    return np.asarray(share * np.log1p(ratio))
