// The documentation's search while words are typed, its theme, and its list of pages.
import { themeButton } from "./theme.js";

const words = document.getElementById("words");
const found = document.getElementById("found");
const article = document.querySelector("article");
const pages = document.getElementById("pages");
let asked = 0;

async function search() {
  const wanted = words.value.trim();
  const mine = (asked += 1);
  if (!wanted) {
    found.hidden = true;
    article.hidden = false;
    return;
  }
  const answer = await fetch(`/docs/search?q=${encodeURIComponent(wanted)}`, { headers: { Accept: "application/json" } });
  const hits = (await answer.json()).found;
  if (mine !== asked) return; // more was typed meanwhile
  const title = document.createElement("h1");
  title.textContent = hits.length ? `Sections with ${wanted}` : `No section has all of ${wanted}`;
  const list = document.createElement("ol");
  for (const hit of hits) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = hit.address;
    link.textContent = hit.title;
    link.addEventListener("click", clear);
    const excerpt = document.createElement("p");
    excerpt.textContent = hit.excerpt;
    item.append(link, excerpt);
    list.append(item);
  }
  found.replaceChildren(title, list);
  found.hidden = false;
  article.hidden = true;
}

function clear() {
  words.value = "";
  search();
}

words.addEventListener("input", search);
words.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clear();
  if (event.key === "Enter") found.querySelector("a")?.click();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== words) {
    event.preventDefault();
    words.focus();
  }
});
themeButton(document.getElementById("theme"));

// Beside the page where there is room, folded above it where there is none.
const wide = matchMedia("(min-width: 52.01rem)");
const fold = () => {
  pages.open = wide.matches;
};
wide.addEventListener("change", fold);
fold();
pages.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
