// The parts that change: who this is, the call under way, who calls.

import { h, set } from "/_mediasim/inspector/assets/app/dom.js";

const STATES = { connecting: ["connecting", "waiting"], ringing: ["ringing", "waiting"], "in-progress": ["in progress", "live"] };

/** Milliseconds as minutes and seconds. */
export function clockText(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function whoPanel(element, { register, signOut }) {
  const asking = form(register); // one for the page's life: what is being typed outlives the connection
  let shown;
  return {
    show(client, can) {
      asking.may(can);
      const key = JSON.stringify(client);
      if (key === shown) return;
      shown = key;
      element.replaceChildren(client ? registered(client, signOut) : asking.element);
    },
  };
}

function registered(client, signOut) {
  const facts = [client.incoming ? "takes calls" : "takes no calls", client.application && `calls run ${client.application}`];
  return h("div.registered", {},
    h("p", {}, h("b", {}, `client:${client.identity}`), h("span.quiet", {}, facts.filter(Boolean).join(" · "))),
    h("button", { type: "button", onclick: signOut }, "Sign out"));
}

function form(register) {
  const name = h("input", { id: "identity", placeholder: "alice", autocomplete: "off", spellcheck: false, maxLength: 121, required: true, pattern: "[A-Za-z0-9_]+", title: "letters, digits and underscores" });
  const token = h("textarea", { id: "token", spellcheck: false, "aria-label": "Access token", placeholder: "eyJ…" });
  const button = h("button.primary", { disabled: true }, "Register");
  const submit = (event) => {
    event.preventDefault();
    register(token.value.trim() ? { token: token.value.trim() } : { identity: name.value.trim() });
  };
  token.addEventListener("input", () => set(name, { required: !token.value.trim() }));
  const element = h("form.register", { onsubmit: submit },
    h("label", { for: "identity" }, "Be the client"),
    h("div.row", {}, name, button),
    h("details", {}, h("summary", {}, "With an access token of your app's"), token));
  return {
    element,
    may(can) {
      button.disabled = !can;
    },
  };
}

export function callPanel(element, { mute, hold, hangUp }) {
  const name = h("p.name"), status = h("span.state"), time = h("span.time"), keys = h("p.pressed", { "aria-label": "Keys pressed" });
  const [say, hear] = ["say", "hear"].map((way) => h("span.fill", { class: way }));
  const meter = (words, bar) =>
    h("div", {}, h("span", {}, words), h("div.meter", { role: "meter", "aria-label": words, "aria-valuemin": "-60", "aria-valuemax": "0", "aria-valuenow": "-60" }, bar));
  const silent = h("button", { type: "button", title: "Mute (m)", onclick: mute }, "Mute");
  const held = h("button", { type: "button", title: "Hold (h)", onclick: hold }, "Hold");
  element.replaceChildren(
    h("div.talk", {}, name, h("p.line", {}, status, time)),
    h("div.sound", {}, meter("You", say), meter("They", hear)),
    keys,
    h("div.does", {}, silent, held, h("button.end", { type: "button", title: "Hang up (e)", onclick: hangUp }, "Hang up")));
  return {
    say,
    hear,
    show(call) {
      element.hidden = !call;
      if (!call) return;
      name.textContent = call.who;
      const [words, kind] = STATES[call.status];
      status.textContent = call.line?.held ? "on hold" : words;
      status.className = `state ${call.line?.held ? "waiting" : kind}`;
      keys.textContent = call.keys;
      keys.hidden = !call.keys;
      silent.setAttribute("aria-pressed", String(Boolean(call.line?.muted)));
      held.setAttribute("aria-pressed", String(Boolean(call.line?.held)));
      silent.disabled = !call.line;
      held.disabled = call.status !== "in-progress";
      this.tick(call);
    },
    tick(call) {
      time.textContent = call?.since ? clockText(performance.now() - call.since) : "";
    },
  };
}

export function incomingBanner({ from, to }, busy, { answer, reject }) {
  return h("div.ring", { role: "alertdialog", "aria-label": `${from} calls` },
    h("p", {}, h("b", {}, from), h("span.quiet", {}, `calls ${to}`)),
    h("div.buttons", {},
      h("button.answer", { type: "button", title: "Answer (a)", onclick: answer }, busy ? "Hang up and answer" : "Answer"),
      h("button.danger", { type: "button", title: "Reject (r)", onclick: reject }, "Reject")));
}
