// The first page: what is going on now, and for a newcomer how to begin.

import { get } from "./api.js";
import { copyButton, h } from "./dom.js";
import { LegMeters } from "./meters.js";
import { placeCall } from "./place.js";
import { store } from "./store.js";
import { clock, count, directionWords, ends, isLive, look } from "./words.js";

export function homeView() {
  const live = h("section.live");
  const setup = h("section.setup", { hidden: true });
  const missing = h("section.missing", { hidden: true });
  const element = h("article.home", {}, live, missing, setup);
  const meters = new LegMeters();
  let written = null;

  function update(news) {
    if (news.levels) meters.update();
    if (news.not_simulated || news.reset || !written) missing.replaceChildren(...notSimulated(missing));
    const calls = [...store.calls.values()].filter((call) => !call.parent && isLive(call)).reverse();
    const now = JSON.stringify([store.ready, store.calls.size, calls, calls.map((call) => store.childrenOf(call.sid))]);
    if (now === written || !store.ready) return;
    written = now;
    setup.classList.toggle("first", store.calls.size === 0);
    const all = [...store.calls.values()].filter((call) => !call.parent).length;
    const words = calls.length ? `${count(calls.length, "live call")}` : store.calls.size ? "All quiet" : "Nobody has called yet";
    const rest = calls.length ? "" : store.calls.size
      ? `${count(all, "call")} so far. Choose one from the list, or place another.`
      : "Point your app at this sandbox, give it a number, and call it.";
    live.replaceChildren(
      h("h1", {}, words), h("p.quiet", {}, rest && `${rest} `, h("a", { href: "/docs" }, "Documentation")),
      h("div.cards", {}, calls.map((call) => card(call, meters))));
  }

  load(setup);
  update({});
  return {
    element,
    update,
    close() {},
    tick() {
      for (const each of live.querySelectorAll("[data-since]")) each.textContent = clock(store.now() - Number(each.dataset.since));
    },
  };
}

/** What your app asked for and the sandbox has not, with how often; hidden while that is nothing. */
function notSimulated(section) {
  section.hidden = !store.notSimulated.length;
  return [
    h("h2", {}, "Not simulated"),
    h("p.quiet", {}, "Your app asked for this, and was answered 501. ", h("a", { href: "/_mediasim/coverage" }, "What there is"), "."),
    h("ul.numbers", {}, store.notSimulated.map((each) => h("li", {},
      h("code", {}, each.request), h("span.quiet", {}, count(each.count, "time"))))),
  ];
}

function card(call, meters) {
  const [from, to] = ends(call);
  const legs = [call, ...store.childrenOf(call.sid)];
  return h("a.card", { href: `#/calls/${call.sid}` },
    h("div.head", {},
      h("b", {}, from, h("span.arrow", {}, " → "), to),
      h("span.when", { data: { since: call.answered ?? call.created } }, clock(store.now() - (call.answered ?? call.created)))),
    legs.map((leg) => h("div.leg", {},
      h("span.state", { class: look(leg.status) }, leg.status),
      h("span.quiet", {}, leg.parent ? ends(leg)[1] : directionWords(leg.direction)),
      meters.of(leg.sid))));
}

async function load(setup) {
  let env, plan;
  try {
    [env, plan] = await Promise.all([get("/env"), get("/inspector/plan")]);
  } catch {
    return; // the feed says that the sandbox is gone
  }
  const block = Object.entries(env).map(([name, value]) => `${name}=${value}`).join("\n");
  const number = plan.numbers[0]?.number ?? "+14155550100";
  const config = `numbers:\n  ${number}: http://127.0.0.1:5000/voice`;
  const serve = "mediasim serve --config plan.yaml";
  const call = `mediasim call ${number} --say "Hello"`;
  setup.replaceChildren(
    h("ol.steps", {},
      step("Point your app at the sandbox", "Its environment, for Twilio’s SDK and for checking signatures.", code(block)),
      plan.numbers.length
        ? step(count(plan.numbers.length, "number") + " to call", "Each asks your app for TwiML when it rings.",
            h("ul.numbers", {}, plan.numbers.map((each) => h("li", {},
              h("code", {}, each.number), h("span.quiet", {}, each.answers || "no voice URL yet"),
              h("button", { type: "button", onclick: () => placeCall(each.number) }, "Call")))))
        : step("Give your app a number", "In a file, plan.yaml, with the URL that answers its calls; then serve it.", code(config), code(serve)),
      step("Call it", "From a terminal, or from here.", code(call),
        h("button.primary", { type: "button", onclick: () => placeCall() }, "Place a call"))));
  setup.hidden = false;
}

const step = (title, words, ...more) => h("li", {}, h("h2", {}, title), h("p.quiet", {}, words), more);
const code = (text) => h("div.code", {}, h("pre", { tabindex: 0 }, text), copyButton(text));
