// The timeline: the life of each task as a bar; like tasks share a band of a few
// tracks. However many bars there are, no more are drawn than can be told apart.

import { ended, known, matching, nodes, now, passes } from "./model.js";
import { $, age, count, isBad } from "./text.js";

const labelWidth = 230, rightMargin = 16, top = 18, trackHeight = 9, gap = 7;
const maxTracks = 4; // of a band
const maxSorted = 2000; // bars of a band that are laid out side by side
const maxHeight = 16000;

export const timeline = { span: 300, note: "" };

let drawn = []; // [from, to, top, life]: what the pointer can find
let painter = null; // the canvas, and how time lies on it

const endOf = (life) => life.to || Infinity;
const stateColours = {
  ok: "--ok", failed: "--fail", panicked: "--fail", stuck: "--fail", straggling: "--strag",
  cancelled: "--cancel", cancelling: "--cancel", backoff: "--cancel", stopping: "--cancel",
  parked: "--park", starting: "--start", draining: "--start", completing: "--start",
};

export function drawTimeline() {
  const wanted = matching();
  const t1 = now();
  let t0 = t1 - timeline.span * 1e3;
  if (known.oldest > t0) t0 = Math.max(t0, Math.min(known.oldest - (t1 - known.oldest) * .03, t1 - 20e3)); // a young program
  const [bands, total] = collect(wanted, t0);
  for (const band of bands) layOut(band);
  let height = top;
  for (const band of bands) height += heightOf(band);
  prepare(Math.min(height, maxHeight), t0, t1);
  grid();
  drawn = [];
  let y = top;
  for (const band of bands) {
    if (y > maxHeight) break;
    drawBand(band, y);
    y += heightOf(band);
  }
  $("tlnote").textContent = `${count(total)} tasks, ◆ failures${timeline.note ? " — " + timeline.note : ""}`;
}

// collect puts like tasks into a band. Bands with failures come first, then those
// in which something comes and goes, then what just runs.
function collect(wanted, t0) {
  const bands = new Map();
  let total = 0;
  const add = (life) => {
    let band = bands.get(life.group);
    if (!band) bands.set(life.group, band = { name: life.group, lives: [], tracks: 1, rank: 2 });
    band.lives.push(life);
    if (life.to) band.rank = Math.min(band.rank, isBad(life.state) ? 0 : 1);
    total++;
  };
  for (const life of ended) if (life.to > t0 && (!wanted || passes(life))) add(life);
  for (const n of nodes.values()) if (n.kind !== "scope" && (!wanted || wanted.has(n.id))) add(n);
  return [[...bands.values()].sort((a, b) => a.rank - b.rank), total];
}

// layOut finds a track for each life: the first one that is free, or, if there
// are too many to look, any.
function layOut(band) {
  const { lives } = band;
  if (lives.length > maxSorted) {
    band.tracks = maxTracks;
    band.track = lives.map((_, i) => i % maxTracks);
    return;
  }
  lives.sort((a, b) => a.t0 - b.t0);
  const free = [];
  band.track = lives.map((life) => {
    let at = free.findIndex((t) => t <= life.t0);
    if (at < 0) at = free.length < maxTracks ? free.push(0) - 1 : maxTracks - 1;
    free[at] = Math.max(free[at], endOf(life));
    return at;
  });
  band.tracks = Math.max(1, free.length);
}

const heightOf = (band) => Math.max(band.tracks * trackHeight, 12) + gap;

// prepare makes the canvas as large as it must be.
function prepare(height, t0, t1) {
  const canvas = $("canvas"), box = $("tlbox"), width = box.clientWidth, dpr = window.devicePixelRatio || 1;
  height = Math.max(height, box.clientHeight);
  canvas.width = width * dpr;
  canvas.height = height * dpr;
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  const c = canvas.getContext("2d"), css = getComputedStyle(document.documentElement);
  c.scale(dpr, dpr);
  c.font = "11px system-ui, sans-serif";
  const label = Math.min(labelWidth, width * .3), colours = new Map();
  painter = {
    c, height, t0, t1, label,
    x: (t) => label + (t - t0) / (t1 - t0) * (width - label - rightMargin),
    colour(name) {
      if (!colours.has(name)) colours.set(name, css.getPropertyValue(name).trim());
      return colours.get(name);
    },
  };
}

function drawBand(band, y) {
  const { c, x, t1, label, colour } = painter;
  c.fillStyle = colour("--text");
  c.textAlign = "right";
  const n = band.lives.length;
  c.fillText(fit(n > 1 ? `${band.name} ×${count(n)}` : band.lives[0].path, label - 28), label - 10, y + 9);
  const seen = new Set(); // bars that look the same are drawn once
  const marks = [];
  band.lives.forEach((life, i) => {
    const from = Math.max(x(life.t0), label), to = Math.max(x(life.to || t1), from + 1.5);
    const look = `${band.track[i]}|${Math.round(from)}|${Math.round(to)}|${life.state}`;
    if (seen.has(look)) return;
    seen.add(look);
    const at = y + band.track[i] * trackHeight;
    c.globalAlpha = life.to ? .55 : .95;
    c.fillStyle = colour(life.to && life.state === "ended" ? "--dim" : stateColours[life.state] || "--run");
    c.fillRect(from, at + 1, to - from, trackHeight - 2);
    drawn.push([from, to, at, life]);
    if (life.to && isBad(life.state)) marks.push([to, at + trackHeight / 2]);
  });
  c.globalAlpha = 1;
  c.fillStyle = colour("--fail");
  for (const [px, py] of marks) {
    c.beginPath();
    c.moveTo(px, py - 5);
    c.lineTo(px + 5, py);
    c.lineTo(px, py + 5);
    c.lineTo(px - 5, py);
    c.fill();
  }
}

// fit shortens text from its front, where like paths are the same.
function fit(text, width) {
  const { c } = painter;
  if (c.measureText(text).width <= width) return text;
  while (text.length > 1 && c.measureText("…" + text).width > width) text = text.slice(Math.max(1, text.length >> 5));
  return "…" + text;
}

function grid() {
  const { c, x, t0, t1, height, label, colour } = painter;
  const most = Math.max(2, (x(t1) - label) / 80);
  const step = ([2, 5, 10, 30, 60, 120, 300].find((s) => (t1 - t0) / 1e3 / s <= most) || 600) * 1e3;
  c.strokeStyle = colour("--line");
  c.fillStyle = colour("--dim");
  c.textAlign = "center";
  for (let t = Math.ceil(t0 / step) * step; t < t1; t += step) {
    const px = Math.round(x(t)) + .5;
    c.beginPath();
    c.moveTo(px, 14);
    c.lineTo(px, height);
    c.stroke();
    c.fillText(new Date(t).toLocaleTimeString([], { hour12: false }), px, 10);
  }
}

const under = (e) => drawn.findLast(([from, to, y]) => e.offsetX >= from - 2 && e.offsetX <= to + 2 && e.offsetY >= y && e.offsetY <= y + trackHeight);

function showTip(e) {
  const hit = under(e), tip = $("tip");
  tip.hidden = !hit;
  if (!hit) return;
  const life = hit[3];
  tip.textContent = `${life.path}: ${life.state}${life.err ? ": " + life.err : ""}, ${age((life.to || now()) - life.t0)}`;
  const room = $("timeline").getBoundingClientRect();
  tip.style.left = Math.max(0, Math.min(e.clientX - room.left + 12, room.width - tip.offsetWidth - 8)) + "px";
  tip.style.top = Math.max(0, Math.min(e.clientY - room.top + 12, room.height - tip.offsetHeight - 4)) + "px";
}

// listen makes bars answer the pointer; pick is called with the ID of a task.
export function listen(pick) {
  const canvas = $("canvas");
  canvas.addEventListener("mousemove", showTip);
  canvas.addEventListener("mouseleave", () => { $("tip").hidden = true; });
  canvas.addEventListener("click", (e) => {
    const hit = under(e);
    if (hit && nodes.has(hit[3].id)) pick(hit[3].id);
  });
}
