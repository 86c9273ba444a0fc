// One text message: what it says, what became of it, and the webhooks about it.

import { part } from "./api.js";
import { h } from "./dom.js";
import { store } from "./store.js";
import { count, kindWords, look, pathOf, shortSid, timeOfDay } from "./words.js";

export const messageEnds = (message) => [message.from ?? message.service, message.to];

const DIRECTIONS = {
  inbound: "to your app",
  "outbound-api": "by your app",
  "outbound-call": "by TwiML, in a call",
  "outbound-reply": "in answer to a message",
};
export const messageWords = (direction) => DIRECTIONS[direction] ?? direction;

export function messageView(sid) {
  const element = h("article.message", {});
  let written = null;

  function update() {
    const message = store.messages.get(sid);
    const about = [...store.deliveries.values()].filter((each) => each.about === sid);
    const now = JSON.stringify([message, about]);
    if (now === written) return;
    written = now;
    element.replaceChildren(...(message ? parts(message, about) : gone()));
  }

  update();
  return { element, title: "Message", update, close() {} };
}

const gone = () => [h("a.back", { href: "#/messages" }, "Messages"), h("h1", {}, "No such message")];

function parts(message, about) {
  const [from, to] = messageEnds(message);
  return [
    h("header.head", {},
      h("a.back", { href: "#/messages" }, "Messages"),
      h("h1", {}, from, h("span.arrow", {}, " → "), to),
      h("p.facts", {},
        h("span.state", { class: messageLook(message.status).replace("ok", "live") }, message.status),
        h("span", {}, messageWords(message.direction)),
        h("span", {}, timeOfDay(message.created)),
        message.media.length ? h("span", {}, count(message.media.length, "file")) : null,
        h("span.quiet", {}, shortSid(message.sid)))),
    message.error_code ? h("p.error", { role: "alert" }, message.error, h("span.quiet", {}, `  ${message.error_code}`)) : null,
    h("p.said-in-text", {}, message.body || h("span.quiet", {}, "without words")),
    message.media.length ? h("ul.numbers", {}, message.media.map((url) => h("li", {}, h("code", {}, url)))) : null,
    about.length ? h("section.webhooks", {}, h("h2", {}, "Webhooks"), table(about)) : null,
  ].filter(Boolean);
}

const table = (about) => h("table", {}, h("tbody", {}, about.map((each) => h("tr", {},
  h("td", {}, timeOfDay(each.queued)),
  h("td", {}, kindWords(each.kind)),
  h("td", {}, h("a", { href: `#/webhooks/${part(each.id)}` }, `${each.method} ${pathOf(each.url)}`)),
  h("td", {}, String(each.status ?? each.state))))));

/** Which look a message's status has in a list. */
export function messageLook(status) {
  if (["delivered", "received"].includes(status)) return "ok";
  if (["accepted", "scheduled", "sending"].includes(status)) return "waiting";
  return status === "undelivered" ? "bad" : look(status);
}
