// Placing a call: to one of the app's numbers, as a party of the plan or as somebody new.

import { Refused, get, post } from "./api.js";
import { h, toast } from "./dom.js";

const SCRIPTS = {
  nothing: { words: "listens in silence", yaml: "" },
  says: { words: "says something", yaml: "- say: Hello, I would like to speak to somebody." },
  keys: { words: "says something, then presses keys", yaml: "- say: Hello.\n- pause: 2s\n- dtmf: \"1\"\n- pause: 3s\n- hangup" },
  own: { words: "own script", yaml: null },
};

export async function placeCall(to) {
  let plan;
  try {
    plan = await get("/inspector/plan");
  } catch (error) {
    toast(error.message, "bad");
    return;
  }
  const dialog = document.getElementById("dialog");
  dialog.replaceChildren(plan.numbers.length ? form(dialog, plan, to) : noNumbers(dialog));
  dialog.showModal();
}

function noNumbers(dialog) {
  return h("div.sheet", {},
    h("h2", {}, "No number to call yet"),
    h("p", {}, "Your app needs a number. Give it one in a config file, or by the API’s IncomingPhoneNumbers."),
    h("pre", {}, "# plan.yaml\nnumbers:\n  +14155550100: http://127.0.0.1:5000/voice"),
    h("pre", {}, "mediasim serve --config plan.yaml"),
    h("div.buttons", {}, h("button", { type: "button", onclick: () => dialog.close() }, "Close")));
}

function form(dialog, plan, to) {
  const number = h("select", { id: "place-to", name: "to" },
    plan.numbers.map((each) => h("option", { value: each.number, selected: each.number === to },
      each.name && each.name !== each.number ? `${each.number}  ${each.name}` : each.number)));
  const caller = h("select", { id: "place-from", name: "from" },
    plan.parties.map((each) => h("option", { value: each.name, data: { scripted: each.scripted } }, `${each.name}  ${each.number}`)),
    h("option", { value: "" }, "somebody new"));
  const newcomer = h("input", { id: "place-number", type: "tel", value: plan.caller, "aria-label": "The caller’s number" });
  const kind = h("select", { id: "place-script" });
  const script = h("textarea", { id: "place-steps", rows: 6, spellcheck: false, "aria-label": "The script, in YAML" });
  const wrong = h("p.error", { role: "alert", hidden: true });

  function settle() {
    const chosen = caller.selectedOptions[0];
    newcomer.hidden = caller.value !== "";
    const own = chosen?.dataset.scripted === "true";
    kind.replaceChildren(...Object.entries(SCRIPTS)
      .filter(([name]) => name !== "own" || own)
      .map(([value, { words }]) => h("option", { value }, words)));
    kind.value = own ? "own" : "says";
    settleScript();
  }
  function settleScript() {
    const { yaml } = SCRIPTS[kind.value];
    script.hidden = yaml === null;
    script.value = yaml ?? "";
  }
  caller.addEventListener("change", settle);
  kind.addEventListener("change", settleScript);
  settle();

  async function place(event) {
    event.preventDefault();
    wrong.hidden = true;
    try {
      const body = { to: number.value, from: caller.value || newcomer.value.trim() };
      if (kind.value !== "own") {
        const steps = script.value.trim();
        body.script = steps ? (await post("/inspector/script", { yaml: steps })).script : [];
      }
      const call = await post("/calls", body);
      dialog.close();
      location.hash = `#/calls/${call.sid}`;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      wrong.textContent = error.problems.length
        ? error.problems.map((each) => [each.path, each.message].filter(Boolean).join(": ")).join("\n")
        : error.message;
      wrong.hidden = false;
    }
  }

  return h("form.sheet", { onsubmit: place },
    h("h2", {}, "Place a call"),
    field("To", "place-to", number),
    field("From", "place-from", caller, newcomer),
    field("Script", "place-script", kind, script),
    h("p.quiet", {}, "Scripts are those of config files: say, play, dtmf, pause, wait_for, hangup."),
    wrong,
    h("div.buttons", {},
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button.primary", { type: "submit" }, "Call")));
}

function field(words, id, ...inputs) {
  return h("div.field", {}, h("label", { htmlFor: id }, words), h("div", {}, inputs));
}
