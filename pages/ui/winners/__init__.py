"""The Max-pool winners page."""
