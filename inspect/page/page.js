// The page follows the stream of changes and draws what it knows: the tree (only
// the rows that can be seen), a panel for the node that was clicked, and a
// timeline. All text of the program goes through textContent, never through
// markup.
"use strict";

const base = location.pathname.replace(/[^/]*$/, "");
const $ = (id) => document.getElementById(id);
const rowHeight = 24;
const keepMinutes = 15;
const likeEnough = 4; // this many like tasks share a row

const nodes = new Map(); // by ID, what lives
const children = new Map(); // by ID, IDs; "" for the roots
const lives = new Map(); // by ID, a bar of the timeline, also of what has ended
const failures = []; // the newest first
const open = new Set(); // rows that were opened, by key
const shut = new Set(); // rows that were closed
let skew = 0; // of this machine's clock, in ms
let picked = null, rows = [], states = new Set(), expandAll = false, span = 300, where = null;
let failed = 0, seenFrom = 0;

// --- what is known ---------------------------------------------------------

const now = () => Date.now() + skew;
const childrenOf = (id) => children.get(id) || [];

function learn(n) {
  const old = nodes.get(n.id);
  n.t0 = Date.parse(n.started);
  if (old) {
    n.where = old.where;
    if ((old.parent || "") !== (n.parent || "")) unhang(old);
  }
  if (!old || (old.parent || "") !== (n.parent || "")) {
    const up = n.parent || "";
    if (!children.has(up)) children.set(up, []);
    children.get(up).push(n.id);
    n.fresh = seenFrom > 0 ? Date.now() : 0;
  } else {
    n.fresh = old.fresh;
  }
  nodes.set(n.id, n);
  if (n.kind !== "scope") {
    lives.set(n.id, { id: n.id, path: n.path, name: n.name, kind: n.kind, from: n.t0, to: 0, state: n.state });
  }
}

function unhang(n) {
  const list = children.get(n.parent || "");
  const at = list ? list.indexOf(n.id) : -1;
  if (at >= 0) list.splice(at, 1);
  if (list && !list.length) children.delete(n.parent || "");
}

function end(e, at) {
  const n = nodes.get(e.id);
  if (!n) return;
  unhang(n);
  nodes.delete(e.id);
  const life = lives.get(e.id);
  if (life) {
    Object.assign(life, { to: at, state: e.state, err: e.err });
    if (isBad(e.state)) remember(life, n.site);
  }
}

const isBad = (state) => state === "failed" || state === "panicked";

function remember(life, site) {
  if ((life.err || "").startsWith(`task "${life.path}/`)) return; // passed on by a task within it
  failed++;
  failures.unshift({ id: life.id, path: life.path, state: life.state, err: life.err, at: life.to, site });
  failures.length = Math.min(failures.length, 50);
}

function forgetOld() {
  const edge = now() - keepMinutes * 60e3;
  for (const [id, l] of lives) if (l.to && l.to < edge) lives.delete(id);
}

// --- the stream ------------------------------------------------------------

function connect() {
  const source = new EventSource(base + "events");
  source.onmessage = (m) => {
    const change = JSON.parse(m.data);
    const first = source.fresh !== false;
    source.fresh = false;
    skew = Date.parse(change.taken) - Date.now();
    if (first) { // all there is, also after a break in the connection
      const still = new Set(change.nodes.map((n) => n.id));
      for (const id of [...nodes.keys()]) if (!still.has(id)) end({ id, state: "ended" }, now());
    }
    for (const e of change.ended || []) end(e, Date.parse(change.taken));
    for (const n of change.nodes) learn(n);
    if (!seenFrom) seenFrom = now();
    about(change.program);
    link("on", "live");
    refresh();
  };
  source.onopen = () => { source.fresh = true; link("on", "live"); };
  source.onerror = () => link("off", source.readyState === 2 ? "refused" : "gone: the program has ended or cannot be reached");
}

function link(kind, text) {
  $("link").className = "link " + kind;
  $("link").textContent = text;
}

function about(p) {
  $("program").textContent = p.name;
  $("about").textContent = `pid ${p.pid}${p.host ? " on " + p.host : ""}, ${p.go}`;
  document.title = `${p.name} (${p.pid}) – scope`;
}

async function seed() {
  const answer = await fetch(base + "history.json");
  if (!answer.ok) return;
  for (const e of (await answer.json()).events) {
    if (e.kind === "scope") continue;
    const life = lives.get(e.id) || { id: e.id, path: e.path, name: e.path.split("/").pop(), kind: e.kind, from: Date.parse(e.started), to: 0, state: e.state };
    if (e.what === "ended") {
      Object.assign(life, { to: Date.parse(e.at), state: e.state, err: e.err });
      if (isBad(e.state)) remember(life, e.site);
    }
    lives.set(e.id, life);
  }
  for (const [id, l] of lives) if (!l.to && !nodes.has(id)) lives.delete(id);
  refresh();
}

// --- the tree --------------------------------------------------------------

const stem = (name) => (name || "").replace(/[0-9]+/g, "*");
const short = (site) => site ? site.split("/").slice(-2).join("/") : "";
const shown = (n) => [n.path, n.kind, n.state, n.site, n.note || "", n.where || "", n.id].join("\n").toLowerCase();

function matching() {
  const wanted = $("search").value.trim().toLowerCase();
  if (!wanted && !states.size) return null;
  const keep = new Set();
  for (const n of nodes.values()) {
    if (states.size && !states.has(n.state)) continue;
    if (!shown(n).includes(wanted)) continue;
    for (let at = n; at && !keep.has(at.id); at = nodes.get(at.parent)) keep.add(at.id);
  }
  return keep;
}

function buildRows() {
  const keep = matching();
  rows = [];
  addLevel(childrenOf(""), 0, "", keep);
}

function addLevel(ids, depth, prefix, keep) {
  const bunches = new Map();
  for (const id of ids) {
    const n = nodes.get(id);
    if (!n || (keep && !keep.has(id))) continue;
    const alone = !$("group").checked || n.kind === "scope";
    const key = alone ? id : prefix + [n.kind, n.state, n.site, stem(n.name), n.where].join("|");
    if (!bunches.has(key)) bunches.set(key, []);
    bunches.get(key).push(n);
  }
  for (const [key, list] of bunches) {
    if (list.length < likeEnough) {
      for (const n of list) addNode(n, depth, keep);
      continue;
    }
    const isOpen = open.has(key);
    rows.push({ key, n: list[0], list, depth, isOpen, hasMore: true });
    if (isOpen) for (const n of list) addNode(n, depth + 1, keep);
  }
}

function addNode(n, depth, keep) {
  const below = childrenOf(n.id);
  const isOpen = below.length > 0 && !shut.has(n.id) && (open.has(n.id) || keep !== null || expandAll || n.kind === "scope" || depth < 4);
  rows.push({ key: n.id, n, depth, isOpen, hasMore: below.length > 0 });
  if (isOpen) addLevel(below, depth + 1, n.id, keep);
}

function age(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 1) return Math.round(ms < 0 ? 0 : ms) + "ms";
  if (s < 60) return Math.floor(s) + "s";
  const two = (x) => String(Math.floor(x)).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d${Math.floor((s % 86400) / 3600)}h`;
}

function make(tag, cls, text) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
}

const drawn = new Map(); // by key, the elements in the document

function drawRows() {
  const box = $("rows");
  const from = Math.max(0, Math.floor(box.scrollTop / rowHeight) - 5);
  const to = Math.min(rows.length, Math.ceil((box.scrollTop + box.clientHeight) / rowHeight) + 5);
  $("sizer").style.height = rows.length * rowHeight + "px";
  const used = new Set();
  for (let i = from; i < to; i++) {
    const r = rows[i];
    const look = rowLook(r);
    let e = drawn.get(r.key);
    if (!e || e.look !== look) {
      const fresh = rowElement(r);
      fresh.look = look;
      if (e) e.replaceWith(fresh); else box.append(fresh);
      drawn.set(r.key, e = fresh);
    }
    e.style.top = i * rowHeight + "px";
    e.querySelector(".age").textContent = ageOf(r);
    used.add(r.key);
  }
  for (const [key, e] of drawn) if (!used.has(key)) { e.remove(); drawn.delete(key); }
  let none = box.querySelector(".empty");
  if (!rows.length && !none) box.append(make("div", "empty", nodes.size ? "Nothing matches the filter." : "No scope is open in this program."));
  if (rows.length && none) none.remove();
}

function ageOf(r) {
  if (!r.list) return age(now() - r.n.t0);
  return "≤ " + age(now() - Math.min(...r.list.slice(0, 5000).map((n) => n.t0)));
}

function rowLook(r) {
  const n = r.n;
  return [r.depth, r.isOpen, r.hasMore, r.list ? r.list.length : 0, n.state, n.note, n.where, picked === r.key, n.counts && JSON.stringify(n.counts), n.causes && n.causes.length].join("|");
}

function rowElement(r) {
  const n = r.n;
  const row = make("div", `row ${n.kind === "scope" ? "scope" : "task"}${picked === r.key ? " picked" : ""}${n.fresh && Date.now() - n.fresh < 1500 && !r.list ? " fresh" : ""}`);
  row.dataset.key = r.key;
  const name = make("span", "name");
  name.style.paddingLeft = r.depth * 16 + "px";
  name.append(make("span", "twist", r.hasMore ? (r.isOpen ? "▾" : "▸") : ""));
  name.append(make("b", "", r.list ? stem(n.name) : n.name || `(scope ${n.id})`));
  if (r.list) name.append(make("span", "times", "×" + r.list.length.toLocaleString("en")));
  if (n.kind !== "task" && n.kind !== "scope") name.append(make("span", "kind", n.kind));
  if (n.kind === "scope") name.append(make("span", "kind", n.policy));
  name.title = n.path;
  const site = make("span", "site", short(n.site));
  site.title = n.site;
  row.append(name, make("span", "state s-" + n.state.replace(/[^a-z]/g, ""), n.state), make("span", "age"), site, rowText(r));
  return row;
}

function rowText(r) {
  const n = r.n, text = make("span", "text");
  const parts = [];
  if (n.counts) {
    const c = n.counts;
    parts.push(`${c.live.toLocaleString("en")} live${c.daemons ? `, ${c.daemons} daemon${c.daemons > 1 ? "s" : ""}` : ""}`);
    for (const word of ["ok", "cancelled", "refused"]) if (c[word]) parts.push(`${c[word].toLocaleString("en")} ${word}`);
    text.append(parts.join(", "));
    for (const word of ["failed", "panicked"]) if (c[word]) text.append(", ", make("span", "bad", `${c[word].toLocaleString("en")} ${word}`));
    if (n.limit) text.append(`, limit ${n.limit}`);
    if (n.left_out) text.append(`, ${n.left_out.toLocaleString("en")} tasks not shown`);
  }
  if (n.where) text.append(text.textContent ? "; " : "", make("em", "", n.where));
  if (n.note && !r.list) text.append(text.textContent ? "; " : "", n.note);
  if (n.causes && !r.list) text.append(text.textContent ? "; " : "", make("span", "bad", "cause: " + causeText(n.causes[0])));
  text.title = text.textContent;
  return text;
}

const causeText = (c) => c.task ? `${c.task} failed: ${c.text}` : c.text;

// --- counts and filters ----------------------------------------------------

function tallies() {
  const count = {};
  let scopes = 0, fails = 0, restarts = 0;
  for (const n of nodes.values()) {
    count[n.state] = (count[n.state] || 0) + 1;
    if (n.kind === "scope") { scopes++; fails += n.counts.failed + n.counts.panicked; }
    if (n.detail && typeof n.detail.restarts === "number" && n.detail.incarnation !== undefined) restarts += n.detail.restarts;
  }
  const box = $("tallies");
  box.replaceChildren();
  const add = (n, word, bad) => {
    const s = make("span", bad && n ? "bad" : "");
    s.append(make("b", "", n.toLocaleString("en")), " " + word);
    box.append(s);
  };
  add(scopes, scopes === 1 ? "scope" : "scopes");
  add(nodes.size - scopes, nodes.size - scopes === 1 ? "task" : "tasks");
  add(Math.max(fails, failed), "failures", true);
  if (restarts) add(restarts, "restarts");
  const chips = $("chips");
  for (const s of Object.keys(count).concat([...states]).filter((s, i, l) => l.indexOf(s) === i).sort()) {
    let chip = [...chips.children].find((c) => c.dataset.state === s);
    if (!chip) {
      chip = make("button");
      chip.dataset.state = s;
      chips.append(chip);
    }
    chip.className = "chip s-" + s.replace(/[^a-z]/g, "") + (states.has(s) ? " on" : "");
    chip.textContent = `${s} ${(count[s] || 0).toLocaleString("en")}`;
  }
  for (const c of [...chips.children]) if (!count[c.dataset.state] && !states.has(c.dataset.state)) c.remove();
}

// --- the panel -------------------------------------------------------------

function list(dl, pairs) {
  for (const [k, v] of pairs) if (v !== undefined && v !== "" && v !== null) dl.append(make("dt", "", k), v instanceof Node ? v : make("dd", "", v));
}

async function showNode(id) {
  const side = $("side");
  let snap = null, problem = "";
  try {
    const answer = await fetch(`${base}snapshot.json?stacks=1&id=${encodeURIComponent(id)}`);
    if (answer.ok) snap = await answer.json(); else problem = answer.status === 404 ? "It has ended." : await answer.text();
  } catch (e) { problem = "The program cannot be reached."; }
  if (picked !== id) return;
  const n = snap ? snap.nodes[0] : nodes.get(id);
  side.replaceChildren();
  const close = make("button", "close", "✕");
  close.onclick = () => { picked = null; refresh(); showFailures(); };
  side.append(close);
  if (!n) { side.append(make("p", "dim", problem || "It has ended.")); return; }
  n.t0 = Date.parse(n.started);
  side.append(make("h2", "", n.name || n.path), make("div", "dim", n.path));
  const dl = make("dl"), state = make("dd");
  state.append(make("span", "state s-" + n.state.replace(/[^a-z]/g, ""), n.state));
  const ticking = make("dd");
  ticking.dataset.since = n.t0;
  list(dl, [["state", state], ["kind", n.kind + (n.policy ? ", " + n.policy : "")], ["id", n.id], ["age", ticking],
    ["started at", n.site], ["limit", n.limit], ["counts", n.counts && Object.entries(n.counts).filter(([, v]) => v).map(([k, v]) => `${v.toLocaleString("en")} ${k}`).join(", ")],
    ["waits for", (n.waits_for || []).map((w) => nodes.get(w) ? nodes.get(w).path : w).join(", ")], ["says", n.note]]);
  side.append(dl);
  if (problem) side.append(make("p", "dim", problem));
  if (n.causes) {
    side.append(make("h3", "", "why it is being stopped"));
    const ul = make("ul", "causes");
    for (const c of n.causes) {
      const li = make("li", "", causeText(c));
      if (c.site) li.append(make("div", "dim", "started at " + c.site));
      ul.append(li);
    }
    side.append(ul);
  }
  if (n.goroutine) stackOf(side, n.goroutine, "stack");
  else if (snap) side.append(make("p", "dim", n.kind === "scope" ? "Its body does not run, or it has none." : "No stack was found."));
  for (const g of n.strays || []) stackOf(side, g, "stray goroutine");
  if (n.detail !== undefined && n.detail !== null) {
    side.append(make("h3", "", "detail"), make("pre", "", JSON.stringify(n.detail, null, 2)));
  }
  if (snap) side.append(make("p", "dim cost", costText(snap)));
  tick();
}

function costText(snap) {
  const g = snap.goroutines;
  return `This look took ${ms(snap.cost.walk_ns)} and stopped the program for at most ${ms(snap.cost.stacks_ns || 0)}. ` +
    `${g.total.toLocaleString("en")} goroutines: ${g.tasks.toLocaleString("en")} in tasks, ${g.strays.toLocaleString("en")} strays, ${g.others.toLocaleString("en")} of no task.` +
    (snap.cost.cut ? " There were too many to print: stacks are missing." : "");
}

const ms = (ns) => ns < 1e6 ? `${Math.round(ns / 1e3)} µs` : `${(ns / 1e6).toFixed(1)} ms`;
const isLib = (f) => !/^[^/]*\.[^/]*\//.test(f.func) && !f.func.startsWith("main.") || f.func.startsWith("github.com/supervisorscope/scope.");

function stackOf(side, g, title) {
  side.append(make("h3", "", title));
  side.append(make("div", "", `goroutine ${g.id}: ${g.wait}${g.minutes ? ` for ${g.minutes} min` : ""}`));
  if (g.created_by && title !== "stack") side.append(make("div", "dim", "started by go in " + g.created_by));
  const ul = make("ul", "frames");
  for (const f of g.frames || []) {
    const li = make("li", `${f.file + ":" + f.line}` === g.at ? "here" : isLib(f) ? "lib" : "", f.func);
    li.append(make("small", "", `${f.file}:${f.line}`));
    ul.append(li);
  }
  side.append(ul);
}

function showFailures() {
  const side = $("side");
  side.replaceChildren(make("h2", "", "Last failures"));
  if (!failures.length) {
    side.append(make("p", "dim", "None was seen since this page was opened. Click a row to see its stack, its causes and what it says of itself."));
    return;
  }
  const ul = make("ul", "fails");
  for (const f of failures) {
    const li = make("li");
    li.append(make("span", "state s-" + f.state, f.state), " ", make("b", "", f.path), make("div", "", f.err || ""), make("div", "dim", `${new Date(f.at).toLocaleTimeString()}, started at ${short(f.site)}`));
    ul.append(li);
  }
  side.append(ul);
}

async function askWhere() {
  $("where").disabled = true;
  try {
    const answer = await fetch(base + "snapshot.json?stacks=1");
    const snap = await answer.json();
    for (const n of snap.nodes) {
      const known = nodes.get(n.id);
      if (!known) continue;
      known.where = n.goroutine ? `${n.goroutine.wait}${n.goroutine.at ? " at " + short(n.goroutine.at) : ""}` : "";
      if (n.waits_for) known.where += ", waits for " + n.waits_for.map((w) => nodes.get(w) ? nodes.get(w).path : w).join(", ");
      if (n.strays) known.where += `, ${n.strays.length} stray${n.strays.length > 1 ? "s" : ""}`;
    }
    where = costText(snap);
    $("where").title = where;
    $("tlnote").dataset.cost = where;
  } finally {
    $("where").disabled = false;
  }
  refresh();
}

// --- the timeline ----------------------------------------------------------

let bars = []; // what the pointer can find
let first = Infinity; // when the oldest bar begins
function drawTimeline() {
  const box = $("tlbox"), canvas = $("canvas");
  const keep = matching();
  const t1 = now();
  let t0 = t1 - span * 1e3;
  for (const l of lives.values()) first = Math.min(first, l.from);
  if (first > t0) t0 = Math.max(t0, Math.min(first - (t1 - first) * .03, t1 - 20e3)); // a young program
  const groups = new Map();
  const all = [...lives.values()].filter((l) => (!l.to || l.to > t0) && (!keep || keep.has(l.id) || (l.to && shownLife(l))));
  all.sort((a, b) => a.from - b.from);
  for (const l of all) {
    const key = stem(l.path);
    if (!groups.has(key)) groups.set(key, { key, lanes: [], bars: [] });
    const g = groups.get(key);
    let lane = g.lanes.findIndex((free) => free <= l.from);
    if (lane < 0) {
      lane = g.lanes.length < 4 ? g.lanes.push(0) - 1 : g.lanes.length - 1;
    }
    g.lanes[lane] = Math.max(g.lanes[lane], l.to || Infinity);
    g.bars.push([lane, l]);
  }
  // What fails comes first, then what comes and goes, then what just runs.
  const rank = (g) => g.bars.some(([, l]) => isBad(l.state)) ? 0 : g.bars.some(([, l]) => l.to) ? 1 : 2;
  const order = [...groups.values()].sort((a, b) => rank(a) - rank(b));
  const label = 230, right = 16, laneH = 9, gap = 7, width = box.clientWidth;
  let height = 18;
  for (const g of order) height += Math.max(g.lanes.length * laneH, 12) + gap;
  const dpr = window.devicePixelRatio || 1;
  height = Math.max(Math.min(height, 16000), box.clientHeight);
  canvas.width = width * dpr; canvas.height = height * dpr;
  canvas.style.width = width + "px"; canvas.style.height = height + "px";
  const c = canvas.getContext("2d"), css = getComputedStyle(document.documentElement);
  const colour = (name) => css.getPropertyValue(name).trim();
  c.scale(dpr, dpr);
  c.font = "11px system-ui, sans-serif";
  const x = (t) => label + (t - t0) / (t1 - t0) * (width - label - right);
  grid(c, x, t0, t1, height, colour);
  bars = [];
  let y = 18;
  const palette = { ok: colour("--ok"), failed: colour("--fail"), panicked: colour("--fail"), cancelled: colour("--cancel"), cancelling: colour("--cancel"), backoff: colour("--cancel"), parked: colour("--park"), stuck: colour("--fail"), starting: colour("--start"), ended: colour("--dim") };
  for (const g of order) {
    c.fillStyle = colour("--text");
    c.textAlign = "right";
    const title = g.bars.length > 1 ? `${g.key} ×${g.bars.length.toLocaleString("en")}` : g.bars[0][1].path;
    c.fillText(fit(c, title, label - 28), label - 10, y + 9);
    for (const [lane, l] of g.bars) {
      const from = Math.max(x(l.from), label), to = Math.max(x(l.to || t1), from + 1.5);
      const top = y + lane * laneH;
      c.globalAlpha = l.to ? .55 : .95;
      c.fillStyle = palette[l.state] || colour("--run");
      c.fillRect(from, top + 1, to - from, laneH - 2);
      bars.push([from, to, top, top + laneH, l]);
    }
    c.globalAlpha = 1;
    for (const [lane, l] of g.bars) {
      if (!isBad(l.state)) continue;
      const px = x(l.to), py = y + lane * laneH + laneH / 2;
      c.fillStyle = colour("--fail");
      c.beginPath();
      c.moveTo(px, py - 5); c.lineTo(px + 5, py); c.lineTo(px, py + 5); c.lineTo(px - 5, py);
      c.fill();
    }
    y += Math.max(g.lanes.length * laneH, 12) + gap;
    if (y > height) break;
  }
  const cost = $("tlnote").dataset.cost;
  $("tlnote").textContent = `${all.length.toLocaleString("en")} tasks, ◆ failures${cost ? " — " + cost : ""}`;
}

const shownLife = (l) => {
  const wanted = $("search").value.trim().toLowerCase();
  return (!states.size || states.has(l.state)) && (l.path + "\n" + l.state).toLowerCase().includes(wanted);
};

function fit(c, text, width) {
  if (c.measureText(text).width <= width) return text;
  while (text.length > 1 && c.measureText("…" + text).width > width) text = text.slice(Math.max(1, text.length >> 5));
  return "…" + text;
}

function grid(c, x, t0, t1, height, colour) {
  const step = [2, 5, 10, 30, 60, 120, 300].find((s) => (t1 - t0) / 1e3 / s <= 10) * 1e3;
  c.strokeStyle = colour("--line");
  c.fillStyle = colour("--dim");
  c.textAlign = "center";
  for (let t = Math.ceil(t0 / step) * step; t < t1; t += step) {
    const px = Math.round(x(t)) + .5;
    c.beginPath(); c.moveTo(px, 14); c.lineTo(px, height); c.stroke();
    c.fillText(new Date(t).toLocaleTimeString([], { hour12: false }), px, 10);
  }
}

$("canvas").addEventListener("mousemove", (e) => {
  const hit = bars.findLast(([a, b, t, u]) => e.offsetX >= a - 2 && e.offsetX <= b + 2 && e.offsetY >= t && e.offsetY <= u);
  const tip = $("tip");
  tip.hidden = !hit;
  if (!hit) return;
  const l = hit[4];
  tip.textContent = `${l.path}: ${l.state}${l.err ? ": " + l.err : ""}, ${age((l.to || now()) - l.from)}`;
  const room = $("timeline").getBoundingClientRect();
  tip.style.left = Math.min(e.clientX - room.left + 12, room.width - 300) + "px";
  tip.style.top = Math.min(e.clientY - room.top + 12, room.height - 40) + "px";
});
$("canvas").addEventListener("mouseleave", () => { $("tip").hidden = true; });
$("canvas").addEventListener("click", (e) => {
  const hit = bars.findLast(([a, b, t, u]) => e.offsetX >= a - 2 && e.offsetX <= b + 2 && e.offsetY >= t && e.offsetY <= u);
  if (hit && nodes.has(hit[4].id)) pick(hit[4].id);
});

// --- what happens ----------------------------------------------------------

let due = false;
function refresh() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    tallies();
    buildRows();
    drawRows();
    drawTimeline();
    if (!picked) showFailures();
    document.body.dataset.rows = rows.length;
  });
}

function tick() {
  for (const e of document.querySelectorAll("[data-since]")) e.textContent = age(now() - Number(e.dataset.since));
}

function pick(id) {
  picked = id;
  refresh();
  showNode(id);
}

function toggle(r) {
  const set = r.isOpen ? shut : open, other = r.isOpen ? open : shut;
  set.add(r.key);
  other.delete(r.key);
  refresh();
}

$("rows").addEventListener("click", (e) => {
  const row = e.target.closest(".row");
  const r = row && rows.find((x) => x.key === row.dataset.key);
  if (!r) return;
  if (r.list || e.target.classList.contains("twist") && r.hasMore) toggle(r);
  else pick(r.n.id);
});
$("rows").addEventListener("scroll", drawRows);
$("search").addEventListener("input", refresh);
$("group").addEventListener("change", refresh);
$("all").addEventListener("click", () => { expandAll = !expandAll; shut.clear(); $("all").textContent = expandAll ? "collapse" : "expand all"; if (!expandAll) open.clear(); refresh(); });
$("where").addEventListener("click", askWhere);
$("chips").addEventListener("click", (e) => {
  const s = e.target.dataset.state;
  if (!s) return;
  if (!states.delete(s)) states.add(s);
  refresh();
});
$("tlhead").addEventListener("click", (e) => {
  if (!e.target.dataset.span) return;
  span = Number(e.target.dataset.span);
  for (const b of $("tlhead").querySelectorAll("button")) b.classList.toggle("on", b === e.target);
  drawTimeline();
});
$("tree").addEventListener("keydown", (e) => {
  const at = rows.findIndex((r) => r.key === picked);
  const move = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (move && rows[at + move]) {
    e.preventDefault();
    const r = rows[at + move], box = $("rows"), top = (at + move) * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
    if (r.list) { picked = r.key; refresh(); } else pick(r.key);
  }
  if ((e.key === "ArrowRight" || e.key === "ArrowLeft") && rows[at] && rows[at].hasMore && rows[at].isOpen === (e.key === "ArrowLeft")) toggle(rows[at]);
});
document.addEventListener("keydown", (e) => {
  if (e.key === "/" && document.activeElement !== $("search")) { e.preventDefault(); $("search").focus(); }
  if (e.key === "Escape") { $("search").value = ""; picked = null; refresh(); }
});
window.addEventListener("resize", refresh);
setInterval(() => { drawRows(); tick(); drawTimeline(); forgetOld(); }, 1000);

showFailures();
seed().finally(connect);
