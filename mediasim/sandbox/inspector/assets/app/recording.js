// One recording on a page of its own.

import { get, part } from "./api.js";
import { h } from "./dom.js";
import { RecordingPanel } from "./panel.js";
import { store } from "./store.js";
import { shortSid } from "./words.js";

export function recordingView(sid) {
  const element = h("article.recording", {}, h("p.quiet", {}, "…"));
  let panel = null;
  let status = null;
  let closed = false;

  async function load() {
    let found;
    try {
      found = await get(`/inspector/recordings/${part(sid)}`);
    } catch (error) {
      if (error.gone) element.replaceChildren(h("a.back", { href: "#/recordings" }, "Recordings"), h("h1", {}, "No such recording"), h("p.quiet", {}, error.message));
      return;
    }
    if (closed || found.status === status) return;
    status = found.status;
    panel?.close();
    panel = new RecordingPanel(found);
    element.replaceChildren(
      h("header.head", {},
        h("a.back", { href: "#/recordings" }, "Recordings"),
        h("h1", {}, "Recording ", h("span.quiet", {}, shortSid(sid))),
        h("p.facts", {}, store.calls.has(found.call_sid) ? h("a", { href: `#/calls/${part(found.call_sid)}` }, "its call") : null)),
      panel.element);
  }

  load();
  return {
    element,
    title: "Recording",
    update: (news) => (news.reset || news.recordings?.some((each) => each.sid === sid)) && load(),
    keys: (key) => panel?.keys(key),
    close() {
      closed = true;
      panel?.close();
    },
  };
}
