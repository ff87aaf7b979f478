import { readFileSync } from "node:fs";
import { fuzzRun } from "./src/sim/fuzz/run.js";
for (const fidelity of ["improved", "library"] as const) {
const schedule: any = { seed: 124, setting: { size: 7, fidelity, decisionsPerLeader: 1, speedUpViewChange: false, syncOnStart: true, emptyAuxiliary: false, linkDelayMs: 5, jitterMs: 0, fsyncMs: 0, verifyMs: 0, requestsPerSecond: 8, actOneMs: 6000, healed: [1,2,3,4,5,6,7] }, events: [
 {when:{at:"step",step:"newViewAccepted",count:5,delayMs:0},fault:{kind:"complain",node:"here"}},
 {when:{at:"step",step:"proposing",count:7,delayMs:0},fault:{kind:"byzantine",nodes:[1,5],behaviour:"equivocating"},forMs:1500},
 {when:{at:"step",step:"delivered",count:23,delayMs:0},fault:{kind:"complain",node:"here"}}]};
const r = fuzzRun(schedule); console.log(fidelity, r.alarms, r.unexplained.length, [...r.sightings.seen], r.recoveryMs);
}
