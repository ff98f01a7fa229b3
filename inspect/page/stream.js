// The stream of changes, and what was before it.

import { end, known, learn, nodes, now, recall, reset, setClock } from "./model.js";
import { $, age } from "./text.js";

export const base = location.pathname.replace(/[^/]*$/, "");

// follow calls changed whenever something is new; part says that more of it is
// about to come.
export function follow(changed) {
  const source = new EventSource(base + "events");
  let still = null; // in the first event, which is all there is: the IDs in it
  source.onopen = () => {
    still = new Set();
    link("wait", "loading");
  };
  source.onerror = () => link("off", source.readyState === EventSource.CLOSED ? "refused" : "gone: the program has ended or cannot be reached");
  source.onmessage = (m) => {
    const change = JSON.parse(m.data);
    const at = Date.parse(change.taken);
    setClock(change.taken);
    if (still && !still.size && isOther(change)) reset();
    pid = change.program.pid;
    for (const e of change.ended || []) end(e, at);
    for (const n of change.nodes) {
      learn(n);
      if (still) still.add(n.id);
    }
    known.leftOut = change.left_out || 0;
    about(change.program);
    if (!change.part) {
      if (still) for (const id of nodes.keys()) if (!still.has(id)) end({ id, state: "ended" }, now());
      still = null;
      known.since = known.since || now();
      const every = change.interval_ns / 1e6;
      link("on", every < 1500 ? "live" : `live, every ${age(every)}`);
    }
    changed(change.part);
  };
}

let pid = 0; // of the program that was heard last

// isOther reports whether the first event of a stream is of another program than
// that before. In a container all have the same number: IDs begin anew then.
function isOther(change) {
  if (pid && pid !== change.program.pid) return true;
  return change.nodes.some((n) => nodes.has(n.id) && nodes.get(n.id).t0 !== Date.parse(n.started));
}

// remember asks for what a recorder has kept.
export async function remember() {
  const answer = await fetch(base + "history.json");
  if (!answer.ok) return;
  recall((await answer.json()).events);
  $("trace").hidden = false;
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
