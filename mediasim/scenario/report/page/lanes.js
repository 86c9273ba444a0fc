"use strict";
// What stands in each lane. A lane paints itself into a view (a stretch of the call's clock over a
// width in pixels), and describes what is at a time, give or take a slack, for the tip.

const FATES = ["duplicated", "reordered", "late", "lost"];
const LABEL_ROW = 16;
const PACKET = 0.02; // seconds of sound in one

/** 0:02.500, and hours where there are some; with fewer decimals where asked. */
function clock(seconds, decimals = 3) {
  const scale = 10 ** decimals;
  const whole = Math.round(Math.max(seconds, 0) * scale);
  const minutes = Math.floor(whole / scale / 60);
  const rest = ((whole - minutes * 60 * scale) / scale).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** The text, cut to a width; nothing where not even a letter fits. */
function fitted(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let fits = 0;
  let over = text.length;
  while (over - fits > 1) {
    const half = (fits + over) >> 1;
    if (pen.measureText(`${text.slice(0, half)}…`).width <= width) fits = half;
    else over = half;
  }
  return fits ? `${text.slice(0, fits).trimEnd()}…` : "";
}

function hatch(pen, x, y, width, height, colour) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  // From a multiple of the step, so that the lines stay put when the view moves.
  for (let at = Math.floor((x - height) / 6) * 6; at < x + width; at += 6) {
    pen.moveTo(at, y + height);
    pen.lineTo(at + height, y);
  }
  pen.stroke();
  pen.restore();
}

class RulerLane {
  paint(pen, view) {
    const least = (view.to - view.from) * (70 / view.width);
    const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
    const step = steps.find((each) => each >= least) ?? 3600;
    const decimals = step >= 1 ? 0 : Math.ceil(-Math.log10(step));
    pen.font = view.font(11);
    pen.textAlign = "center";
    for (let n = Math.ceil(view.from / step); n * step <= view.to; n++) {
      const x = view.x(n * step);
      pen.fillStyle = view.colour("line");
      pen.fillRect(x, view.height - 5, 1, 5);
      pen.fillStyle = view.colour("quiet");
      const text = clock(n * step, decimals);
      const half = pen.measureText(text).width / 2;
      pen.fillText(text, Math.min(Math.max(x, half), view.width - half), 15);
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
      .map((event) => `${clock(event.t)}  ${event.text} (${event.kind})`);
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
    const times = known.filter(([, at]) => at !== null).map(([word, at]) => `${word} ${clock(at)}`);
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
      if (near.length > 1) return [`${near.length} packets ${fate}, ${clock(near[0])} to ${clock(near.at(-1))}`];
      return near.map((at) => `${clock(at)}  a packet ${fate}`);
    });
  }
}

class ChannelLane {
  constructor(run, index, recordingIndex) {
    this.recording = run.recordings[recordingIndex];
    this.index = index;
    this.channel = this.recording.channels[index];
    this.parties = run.parties;
    this.failures = run.failures.filter(
      (each) => each.recording === recordingIndex && (!each.channel || each.channel === index + 1));
    this.rows = Math.max(1, ...this.channel.intervals.map((each) => each.row + 1));
    this.owners = this.ownership();
  }

  /** Where the sound changes owner: [sample, party]; two at a time are "both", none is null. */
  ownership() {
    const edges = this.channel.intervals.flatMap(({ start, end, party }) => [[start, party, 1], [end, party, -1]]);
    const talking = new Map();
    const owners = [[0, null]];
    for (const [at, party, change] of edges.sort((a, b) => a[0] - b[0] || a[2] - b[2])) {
      talking.set(party, (talking.get(party) ?? 0) + change);
      const now = [...talking].filter(([, count]) => count > 0).map(([who]) => who);
      owners.push([at, now.length > 1 ? "both" : now[0] ?? null]);
    }
    return owners;
  }

  paint(pen, view) {
    const top = this.rows * LABEL_ROW + 2;
    pen.fillStyle = view.colour("lane");
    for (const [, call, length] of this.recording.pieces) {
      pen.fillRect(view.x(call), 0, view.x(call + length) - view.x(call), view.height);
    }
    for (const interval of this.channel.intervals) this.paintClip(pen, view, interval);
    this.paintWave(pen, view, top);
    for (const [start, end] of this.channel.missing) {
      for (const [from, to] of this.recording.stretches(start, end)) {
        const x = view.x(from);
        const width = view.x(to) - x;
        if (x + width < 0 || x > view.width) continue;
        pen.fillStyle = view.colour("lost");
        pen.globalAlpha = 0.2;
        pen.fillRect(x, top, width, view.height - top);
        pen.globalAlpha = 1;
        pen.fillRect(x, view.height - 4, Math.max(width, 1), 4);
      }
    }
    pen.fillStyle = view.colour("late");
    for (const [start] of this.channel.adjustments) {
      const x = view.x(this.recording.callTime(start / RATE));
      pen.beginPath();
      pen.moveTo(x, view.height - 9);
      pen.lineTo(x + 4, view.height - 1);
      pen.lineTo(x - 4, view.height - 1);
      pen.fill();
    }
    for (const [from, to, kind] of this.recording.pauses) this.paintPause(pen, view, from, to, kind);
    for (const { t } of this.failures) this.paintFailure(pen, view, view.x(t));
  }

  paintClip(pen, view, { start, end, party, kind, text, row }) {
    for (const [from, to] of this.recording.stretches(start, end)) {
      const x = view.x(from);
      const right = view.x(to);
      if (right < 0 || x > view.width) continue;
      pen.fillStyle = view.party(party);
      pen.globalAlpha = 0.11;
      pen.fillRect(x, 0, right - x, view.height);
      pen.globalAlpha = 1;
      if (right - x < 3) continue; // thousands of clips in sight: their edges would hide the sound
      pen.fillRect(x, row * LABEL_ROW, 1.5, row ? LABEL_ROW : view.height);
      const left = Math.max(x, 0) + 5;
      pen.font = view.font(11, kind === "say" ? 500 : 600);
      const label = fitted(pen, kind === "say" ? text ?? "" : text ? `${kind} ${text}` : kind, Math.min(right, view.width) - left - 2);
      pen.fillText(label, left, row * LABEL_ROW + 12);
    }
  }

  paintWave(pen, view, top) {
    const { pieces, gain } = this.recording;
    const middle = (top + view.height) / 2;
    const half = (view.height - top) / 2 - 4;
    const column = 1 / view.ratio;
    const perColumn = (view.to - view.from) / (view.width * view.ratio) * RATE;
    // Seen from afar, heights are not in proportion: what is 50 dB down still has a pixel, so that
    // noise and crosstalk show. Where single waves are seen, they have their true shape.
    const power = perColumn > 16 ? 0.6 : 1;
    const tall = (sample) => Math.sign(sample) * Math.abs(sample * gain) ** power * half;
    let owner = 0;
    for (const [file, call, length] of pieces) {
      const end = Math.min(view.x(call + length), view.width);
      const first = Math.max(Math.round(view.x(call) * view.ratio) / view.ratio, 0);
      for (let x = first; x < end; x += column) {
        const at = Math.max((view.time(x) - call + file) * RATE, file * RATE);
        // Whoever talks at all in the column has it.
        let who = this.owners[owner][1];
        while (owner + 1 < this.owners.length && this.owners[owner + 1][0] < at + perColumn) {
          owner++;
          who = this.owners[owner][1] ?? who;
        }
        who ??= this.channel.unscripted;
        pen.fillStyle = who === null ? view.colour("unsaid") : who === "both" ? view.colour("ink") : view.party(who);
        const [low, high] = this.recording.extremes(this.index, at, at + perColumn);
        pen.fillRect(x, middle - tall(high), column, Math.max(tall(high) - tall(low), column));
      }
    }
  }

  paintPause(pen, view, from, to, kind) {
    const x = view.x(from);
    const width = Math.max(view.x(to) - x, 2);
    if (x + width < 0 || x > view.width) return;
    hatch(pen, x, 0, width, view.height, view.colour("faint"));
    pen.font = view.font(11, 600);
    const label = fitted(pen, kind === "skip" ? "paused, skipped" : "paused, silence", width - 12);
    if (!label) return;
    const left = x + (width - pen.measureText(label).width) / 2;
    pen.fillStyle = view.colour("lane");
    pen.fillRect(left - 5, view.height / 2 - 9, pen.measureText(label).width + 10, 18);
    pen.fillStyle = view.colour("quiet");
    pen.fillText(label, left, view.height / 2 + 4);
  }

  paintFailure(pen, view, x) {
    pen.fillStyle = view.colour("bad");
    pen.fillRect(x - 0.75, 0, 1.5, view.height);
    pen.beginPath();
    pen.arc(x, view.height - 9, 8, 0, 7);
    pen.fill();
    pen.fillStyle = view.colour("card");
    pen.font = view.font(11, 700);
    pen.fillText("!", x - 1.8, view.height - 5);
  }

  describe(t, slack) {
    const { recording } = this;
    const found = this.failures.filter((each) => Math.abs(each.t - t) <= 2 * slack).map((each) => `✗ ${each.text}`);
    const pause = recording.pauses.find(([from, to]) => t >= from && t < to);
    if (pause) return [...found, `paused for ${(pause[1] - pause[0]).toFixed(2)} s (${pause[2]})`];
    const [, begin] = recording.pieces[0];
    if (t < begin || t > recording.callTime(recording.seconds)) return [...found, "not recorded"];
    const at = recording.fileTime(t) * RATE;
    for (const { start, end, party, kind, text, level } of this.channel.intervals) {
      if (at < start || at >= end) continue;
      const who = [this.parties[party], kind === "say" ? null : kind].filter(Boolean).join(", ");
      const quoted = kind === "say" && text ? `“${text}”` : text;
      const loud = level === null ? null : `${level.toFixed(1).replace("-", "−")} dBFS`;
      found.push([[who, quoted].filter(Boolean).join(": "), loud].filter(Boolean).join(", "));
    }
    const near = slack * RATE;
    for (const [start, end, why] of this.channel.missing) {
      if (at >= start - near && at < end + near) found.push(`${(end - start) / 8} ms missing: ${why}`);
    }
    for (const [start, samples] of this.channel.adjustments) {
      if (Math.abs(at - start) <= near) found.push(`clock adjusted by ${samples} samples`);
    }
    return [...found, `${clock(recording.fileTime(t))} in ${recording.file}`];
  }
}

const LANES = { ruler: RulerLane, events: EventLane, call: CallLane, stream: StreamLane, channel: ChannelLane };
