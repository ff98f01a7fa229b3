// The page follows the stream of changes and draws what it knows: the tree, a
// panel for the node that was clicked, and a timeline.

import { filter, forget, known, nodes } from "./model.js";
import { costText, showFailures, showNode, tick } from "./panel.js";
import { base, follow, remember } from "./stream.js";
import { $, chipClass, count, make, meaning, short } from "./text.js";
import { drawTimeline, listen, timeline } from "./timeline.js";
import { buildRows, drawRows, scrollTo, toggle, toggleAll, tree } from "./tree.js";

// --- drawing ---------------------------------------------------------------

let cost = 0; // ms that a drawing takes
let due = 0; // when the next one is, or 0

// refresh draws all before long: at once if that is cheap, else as seldom as
// leaves the browser time for its user.
function refresh(least = 0) {
  const wait = Math.max(least, cost < 30 ? 0 : cost * 2);
  if (due) return;
  due = performance.now() + wait;
  setTimeout(() => requestAnimationFrame(drawAll), wait);
}

function drawAll() {
  due = 0;
  const began = performance.now();
  showTallies();
  buildRows();
  drawRows();
  drawTimeline();
  if (!tree.picked) showFailures();
  const took = performance.now() - began;
  cost = (cost + took) / 2;
  // For tests, and for who wonders.
  const { dataset } = document.body;
  dataset.draws = Number(dataset.draws || 0) + 1;
  Object.assign(dataset, { rows: tree.rows.length, nodes: nodes.size, cost: took.toFixed(1) });
}

function showTallies() {
  const states = {};
  let scopes = 0, fails = 0, restarts = 0;
  for (const n of nodes.values()) {
    states[n.state] = (states[n.state] || 0) + 1;
    if (n.kind === "scope") {
      scopes++;
      fails += n.counts.failed + n.counts.panicked;
    }
    if (n.detail && n.detail.incarnation !== undefined) restarts += n.detail.restarts || 0;
  }
  const box = $("tallies"), tasks = nodes.size - scopes;
  box.replaceChildren();
  const add = (n, word, bad) => {
    const s = make("span", bad && n ? "bad" : "");
    s.append(make("b", "", count(n)), " " + word);
    box.append(s);
  };
  add(scopes, scopes === 1 ? "scope" : "scopes");
  add(tasks, tasks === 1 ? "task" : "tasks");
  add(Math.max(fails, known.failed), "failures", true);
  if (restarts) add(restarts, "restarts");
  if (known.leftOut) add(known.leftOut, "scopes not shown");
  showChips(states);
}

// showChips renews the buttons of the states, which are the legend, too.
function showChips(states) {
  const chips = $("chips"), has = new Map([...chips.children].map((c) => [c.dataset.state, c]));
  for (const s of filter.states) states[s] = states[s] || 0;
  for (const [s, chip] of has) if (states[s] === undefined) chip.remove();
  for (const s of Object.keys(states).sort()) {
    const chip = has.get(s) || make("button");
    chip.dataset.state = s;
    chip.className = chipClass(s, filter.states.has(s));
    chip.title = meaning(s);
    chip.textContent = `${s} ${count(states[s])}`;
    if (!has.has(s)) chips.append(chip);
  }
}

// --- what the reader does --------------------------------------------------

function pick(id) {
  tree.picked = id;
  drawRows();
  showNode(id, unpick);
}

// fold opens or closes a row, at once: the reader waits for it.
function fold(row) {
  toggle(row);
  buildRows();
  drawRows();
  refresh();
}

function unpick() {
  tree.picked = null;
  showFailures();
  refresh();
}

// askWhere asks where every task is.
async function askWhere() {
  $("where").disabled = true;
  try {
    const snap = await (await fetch(base + "snapshot.json?stacks=1")).json();
    for (const n of snap.nodes) {
      const node = nodes.get(n.id);
      if (node) node.where = whereText(n);
    }
    timeline.note = costText(snap);
    $("where").title = timeline.note;
  } finally {
    $("where").disabled = false;
  }
  refresh();
}

function whereText(n) {
  let text = n.goroutine ? `${n.goroutine.wait}${n.goroutine.at ? " at " + short(n.goroutine.at) : ""}` : "";
  if (n.waits_for) text += ", waits for " + n.waits_for.map((id) => nodes.get(id) ? nodes.get(id).path : id).join(", ");
  if (n.strays) text += `, ${n.strays.length} stray${n.strays.length > 1 ? "s" : ""}`;
  return text;
}

$("rows").addEventListener("click", (e) => {
  const row = e.target.closest(".row");
  const r = row && tree.rows.find((x) => x.key === row.dataset.key);
  if (!r) return;
  if (!r.list && !(e.target.classList.contains("twist") && r.hasMore)) {
    pick(r.n.id);
    return;
  }
  fold(r);
});
$("rows").addEventListener("scroll", drawRows);

let typing = 0;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    filter.text = $("search").value.trim().toLowerCase();
    refresh();
  }, cost < 30 ? 0 : 200);
});
$("group").addEventListener("change", () => refresh());
$("all").addEventListener("click", () => {
  toggleAll();
  $("all").textContent = tree.openAll ? "collapse" : "expand all";
  refresh();
});
$("where").addEventListener("click", askWhere);
$("chips").addEventListener("click", (e) => {
  const s = e.target.dataset.state;
  if (!s) return;
  if (!filter.states.delete(s)) filter.states.add(s);
  refresh();
});
$("tlhead").addEventListener("click", (e) => {
  if (!e.target.dataset.span) return;
  timeline.span = Number(e.target.dataset.span);
  for (const b of $("tlhead").querySelectorAll("button")) b.classList.toggle("on", b === e.target);
  drawTimeline();
});
$("tree").addEventListener("keydown", (e) => {
  const at = tree.rows.findIndex((r) => r.key === tree.picked), row = tree.rows[at];
  const to = at + ({ ArrowDown: 1, ArrowUp: -1 }[e.key] || 0), next = tree.rows[to];
  if (to !== at && next) {
    e.preventDefault();
    scrollTo(to);
    if (!next.list) {
      pick(next.key);
    } else {
      tree.picked = next.key;
      drawRows();
    }
  }
  const opens = e.key === "ArrowRight" || e.key === "Enter", closes = e.key === "ArrowLeft" || e.key === "Enter";
  if (row && row.hasMore && (row.isOpen ? closes : opens)) fold(row);
});
document.addEventListener("keydown", (e) => {
  if (e.key === "/" && document.activeElement !== $("search")) {
    e.preventDefault();
    $("search").focus();
  }
  if (e.key === "Escape") {
    $("search").value = "";
    filter.text = "";
    unpick();
  }
});
window.addEventListener("resize", () => refresh());
listen(pick);

// What grows older without news: cheap things each second, the timeline as seldom
// as keeps it a small part of the time.
let beats = 0;
setInterval(() => {
  drawRows();
  tick();
  forget();
  if (++beats * 1000 < cost * 20) return;
  beats = 0;
  drawTimeline();
}, 1000);

showFailures();
remember().catch(() => {}).finally(() => follow((part) => refresh(part ? 250 : 0)));
