// One webhook: what was sent, what came back, whether its signature fits; and sending it again.

import { Refused, get, part, post } from "./api.js";
import { copyButton, h, toast } from "./dom.js";
import { body, headersOf, table } from "./markup.js";
import { store } from "./store.js";
import { clock, count, kindWords, shortSid, span, timeOfDay } from "./words.js";

export function deliveryView(id, query) {
  const element = h("article.delivery", {}, h("p.quiet", {}, "…"));
  const line = Number(query.get("line")) || null;
  let written = null;
  let closed = false;

  async function load() {
    let found;
    try {
      found = await get(`/inspector/deliveries/${part(id)}`);
    } catch (error) {
      if (error.gone) element.replaceChildren(h("a.back", { href: "#/webhooks" }, "Webhooks"), h("h1", {}, "No such webhook"), h("p.quiet", {}, error.message));
      return;
    }
    const now = JSON.stringify(found);
    if (closed || now === written) return;
    written = now;
    element.replaceChildren(...parts(found, line));
    element.querySelector(".marked")?.scrollIntoView({ block: "center" });
  }

  load();
  return {
    element,
    title: "Webhook",
    update: (news) => (news.reset || news.deliveries?.some((each) => each.id === id)) && load(),
    close: () => (closed = true),
  };
}

function parts({ delivery, signature }, line) {
  const seconds = (ns) => (ns === null ? null : ns / 1e9);
  const [sent, answered] = [seconds(delivery.sent_ns), seconds(delivery.answered_ns)];
  const state = delivery.state === "delivered" ? "live" : delivery.state === "failed" ? "bad" : "waiting";
  return [
    h("header.head", {},
      h("a.back", { href: "#/webhooks" }, "Webhooks"),
      h("h1", {}, h("b.method", {}, delivery.method), " ", delivery.url),
      h("p.facts", {},
        h("span.state", { class: state }, delivery.response ? String(delivery.response.status) : delivery.state),
        h("span", {}, kindWords(delivery.kind)),
        h("span", {}, timeOfDay(seconds(delivery.queued_ns))),
        sent !== null && answered !== null ? h("span", {}, `answered in ${span(answered - sent)}`) : null,
        about(delivery.sid),
        delivery.replay_of ? h("a", { href: `#/webhooks/${part(delivery.replay_of)}` }, "replay of an earlier one") : null),
      h("div.buttons", {}, replayButton(delivery.id), copyButton(curl(delivery), "Copy as curl"))),
    delivery.error ? h("p.error", { role: "alert" }, delivery.error, delivery.error_code ? h("span.quiet", {}, `  ${delivery.error_code}`) : "") : null,
    signature ? signatureCheck(delivery.id, signature) : null,
    section("Response", response(delivery.response, line)),
    section("Request", request(delivery)),
    delivery.attempts.length > 1 ? section(`${count(delivery.attempts.length, "attempt")}`, attempts(delivery.attempts)) : null,
  ].filter(Boolean);
}

function about(sid) {
  if (store.calls.has(sid)) return h("a", { href: `#/calls/${part(sid)}` }, `call ${shortSid(sid)}`);
  if (store.recordings.has(sid)) return h("a", { href: `#/recordings/${part(sid)}` }, `recording ${shortSid(sid)}`);
  if (store.messages.has(sid)) return h("a", { href: `#/messages/${part(sid)}` }, `message ${shortSid(sid)}`);
  return sid ? h("span.quiet", {}, sid) : null;
}

function replayButton(id) {
  const button = h("button", { type: "button", title: "Send it again, freshly signed" }, "Replay");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const again = await post(`/deliveries/${part(id)}/replay`);
      toast(again.error ? "Sent again; it failed." : `Sent again: answered with ${again.response?.status}.`, again.error ? "bad" : "");
      location.hash = `#/webhooks/${again.id}`;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      toast(error.message, "bad");
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

/** What repeats the request, for a POSIX shell. */
function curl(delivery) {
  const { request } = delivery;
  if (!request) return delivery.url;
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const headers = Object.entries(request.headers).map(([name, value]) => `  -H ${quoted(`${name}: ${value}`)}`);
  const data = request.body ? [`  --data-raw ${quoted(request.body)}`] : [];
  return [`curl -X ${request.method} ${quoted(request.url)}`, ...headers, ...data].join(" \\\n");
}

const section = (title, ...content) => h("section", {}, h("h2", {}, title), content);

function request(delivery) {
  const { request: sent } = delivery;
  if (!sent) return h("p.quiet", {}, "Not sent yet.");
  return [
    delivery.params.length ? table(delivery.params, "params") : h("p.quiet", {}, "No parameters."),
    headersOf(sent.headers),
    sent.body ? h("details", {}, h("summary", {}, "body as sent"), body(sent.body, "text/plain")) : null,
  ];
}

function response(found, line) {
  if (!found) return h("p.quiet", {}, "No answer.");
  return [
    found.body ? body(found.body, found.headers["content-type"], line) : h("p.quiet", {}, "An empty body."),
    headersOf(found.headers),
  ];
}

function attempts(all) {
  return h("ol.attempts", {}, all.map((each) => h("li", {},
    h("span", {}, clock(each.sent_ns / 1e9, 3)),
    h("code", {}, `${each.request.method} ${each.request.url}`),
    h("b", {}, each.response?.status ?? each.error ?? "…"))));
}

function signatureCheck(id, first) {
  const verdict = h("div.verdict");
  const url = h("input", { type: "url", value: first.url, "aria-label": "The URL as your app sees it", spellcheck: false });
  function show(check) {
    verdict.replaceChildren(
      h("p", {}, h("b", { class: check.matches ? "good" : "wrong" }, check.matches ? "✓ " : "✗ "),
        check.matches
          ? "X-Twilio-Signature fits this URL and these parameters."
          : "For this URL the signature would be another: an app that sees it so refuses the request."),
      table([["header", h("code", {}, check.header)], check.matches ? null : ["for this URL", h("code", {}, check.expected)],
        ["signed text", h("code", {}, check.url + check.params.map((pair) => pair.join("")).join(""))]].filter(Boolean), "code"));
  }
  async function again(event) {
    event.preventDefault();
    try {
      show((await get(`/inspector/deliveries/${part(id)}?url=${part(url.value)}`)).signature);
    } catch (error) {
      toast(error.message, "bad");
    }
  }
  show(first);
  return h("section.signature", {}, h("details", {},
    h("summary", {}, h("b", { class: first.matches ? "good" : "wrong" }, first.matches ? "✓" : "✗"), " signature check"),
    h("form.by", { onsubmit: again }, h("label", {}, h("span.quiet", {}, "The URL as your app sees it"), url), h("button", { type: "submit" }, "Check")),
    verdict));
}
