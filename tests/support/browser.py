"""A real browser that shows a page, presses keys and takes pictures: Debian's Chromium, without a screen."""

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
from support.waiting import eventually

PATIENCE = 30.0

WIDTH, HEIGHT = 800, 500


class Chromium(Program):
    """One browser with a profile of its own and one page. What the page's websockets receive is in `received`."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("chromium")
        if program is None:
            raise MissingServerError("chromium is not installed: apt-get install chromium")
        self._profile = folder / "profile"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--remote-debugging-port=0", f"--user-data-dir={self._profile}", "--disable-background-networking"]
        super().__init__("chromium", [program, *options, f"--window-size={WIDTH},{HEIGHT}", "about:blank"], folder)
        self.received = ""
        self.refused: list[str] = []
        """What the console complained of."""
        self._page: websocket.WebSocket | None = None
        self._number = 0

    def ready(self) -> bool:
        """It says where it can be told what to do."""
        return (self._profile / "DevToolsActivePort").exists()

    def start(self) -> None:
        """Start it, and take hold of its page."""
        super().start()
        port = int((self._profile / "DevToolsActivePort").read_text().split()[0])
        pages: list[Any] = []

        def listed() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=PATIENCE) as answer:
                pages[:] = [page for page in json.load(answer) if page["type"] == "page"]
            return bool(pages)

        eventually(listed, PATIENCE, "a page of chromium")
        self._page = websocket.create_connection(
            pages[0]["webSocketDebuggerUrl"], timeout=PATIENCE, suppress_origin=True
        )
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def end(self) -> None:
        """Let go of the page and end."""
        if self._page:
            self._page.close()
        super().end()

    def ask(self, method: str, **parameters: Any) -> Any:
        """One command of the DevTools protocol, and its answer."""
        assert self._page is not None
        self._number += 1
        self._page.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._page.recv())
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        said = message.get("params", {})
        if message.get("method") == "Network.webSocketFrameReceived":
            frame = said["response"]
            binary = frame["opcode"] == 2
            data = frame["payloadData"]
            self.received += base64.b64decode(data).decode(errors="replace") if binary else data
        elif message.get("method") == "Log.entryAdded":
            self.refused.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")

    def run(self, script: str) -> Any:
        """What a line of JavaScript is worth in the page."""
        given = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return given["result"].get("value")

    def go(self, url: str) -> None:
        """Show another page."""
        self.ask("Page.navigate", url=url)

    def press(self, key: str) -> None:
        """Press a key that writes a letter, or one by its name: `Enter`."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        named: dict[str, Any] = {"key": key}
        if len(key) > 1:
            code = {"Enter": 13, "ArrowLeft": 37, "Escape": 27}[key]
            named |= {"code": key, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **named)

    def until(self, text: str) -> None:
        """Wait until the page's websocket received a text since the last time that one was waited for."""

        def came() -> bool:
            self.run("0")
            return text in self.received

        eventually(came, PATIENCE, f"{text!r}", every=0.05)
        self.received = self.received.partition(text)[2]

    def picture(self) -> bytes:
        """What is to be seen, as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
