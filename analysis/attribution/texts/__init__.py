"""Attributions and their evidence over a data set."""
