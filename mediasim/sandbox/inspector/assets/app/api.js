// Requests to the control API, which refuses with {"error": words}.

const PREFIX = "/_mediasim";

export class Refused extends Error {
  constructor(words, { status = 0, problems = [] } = {}) {
    super(words);
    this.gone = status === 404;
    this.problems = problems;
  }
}

async function ask(method, path, body) {
  const asked = { method, headers: {} };
  if (body !== undefined) {
    asked.body = JSON.stringify(body);
    asked.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(PREFIX + path, asked);
  } catch {
    throw new Refused("The sandbox does not answer. Is it running?");
  }
  const text = await answer.text();
  let found = null;
  try {
    found = text ? JSON.parse(text) : null;
  } catch {
    // Not ours, or broken: the status says the rest.
  }
  if (!answer.ok) throw new Refused(found?.error ?? `It answered with status ${answer.status}.`, {
    status: answer.status, problems: found?.problems });
  return found;
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const part = (text) => encodeURIComponent(text);
export const mediaUrl = (sid, channels, format, save) =>
  `${PREFIX}/inspector/recordings/${part(sid)}/media?channels=${channels}&format=${format}${save ? "&save=true" : ""}`;
export const FEED = `${PREFIX}/inspector/feed`;
