"""Tokens, words and kinds of tokens: the one door where text becomes ids."""
