// What stands in each lane. A lane paints itself into a view (a stretch of the call's clock over a
// width in pixels), and describes what is at a time, give or take a slack, for the tip.

import { clock } from "../shared/axis.js";
import { ChannelLane } from "../shared/waveform.js";

const FATES = ["duplicated", "reordered", "late", "lost"];
const PACKET = 0.02; // seconds of sound in one

class RulerLane {
  paint(pen, view) {
    pen.font = view.font(11);
    pen.textAlign = "center";
    for (const [time, words] of view.ticks()) {
      const x = view.x(time);
      pen.fillStyle = view.colour("line");
      pen.fillRect(x, view.height - 5, 1, 5);
      pen.fillStyle = view.colour("quiet");
      const half = pen.measureText(words).width / 2;
      pen.fillText(words, Math.min(Math.max(x, half), view.width - half), 15);
    }
    pen.textAlign = "left";
  }

  describe() {
    return [];
  }
}

class EventLane {
  constructor(run) {
    this.events = run.events;
  }

  paint(pen, view) {
    const rows = [-Infinity, -Infinity];
    pen.font = view.font(11);
    pen.fillStyle = view.colour("line");
    pen.fillRect(0, view.height - 6, view.width, 1);
    for (const { t, kind, text } of this.events) {
      const x = view.x(t);
      if (x > view.width) break;
      const width = pen.measureText(text).width + 12;
      const row = rows.findIndex((end) => end <= x);
      if (row >= 0 && x + width <= view.width) {
        rows[row] = x + width + 6;
        const y = 11 + row * 15;
        pen.fillStyle = view.colour("line");
        pen.fillRect(x, y, 1, view.height - 6 - y);
        pen.fillStyle = view.colour("quiet");
        pen.fillText(text, x + 5, y);
        if (x < 0) continue;
      }
      if (x < -5) continue;
      const shape = new Path2D();
      if (kind.startsWith("dtmf")) shape.rect(x - 2.5, view.height - 8, 5, 5);
      else shape.arc(x, view.height - 5.5, 3, 0, 7);
      pen.fillStyle = view.colour(kind.startsWith("recording") ? "bad" : kind.startsWith("call") ? "ink" : "link");
      pen.fill(shape);
    }
  }

  describe(t, slack) {
    return this.events
      .filter((event) => Math.abs(event.t - t) <= slack)
      .map((event) => `${clock(event.t, 3)}  ${event.text} (${event.kind})`);
  }
}

class CallLane {
  constructor(run, index) {
    this.call = run.calls[index];
    this.end = this.call.ended ?? run.span;
  }

  paint(pen, view) {
    const { started, ringing, answered, party } = this.call;
    const bar = (from, to, height, alpha) => {
      const x = view.x(from);
      pen.globalAlpha = alpha;
      pen.beginPath();
      pen.roundRect(x, (view.height - height) / 2, Math.max(view.x(to) - x, 1), height, height / 2);
      pen.fill();
    };
    pen.fillStyle = view.party(party);
    bar(ringing ?? started ?? 0, answered ?? this.end, 2, 0.6);
    if (answered !== null) bar(answered, this.end, 8, 0.8);
    pen.globalAlpha = 1;
  }

  describe(t) {
    const { name, status, started, ringing, answered } = this.call;
    const known = [["started", started], ["ringing", ringing], ["answered", answered], ["ended", this.call.ended]];
    const times = known.filter(([, at]) => at !== null).map(([word, at]) => `${word} ${clock(at, 3)}`);
    return t <= this.end ? [`${name}: ${status}`, times.join(", ")] : [];
  }
}

class StreamLane {
  constructor(run, index) {
    this.fates = run.streams[index];
  }

  paint(pen, view) {
    pen.fillStyle = view.colour("line");
    pen.fillRect(0, view.height / 2, view.width, 1);
    // Each fate has its own height as well as its colour.
    const places = { lost: [2, 16], late: [10, 8], reordered: [2, 8], duplicated: [8, 4] };
    const packet = view.x(PACKET) - view.x(0);
    const width = Math.max(packet, 1.5);
    for (const fate of FATES) {
      pen.fillStyle = view.colour(fate);
      const [y, height] = places[fate];
      const columns = new Map();
      for (const t of this.fates[fate]) {
        if (t < view.from - PACKET || t > view.to) continue;
        const x = packet < 1.5 ? Math.floor(view.x(t) / width) * width : view.x(t);
        columns.set(x, (columns.get(x) ?? 0) + 1);
      }
      for (const [x, count] of columns) {
        // One of many packets in a column is pale, most of them are solid.
        pen.globalAlpha = Math.min(0.3 + (3 * count * packet) / width, 1);
        pen.fillRect(x, y, width, height);
      }
      pen.globalAlpha = 1;
    }
  }

  describe(t, slack) {
    return [...FATES].reverse().flatMap((fate) => {
      const near = this.fates[fate].filter((at) => t >= at - slack && t <= at + PACKET + slack);
      if (near.length > 1) return [`${near.length} packets ${fate}, ${clock(near[0], 3)} to ${clock(near.at(-1), 3)}`];
      return near.map((at) => `${clock(at, 3)}  a packet ${fate}`);
    });
  }
}

/** The lane of a kind; `index` is which of its kind, `recording` whose channel. */
export function laneOf(kind, run, index, recording) {
  if (kind === "ruler") return new RulerLane();
  if (kind === "events") return new EventLane(run);
  if (kind === "call") return new CallLane(run, index);
  if (kind === "stream") return new StreamLane(run, index);
  const failures = run.failures.filter(
    (each) => each.recording === recording && (!each.channel || each.channel === index + 1));
  return new ChannelLane(run.recordings[recording], index, run.parties, failures);
}
