"""A visitor without a browser: speaks the app's own protocol over its WebSocket."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

_TAG = re.compile(r"<[^>]+>")


@dataclass
class Visitor:
    """One session. Open it, type, and wait for what the page then shows."""

    port: int
    page: str = ""
    choices: dict[str, Any] = field(default_factory=dict)

    async def __aenter__(self) -> Visitor:
        import websockets

        address = f"ws://127.0.0.1:{self.port}/_stcore/stream"
        self._socket = await websockets.connect(
            address, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None
        )
        self._elements: dict[tuple[int, ...], Any] = {}
        self._states: dict[str, Any] = {}
        self.runs = 0
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())
        self.query = urlencode(self.choices, doseq=True)
        await self._send()
        await self.wait(lambda page: page.runs)
        await self._send(self._component("poollens_styled"))  # the browser has the style
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await self._socket.close()

    async def _send(self, trigger: str = "") -> None:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name = self.query, self.page
        for name, value in self._states.items():
            widget = state.widget_states.widgets.add()
            widget.id, widget.string_value = name, value
        if trigger:
            widget = state.widget_states.widgets.add()
            widget.id = f"$$STREAMLIT_INTERNAL_KEY_{trigger}__events"
            widget.json_trigger_value = json.dumps([{"event": "there", "value": True}])
        await self._socket.send(message.SerializeToString())

    async def type(self, text: str) -> None:
        """Type a sentence into the page's field."""
        self._states[self._field("Sentence")] = text
        await self._send()

    async def rerun(self) -> None:
        """Run the page once more as it is."""
        await self._send()

    def _field(self, label: str) -> str:
        for element in self._elements.values():
            if element.WhichOneof("type") == "text_input" and element.text_input.label == label:
                return str(element.text_input.id)
        raise LookupError(f"no field is called {label}")

    def _component(self, name: str) -> str:
        for element in self._elements.values():
            component = element.bidi_component
            if component.component_name.endswith(name):
                return str(component.id)
        return ""

    async def _read(self) -> None:
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        async for raw in self._socket:
            message = ForwardMsg()
            message.ParseFromString(raw if isinstance(raw, bytes) else raw.encode())
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                path = tuple(message.metadata.delta_path)
                self._elements[path] = message.delta.new_element
            elif kind == "script_finished":
                self.runs += message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            self._changed.set()

    def html(self) -> Iterator[str]:
        """Every piece of HTML that the page shows."""
        for element in list(self._elements.values()):
            kind = element.WhichOneof("type")
            if kind == "html":
                yield element.html.body
            elif kind == "markdown":
                yield element.markdown.body
            elif kind == "bidi_component":
                component = element.bidi_component
                yield component.html_content
                try:
                    held = json.loads(component.json or "null")
                except ValueError:
                    held = None
                yield from _texts(held)

    def text(self) -> str:
        """The text of all of it."""
        return " ".join(_TAG.sub("", piece) for piece in self.html())

    def exceptions(self) -> list[str]:
        """Error boxes on the page."""
        return [
            element.exception.message
            for element in self._elements.values()
            if element.WhichOneof("type") == "exception"
        ]

    async def wait(self, true: Any, seconds: float = 300.0) -> float:
        """Seconds until `true(self)`. Raises ``TimeoutError``."""
        began = time.monotonic()
        while not true(self):
            left = seconds - (time.monotonic() - began)
            if left <= 0:
                raise TimeoutError
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, 5.0))
            except TimeoutError:
                continue
        return time.monotonic() - began


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
