// Before textual-serve's script runs, at `load`: where the web socket is. Then: a sign of life every 10 s, why the
// panel has ended, and keys that work before anybody has clicked.
"use strict";

class Told extends WebSocket {
  constructor(url) {
    super(url);
    const timer = setInterval(() => this.readyState === WebSocket.OPEN && this.send('["ping", "0"]'), 10000);
    this.addEventListener("close", (event) => {
      clearInterval(timer);
      document.querySelector("#why").textContent = event.reason;
    });
  }
}
window.WebSocket = Told;

const place = new URL("queues/socket", location.href);
place.protocol = location.protocol === "https:" ? "wss:" : "ws:";
document.querySelector(".textual-terminal").dataset.sessionWebsocketUrl = place.href;
addEventListener("load", () => setTimeout(() => document.querySelector(".xterm-helper-textarea").focus()));
