// What is known of the program: the nodes that live, and what has ended in the
// last minutes. There may be a hundred thousand: so texts that many have in
// common are kept once, and what is asked for in each frame is worked out when
// a node comes.

import { isBad, passedOn, stem } from "./text.js";

const keepMinutes = 15;
const keepEnded = 20000;
const keepFailures = 50;

export const nodes = new Map(); // by ID
export const ended = []; // in the order of their ends
export const failures = []; // the newest first
export const known = {
  failed: 0, // failures that were seen
  since: 0, // when the first event came
  oldest: Infinity, // when the oldest task was started
  leftOut: 0, // scopes that the program does not tell of
};

const children = new Map(); // by ID, sets of IDs; "" for the roots
const nobody = new Set();
let skew = 0; // of this machine's clock, in ms

export const now = () => Date.now() + skew;
export const childrenOf = (id) => children.get(id) || nobody;
export function setClock(taken) { skew = Date.parse(taken) - Date.now(); }

const texts = new Map();
function shared(text) {
  if (!text) return text;
  const old = texts.get(text);
  if (old !== undefined) return old;
  if (texts.size > 50000) texts.clear();
  texts.set(text, text);
  return text;
}

// A node is what the program sent, and
//   t0     when it was started
//   stem   its name without numbers
//   group  its path without numbers
//   fresh  when it came, if it was not there from the start
//   where  what it was doing when that was last asked
export function learn(n) {
  const old = nodes.get(n.id);
  n.parent = n.parent || "";
  n.t0 = Date.parse(n.started);
  delete n.started;
  delete n.age_ns;
  n.site = shared(n.site);
  n.kind = shared(n.kind);
  n.state = shared(n.state);
  n.stem = shared(stem(n.name));
  n.group = shared(stem(n.path));
  n.where = old ? old.where : "";
  n.fresh = old ? old.fresh : known.since ? Date.now() : 0;
  if (n.kind !== "scope") known.oldest = Math.min(known.oldest, n.t0);
  if (!old || old.parent !== n.parent) {
    if (old) unhang(old);
    if (!children.has(n.parent)) children.set(n.parent, new Set());
    children.get(n.parent).add(n.id);
  }
  nodes.set(n.id, n);
}

// reset forgets all: another program answers in place of the one that was known.
export function reset() {
  nodes.clear();
  children.clear();
  ended.length = failures.length = 0;
  Object.assign(known, { failed: 0, since: 0, oldest: Infinity });
}

function unhang(n) {
  const siblings = children.get(n.parent);
  if (!siblings) return;
  siblings.delete(n.id);
  if (!siblings.size) children.delete(n.parent);
}

// end takes a node away. One whose state is none of an end lives on, and is left
// out by the program.
export function end(e, at) {
  const n = nodes.get(e.id);
  if (!n) return;
  unhang(n);
  nodes.delete(e.id);
  const over = ["ok", "failed", "panicked", "cancelled", "refused", "ended"].includes(e.state);
  if (n.kind === "scope" || !over) return;
  keep({ id: n.id, path: n.path, group: n.group, site: n.site, t0: n.t0, to: at, state: shared(e.state), err: e.err });
}

// keep remembers a task that has ended.
function keep(life) {
  ended.push(life);
  if (ended.length > keepEnded * 1.2) ended.splice(0, ended.length - keepEnded);
  known.oldest = Math.min(known.oldest, life.t0);
  if (!isBad(life.state)) return;
  if (passedOn(life.path, life.err)) return;
  known.failed++;
  failures.unshift(life);
  failures.length = Math.min(failures.length, keepFailures);
}

// recall takes over what a recorder has kept from before.
export function recall(events) {
  for (const e of events) {
    if (e.what !== "ended") continue;
    keep({
      id: e.id, path: e.path, group: shared(stem(e.path)), site: shared(e.site),
      t0: Date.parse(e.started), to: Date.parse(e.at), state: shared(e.state), err: e.err,
    });
  }
}

// forget drops what ended too long ago to be shown.
export function forget() {
  const edge = now() - keepMinutes * 60e3;
  let n = 0;
  while (n < ended.length && ended[n].to < edge) n++;
  if (n) ended.splice(0, n);
}

// A filter is what the reader wants to see: a text, and states.
export const filter = { text: "", states: new Set() };

const shown = (n) => [n.path, n.kind, n.state, n.site, n.note || "", n.where || "", n.id].join("\n").toLowerCase();

// matching returns the IDs of what passes the filter, and of what that hangs
// below; null if there is no filter.
export function matching() {
  if (!filter.text && !filter.states.size) return null;
  const found = new Set();
  for (const n of nodes.values()) {
    if (filter.states.size && !filter.states.has(n.state)) continue;
    if (filter.text && !shown(n).includes(filter.text)) continue;
    for (let at = n; at && !found.has(at.id); at = nodes.get(at.parent)) found.add(at.id);
  }
  return found;
}

// passes is the filter for what has ended.
export const passes = (life) => (!filter.states.size || filter.states.has(life.state)) &&
  (!filter.text || (life.path + "\n" + life.state).toLowerCase().includes(filter.text));
