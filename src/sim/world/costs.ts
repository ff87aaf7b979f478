// What things cost on the simulated machine: microseconds of one processor, or of a disk. `testbed calibrate` measures the
// machine at hand and writes such a file; without one the defaults below hold, measured on the two shared cores on which
// docs/measured was made. Which of them a run used stands in its environment event.
import type { Duration } from "../../base/index.js";

export const costsFormat = 1;

export interface Costs {
  readonly format: typeof costsFormat;
  /** Where the figures come from, for people: "defaults", or when and on what they were measured. */
  readonly source: string;
  /** Processors that all nodes share; 0: each node has its own. */
  readonly cores: number;
  readonly signUs: number;
  readonly verifyUs: number;
  /** SHA-256 of 1024 bytes. */
  readonly hashKibUs: number;
  /** One write and fdatasync of a small record; and what each further KiB adds. */
  readonly fsyncUs: number;
  readonly writeKibUs: number;
  /** A message through gRPC, its codec and the event loop, on the side that takes it and on the side that writes it. */
  readonly receiveUs: number;
  readonly sendUs: number;
  /** One step of a machine, its traces included. */
  readonly stepUs: number;
  /** A process that waits for input runs again this much later (wake-up, event loop). */
  readonly wakeUs: number;
}

/** sign, verify, hash, fsync: design 6.14 and anchors section 2; receive and send: calibrated on experiments/single-homed-leader.yaml. */
export const defaultCosts: Costs = {
  format: costsFormat,
  source: "defaults",
  cores: 2,
  signUs: 40,
  verifyUs: 100,
  hashKibUs: 2,
  fsyncUs: 350,
  writeKibUs: 1,
  receiveUs: 60,
  sendUs: 40,
  stepUs: 20,
  wakeUs: 50,
};

/** Nothing costs anything: what remains are timers and links. */
export const noCosts: Costs = {
  format: costsFormat,
  source: "none",
  cores: 0,
  signUs: 0,
  verifyUs: 0,
  hashKibUs: 0,
  fsyncUs: 0,
  writeKibUs: 0,
  receiveUs: 0,
  sendUs: 0,
  stepUs: 0,
  wakeUs: 0,
};

export const duration = (us: number): Duration => Math.round(us) as Duration; // integer microseconds by construction
