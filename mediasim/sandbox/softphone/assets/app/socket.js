// The WebSocket to the sandbox: JSON both ways, opened again whenever it breaks.

const AGAIN_MS = 1000;

export class Signals {
  #socket = null;
  #on;

  /** `on` has `message(what)`, `open()` and `closed()`. */
  constructor(on) {
    this.#on = on;
    this.#open();
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  say(type, what = {}) {
    if (this.open) this.#socket.send(JSON.stringify({ type, ...what }));
    return this.open;
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = new WebSocket(`${scheme}//${location.host}/softphone/ws`);
    this.#socket.addEventListener("open", () => this.#on.open());
    this.#socket.addEventListener("message", (event) => this.#on.message(JSON.parse(event.data)));
    this.#socket.addEventListener("close", () => {
      this.#on.closed();
      setTimeout(() => this.#open(), AGAIN_MS);
    });
  }
}
