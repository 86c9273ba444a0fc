// What a test's sandbox saw, in the report that the test has left: for each call its timeline, its
// errors and warnings, and every webhook with its TwiML. Nothing here asks a server.

import { h } from "./dom.js";
import { body, headersOf, table } from "./markup.js";
import { Timeline } from "./timeline.js";
import { clock, count, directionWords, ends, kindWords, look, pathOf, span } from "./words.js";

/** Everything kept: { calls: [timeline], deliveries: { id: delivery } }. */
export function keptView({ calls, deliveries }) {
  const webhooks = new Map();
  const timelines = [];
  const element = h("div.kept", {}, calls.length ? calls.map((found) => callPart(found, deliveries, webhooks, timelines)) : h("p.quiet", {}, "There was no call."));
  element.addEventListener("click", (event) => {
    const href = event.target.closest?.("a")?.getAttribute("href") ?? "";
    if (!href.startsWith("#/")) return;
    event.preventDefault();
    openWebhook(webhooks, href);
  });
  return { element, shown: () => timelines.forEach((show) => show()) };
}

function openWebhook(webhooks, link) {
  const [, id, line] = /^#\/webhooks\/(\w+)(?:\?line=(\d+))?$/.exec(link) ?? [];
  webhooks.get(id)?.(Number(line) || null);
}

function callPart(found, deliveries, webhooks, timelines) {
  const call = found.legs[0];
  const [from, to] = ends(call);
  const timeline = new Timeline((mark) => openWebhook(webhooks, mark.link?.[0] ?? ""));
  timelines.push(() => timeline.show(found));
  return h("article.call", {},
    h("header.head", {},
      h("h2", {}, from, h("span.arrow", {}, " → "), to),
      h("p.facts", {},
        h("span.state", { class: look(call.status) }, call.status),
        call.answered === null ? h("span", {}, "not answered") : h("span", {}, span((call.ended ?? found.now) - call.answered)),
        h("span", {}, directionWords(call.direction)),
        h("code.sid", {}, call.sid))),
    notes(found.notes),
    waits(found.waits ?? []),
    timeline.element,
    webhookList(found, deliveries, webhooks));
}

function waits(words) {
  return words.length ? h("ul.waits", {}, words.map((each) => h("li", {}, each))) : null;
}

function notes(all) {
  if (!all.length) return null;
  return h("section.notes", {}, h("ul", {}, all.map((note) =>
    h("li", { class: note.warning ? "warning" : "wrong" },
      h("b", {}, note.code), " ", note.text, note.url && !note.text.includes(note.url) ? h("span.quiet", {}, ` ${pathOf(note.url)}`) : null))));
}

function webhookList(found, deliveries, webhooks) {
  if (!found.deliveries.length) return null;
  const start = found.legs[0].created;
  return h("section.webhooks", {}, h("h2", {}, "Webhooks ", h("span.quiet", {}, found.deliveries.length)),
    found.deliveries.map((each) => webhook(each, deliveries[each.id], start, webhooks)));
}

function webhook(each, delivery, start, webhooks) {
  const state = each.state === "failed" ? "bad" : each.state === "delivered" ? "live" : "waiting";
  const inside = h("div.inside");
  const details = h("details.webhook", {},
    h("summary", {},
      h("span.number", {}, clock(each.queued - start, 3)), " ",
      h("span.state", { class: state }, each.status ?? each.state), " ",
      h("b.method", {}, each.method), " ", pathOf(each.url), " ", h("span.quiet", {}, kindWords(each.kind))),
    inside);
  const fill = (line) => inside.replaceChildren(...parts(delivery, line));
  fill(null);
  webhooks.set(each.id, (line) => {
    fill(line);
    details.open = true;
    (details.querySelector(".marked") ?? details).scrollIntoView({ block: "center" });
  });
  return details;
}

function parts(delivery, line) {
  const { request, response, attempts } = delivery;
  return [
    delivery.error ? h("p.error", { role: "alert" }, delivery.error, delivery.error_code ? h("span.quiet", {}, `  ${delivery.error_code}`) : "") : null,
    delivery.injected.length ? h("p.quiet", {}, `injected: ${delivery.injected.join("; ")}`) : null,
    h("h3", {}, "Response"),
    ...(response ? [response.body ? body(response.body, response.headers["content-type"], line) : h("p.quiet", {}, "An empty body."), headersOf(response.headers)] : [h("p.quiet", {}, "No answer.")]),
    h("h3", {}, "Request"),
    ...params(delivery.params),
    request ? headersOf(request.headers) : null,
    attempts.length > 1 ? h("p.quiet", {}, `${count(attempts.length, "attempt")}: ${attempts.map((it) => it.response?.status ?? it.error ?? "…").join(", ")}`) : null,
  ].filter(Boolean);
}

function params(all) {
  const empty = all.filter(([, value]) => value === "").map(([name]) => name);
  return [
    all.length > empty.length ? table(all.filter(([, value]) => value !== ""), "params") : h("p.quiet", {}, "No parameters."),
    empty.length ? h("p.quiet", {}, `empty: ${empty.join(", ")}`) : null,
  ];
}
