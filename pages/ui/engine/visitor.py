"""The visitor whose work it is: on your own machine all of it, on a shared server each one's.

A visitor is told by a random name in a cookie of the browser, so that a reload finds the work
again; nobody else can guess it. Who has logged in has a name made of that, the same in every
browser. Nothing else about a visitor is kept.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from pages.ui.frame import settings

KEPT_DAYS = 7  # of results of a visitor who has not come back
_NAME, _COOKIE = "visitor_name", "poollens_visitor"
_FORM = re.compile(r"[0-9a-f]{32}")
_cookie = st.components.v2.component(
    "poollens_visitor",
    html="<i></i>",
    js="""export default function ({ data: { name, value } }) {
      document.cookie = `${name}=${value}; path=/; max-age=604800; SameSite=Strict`;
    }""",
)


def name() -> str:
    """The visitor's, or "" where the server is not shared."""
    if not settings.read().shared:
        return ""
    if settings.read().login and st.user.get("sub"):
        person = f"{st.user.get('iss', '')} {st.user['sub']}"
        return hashlib.sha256(person.encode()).hexdigest()[:32]
    if _NAME not in st.session_state:
        cookies: Mapping[str, str] = st.context.cookies or {}
        known = cookies.get(_COOKIE, "")
        st.session_state[_NAME] = known if _FORM.fullmatch(known) else secrets.token_hex(16)
    return str(st.session_state[_NAME])


def require_login() -> None:
    """Where the operator asks for it: end the run of whoever has not logged in."""
    if not settings.read().login:
        return
    try:
        known = bool(st.user.is_logged_in)
    except AttributeError:
        st.error(
            "This server asks for a login, and its .streamlit/secrets.toml has no part [auth]: "
            "tell its operator."
        )
        st.stop()
    if not known:
        st.title("PoolLens", anchor=False)
        st.button("Log in", key="log-in", type="primary", on_click=st.login)
        st.stop()


def remember() -> None:
    """Let the browser hold the name, so that a reload finds the visitor's work."""
    if visitor := name():
        with st.sidebar:
            _cookie(key="visitor-cookie", data={"name": _COOKIE, "value": visitor})


def own(key: str) -> str:
    """A job's key, such that no other visitor finds the job."""
    visitor = name()
    return f"{visitor}:{key}" if visitor else key


def folder(root: Path) -> Path:
    """The visitor's own folder below `root`; `root` itself where the server is not shared."""
    visitor = name()
    if not visitor:
        return root
    place = root / "visitors" / visitor
    if not place.is_dir():
        _let_go(root / "visitors")
        place.mkdir(parents=True, exist_ok=True)
    return place


def _let_go(root: Path) -> None:
    """Remove the results of visitors who have not come back for long."""
    for place in root.glob("*"):
        newest = max((file.stat().st_mtime for file in place.rglob("*")), default=0.0)
        if time.time() - max(newest, place.stat().st_mtime) > KEPT_DAYS * 86_400:
            shutil.rmtree(place, ignore_errors=True)
