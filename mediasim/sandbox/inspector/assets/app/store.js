// What the sandbox is doing, kept up to date by its feed.

import { FEED } from "./api.js";

const MOST = 1000; // of each kind; the oldest are forgotten

class Store {
  calls = new Map();
  recordings = new Map();
  deliveries = new Map();
  messages = new Map();
  notSimulated = []; // requests for what the sandbox has not: { request, count }
  levels = {};
  clock = null;
  connected = false;
  ready = false;
  #listeners = new Set();
  #heardAt = 0;

  /** Call `listener(news)` after each change; returns what ends that. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  open() {
    const feed = new EventSource(FEED);
    feed.onmessage = (message) => this.#take(JSON.parse(message.data));
    feed.onopen = () => this.#tell({ connection: (this.connected = true) });
    feed.onerror = () => {
      this.connected = false;
      this.#tell({ connection: true });
      // A browser gives up where the server is gone for good: try again ourselves.
      if (feed.readyState === EventSource.CLOSED) setTimeout(() => this.open(), 2000);
    };
    addEventListener("pagehide", () => feed.close());
  }

  /** The clock's time now, in seconds. */
  now() {
    if (!this.clock) return 0;
    if (this.clock.kind !== "real") return this.clock.seconds;
    return this.clock.seconds + ((performance.now() - this.#heardAt) / 1000) * this.clock.rate;
  }

  date(seconds) {
    return new Date((this.clock?.epoch_ms ?? 0) + seconds * 1000);
  }

  childrenOf(sid) {
    return [...this.calls.values()].filter((call) => call.parent === sid);
  }

  #take(news) {
    if (news.reset) {
      for (const map of [this.calls, this.recordings, this.deliveries, this.messages]) map.clear();
      this.notSimulated = [];
    }
    for (const [kind, key] of [["calls", "sid"], ["recordings", "sid"], ["deliveries", "id"], ["messages", "sid"]]) {
      const map = this[kind];
      for (const entry of news[kind] ?? []) map.set(entry[key], entry);
      for (const old of map.keys()) {
        if (map.size <= MOST) break;
        map.delete(old);
      }
    }
    if (news.not_simulated) this.notSimulated = news.not_simulated;
    if (news.levels) this.levels = news.levels;
    if (news.clock) {
      this.clock = news.clock;
      this.#heardAt = performance.now();
    }
    this.ready = true;
    this.#tell(news);
  }

  #tell(news) {
    for (const listener of [...this.#listeners]) listener(news);
  }
}

export const store = new Store();
