"""The first import of scikit-learn, by one thread at a time.

Its modules import one another in circles. Two threads that enter the circle at different places,
as a layout and the measures of a map do after a start, see each other's modules half made, and one
of them fails with an ImportError.
"""

from __future__ import annotations

import threading

_lock = threading.Lock()


def scikit_learn() -> None:
    """Import what its circle is made of; the caller's own imports are safe from then on."""
    with _lock:
        import sklearn.base
        import sklearn.metrics
        import sklearn.neighbors  # noqa: F401
