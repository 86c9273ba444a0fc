// The lists at the side: calls with their legs, recordings, webhooks, messages; searched as one types.

import { arrange, h } from "./dom.js";
import { messageEnds, messageLook, messageWords } from "./message.js";
import { store } from "./store.js";
import { clock, count, directionWords, ends, isLive, kindWords, look, pathOf, span, timeOfDay } from "./words.js";

const MOST_ROWS = 300;

export class SideLists {
  #kind = "calls";
  #chosen = null;
  #query = "";
  #rows = new Map(); // key -> { element, written }
  #empty = h("p.nothing");

  constructor(side) {
    this.tabs = side.querySelector(".tabs");
    this.list = side.querySelector(".list");
    this.list.addEventListener("keydown", (event) => this.#arrows(event));
    for (const [kind, words] of [["calls", "Calls"], ["recordings", "Recordings"], ["webhooks", "Webhooks"], ["messages", "Messages"]]) {
      this.tabs.append(
        h("a.tab", { href: `#/${kind}`, role: "tab", data: { kind } }, words, " ", h("span.number", {}, "0")),
      );
    }
  }

  show(kind, chosen) {
    if (kind !== this.#kind) {
      this.#rows.clear();
      this.list.replaceChildren();
      this.list.scrollTop = 0;
    }
    this.#kind = kind;
    this.choose(chosen);
    this.update();
  }

  choose(chosen) {
    this.#chosen = chosen;
    for (const [key, { element }] of this.#rows) mark(element, key === chosen);
  }

  search(query) {
    this.#query = query.trim().toLowerCase();
    this.update();
  }

  update() {
    const found = { calls: this.#calls(), recordings: this.#recordings(), webhooks: this.#deliveries(), messages: this.#messages() };
    for (const tab of this.tabs.children) {
      const { kind } = tab.dataset;
      tab.setAttribute("aria-selected", String(kind === this.#kind));
      tab.querySelector(".number").textContent = found[kind].length;
    }
    const shown = found[this.#kind].slice(0, MOST_ROWS);
    const rows = shown.map(({ key, entry, extra }) => this.#row(key, entry, extra));
    for (const key of this.#rows.keys()) if (!shown.some((each) => each.key === key)) this.#rows.delete(key);
    if (!rows.length && store.ready) {
      this.#empty.textContent = this.#query ? `Nothing here matches “${this.#query}”.` : NOTHING[this.#kind];
      rows.push(this.#empty);
    }
    arrange(this.list, rows);
  }

  tick() {
    for (const element of this.list.querySelectorAll("[data-since]")) {
      element.textContent = clock(store.now() - Number(element.dataset.since));
    }
  }

  /** Open the row `by` further down. */
  step(by) {
    const links = [...this.list.querySelectorAll("a")];
    const at = links.findIndex((link) => link.getAttribute("aria-current"));
    const next = links[Math.min(Math.max(at + by, 0), links.length - 1)];
    next?.scrollIntoView({ block: "nearest" });
    if (next) location.hash = next.getAttribute("href");
  }

  focusFirst() {
    this.list.querySelector("a")?.focus();
  }

  #arrows(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !event.target.matches("a")) return;
    event.preventDefault();
    const links = [...this.list.querySelectorAll("a")];
    links[links.indexOf(event.target) + by]?.focus();
  }

  #row(key, entry, extra) {
    const written = JSON.stringify([entry, extra]);
    const known = this.#rows.get(key);
    if (known?.written === written) return known.element;
    const element = ROWS[this.#kind](entry, extra);
    mark(element, key === this.#chosen);
    const focused = known?.element === document.activeElement;
    known?.element.replaceWith(element);
    if (focused) element.focus();
    this.#rows.set(key, { element, written });
    return element;
  }

  #matching(entries, words) {
    const newest = [...entries].reverse();
    if (!this.#query) return newest;
    const wanted = this.#query.split(/\s+/);
    return newest.filter((entry) => {
      const text = words(entry).filter(Boolean).join(" ").toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
  }

  #calls() {
    const words = (call) => [
      call.sid, call.from, call.to, call.party, call.status, directionWords(call.direction), call.troubles ? "problem error warning" : "",
    ];
    if (this.#query) {
      return this.#matching(store.calls.values(), words).map((call) => ({ key: call.sid, entry: call, extra: [] }));
    }
    const children = Map.groupBy
      ? Map.groupBy(store.calls.values(), (call) => call.parent)
      : [...store.calls.values()].reduce((map, call) => map.set(call.parent, [...(map.get(call.parent) ?? []), call]), new Map());
    return this.#matching(store.calls.values(), words)
      .filter((call) => !call.parent || !store.calls.has(call.parent))
      .map((call) => ({ key: call.sid, entry: call, extra: children.get(call.sid) ?? [] }));
  }

  #recordings() {
    const words = (it) => [it.sid, it.call, it.conference, it.source, it.status, ...callWords(it.call)];
    return this.#matching(store.recordings.values(), words).map((it) => ({
      key: it.sid, entry: it, extra: callWords(it.call),
    }));
  }

  #deliveries() {
    const words = (it) => [it.id, it.about, it.kind, kindWords(it.kind), it.method, it.url, it.state, String(it.status ?? ""), it.error, ...callWords(it.about)];
    return this.#matching(store.deliveries.values(), words).map((it) => ({ key: it.id, entry: it, extra: null }));
  }

  #messages() {
    const words = (it) => [it.sid, ...messageEnds(it), it.body, it.status, messageWords(it.direction), it.error, String(it.error_code ?? "")];
    return this.#matching(store.messages.values(), words).map((it) => ({ key: it.sid, entry: it, extra: null }));
  }
}

const NOTHING = {
  messages: "No messages yet. POST /Messages sends one, and POST /_mediasim/messages texts your app.",
  calls: "No calls yet.",
  recordings: "No recordings yet. <Start><Recording>, <Dial record> and <Record> make some, and so does the API.",
  webhooks: "No webhooks yet. They appear when a call asks your app what to do.",
};

function callWords(sid) {
  const call = store.calls.get(sid);
  return call ? ends(call) : [];
}

function mark(element, chosen) {
  if (chosen) element.setAttribute("aria-current", "true");
  else element.removeAttribute("aria-current");
}

function length(entry) {
  if (isLive(entry)) return h("span.when", { data: { since: entry.answered ?? entry.created } }, clock(store.now() - (entry.answered ?? entry.created)));
  if (entry.answered === null) return h("span.when", {}, entry.status);
  return h("span.when", {}, clock(entry.ended - entry.answered));
}

const ROWS = {
  calls(call, children) {
    const [from, to] = ends(call);
    return h("a.item", { href: `#/calls/${call.sid}`, class: look(call.status) },
      h("span.dot", { title: call.status }),
      h("span.title", {}, from, h("span.arrow", {}, " → "), to),
      length(call),
      h("span.note", {}, `${timeOfDay(call.created)} · ${directionWords(call.direction)}`,
        children.map((child) => h("span.child", { class: look(child.status) }, "↳ ", ends(child)[1], ` ${child.status}`))),
      call.troubles ? h("span.badge", { title: count(call.troubles, "problem") }, `! ${call.troubles}`) : null,
    );
  },
  recordings(recording, [from, to]) {
    return h("a.item", { href: `#/recordings/${recording.sid}`, class: look(recording.status) },
      h("span.dot", { title: recording.status }),
      h("span.title", {}, from ? [from, h("span.arrow", {}, " → "), to] : recording.sid),
      h("span.when", {}, recording.seconds === null ? recording.status : clock(recording.seconds)),
      h("span.note", {}, `${timeOfDay(recording.started)} · ${recording.source} · ${count(recording.channels, "channel")}`),
    );
  },
  messages(message) {
    const [from, to] = messageEnds(message);
    return h("a.item", { href: `#/messages/${message.sid}`, class: messageLook(message.status) },
      h("span.dot", { title: message.status }),
      h("span.title", {}, from, h("span.arrow", {}, " → "), to),
      h("span.when", {}, message.status),
      h("span.note", {}, `${timeOfDay(message.created)} · ${message.body || count(message.media.length, "file")}`),
    );
  },
  webhooks(delivery) {
    const bad = delivery.state === "failed";
    const took = delivery.answered !== null && delivery.sent !== null ? span(delivery.answered - delivery.sent) : delivery.state;
    return h("a.item", { href: `#/webhooks/${delivery.id}`, class: bad ? "bad" : delivery.state === "delivered" ? "ok" : "waiting" },
      h("span.dot", { title: delivery.state }),
      h("span.title", {}, h("b.method", {}, delivery.method), " ", pathOf(delivery.url)),
      h("span.when", {}, delivery.status ?? (bad ? "failed" : "…")),
      h("span.note", {}, `${timeOfDay(delivery.queued)} · ${kindWords(delivery.kind)} · ${took}${delivery.replay_of ? " · replay" : ""}`),
    );
  },
};
