// One call: its legs, its timeline, its recordings, its webhooks, and what went wrong.

import { Refused, get, part, post } from "./api.js";
import { copyButton, h, toast } from "./dom.js";
import { LegMeters } from "./meters.js";
import { RecordingPanel } from "./panel.js";
import { store } from "./store.js";
import { Timeline } from "./timeline.js";
import { clock, count, directionWords, ends, farEnd, farNumber, isLive, kindWords, look, pathOf, span, timeOfDay } from "./words.js";

const LEAST = 400; // milliseconds between two looks at a live call

export function callView(sid) {
  const view = new CallView(sid);
  view.load();
  return view;
}

class CallView {
  title = "Call";
  #panels = new Map(); // recording SID -> its panel
  #meters = new LegMeters();
  #found = null;
  #written = "";
  #waiting = null;
  #lookedAt = 0;
  #closed = false;

  constructor(sid) {
    this.sid = sid;
    this.head = h("header.head");
    this.act = h("section.act", { hidden: true });
    this.legs = h("section.legs");
    this.timeline = new Timeline((picked) => this.#open(picked));
    this.notes = h("section.notes", { hidden: true });
    this.recordings = h("section.recordings");
    this.webhooks = h("section.webhooks");
    this.element = h("article.call", {}, this.head, this.act, this.notes, this.legs, this.timeline.element, this.recordings, this.webhooks);
  }

  async load() {
    this.#lookedAt = performance.now();
    let found;
    try {
      found = await get(`/inspector/calls/${part(this.sid)}`);
    } catch (error) {
      if (error.gone) this.element.replaceChildren(h("a.back", { href: "#/calls" }, "Calls"), h("h1", {}, "No such call"), h("p.quiet", {}, error.message));
      return;
    }
    if (this.#closed) return;
    this.#found = found;
    this.#show(found);
  }

  update(news) {
    if (news.levels) this.#meters.update();
    const sids = new Set(this.#found?.legs.map((leg) => leg.sid) ?? [this.sid]);
    for (const each of this.#found?.recordings ?? []) sids.add(each.sid);
    const ours =
      news.reset ||
      news.calls?.some((call) => sids.has(call.sid) || sids.has(call.parent)) ||
      news.recordings?.some((each) => sids.has(each.sid) || sids.has(each.call)) ||
      news.deliveries?.some((each) => sids.has(each.about) || this.#found?.deliveries.some((known) => known.id === each.id)) ||
      (news.clock && store.clock.kind !== "real" && this.#live);
    if (ours) this.#soon();
  }

  tick() {
    if (!this.#found) return;
    for (const each of this.element.querySelectorAll("[data-since]")) each.textContent = clock(store.now() - Number(each.dataset.since));
    if (this.#live) this.timeline.now(store.now());
    if (this.#live && store.clock.kind === "real") this.#soon();
  }

  keys(key) {
    const panel = [...this.#panels.values()][0];
    return { "+": () => this.timeline.zoom(1.6), "=": () => this.timeline.zoom(1.6), "-": () => this.timeline.zoom(1 / 1.6) }[key] ?? panel?.keys(key);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#waiting);
    this.timeline.close();
    for (const panel of this.#panels.values()) panel.close();
  }

  get #live() {
    return this.#found?.legs.some(isLive) ?? false;
  }

  #soon() {
    if (this.#waiting !== null) return;
    const wait = Math.max(0, this.#lookedAt + LEAST - performance.now());
    this.#waiting = setTimeout(() => {
      this.#waiting = null;
      if (!this.#closed) this.load();
    }, wait);
  }

  #show(found) {
    const { now, ...rest } = found;
    const written = JSON.stringify(rest);
    this.timeline.show(found);
    if (written === this.#written) return;
    this.#written = written;
    this.#showHead(found);
    this.#showAct(found);
    this.legs.replaceChildren(...found.legs.map((leg) => this.#leg(leg)));
    this.#showNotes(found.notes);
    this.#showRecordings(found.recordings);
    this.#showWebhooks(found.deliveries);
  }

  #showHead({ legs, sid }) {
    const call = legs[0];
    const [from, to] = ends(call);
    const since = call.answered ?? call.created;
    this.head.replaceChildren(
      h("a.back", { href: "#/calls" }, "Calls"),
      h("h1", {}, from, h("span.arrow", {}, " → "), to),
      h("p.facts", {},
        h("span.state", { class: look(call.status) }, call.status),
        isLive(call)
          ? h("span.when", { data: { since } }, clock(store.now() - since))
          : h("span", {}, call.answered === null ? "not answered" : span(call.ended - call.answered)),
        h("span", {}, directionWords(call.direction)),
        h("span", {}, timeOfDay(call.created)),
        h("code.sid", {}, sid), copyButton(sid, "Copy SID")));
  }

  /** What can be done to the party of a live call; kept while one types. */
  #showAct({ legs }) {
    const able = legs.filter((leg) => leg.status === "in-progress");
    this.act.hidden = !able.length;
    const key = able.map((leg) => leg.sid).join();
    if (this.act.dataset.key === key) return;
    this.act.dataset.key = key;
    const who = h("select", { "aria-label": "Whose phone", hidden: able.length < 2 },
      able.map((leg) => h("option", { value: leg.sid }, farEnd(leg))));
    const act = async (path, body) => {
      try {
        await post(`/calls/${part(who.value)}/${path}`, body);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        toast(error.message, "bad");
      }
    };
    const keys = h("input", { type: "text", placeholder: "keys: 1, 42#", "aria-label": "Keys to press", size: 12, pattern: "[0-9A-Da-d*#wW]+" });
    const words = h("input.grows", { type: "text", placeholder: "words to say", "aria-label": "Words to say" });
    const line = (input, button, send) => h("form", { onsubmit: (event) => {
      event.preventDefault();
      if (input.value.trim()) send(input.value.trim());
      input.value = "";
    } }, input, h("button", { type: "submit" }, button));
    this.act.replaceChildren(who,
      line(keys, "Press", (digits) => act("press", { digits })),
      line(words, "Say", (text) => act("speak", { text })),
      h("button.danger", { type: "button", onclick: () => act("hang-up") }, "Hang up"));
  }

  #leg(leg) {
    const received = leg.received;
    const lost = received?.lost ?? 0;
    const [name, number] = [farEnd(leg), farNumber(leg)];
    return h("div.leg", { data: { sid: leg.sid } },
      h("span.state", { class: look(leg.status) }, leg.status),
      h("b", {}, name),
      name === number ? null : h("span.quiet", {}, number),
      leg.codec ? h("span.quiet", {}, leg.codec) : null,
      received ? h("span.packets", { class: lost ? "some" : "quiet", title: `${count(received.packets, "packet")} received` },
        lost ? `${lost} lost (${((100 * lost) / (lost + received.packets)).toFixed(1)} %)` : "nothing lost", ` · jitter ${received.jitter_ms} ms`) : null,
      this.#meters.of(leg.sid));
  }

  #showNotes(notes) {
    this.notes.hidden = !notes.length;
    this.notes.replaceChildren(h("ul", {}, notes.map((note) =>
      h("li", { class: note.warning ? "warning" : "wrong" },
        h("b", {}, note.code), " ", note.text, note.url && !note.text.includes(note.url) ? h("span.quiet", {}, ` ${pathOf(note.url)}`) : null))));
  }

  #showRecordings(recordings) {
    const wanted = new Map(recordings.map((each) => [each.sid, each.status]));
    for (const [sid, panel] of this.#panels) {
      if (wanted.get(sid) === panel.recording.status) continue;
      panel.close();
      panel.element.parentElement?.remove();
      this.#panels.delete(sid);
    }
    recordings.forEach(async ({ sid }, at) => {
      if (this.#panels.has(sid) || this.#asked.has(sid)) return;
      this.#asked.add(sid);
      try {
        const found = await get(`/inspector/recordings/${part(sid)}`);
        if (this.#closed) return;
        const panel = new RecordingPanel(found, (seconds) => this.timeline.head(seconds));
        this.#panels.set(sid, panel);
        const block = h("div.block", { data: { at } }, h("h2", {}, "Recording ", h("span.quiet", {}, found.source)), panel.element);
        const after = [...this.recordings.children].find((each) => Number(each.dataset.at) > at);
        this.recordings.insertBefore(block, after ?? null);
      } finally {
        this.#asked.delete(sid);
      }
    });
  }
  #asked = new Set();

  #showWebhooks(deliveries) {
    if (!deliveries.length) return this.webhooks.replaceChildren();
    const start = this.#found.legs[0].created;
    this.webhooks.replaceChildren(h("h2", {}, "Webhooks ", h("span.quiet", {}, deliveries.length)),
      h("div.scrolls", { tabindex: 0 }, h("table", {}, h("tbody", {}, deliveries.map((each) => h("tr", {},
        h("td.number", {}, clock(each.queued - start, 3)),
        h("td", {}, kindWords(each.kind)),
        h("td", {}, h("a", { href: `#/webhooks/${each.id}` }, h("b.method", {}, each.method), " ", pathOf(each.url))),
        h("td", {}, h("span.state", { class: each.state === "failed" ? "bad" : each.state === "delivered" ? "live" : "waiting" }, each.status ?? each.state)),
        h("td.number", {}, each.answered !== null && each.sent !== null ? span(each.answered - each.sent) : "")))))));
  }

  #open({ recording }) {
    this.#panels.get(recording)?.element.scrollIntoView({ block: "center", behavior: "smooth" });
  }
}
