// The media of one call: a microphone, a peer connection, and the keys sent in its RTP.

const KEY_MS = 120;
const PAUSE_MS = 80;

/** The microphone. Throws an Error with words for a person. */
export async function microphone(clean) {
  if (!navigator.mediaDevices) throw new Error("This browser gives its microphone to pages of localhost and https only.");
  const wanted = { echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean, channelCount: 1 };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: wanted });
  } catch (error) {
    if (error.name === "NotAllowedError") throw new Error("The microphone may not be used: allow it in the browser's address bar.");
    if (error.name === "NotFoundError") throw new Error("There is no microphone.");
    throw new Error(`The microphone cannot be used: ${error.message}`);
  }
}

export class Line {
  muted = false;
  held = false;
  #peer = new RTCPeerConnection({ iceServers: [] });
  #sender;
  #stream;
  #sound;

  /** `lost` is called when the media has gone. */
  constructor(stream, sound, codec, { heard, lost }) {
    this.#stream = stream;
    this.#sound = sound;
    const way = this.#peer.addTransceiver(stream.getAudioTracks()[0], { direction: "sendrecv", streams: [stream] });
    this.#sender = way.sender;
    const known = RTCRtpReceiver.getCapabilities("audio").codecs;
    const is = (name) => (each) => each.mimeType.toLowerCase() === `audio/${name.toLowerCase()}`;
    way.setCodecPreferences([codec, "opus", "PCMU", "telephone-event"].flatMap((name, at, all) => (all.indexOf(name) === at ? known.filter(is(name)) : [])));
    this.#peer.addEventListener("track", ({ track }) => {
      const remote = new MediaStream([track]);
      this.#sound.srcObject = remote;
      heard(remote);
    });
    this.#peer.addEventListener("connectionstatechange", () => {
      if (this.#peer.connectionState === "failed") lost();
    });
  }

  async offer() {
    await this.#peer.setLocalDescription();
    return this.#peer.localDescription.sdp;
  }

  async answered(sdp) {
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
  }

  /** Press a key; returns whether it goes out as a telephone event. */
  press(key) {
    const tones = this.#sender.dtmf;
    if (!tones?.canInsertDTMF) return false;
    tones.insertDTMF(tones.toneBuffer + key, KEY_MS, PAUSE_MS);
    return true;
  }

  mute(on) {
    this.muted = on;
    this.#apply();
  }

  hold(on) {
    this.held = on;
    this.#apply();
  }

  #apply() {
    for (const track of this.#stream.getAudioTracks()) track.enabled = !this.muted && !this.held;
    this.#sound.muted = this.held;
  }

  close() {
    this.#peer.close();
    for (const track of this.#stream.getTracks()) track.stop();
    this.#sound.srcObject = null;
    this.#sound.muted = false;
  }
}
