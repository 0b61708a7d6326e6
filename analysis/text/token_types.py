"""Kind of each token: [CLS], [SEP], content, function word, punctuation.

Function words are the closed classes of English: articles, pronouns, prepositions, conjunctions,
auxiliaries, negation, particles, degree and question words. In another language every word
counts as content.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from analysis.text.tokens import Tokens

TYPES = ("[CLS]", "[SEP]", "content", "function word", "punctuation")

_LISTED = """
    a an the this that these those each every either neither some any no all both half several
    many much few little more most less least enough such another other
    i you he she it we they me him her us them my your his its our their mine yours hers ours
    theirs myself yourself himself herself itself ourselves yourselves themselves one ones
    somebody someone something anybody anyone anything nobody nothing everybody everyone
    everything none
    who whom whose which what when where why how whoever whatever whichever whenever wherever
    about above across after against along among around as at before behind below beneath beside
    besides between beyond but by despite down during except for from in inside into like near of
    off on onto out outside over past per since than through throughout till to toward towards
    under underneath until up upon via with within without
    and or nor so yet if unless because although though while whereas whether once
    am is are was were be been being do does did doing done have has had having
    can could may might must shall should will would ought need dare used
    not n't never ever also too very quite rather just only even still already then there here
    's 're 've 'll 'd 'm s t re ve ll d m isn aren wasn weren don doesn didn haven hasn hadn won
    wouldn couldn shouldn ain
"""
FUNCTION_WORDS = frozenset(_LISTED.split())


def token_types(tokens: Tokens) -> np.ndarray:
    """(T,) int index into TYPES. The pieces of a word share its type.

    The first special token counts as [CLS], every other one as [SEP], whatever they are called.
    """
    kinds = np.full(len(tokens), TYPES.index("content"))
    texts = (tokens.text, tokens.pair or "")
    for group in tokens.word_groups():
        first, last = group[0], group[-1]
        if tokens.special[first]:
            kinds[first] = TYPES.index("[CLS]" if first == 0 else "[SEP]")
            continue
        segment, start, _ = tokens.span(first)
        word = texts[segment][start : tokens.span(last)[2]].strip().lower()
        word = word.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        if word in FUNCTION_WORDS:
            kinds[list(group)] = TYPES.index("function word")
        elif word and all(unicodedata.category(c)[0] in "PS" for c in word):
            kinds[list(group)] = TYPES.index("punctuation")
    return kinds
