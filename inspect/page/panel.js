// The panel at the side: the node that was clicked, or else the last failures.

import { failures, nodes, now } from "./model.js";
import { base } from "./stream.js";
import { tree } from "./tree.js";
import { $, age, badge, causeText, count, failureText, make, meaning, short } from "./text.js";

let shownFailures = null; // what the list of failures shows, while it does

// showNode asks the program for the node, with its stack, and shows it.
export async function showNode(id, close) {
  shownFailures = null;
  const [snap, problem] = await ask(id);
  if (tree.picked !== id) return;
  const n = snap ? snap.nodes[0] : nodes.get(id);
  const side = $("side"), x = make("button", "close", "✕");
  x.title = "Close (Escape)";
  x.onclick = close;
  side.replaceChildren(x);
  side.scrollTop = 0;
  if (!n) {
    side.append(make("p", "dim", problem || "It has ended."));
    return;
  }
  n.t0 = n.t0 || Date.parse(n.started);
  side.append(make("h2", "", n.name || n.path), make("div", "dim", n.path), facts(n));
  if (problem) side.append(make("p", "dim", problem));
  if (n.last_failure) showLast(side, n.last_failure);
  if (n.causes) showCauses(side, n.causes);
  if (n.goroutine) showStack(side, n.goroutine, "stack");
  else if (snap) side.append(make("p", "dim", n.kind === "scope" ? "Its body does not run, or it has none." : "No stack was found."));
  for (const g of n.strays || []) showStack(side, g, "stray goroutine");
  if (n.detail !== undefined && n.detail !== null) {
    side.append(make("h3", "", "what it says of itself"), make("pre", "", JSON.stringify(n.detail, null, 2)));
  }
  if (snap) side.append(make("p", "dim cost", costText(snap)));
  tick();
}

async function ask(id) {
  try {
    const answer = await fetch(`${base}snapshot.json?stacks=1&id=${encodeURIComponent(id)}`);
    if (answer.ok) return [await answer.json(), ""];
    return [null, answer.status === 404 ? "It has ended." : await answer.text()];
  } catch {
    return [null, "The program cannot be reached."];
  }
}

// ticking is an element that says how long ago something was.
function ticking(at, after = "") {
  const e = make("dd");
  e.dataset.since = at;
  e.dataset.after = after;
  return e;
}

// tick renews what says how long ago something was.
export function tick() {
  for (const e of document.querySelectorAll("[data-since]")) e.textContent = age(now() - Number(e.dataset.since)) + e.dataset.after;
}

function facts(n) {
  const dl = make("dl"), state = make("dd");
  state.append(badge(n.state), meaning(n.state) ? make("div", "dim", meaning(n.state)) : "");
  const pathOf = (id) => nodes.get(id) ? nodes.get(id).path : id;
  const numbers = n.counts && Object.entries(n.counts).filter(([, v]) => v).map(([k, v]) => `${count(v)} ${k}`).join(", ");
  const pairs = [
    ["state", state], ["kind", n.kind + (n.policy ? ", " + n.policy : "")], ["id", n.id], ["age", ticking(n.t0)],
    ["asked to end", n.cancelled && ticking(Date.parse(n.cancelled), " ago")],
    ["started at", n.site], ["limit", n.limit], ["counts", numbers],
    ["waits for", (n.waits_for || []).map(pathOf).join(", ")], ["says", n.note],
  ];
  for (const [k, v] of pairs) if (v) dl.append(make("dt", "", k), v instanceof Node ? v : make("dd", "", v));
  return dl;
}

function showLast(side, f) {
  side.append(make("h3", "", "last failure"));
  const li = make("li", "", failureText(f)), ul = make("ul", "causes");
  li.append(make("div", "dim", whenAndWhere(f.at, f.site)));
  ul.append(li);
  side.append(ul);
}

const whenAndWhere = (at, site) => new Date(at).toLocaleTimeString() + (site ? ", started at " + short(site) : "");

function showCauses(side, causes) {
  side.append(make("h3", "", "why it is being stopped"));
  const ul = make("ul", "causes");
  for (const c of causes) {
    const li = make("li", "", causeText(c));
    if (c.site) li.append(make("div", "dim", "started at " + c.site));
    ul.append(li);
  }
  side.append(ul);
}

// isLib reports whether a call is of the standard library or of package scope.
const isLib = (f) => !/^[^/]*\.[^/]*\//.test(f.func) && !f.func.startsWith("main.") || f.func.startsWith("github.com/supervisorscope/scope.");

function showStack(side, g, title) {
  side.append(make("h3", "", title));
  side.append(make("div", "", `goroutine ${g.id}: ${g.wait}${g.minutes ? ` for ${g.minutes} min` : ""}`));
  if (g.created_by && title !== "stack") side.append(make("div", "dim", "started by go in " + g.created_by));
  const ul = make("ul", "frames");
  for (const f of g.frames || []) {
    const at = `${f.file}:${f.line}`;
    const li = make("li", at === g.at ? "here" : isLib(f) ? "lib" : "", f.func);
    li.append(make("small", "", at));
    ul.append(li);
  }
  side.append(ul);
}

// showFailures shows the last failures, if they are not there already.
export function showFailures() {
  const newest = failures[0] || "none";
  if (shownFailures === newest) return;
  shownFailures = newest;
  const side = $("side");
  side.replaceChildren(make("h2", "", "Last failures"));
  if (!failures.length) {
    side.append(make("p", "dim", "None was seen. Click a row to see its stack, its causes and what it says of itself."));
    return;
  }
  const ul = make("ul", "fails");
  for (const f of failures) {
    const li = make("li");
    li.append(badge(f.state), " ", make("b", "", f.path), make("div", "", f.err || ""), make("div", "dim", whenAndWhere(f.to, f.site)));
    ul.append(li);
  }
  side.append(ul);
}

const ms = (ns) => ns < 1e6 ? `${Math.round(ns / 1e3)} µs` : `${(ns / 1e6).toFixed(1)} ms`;

// costText says what a look with stacks cost the program.
export function costText(snap) {
  const g = snap.goroutines;
  return `This look took ${ms(snap.cost.walk_ns)} and stopped the program for at most ${ms(snap.cost.stacks_ns || 0)}. ` +
    `${count(g.total)} goroutines: ${count(g.tasks)} in tasks, ${count(g.strays)} strays, ${count(g.others)} of no task.` +
    (snap.cost.cut ? " There were too many to print: stacks are missing." : "");
}
