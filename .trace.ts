import { scheduleOf } from "./src/sim/fuzz/draw.js";
import { fuzzRun } from "./src/sim/fuzz/run.js";
const [fid, seed, node, from, to, kinds, size] = process.argv.slice(2);
const sch = scheduleOf(Number(seed), { size: Number(size ?? 4), fidelity: fid as "library" });
console.log(JSON.stringify(sch.setting)); for (const [i,e] of sch.events.entries()) console.log(i, JSON.stringify(e));
const r = fuzzRun(sch, { onTrace: ({ at, node: n, trace }) => {
  const ms = at / 1000; if (ms < Number(from) || ms > Number(to)) return;
  if (node !== "all" && !node!.split(",").includes(String(n))) return;
  if (trace.kind === "step") console.log(ms, "n" + n, trace.component, trace.step, JSON.stringify(trace.facts));
  else if (kinds === "all") console.log(ms, "n" + n, trace.kind, trace.kind === "sent" ? `to ${trace.to}` : `from ${trace.from}`, trace.type, trace.view, trace.sequence, trace.kind === "received" ? trace.decision : "");
} });
console.log(r.alarms, [...r.sightings.seen], r.fired, r.recoveryMs, r.decisions);
