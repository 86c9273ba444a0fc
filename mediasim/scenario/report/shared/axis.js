// One time axis: which stretch of a call is seen, where a time stands in it, and how it is written.
// The report page holds this file, the inspector loads it.

export const RATE = 8000; // samples a second

const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const APART = 70; // pixels between ticks, at least

/** 0:02; 0:02.500 with three decimals; hours where there are some. */
export function clock(seconds, decimals = 0) {
  const scale = 10 ** decimals;
  const whole = Math.round(Math.max(seconds, 0) * scale);
  const minutes = Math.floor(whole / scale / 60);
  const rest = ((whole - minutes * 60 * scale) / scale).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A stretch of time over a width in pixels. */
export class Axis {
  constructor(from, to, width) {
    Object.assign(this, { from, to, width });
  }

  x(time) {
    return ((time - this.from) / (this.to - this.from)) * this.width;
  }

  time(x) {
    return this.from + (x / this.width) * (this.to - this.from);
  }

  /** Round times that stand well apart, each with the words to write there: [time, words]. */
  *ticks() {
    const least = (this.to - this.from) * (APART / this.width);
    const step = STEPS.find((each) => each >= least) ?? 3600;
    const decimals = step >= 1 ? 0 : Math.ceil(-Math.log10(step));
    for (let n = Math.ceil(this.from / step); n * step <= this.to; n++) yield [n * step, clock(n * step, decimals)];
  }
}

/** The page's colours and fonts as the style sheet has them, light or dark. */
export class Theme {
  constructor() {
    this.style = getComputedStyle(document.documentElement);
    this.known = new Map();
  }

  colour(name) {
    if (!this.known.has(name)) this.known.set(name, this.style.getPropertyValue(`--${name}`).trim());
    return this.known.get(name);
  }
}

/** An axis over a canvas, with the colours and type to paint it. */
export class View extends Axis {
  constructor(from, to, width, height, ratio, theme) {
    super(from, to, width);
    Object.assign(this, { height, ratio, theme });
  }

  /** The view of a canvas, which is made as fine as the screen; null where it is not shown. */
  static of(canvas, from, to, theme) {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return null;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.getContext("2d").scale(ratio, ratio);
    return new View(from, to, width, height, ratio, theme);
  }

  colour(name) {
    return this.theme.colour(name);
  }

  party(index) {
    return index < 0 ? this.colour("quiet") : this.colour(`p${index % 8}`);
  }

  font(size, weight = 400) {
    return `${weight} ${size}px ${this.colour("text")}`;
  }
}
