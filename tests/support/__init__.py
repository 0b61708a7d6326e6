"""Helpers of the tests: made checkpoints and data, oracles, and readers of what pages show."""
