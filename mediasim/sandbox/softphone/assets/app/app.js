// The softphone: who it is, whom it calls, who calls it, and what is under way.

import { h, toast } from "/_mediasim/inspector/assets/app/dom.js";
import { nextTheme, themeButton } from "/_mediasim/inspector/assets/app/theme.js";
import { Meter, ring } from "./levels.js";
import { Line, microphone } from "./line.js";
import { Signals } from "./socket.js";
import { callPanel, clockText, incomingBanner, whoPanel } from "./views.js";

const KEYS = [["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"], ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", "+"], ["#", ""]];
const at = (id) => document.getElementById(id);
const kept = {
  get: (name) => { try { return sessionStorage.getItem(`mediasim-softphone-${name}`); } catch { return null; } },
  set: (name, value) => { try { sessionStorage.setItem(`mediasim-softphone-${name}`, value); } catch { /* As long as the page. */ } },
};

const state = { problem: "", client: null, wanted: null, call: null, ringing: new Map(), next: 1 };

// -- what the sandbox says ------------------------------------------------------------------------

const signals = new Signals({
  open() {
    if (state.wanted) signals.say("register", state.wanted);
  },
  closed() {
    tell("The sandbox does not answer; trying again.");
    for (const name of [...state.ringing.keys()]) stopRinging(name);
    if (state.call) over("failed", "the sandbox has gone");
    state.client = null;
    draw();
  },
  message(what) {
    heard[what.type]?.(what);
    draw();
  },
});

const heard = {
  hello({ problem, numbers, parties }) {
    state.problem = problem && `The softphone does not work here: ${problem}.`;
    tell(state.problem);
    at("known").replaceChildren(
      ...numbers.map((each) => h("option", { value: each.number }, each.name)),
      ...parties.map((name) => h("option", { value: name }, "party of the number plan")),
    );
    const first = kept.get("identity") ?? new URLSearchParams(location.search).get("identity");
    if (first && !state.wanted && !problem) register({ identity: first });
  },
  registered(client) {
    state.client = client;
    tell("");
    note(`registered as client:${client.identity}`);
  },
  refused({ words, of, call }) {
    note(words, "bad");
    toast(words, "bad");
    if (of === "register") {
      state.client = state.wanted = null;
      kept.set("identity", "");
    }
    if (of === "invite" && state.call?.name === call) over("failed", words);
  },
  media({ call, sdp }) {
    if (state.call?.name === call) state.call.line.answered(sdp).catch((error) => hangUp(`no media: ${error.message}`));
  },
  ringing({ call, sid }) {
    if (state.call?.name !== call) return;
    state.call.sid = sid;
    state.call.status = "ringing";
  },
  answered({ call }) {
    if (state.call?.name !== call) return;
    Object.assign(state.call, { status: "in-progress", since: performance.now() });
    note(`${state.call.who}: answered`);
  },
  incoming({ call, from, to }) {
    state.ringing.set(call, { from, to, quiet: state.ringing.size || state.call ? () => {} : ring() });
    note(`${from} calls`);
  },
  message({ call, content }) {
    if (state.call?.name === call) note(`the app says ${content}`);
  },
  ended({ call, status, words }) {
    const ringing = state.ringing.get(call);
    if (ringing) note(`${ringing.from}: ${words || status}`);
    stopRinging(call);
    if (state.call?.name === call) over(status, words);
  },
};

// -- what a person does ---------------------------------------------------------------------------

function register(wanted) {
  state.wanted = wanted;
  if (wanted.identity) kept.set("identity", wanted.identity);
  signals.say("register", wanted);
}

function signOut() {
  kept.set("identity", "");
  location.assign(location.pathname);
}

async function begin(name, who) {
  const call = { name, who, status: "connecting", since: null, keys: "", meters: [] };
  state.call = call;
  draw();
  const stream = await microphone(at("clean").checked);
  if (state.call !== call) {
    for (const track of stream.getTracks()) track.stop();
    throw new Error("it was ended before it began");
  }
  call.line = new Line(stream, at("sound"), at("codec").value, {
    heard: (remote) => call.meters.push(new Meter(panel.hear, remote)),
    lost: () => hangUp("the media has gone"),
  });
  call.meters.push(new Meter(panel.say, stream));
  return call.line.offer();
}

async function dial() {
  const to = at("to").value.trim();
  if (!state.client || state.call || (!to && !state.client.application)) return;
  const name = `out-${Date.now().toString(36)}-${state.next++}`;
  note(`calling ${to || "the application"}`);
  try {
    const sdp = await begin(name, to || "the application");
    signals.say("invite", { call: name, to, params: {}, sdp });
  } catch (error) {
    if (state.call?.name === name) over("failed", error.message);
  }
}

async function answer(name) {
  const ringing = state.ringing.get(name);
  if (!ringing) return;
  if (state.call) hangUp();
  ringing.quiet();
  state.ringing.delete(name);
  try {
    const sdp = await begin(name, ringing.from);
    signals.say("answer", { call: name, sdp });
  } catch (error) {
    signals.say("reject", { call: name });
    if (state.call?.name === name) over("failed", error.message);
  }
  draw();
}

function reject(name) {
  signals.say("reject", { call: name });
  note(`${state.ringing.get(name)?.from}: rejected`);
  stopRinging(name);
  draw();
}

function hangUp(words = "hung up") {
  if (!state.call) return;
  signals.say("hangup", { call: state.call.name });
  over("completed", words);
}

function press(key) {
  const call = state.call;
  if (call?.status === "in-progress") {
    if (!call.line.press(key)) signals.say("press", { call: call.name, digits: key });
    call.keys += key;
  } else if (!call) {
    at("to").value += key;
  }
  draw();
}

function mute() {
  const call = state.call;
  if (!call?.line) return;
  call.line.mute(!call.line.muted);
  signals.say("mute", { call: call.name, on: call.line.muted });
  draw();
}

function hold() {
  const call = state.call;
  if (call?.status !== "in-progress") return;
  call.line.hold(!call.line.held);
  signals.say("hold", { call: call.name, on: call.line.held });
  draw();
}

function over(status, words) {
  const call = state.call;
  state.call = null;
  for (const meter of call.meters) meter.stop();
  call.line?.close();
  const lasted = call.since === null ? "" : `, ${clockText(performance.now() - call.since)}`;
  const good = ["completed", "taken", "canceled"].includes(status);
  note(`${call.who}: ${words || status}${lasted}`, good ? "" : "bad");
  draw();
}

function stopRinging(name) {
  state.ringing.get(name)?.quiet();
  state.ringing.delete(name);
}

// -- what is shown --------------------------------------------------------------------------------

const panel = callPanel(at("call"), { mute, hold, hangUp: () => hangUp() });
const who = whoPanel(at("who"), { register, signOut });

function draw() {
  who.show(state.client, signals.open && !state.problem);
  panel.show(state.call);
  at("place").hidden = Boolean(state.call);
  at("message").hidden = !["ringing", "in-progress"].includes(state.call?.status);
  at("place").disabled = !state.client || Boolean(state.problem);
  at("to").parentElement.hidden = Boolean(state.call);
  at("to").placeholder = state.client?.application ? "What to tell the application" : "Number or name";
  at("incoming").replaceChildren(
    ...[...state.ringing].map(([name, ringing]) =>
      incomingBanner(ringing, Boolean(state.call), { answer: () => answer(name), reject: () => reject(name) })),
  );
}

function tell(words) {
  at("problem").textContent = words;
  at("problem").hidden = !words;
}

function note(words, kind = "") {
  const now = new Date();
  at("log").prepend(h("li", { class: kind }, h("time", { dateTime: now.toISOString() }, now.toTimeString().slice(0, 8)), h("span", {}, words)));
  while (at("log").children.length > 200) at("log").lastElementChild.remove();
}

at("pad").append(
  ...KEYS.map(([key, letters]) =>
    h("button", { type: "button", data: { key }, onclick: () => press(key) }, key, h("small", { "aria-hidden": "true" }, letters))),
);
at("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  dial();
});
at("message").addEventListener("submit", (event) => {
  event.preventDefault();
  const content = at("content").value.trim();
  if (!state.call || !content) return;
  signals.say("message", { call: state.call.name, content });
  note(`to the app: ${content}`);
  at("content").value = "";
});
at("erase").addEventListener("click", () => {
  at("to").value = at("to").value.slice(0, -1);
  at("to").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select")) return;
  const [first] = state.ringing.keys();
  const actions = { m: mute, h: hold, t: nextTheme, a: () => first && answer(first), r: () => first && reject(first), e: () => hangUp() };
  if (/^[0-9*#]$/.test(event.key)) {
    const button = at("pad").querySelector(`[data-key="${event.key}"]`);
    button.classList.add("down");
    setTimeout(() => button.classList.remove("down"), 120);
    press(event.key);
  } else if (actions[event.key] && !event.repeat) actions[event.key]();
  else return;
  event.preventDefault();
});
setInterval(() => panel.tick(state.call), 250);
themeButton(at("theme"));
draw();
