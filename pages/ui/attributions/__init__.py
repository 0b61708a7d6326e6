"""The Attributions page."""
