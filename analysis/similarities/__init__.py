"""Why two sentences are similar: the cosine of pooled vectors split over pairs of tokens.

:func:`analysis.similarity`, :func:`analysis.maxsim` and :func:`analysis.splade` are its public
faces; the package has another name than the first of them, which must stay callable.
"""
