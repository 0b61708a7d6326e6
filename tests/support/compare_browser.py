"""Reading the Compare page in a browser: wait for conditions, never for a while."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

# Other work may share the machine; a journey waits for conditions, and this long at most.
PATIENCE = 120_000  # milliseconds


def at_rest(*also: str) -> str:
    """A condition in JavaScript: a run has ended, nothing old or reserved is on the page, and what
    `also` says."""
    every = (
        "document.documentElement.dataset.raised === 'true'",
        "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'",
        "!document.querySelector('[data-testid=stSkeleton], [data-stale=true]')",
        *also,
    )
    return f"() => Boolean({' && '.join(every)})"


def status_begins(words: str) -> str:
    """A condition for :func:`at_rest`: the line below the page's sentence begins with `words`."""
    return f"document.querySelector('.st-key-status')?.textContent.startsWith('{words}')"


_PIECES = ", ".join(f".st-key-cards [class*=st-key-{p}-]" for p in ("answer", "attr", "reading"))
SETTLED = at_rest(
    status_begins("Logits of"),
    f"[...document.querySelectorAll('{_PIECES}')].every(place => [...place.querySelectorAll('*')]"
    ".some(e => e.shadowRoot?.querySelector('.card')?.firstChild))",
)

# Until the layout has been the same for ten frames: nothing tells that a page has taken a size.
STANDING = """() => new Promise(done => {
  let last = '', same = 0;
  const look = () => {
    const boxes = [...document.querySelectorAll('[data-testid=stMain], [data-testid=stMain] *')];
    const now = JSON.stringify(boxes.slice(0, 400).map(e => [e.scrollWidth, e.scrollHeight]));
    same = now === last ? same + 1 : 0;
    last = now;
    if (same >= 10) done(); else requestAnimationFrame(look);
  };
  look();
})"""


def errors_of(page: Any) -> list[str]:
    """What the console of a page says of errors from now on, as far as it has come."""
    errors: list[str] = []

    def note(message: Any) -> None:
        # On /Layers Streamlit's own client asks for /Layers/_stcore/... before it finds its root.
        if message.type == "error" and "/_stcore/" not in message.location.get("url", ""):
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def open_at(page: Any, url: str, **address: str) -> None:
    """Open an address and wait until every card and strip is there."""
    query = "&".join(f"{name}={quote(value)}" for name, value in address.items())
    page.goto(f"{url}/?{query}" if query else url)
    settle(page)


def settle(page: Any) -> None:
    """Wait for the end of the run: attributions drawn, nothing old on the page."""
    page.wait_for_function(SETTLED)


def narrow_to_wide(page: Any, *widths: int) -> Iterator[int]:
    """Each width once the page has taken it; the narrowest is the one it is opened at."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(STANDING)
        yield width


def runs_out(page: Any) -> list[str]:
    """What of the page is wider than the window, with its width."""
    bars_shown = []
    for place in ("html", "[data-testid=stMain]"):
        wide, seen = page.locator(place).evaluate("e => [e.scrollWidth, e.clientWidth]")
        if wide > seen:
            bars_shown.append(f"{place} is {wide} px wide in {seen} px")
    return bars_shown


def card(page: Any, name: str) -> Any:
    return page.locator(f".st-key-card-{name}")


def cards(page: Any) -> list[str]:
    """Names of the cards, in the order of the page."""
    return page.locator(".st-key-cards .id").all_inner_texts()


def bars(page: Any, name: str) -> dict[str, str]:
    """Class -> probability as shown."""
    rows = card(page, name).locator("[data-class]")
    return {
        bar.locator(".name").inner_text(): bar.locator(".num").inner_text() for bar in rows.all()
    }


def shown(page: Any) -> list[str]:
    """Everything that the cards say, piece by piece (their text stands in shadow roots)."""
    return page.locator(".st-key-cards .card").all_inner_texts()


def holds(page: Any, text: str, label: str = "Sentence") -> None:
    """Wait until the field holds this text."""
    from playwright.sync_api import expect

    expect(page.get_by_label(label, exact=True)).to_have_value(text, timeout=120_000)


def has_answered(page: Any, name: str) -> None:
    """Wait until this checkpoint's card is there, and alone in its place."""
    page.locator(f".st-key-answer-{name} .answer").wait_for()
    settle(page)


def wait_for_bars(page: Any, expected: dict[str, dict[str, str]]) -> None:
    """Wait until each card shows exactly these numbers."""
    for name, numbers in expected.items():
        for label, number in numbers.items():
            place = card(page, name).locator("[data-class]", has_text=label).locator(".num")
            place.get_by_text(number, exact=True).wait_for()


def write(page: Any, text: str, label: str = "Sentence") -> None:
    """Replace what stands in a field, key by key, and press no Enter."""
    field = page.get_by_label(label, exact=True)
    field.click()
    field.press("Control+A")
    field.press_sequentially(text, delay=5)


def address(page: Any) -> dict[str, list[str]]:
    """What the address says now."""
    from urllib.parse import parse_qs, urlsplit

    return parse_qs(urlsplit(page.url).query, keep_blank_values=True)
