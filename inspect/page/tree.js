// The tree: a list of rows, of which only those that can be seen are in the
// document.

import { childrenOf, filter, known, matching, nodes, now } from "./model.js";
import { $, age, badge, causeText, count, failureText, make, plural, short } from "./text.js";

const rowHeight = 24;
const likeEnough = 4; // this many like nodes share a row

export const tree = { rows: [], picked: null, openAll: false };
const opened = new Set(); // rows, by key
const closed = new Set();

// buildRows makes the rows of what passes the filter.
export function buildRows() {
  tree.rows = [];
  addLevel(childrenOf(""), 0, "", matching());
}

function addLevel(ids, depth, above, wanted) {
  const alike = $("group").checked;
  const bunches = new Map();
  for (const id of ids) {
    const n = nodes.get(id);
    if (!n || (wanted && !wanted.has(id))) continue;
    const key = alike ? likeness(n) : id;
    const bunch = bunches.get(key);
    if (bunch) bunch.push(n); else bunches.set(key, [n]);
  }
  for (const [key, list] of bunches) {
    if (list.length < likeEnough) {
      for (const n of list) addNode(n, depth, wanted);
      continue;
    }
    const row = { key: above + "|" + key, n: list[0], list, depth, hasMore: true, oldest: oldestOf(list) };
    row.isOpen = opened.has(row.key);
    tree.rows.push(row);
    if (row.isOpen) for (const n of list) addNode(n, depth + 1, wanted);
  }
}

const likeness = (n) => `${n.kind}|${n.state}|${n.site}|${n.stem}|${n.where || ""}`;

function oldestOf(list) {
  let t = Infinity;
  for (const n of list) t = Math.min(t, n.t0);
  return t;
}

function addNode(n, depth, wanted) {
  const below = childrenOf(n.id);
  const inView = opened.has(n.id) || wanted !== null || tree.openAll || n.kind === "scope" || depth < 4;
  const isOpen = below.size > 0 && !closed.has(n.id) && inView;
  tree.rows.push({ key: n.id, n, depth, isOpen, hasMore: below.size > 0, oldest: n.t0 });
  if (isOpen) addLevel(below, depth + 1, n.id, wanted);
}

export function toggle(row) {
  const [to, from] = row.isOpen ? [closed, opened] : [opened, closed];
  to.add(row.key);
  from.delete(row.key);
}

export function toggleAll() {
  tree.openAll = !tree.openAll;
  closed.clear();
  if (!tree.openAll) opened.clear();
}

const drawn = new Map(); // by key, the elements in the document

export function drawRows() {
  const box = $("rows"), rows = tree.rows;
  const from = Math.max(0, Math.floor(box.scrollTop / rowHeight) - 5);
  const to = Math.min(rows.length, Math.ceil((box.scrollTop + box.clientHeight) / rowHeight) + 5);
  $("sizer").style.height = rows.length * rowHeight + "px";
  const used = new Set();
  for (let i = from; i < to; i++) {
    drawRow(box, rows[i]).style.top = i * rowHeight + "px";
    used.add(rows[i].key);
  }
  for (const [key, e] of drawn) {
    if (used.has(key)) continue;
    e.remove();
    drawn.delete(key);
  }
  drawEmpty(box);
}

function drawRow(box, r) {
  const look = lookOf(r);
  let e = drawn.get(r.key);
  if (!e || e.look !== look) {
    const fresh = rowElement(r);
    fresh.look = look;
    if (e) e.replaceWith(fresh); else box.append(fresh);
    drawn.set(r.key, e = fresh);
  }
  e.querySelector(".age").textContent = (r.list ? "≤ " : "") + age(now() - r.oldest);
  return e;
}

function drawEmpty(box) {
  const none = box.querySelector(".empty");
  if (tree.rows.length) {
    if (none) none.remove();
    return;
  }
  const text = !known.since ? "Loading…" : filter.text || filter.states.size ? "Nothing matches the filter." : "No scope is open in this program.";
  if (none) none.textContent = text; else box.append(make("div", "empty", text));
}

// lookOf changes when the row must be made anew.
function lookOf(r) {
  const n = r.n;
  return [
    r.depth, r.isOpen, r.hasMore, r.list ? r.list.length : 0, n.state, n.note, n.where, tree.picked === r.key, n.left_out,
    n.counts && JSON.stringify(n.counts), n.causes && n.causes.length, n.last_failure && n.last_failure.at,
  ].join("|");
}

function rowElement(r) {
  const n = r.n;
  const isFresh = n.fresh && Date.now() - n.fresh < 1500 && !r.list;
  const row = make("div", `row ${n.kind === "scope" ? "scope" : "task"}${tree.picked === r.key ? " picked" : ""}${isFresh ? " fresh" : ""}`);
  row.dataset.key = r.key;
  const site = make("span", "site", short(n.site));
  site.title = n.site;
  row.append(nameOf(r), badge(n.state), make("span", "age"), site, textOf(r));
  return row;
}

function nameOf(r) {
  const n = r.n, name = make("span", "name");
  name.style.paddingLeft = r.depth * 16 + "px";
  name.append(make("span", "twist", r.hasMore ? (r.isOpen ? "▾" : "▸") : ""));
  name.append(make("b", "", r.list ? n.stem || "(scopes)" : n.name || `(scope ${n.id})`));
  if (r.list) name.append(make("span", "times", "×" + count(r.list.length)));
  if (n.kind !== "task") name.append(make("span", "kind", n.kind === "scope" ? n.policy : n.kind));
  name.title = r.list ? `${n.path} and ${plural(r.list.length - 1, "other", "others")} like it` : n.path;
  return name;
}

// textOf is what a node says and does, in the last column.
function textOf(r) {
  const n = r.n, text = make("span", "text");
  const next = () => text.textContent ? "; " : "";
  const counts = r.list ? sum(r.list) : n.counts;
  if (counts) tell(text, counts);
  if (n.limit) text.append(`, limit ${n.limit}`);
  if (n.left_out && !r.list) text.append(`, ${count(n.left_out)} more not shown`);
  if (n.where) text.append(next(), make("em", "", n.where));
  if (n.note && !r.list) text.append(next(), n.note);
  if (n.causes && !r.list) text.append(next(), make("span", "bad", "cause: " + causeText(n.causes[0])));
  if (n.last_failure && n.kind === "scope" && !r.list) text.append(next(), make("span", "bad", "last failure: " + failureText(n.last_failure)));
  text.title = text.textContent;
  return text;
}

function tell(text, c) {
  text.append(`${count(c.live)} live`);
  if (c.daemons) text.append(`, ${plural(c.daemons, "daemon", "daemons")}`);
  for (const word of ["ok", "cancelled", "refused"]) if (c[word]) text.append(`, ${count(c[word])} ${word}`);
  for (const word of ["failed", "panicked"]) if (c[word]) text.append(", ", make("span", "bad", `${count(c[word])} ${word}`));
}

// sum adds up the counts of scopes that share a row; tasks have none.
function sum(list) {
  if (!list[0].counts) return null;
  const all = {};
  for (const n of list) for (const word in n.counts) all[word] = (all[word] || 0) + n.counts[word];
  return all;
}

// scrollTo brings the row with that number into sight.
export function scrollTo(i) {
  const box = $("rows"), top = i * rowHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
}
