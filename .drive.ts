import { scheduleOf } from "/tmp/wt-fuzz/src/sim/fuzz/draw.js";
import { fuzzRun } from "/tmp/wt-fuzz/src/sim/fuzz/run.js";
const [fid, from, count, size] = process.argv.slice(2);
const seen = new Map<number, number>(); const codes = new Map<string, number>(); let dec=0, msg=0, virt=0; const rec: number[] = [];
const t0 = process.hrtime.bigint(); let shown = 0; const recs = new Map<string,number[]>();
let done = 0; let slow = 0, slowSeed = 0; const hashes: string[] = [];
for (let seed = Number(from); seed < Number(from) + Number(count); seed++) {
  if (Number(process.hrtime.bigint() - t0) / 1e9 > Number(process.env["BUDGET"] ?? 1e9)) break; done++;
  const s0 = process.hrtime.bigint();
  const r = fuzzRun(scheduleOf(seed, { size: Number(size ?? 4), fidelity: fid as "library" }));
  const ms = Number(process.hrtime.bigint() - s0) / 1e6; if (ms > slow) { slow = ms; slowSeed = seed; }
  for (const n of r.sightings.seen) seen.set(n, (seen.get(n) ?? 0) + 1);
  for (const a of r.alarms) codes.set(a.code, (codes.get(a.code) ?? 0) + 1);
  dec += r.decisions; msg += r.messages; virt += r.virtualMs; if (r.recoveryMs !== undefined) rec.push(r.recoveryMs);
  hashes.push(r.traceHash);
  if (r.unexplained.length > 0 && shown++ < 12) console.log(seed, r.unexplained.map((a) => `${a.code} n${a.node} @${a.at/1000}: ${a.text}`).join(" | "), [...r.sightings.seen].sort((a,b)=>a-b).join());
}
const s = Number(process.hrtime.bigint() - t0) / 1e9;
rec.sort((a, b) => a - b);
console.log(JSON.stringify({ fid, size, from: Number(from), done, s, dec, msg, virt: virt / 1000, recMax: rec.at(-1), codes: Object.fromEntries(codes), unexplained: shown, seen: Object.fromEntries(seen) }));
