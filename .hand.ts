import { scheduleOf } from "./src/sim/fuzz/draw.js";
import { fuzzRun } from "./src/sim/fuzz/run.js";
for (let seed = 1; seed <= 6; seed++) {
const base = scheduleOf(seed, { size: 4, fidelity: "improved", budget: 2 });
const setting = { ...base.setting, decisionsPerLeader: 0, healed: [1,2,3,4] };
const events = [1, 3].map((node) => ({ when: { at: "time" as const, ms: 0 }, fault: { kind: "byzantine" as const, nodes: [node], behaviour: "equivocating" }, forMs: 4000 }));
const r = fuzzRun({ seed, setting, events });
console.log(r.alarms, r.fired, r.decisions, r.recoveryMs);
}
