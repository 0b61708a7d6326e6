"""Layers of a head that are not linear, read along the straight line through them. No torch."""
