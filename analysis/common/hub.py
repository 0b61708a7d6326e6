"""A probe of the Hugging Face Hub: can it be reached? Asked once, with a short time limit."""

from __future__ import annotations

import os
import threading
import time
import urllib.error
import urllib.request

PROBE_SECONDS = 3.0  # without a network the Hub client itself retries for most of a minute
_PROBE_VALID_SECONDS = 60.0

_probe: tuple[float, str] | None = None


def hub_unreachable() -> str:
    """Why the Hub cannot be asked, or "" where it can; one probe of 3 s serves for a minute."""
    global _probe
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return "switched off by HF_HUB_OFFLINE"
    if _probe is None or time.monotonic() - _probe[0] > _PROBE_VALID_SECONDS:
        _probe = (time.monotonic(), _ask_hub())
    return _probe[1]


def _ask_hub() -> str:
    from huggingface_hub import constants

    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    answered: list[bool] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()
            answered.append(True)
        except urllib.error.HTTPError:
            answered.append(True)
        except (OSError, ValueError):
            answered.append(False)

    # In a thread: the timeout of urlopen does not bound the search for the host's address.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PROBE_SECONDS)
    return "" if answered == [True] else "no connection"
