// Times, lengths and states in words.

import { clock } from "../shared/axis.js";
import { store } from "./store.js";

export { clock };

export const FINAL = new Set(["completed", "busy", "no-answer", "canceled", "failed"]);
export const isLive = (call) => !FINAL.has(call.status);

/** 12 ms, 1.4 s, 2:05. */
export function span(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds);
}

/** The time of day: this machine's in real time, else the sandbox's own, which is UTC. */
export function timeOfDay(seconds) {
  const zone = store.clock?.kind === "real" ? undefined : "UTC";
  return store.date(seconds).toLocaleTimeString([], { hour12: false, timeZone: zone });
}

export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
export const decibels = (dbfs) => `${dbfs.toFixed(0).replace("-", "−")} dBFS`;
export const shortSid = (sid) => `${sid.slice(0, 6)}…${sid.slice(-4)}`;

/** Which of the four looks a call's or recording's state has. */
export function look(status) {
  if (status === "in-progress" || status === "delivered") return "live";
  if (["ringing", "queued", "initiated", "processing", "paused", "sent"].includes(status)) return "waiting";
  if (["failed", "busy", "no-answer", "absent"].includes(status)) return "bad";
  return "over";
}

const KINDS = {
  twiml: "TwiML",
  action: "action",
  media: "media",
  "call-status": "call status",
  "recording-status": "recording status",
  "conference-status": "conference status",
  "partial-result": "partial result",
  "message-status": "message status",
  sms: "message",
};
export const kindWords = (kind) => KINDS[kind] ?? kind.replaceAll("-", " ");

export function pathOf(url) {
  try {
    const { pathname, search } = new URL(url);
    return pathname + search;
  } catch {
    return url;
  }
}

const DIRECTIONS = {
  inbound: "to your app",
  "outbound-api": "by your app",
  "outbound-dial": "dialled by TwiML",
};
export const directionWords = (direction) => DIRECTIONS[direction] ?? direction;

const NOBODY = new Set([null, undefined, "", "caller", "default"]); // parties that are no names

/** The number at a call's far end, and who is there: a party's name, or the number again. */
export const farNumber = (call) => (call.direction === "inbound" ? call.from : call.to);
export const farEnd = (call) => (NOBODY.has(call.party) ? farNumber(call) : call.party);

/** A call in a line: who, and with whom. */
export const ends = (call) => (call.direction === "inbound" ? [farEnd(call), call.to] : [call.from, farEnd(call)]);
