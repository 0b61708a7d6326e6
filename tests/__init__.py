"""Tests, a folder for each package; helpers are in `tests.support`."""
