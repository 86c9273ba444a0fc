// The waveform of a recording's channel, with what was said in it and what it lacks; and a
// recording's clock, which is the call's but for pauses that were skipped.
// The report page holds this file, the inspector loads it.

import { RATE, clock } from "./axis.js";

const LABEL_ROW = 16;

/**
 * One recording: its channels as drawn and heard, and its clock (seconds of file and call).
 *
 * A channel's `peaks` are the lowest and the highest sample of each bucket of so many samples, in
 * turn; `decode()` gives all samples, where they are at hand.
 */
export class Recording {
  constructor(data) {
    Object.assign(this, data);
  }

  /** Samples of each channel, or null where there are only peaks. */
  get samples() {
    return (this.decoded ??= this.decode?.() ?? null);
  }

  callTime(seconds) {
    const piece = this.pieces.findLast(([start]) => start <= seconds) ?? this.pieces[0];
    return piece[1] + seconds - piece[0];
  }

  /** The place in the file of a time of the call; of what was skipped, the place after it. */
  fileTime(time) {
    const piece = this.pieces.find(([, call, length]) => time < call + length) ?? this.pieces.at(-1);
    return Math.min(Math.max(piece[0] + time - piece[1], piece[0]), piece[0] + piece[2]);
  }

  /** The parts of a stretch of samples on the call's clock: more than one if a pause was skipped. */
  *stretches(start, end) {
    for (const [file, call, length] of this.pieces) {
      const from = Math.max(start / RATE, file);
      const to = Math.min(end / RATE, file + length);
      if (from < to) yield [from - file + call, to - file + call];
    }
  }

  /** Lowest and highest sample of a channel between two places, in samples. */
  extremes(channel, from, to) {
    let low = 1;
    let high = -1;
    if (this.samples && to - from < 2 * this.bucket) {
      const sound = this.samples[channel];
      // One sample more than asked for, so that neighbouring columns touch.
      for (let i = Math.floor(from); i <= Math.ceil(to) && i < sound.length; i++) {
        low = Math.min(low, sound[i]);
        high = Math.max(high, sound[i]);
      }
    } else {
      const { peaks } = this.channels[channel];
      const last = Math.min(Math.ceil(to / this.bucket), peaks.length / 2);
      for (let i = Math.floor(from / this.bucket); i < last; i++) {
        low = Math.min(low, peaks[2 * i]);
        high = Math.max(high, peaks[2 * i + 1]);
      }
    }
    return low > high ? [0, 0] : [low, high];
  }
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

export class ChannelLane {
  /** `parties` are names by number, `failures` what was found wrong and when: { t, text }. */
  constructor(recording, index, parties, failures = []) {
    Object.assign(this, { recording, index, parties, failures });
    this.channel = recording.channels[index];
    this.rows = Math.max(1, ...this.channel.intervals.map((each) => each.row + 1));
    this.owners = this.ownership();
  }

  /** Pixels, where its labels take more than one row. */
  get height() {
    return 76 + this.rows * LABEL_ROW;
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
    return [...found, `${clock(recording.fileTime(t), 3)} in ${recording.file}`];
  }
}
