// How loud it is, both ways, and the ringing of a telephone that is called.

const FLOOR = -60;
const RING = [[440, 480], 2, 4];
let context = null;

function audio() {
  context ??= new AudioContext();
  context.resume();
  return context;
}

/** Paints a stream's level into a bar until it is stopped. */
export class Meter {
  #bar;
  #running = true;
  #source = null;

  constructor(bar, stream) {
    this.#bar = bar;
    const listener = audio().createAnalyser();
    listener.fftSize = 1024;
    this.#source = audio().createMediaStreamSource(stream);
    this.#source.connect(listener);
    const samples = new Float32Array(listener.fftSize);
    const look = () => {
      if (!this.#running) return;
      listener.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
      this.#paint(10 * Math.log10(power + 1e-12));
      requestAnimationFrame(look);
    };
    look();
  }

  #paint(level) {
    const part = Math.min(Math.max((level - FLOOR) / -FLOOR, 0), 1);
    this.#bar.style.setProperty("transform", `scaleX(${part.toFixed(3)})`);
    this.#bar.parentElement.setAttribute("aria-valuenow", Math.round(Math.max(level, FLOOR)));
  }

  stop() {
    this.#running = false;
    this.#source.disconnect();
    this.#paint(FLOOR);
  }
}

/** Ring until the returned function is called; silent where the browser wants a click first. */
export function ring() {
  const [tones, on, off] = RING;
  const gain = audio().createGain();
  gain.gain.value = 0;
  gain.connect(audio().destination);
  const voices = tones.map((frequency) => {
    const voice = audio().createOscillator();
    voice.frequency.value = frequency;
    voice.connect(gain);
    voice.start();
    return voice;
  });
  const burst = () => {
    const now = audio().currentTime;
    gain.gain.setValueAtTime(0.08, now);
    gain.gain.setValueAtTime(0, now + on);
  };
  burst();
  const again = setInterval(burst, (on + off) * 1000);
  return () => {
    clearInterval(again);
    for (const voice of voices) voice.stop();
    gain.disconnect();
  };
}
