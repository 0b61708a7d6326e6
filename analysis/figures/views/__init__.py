"""Views: pure functions from results to a `Plot`, by key; a module a subject.

Results are read by their attributes, so that any record of the same shape can be drawn.
"""

from analysis.figures.registry import UnknownView, draw, view, views

__all__ = ["UnknownView", "draw", "view", "views"]
