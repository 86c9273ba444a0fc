// What stands in each lane of a call's timeline: marks with a start, an end, words and a colour.
// Times are loop seconds; `end` null goes on to now.

import { streamLanes } from "./stream_marks.js";
import { clock, count, farEnd, kindWords, pathOf, span } from "./words.js";

const VERB_LOOKS = {
  Say: "speech", Play: "speech", Gather: "asks", Record: "records", Start: "records", Stop: "records",
  Dial: "joins", Enqueue: "joins", Conference: "joins", Leave: "joins", Pause: "waits",
};
const TOLD_ELSEWHERE = /^call\.(queued|initiated|ringing|answered|completed|busy|no-answer|canceled|failed)$|^recording\./;

/** The lanes, top to bottom: { name, note, marks }. */
export function lanesOf(found) {
  const many = found.legs.length > 1;
  const legs = new Map(found.legs.map((leg) => [leg.sid, leg]));
  const nameOf = (sid) => {
    const leg = legs.get(sid);
    return leg ? farEnd(leg) : "";
  };
  const lanes = [];
  for (const leg of found.legs) {
    lanes.push({ name: nameOf(leg.sid), kind: "call", marks: states(leg) });
    if (leg.received) {
      lanes.push({ name: "RTP loss", kind: "loss", note: leg.losses.length ? "" : "none", marks: leg.losses.map(lossMark) });
    }
    const verbs = found.verbs.filter((verb) => verb.call === leg.sid);
    if (verbs.length) lanes.push({ name: "TwiML", kind: "verbs", marks: verbs.map((verb) => verbMark(verb, leg.ended, found)) });
    for (const stream of found.streams.filter((each) => each.call === leg.sid)) lanes.push(...streamLanes(stream));
  }
  const rest = [
    ["Keys", "keys", found.keys.map((key) => ({
      start: key.at, end: key.at, look: "key", label: key.digit,
      words: `${many ? `${nameOf(key.call)} pressed ` : "key "}${key.digit}` }))],
    ["Webhooks", "webhooks", found.deliveries.filter((each) => !each.replay_of).map(webhookMark)],
    ["Weather", "weather", found.deliveries.filter((each) => each.injected.length).map(weatherMark)],
    ["Recordings", "recordings", found.recordings.map(recordingMark)],
    ["Events", "events", found.moments.filter((each) => !TOLD_ELSEWHERE.test(each.kind)).map((each) => ({
      start: each.at, end: each.at, look: "event", label: each.kind.split(".")[1], words: each.text }))],
  ];
  for (const [name, kind, marks] of rest) {
    if (marks.length || kind === "webhooks") lanes.push({ name, kind, marks, note: marks.length ? "" : "none" });
  }
  return lanes;
}

function states(leg) {
  const found = [{
    start: leg.created, end: leg.answered ?? leg.ended, look: "ringing", label: "",
    words: `ringing ${leg.answered === null ? "" : `for ${span(leg.answered - leg.created)}`}`,
  }];
  if (leg.answered !== null) {
    found.push({
      start: leg.answered, end: leg.ended, look: "answered", label: leg.status,
      words: leg.ended === null ? "in progress" : `${leg.status} after ${span(leg.ended - leg.answered)}`,
    });
  } else if (leg.ended !== null) {
    found.push({ start: leg.ended, end: leg.ended, look: "unanswered", label: leg.status, words: leg.status });
  }
  return found;
}

// Many losses may stand together in one mark: the fewer packets in it, the paler.
const PACKET = 0.02;
const lossMark = ({ start, end, why, packets }) => ({
  opacity: Math.min(1, 0.25 + (2 * packets * PACKET) / Math.max(end - start, PACKET)),
  start, end, look: why, label: "", words: `${count(packets, "packet")} ${why}`,
});

function verbMark(verb, ended, found) {
  const from = found.deliveries.filter((each) =>
    each.about === verb.call && each.status !== null && each.answered !== null && each.answered <= verb.start + 1e-6 &&
    !each.kind.endsWith("-status") && each.kind !== "media").at(-1);
  return {
    start: verb.start, end: verb.end ?? ended, look: VERB_LOOKS[verb.verb] ?? "other", label: verb.text.replace(/^(\w+): /, "$1 "),
    words: `<${verb.verb}> line ${verb.line}${verb.text.includes(": ") ? `, “${verb.text.slice(verb.verb.length + 2)}”` : ""}`,
    link: from ? [`#/webhooks/${from.id}?line=${verb.line}`, "its TwiML"] : null,
  };
}

function webhookMark(each) {
  const start = each.sent ?? each.queued;
  const took = each.answered === null ? "no answer yet" : `in ${span(each.answered - start)}`;
  return {
    start, end: each.answered, label: kindWords(each.kind),
    look: each.state === "failed" ? "failed" : each.state === "delivered" ? "delivered" : "pending",
    words: `${each.method} ${pathOf(each.url)}: ${each.status ?? each.error ?? each.state}, ${took}`,
    link: [`#/webhooks/${each.id}`, "request and response"],
  };
}

// What went wrong on purpose, where it struck.
function weatherMark(each) {
  const start = each.sent ?? each.queued;
  return {
    start, end: start, look: "weather", label: each.injected[0],
    words: `weather: ${kindWords(each.kind)} ${each.injected.join("; ")}`,
    link: [`#/webhooks/${each.id}`, "request and response"],
  };
}

function recordingMark(each) {
  const length = each.seconds === null ? null : each.seconds + each.pauses.reduce((sum, [from, to]) => sum + ((to ?? from) - from), 0);
  return {
    start: each.started, end: length === null ? null : each.started + length, look: "recording",
    label: `${each.source} · ${count(each.channels, "channel")}`, pauses: each.pauses, recording: each.sid,
    words: `${each.source}, ${each.status}${each.seconds === null ? "" : `, ${clock(each.seconds, 1)}`}${each.pauses.length ? `, paused ${each.pauses.length} times` : ""}`,
    link: [`#/recordings/${each.sid}`, "its own page"],
  };
}
