"""Vectors on a plane: layouts, their alignment, their quality, and neighbours."""
