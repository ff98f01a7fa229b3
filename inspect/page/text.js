// Words and small elements. All text of the program goes through textContent,
// never through markup.

export const $ = (id) => document.getElementById(id);

export function make(tag, cls, text) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
}

export const count = (n) => n.toLocaleString("en");
export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

// age writes milliseconds for people, as the command does.
export function age(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 1) return Math.round(Math.max(0, ms)) + "ms";
  if (s < 60) return Math.floor(s) + "s";
  const two = (x) => String(Math.floor(x)).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d${Math.floor((s % 86400) / 3600)}h`;
}

// stem is what like names have in common.
export const stem = (name) => (name || "").replace(/[0-9]+/g, "*");

// short is a line of source with no more of its path than the last directory.
export const short = (site) => site ? site.split("/").slice(-2).join("/") : "";

export function causeText(c) {
  if (c.task) return `${c.task} failed: ${c.text}`;
  return c.text === "context canceled" ? "it was shut down, or cancelled without a cause" : c.text;
}
// A failure that was passed on by a task within the one that failed is that one's.
export const failureText = (f) => !f.task || passedOn(f.task, f.text) ? f.text : `${f.task}: ${f.text}`;
export const passedOn = (path, text) => (text || "").startsWith(`task "${path}/`);
export const isBad = (state) => state === "failed" || state === "panicked";

// What the states mean; the buttons that filter by them are the legend.
const meanings = {
  open: "takes tasks",
  starting: "not ready yet",
  draining: "takes no newcomers, and waits for its tasks",
  completing: "its own function is over; it waits for what is nested in it",
  cancelling: "was asked to end",
  straggling: "was asked to end, and its grace is over",
  queued: "waits to be started",
  ready: "has started, and serves",
  backoff: "has failed, and waits to be started again",
  parked: "has failed too often, and is not started again",
  stopping: "is being stopped",
  stopped: "was stopped, and is not started again",
  stuck: "does not stop",
};
export const meaning = (state) => meanings[state] || "";

const stateClass = (state) => "s-" + state.replace(/[^a-z]/g, "");

// badge shows a state in its colour.
export function badge(state, tag = "span") {
  const e = make(tag, "state " + stateClass(state), state);
  e.title = meaning(state);
  return e;
}

export const chipClass = (state, on) => `chip ${stateClass(state)}${on ? " on" : ""}`;
