// Elements, made from text: nothing here reads HTML, so nothing an app or a caller says can be any.

/** An element: `h("button.primary", { onclick, data: { key } }, "words", otherElement)`. */
export function h(what, props = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  set(element, props);
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function set(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") {
      for (const [key, to] of Object.entries(value)) element.style.setProperty(key, to);
    } else if (name === "class") element.classList.add(...String(value).split(" ").filter(Boolean));
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.startsWith("aria") && name !== "list") element[name] = value;
    else if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Let a parent have these children, keeping those that stand where they should. */
export function arrange(parent, children) {
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
}

/** A button that copies a text and says so. */
export function copyButton(text, words = "Copy") {
  const button = h("button.copy", { type: "button" }, words);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy it";
    }
    setTimeout(() => (button.textContent = words), 1500);
  });
  return button;
}

/** A line at the foot of the page for a while. */
export function toast(words, kind = "") {
  const line = h("p.toast", { class: kind }, words);
  document.getElementById("toasts").append(line);
  setTimeout(() => line.remove(), kind === "bad" ? 8000 : 3500);
}
