// Runs before textual-serve's script, which connects on `load`. Sets the address of the web socket, sends a ping every
// 10 s, shows why the session ended, and focuses the terminal so that keys work before the first click.
"use strict";

class SessionSocket extends WebSocket {
  constructor(url) {
    super(url);
    const timer = setInterval(() => this.readyState === WebSocket.OPEN && this.send('["ping", "0"]'), 10000);
    this.addEventListener("close", (event) => {
      clearInterval(timer);
      document.querySelector("#reason").textContent = event.reason;
    });
  }
}
window.WebSocket = SessionSocket;

const terminal = document.querySelector(".textual-terminal").dataset;
const address = new URL(terminal.socket, location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
terminal.sessionWebsocketUrl = address.href;
addEventListener("load", () => setTimeout(() => document.querySelector(".xterm-helper-textarea").focus()));
