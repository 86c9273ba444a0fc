// A media stream's lanes: its life with what went over it, who talked when, how soon the app did.

import { span } from "./words.js";

const NOTES = {
  mark: ["mark", "mark", (text) => `the app set mark “${text}”`],
  "mark-reached": ["reached", "reached", (text) => `mark “${text}” sent back: all before it was played or cleared`],
  clear: ["clear", "clear", () => "the app cleared what was not yet played"],
  dtmf: ["key", "told", (text) => `the app was told of key ${text}`],
  prompt: ["prompt", "told", (text) => `the app was told “${text}”`],
  partial: ["partial", "told", (text) => `the app was told “${text}” so far`],
  unreported: ["not told", "told", (text) => `the app was not told “${text}”: it was speaking`],
  interrupt: ["interrupt", "clear", (text) => `the caller interrupted after “${text}”`],
  preempted: ["preempted", "clear", (text) => `the app cut itself off after “${text}”`],
  text: ["says", "mark", (text) => `the app says “${text}”`],
  play: ["plays", "mark", (text) => `the app plays ${text}`],
  digits: ["sends", "mark", (text) => `the app sends keys ${text}`],
  language: ["language", "mark", (text) => `the app changes language: ${text}`],
  end: ["end", "mark", (text) => `the app ends the relay${text ? `, handing over ${text}` : ""}`],
  wrong: ["wrong", "failed", (text) => text],
};

export function streamLanes(stream) {
  const name = stream.name ?? stream.kind;
  const lanes = [
    { name, kind: "streams", note: stream.started === null ? "never began" : stream.direction === "both" ? "both ways" : "to the app", marks: life(stream) },
  ];
  const notes = [...stream.log.map(noteMark), ...failures(stream)];
  if (notes.length) lanes.push({ name: "Messages", kind: "notes", note: "", marks: notes });
  if (stream.started === null) return lanes;
  for (const [who, spans, look] of [["Caller talks", stream.caller, "caller"], ["App talks", stream.app, "app"]]) {
    const marks = spans.map(([start, end]) => ({ start, end, look, label: span(end - start), words: `${who.toLowerCase()} for ${span(end - start)}` }));
    lanes.push({ name: who, kind: "talk", note: marks.length ? "" : "never", marks });
  }
  const pace = [...stream.responses.map(responseMark), ...stream.barge_ins.map(bargeInMark), ...stream.dead_air.map(deadAirMark)];
  if (pace.length) lanes.push({ name: "App reacts", kind: "pace", note: "", marks: pace.sort((a, b) => a.start - b.start) });
  return lanes;
}

function life(stream) {
  if (stream.started === null) return [];
  const { sent, received } = stream.messages;
  const until = stream.status === "stopped" ? `stopped after ${span(stream.ended - stream.started)}` : "in progress";
  return [{
    start: stream.started, end: stream.ended, look: "stream", label: stream.url.replace(/^wss?:\/\//, ""),
    words: `${stream.kind} ${until}, ${stream.url}, ${stream.track.replaceAll("_", " ")}, ${sent} messages sent, ${received} received`,
  }];
}

function failures({ kind, error, ended, asked }) {
  if (!error) return [];
  const at = ended ?? asked;
  return [{ start: at, end: at, look: "failed", label: `error ${error.code}`, words: `${kind} error ${error.code}: ${error.text}` }];
}

function noteMark({ at, kind, text }) {
  const [label, look, words] = NOTES[kind] ?? [kind, "told", (it) => `${kind} ${it}`];
  return { start: at, end: at, look, label: kind === "mark" || kind === "mark-reached" ? `${label} ${text}` : label, words: words(text) };
}

function responseMark({ after, latency_ms: latency }) {
  if (latency === null) {
    return { start: after, end: after, look: "failed", label: "no answer", words: "the app did not answer this" };
  }
  const words = latency < 0 ? `the app began ${-latency} ms before the caller had ended` : `the app answered after ${latency} ms`;
  const answer = after + latency / 1000;
  return { start: Math.min(after, answer), end: Math.max(after, answer), look: "response", label: `${latency} ms`, words };
}

function bargeInMark({ at, reaction_ms: reaction }) {
  if (reaction === null) {
    return { start: at, end: at, look: "failed", label: "talked on", words: "barged into, the app talked on until the caller had ended" };
  }
  return { start: at, end: at + reaction / 1000, look: "barge-in", label: `barge-in ${reaction} ms`, words: `barged into, the app fell silent after ${reaction} ms` };
}

const deadAirMark = ([start, end]) => ({ start, end, look: "dead-air", label: `dead air ${span(end - start)}`, words: `nobody spoke for ${span(end - start)}` });
