// What requests and responses hold: TwiML and JSON shown with a little colour and line numbers, cut
// into spans of text and never read as HTML; parameters and headers as tables.

import { h } from "./dom.js";
import { count } from "./words.js";

const XML = /(<!--[\s\S]*?-->|<\?[\s\S]*?\?>)|(<\/?)([\w:.-]+)|([\w:.-]+)(=)("[^"]*"|'[^']*')|(\/?>)/g;

/** A body as numbered lines; the line `marked` stands out. */
export function body(text, contentType, marked) {
  const xml = /xml|html/.test(contentType ?? "") || text.trimStart().startsWith("<");
  const lines = text.split("\n").map((line, at) =>
    h("span.line", { class: at + 1 === marked ? "marked" : "" }, xml ? coloured(line) : line, "\n"));
  return h("pre.source", { tabindex: 0 }, lines);
}

function coloured(line) {
  const parts = [];
  let from = 0;
  for (const match of line.matchAll(XML)) {
    parts.push(line.slice(from, match.index));
    from = match.index + match[0].length;
    const [whole, remark, open, tag, name, equals, value] = match;
    if (remark) parts.push(h("span.remark", {}, whole));
    else if (tag) parts.push(open, h("span.tag", {}, tag));
    else if (name) parts.push(h("span.name", {}, name), equals, h("span.value", {}, value));
    else parts.push(whole);
  }
  parts.push(line.slice(from));
  return parts;
}

/** Names and values as a table. */
export function table(rows, style = "") {
  return h("div.scrolls", { tabindex: 0 }, h("table", { class: style }, h("tbody", {}, rows.map(([name, value]) =>
    h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))))));
}

/** Headers as a table that opens. */
export function headersOf(headers) {
  return h("details", {}, h("summary", {}, count(Object.keys(headers).length, "header")), table(Object.entries(headers), "code"));
}
