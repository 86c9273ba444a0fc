// The page put together: which view is open, and what every view shares.

import { set } from "./dom.js";
import { store } from "./store.js";
import { ClockPanel } from "./clock.js";
import { SideLists } from "./lists.js";
import { listenToKeys, showKeys } from "./keys.js";
import { placeCall } from "./place.js";
import { themeButton } from "./theme.js";
import { callView } from "./call.js";
import { deliveryView } from "./delivery.js";
import { homeView } from "./home.js";
import { messageView } from "./message.js";
import { recordingView } from "./recording.js";

const main = document.getElementById("main");
const lists = new SideLists(document.querySelector(".side"));
const VIEWS = { calls: callView, recordings: recordingView, webhooks: deliveryView, messages: messageView };
let open = null; // the view: { element, update(news), close(), title, keys }
let shown = "";

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [kind, id] = path.split("/").map(decodeURIComponent);
  const known = Object.hasOwn(VIEWS, kind);
  // On a wide page the lists stay; on a narrow one they are a page of their own.
  document.body.dataset.page = known && id ? "detail" : known ? "list" : "home";
  if (known) lists.show(kind, id ?? null);
  else lists.choose(null);
  const next = known && id ? `${kind}/${id}` : "home";
  if (next === shown) return;
  shown = next;
  open?.close();
  open = known && id ? VIEWS[kind](id, new URLSearchParams(query)) : homeView();
  main.replaceChildren(open.element);
  main.scrollTop = 0;
  scrollTo(0, 0);
  document.title = open.title ? `${open.title} · mediasim` : "mediasim";
}

function told(news) {
  if (!open && store.ready) route();
  if (news.reset || news.calls || news.recordings || news.deliveries || news.messages) lists.update();
  clock.update();
  open?.update(news);
  const lost = document.getElementById("connection");
  if (news.connection) lost.hidden = store.connected;
}

const clock = new ClockPanel(document.getElementById("clock"));
themeButton(document.getElementById("theme"));
document.getElementById("place").addEventListener("click", () => placeCall());
document.getElementById("help").addEventListener("click", showKeys);
const search = document.getElementById("search");
search.addEventListener("input", () => {
  if (document.body.dataset.page !== "list" && matchMedia("(max-width: 60rem)").matches) location.hash = "#/calls";
  lists.search(search.value);
});
set(search, {
  onkeydown: (event) => {
    if (event.key === "Escape") {
      search.value = "";
      lists.search("");
      search.blur();
    } else if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      lists.focusFirst();
    }
  },
});
listenToKeys({ lists, clock, search, view: () => open });
addEventListener("hashchange", () => open && route());
store.subscribe(told);
// What ticks: lengths of what is under way.
setInterval(() => {
  clock.tick();
  open?.tick?.();
  lists.tick();
}, 250);
store.open();
// Views tell of times and names that the feed brings; should it not come, they say what they can.
setTimeout(() => open ?? route(), 1500);
