"""Refusals of a checkpoint: the file, what is wrong with it, and what to do next."""
