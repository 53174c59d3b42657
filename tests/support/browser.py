"""A headless Chromium that shows a page, presses keys and takes screenshots."""

from __future__ import annotations

import base64
import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import websocket

from support.process import Program
from support.servers import MissingServerError
from support.waiting import PATIENCE_SECONDS, eventually

TIMEOUT_SECONDS = PATIENCE_SECONDS

WIDTH, HEIGHT = 800, 500


class Chromium(Program):
    """A browser with its own profile and one page. `received`: the text that the page's web sockets received."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("chromium")
        if program is None:
            raise MissingServerError("chromium is not installed: apt-get install chromium")
        self._profile = folder / "profile"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--remote-debugging-port=0", f"--user-data-dir={self._profile}", "--disable-background-networking"]
        super().__init__("chromium", [program, *options, f"--window-size={WIDTH},{HEIGHT}", "about:blank"], folder)
        self.received = ""
        self.console_errors: list[str] = []
        self._page: websocket.WebSocket | None = None
        self._number = 0

    def ready(self) -> bool:
        """Check that the DevTools port is known."""
        file = self._profile / "DevToolsActivePort"
        return file.exists() and bool(file.read_text())

    def start(self) -> None:
        """Start it and connect to its page."""
        super().start()
        port = int((self._profile / "DevToolsActivePort").read_text().split()[0])
        pages: list[Any] = []

        def listed() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=TIMEOUT_SECONDS) as answer:
                pages[:] = [page for page in json.load(answer) if page["type"] == "page"]
            return bool(pages)

        eventually(listed, TIMEOUT_SECONDS, "a page of chromium")
        self._page = websocket.create_connection(
            pages[0]["webSocketDebuggerUrl"], timeout=TIMEOUT_SECONDS, suppress_origin=True
        )
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def end(self) -> None:
        """Disconnect from the page and end."""
        if self._page:
            self._page.close()
        super().end()

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the DevTools protocol and return its result."""
        assert self._page is not None
        self._number += 1
        self._page.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._page.recv())
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self._record(message)

    def _record(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        if message.get("method") == "Network.webSocketFrameReceived":
            frame = parameters["response"]
            binary = frame["opcode"] == 2
            data = frame["payloadData"]
            self.received += base64.b64decode(data).decode(errors="replace") if binary else data
        elif message.get("method") == "Log.entryAdded":
            self.console_errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def run(self, script: str) -> Any:
        """Evaluate JavaScript in the page and return its value."""
        reply = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return reply["result"].get("value")

    def go(self, url: str) -> None:
        """Show another page."""
        self.call("Page.navigate", url=url)

    def press(self, key: str) -> None:
        """Press a key: a character, or a name such as `Enter`."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        named: dict[str, Any] = {"key": key}
        if len(key) > 1:
            code = {"Enter": 13, "ArrowLeft": 37, "Escape": 27}[key]
            named |= {"code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def until(self, text: str) -> None:
        """Wait until the web sockets have received a text since the last call."""

        def has_text() -> bool:
            self.run("0")
            return text in self.received

        eventually(has_text, TIMEOUT_SECONDS, f"{text!r}", every=0.05)
        self.received = self.received.partition(text)[2]

    def screenshot(self) -> bytes:
        """A screenshot as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
