// What things cost on the simulated machine: microseconds of one processor, or of a disk. `testbed calibrate` measures the
// machine at hand and writes such a file; without one the defaults below hold, those of the two shared cores on which
// docs/measured was made. Which of them a run used stands in its environment event.
import type { Duration } from "../../base/index.js";

export const costsFormat = 4;

export interface Costs {
  readonly format: typeof costsFormat;
  /** Where the figures come from, for people: "defaults", or when and on what they were measured. */
  readonly source: string;
  /** Processors that all nodes share; 0: each node has its own. */
  readonly cores: number;
  /** How long a thread keeps a processor for which others wait, if it has that much to do. */
  readonly sliceUs: number;
  readonly signUs: number;
  readonly verifyUs: number;
  /** What a check on the thread pool costs the process that hands it over and takes its answer. */
  readonly asideUs: number;
  /** SHA-256 of 1024 bytes. */
  readonly hashKibUs: number;
  /** A call of the file system, on a thread of the pool, and what each KiB that is written adds; then the disk's own time for a sync. */
  readonly writeUs: number;
  readonly writeKibUs: number;
  readonly fsyncUs: number;
  /** A message through gRPC, its codec and the event loop, on the side that takes it and on the side that writes it. */
  readonly receiveUs: number;
  readonly sendUs: number;
  /** A request of a block that is judged or stored: opened, its id hashed, kept, told. */
  readonly requestUs: number;
  /** One step of a machine, its traces included. */
  readonly stepUs: number;
  /** What a node's first step of each kind costs more, as code that never ran is compiled and interpreted. */
  readonly coldUs: number;
  /** A process that waits for input runs again this much later: its wait for a processor, and the event loop. */
  readonly wakeUs: number;
  /** What who watches the nodes, the agent and the command line, does with an event of theirs. */
  readonly eventUs: number;
  /** What a peer's first block after a pause costs more, on its own thread, and on those of V8 beside it. */
  readonly staleUs: number;
  readonly staleBesideUs: number;
}

/**
 * What operations take on a machine that does nothing else. Taken on two shared cores: P-256 through OpenSSL, SHA-256, and an
 * fdatasync (anchors sections 2 and design 6.14).
 */
export interface Measured {
  readonly signUs: number;
  readonly verifyUs: number;
  readonly hashKibUs: number;
  readonly fsyncUs: number;
  readonly requestUs: number;
}
export const referenceMachine: Measured = { signUs: 45, verifyUs: 100, hashKibUs: 2, fsyncUs: 350, requestUs: 10 };

/**
 * The costs inside a lab on that reference machine: everything takes longer there than alone, as agent, routing daemons, kernel
 * and the events of every step share the same two processors, and as code that ran seldom is not compiled yet. Fitted to runs of
 * single-homed-leader, instant by instant (proposal, votes, decision, blocks), and judged on others (docs/simulator.md, twin check).
 */
export const defaultCosts: Costs = {
  format: costsFormat,
  source: "defaults",
  cores: 2,
  sliceUs: 100_000,
  signUs: 100,
  verifyUs: 160,
  asideUs: 25,
  hashKibUs: 2,
  writeUs: 60,
  writeKibUs: 2,
  fsyncUs: 1_000,
  receiveUs: 180,
  sendUs: 150,
  requestUs: 25,
  stepUs: 150,
  coldUs: 500,
  wakeUs: 150,
  eventUs: 100,
  staleUs: 4_000,
  staleBesideUs: 4_000,
};

/**
 * The defaults, each scaled as this machine's own figure is to the reference machine's; what was not measured, as `verify` is.
 * The wait for a processor is not scaled: it is others' time, not work.
 */
export function calibratedCosts(measured: Measured, { source, cores }: Pick<Costs, "source" | "cores">): Costs {
  const scaled = (us: number, by: keyof Measured): number =>
    Math.max(1, Math.round((us * measured[by]) / referenceMachine[by]));
  return {
    format: costsFormat,
    source,
    cores,
    sliceUs: defaultCosts.sliceUs,
    signUs: scaled(defaultCosts.signUs, "signUs"),
    verifyUs: scaled(defaultCosts.verifyUs, "verifyUs"),
    asideUs: scaled(defaultCosts.asideUs, "verifyUs"),
    hashKibUs: scaled(defaultCosts.hashKibUs, "hashKibUs"),
    writeUs: scaled(defaultCosts.writeUs, "verifyUs"),
    writeKibUs: scaled(defaultCosts.writeKibUs, "verifyUs"),
    fsyncUs: scaled(defaultCosts.fsyncUs, "fsyncUs"),
    receiveUs: scaled(defaultCosts.receiveUs, "verifyUs"),
    sendUs: scaled(defaultCosts.sendUs, "verifyUs"),
    requestUs: scaled(defaultCosts.requestUs, "requestUs"),
    stepUs: scaled(defaultCosts.stepUs, "verifyUs"),
    coldUs: scaled(defaultCosts.coldUs, "verifyUs"),
    wakeUs: defaultCosts.wakeUs,
    eventUs: scaled(defaultCosts.eventUs, "verifyUs"),
    staleUs: scaled(defaultCosts.staleUs, "verifyUs"),
    staleBesideUs: scaled(defaultCosts.staleBesideUs, "verifyUs"),
  };
}

/** Nothing costs anything: what remains are timers and links. */
export const noCosts: Costs = {
  format: costsFormat,
  source: "none",
  cores: 0,
  sliceUs: 0,
  signUs: 0,
  verifyUs: 0,
  asideUs: 0,
  hashKibUs: 0,
  writeUs: 0,
  writeKibUs: 0,
  fsyncUs: 0,
  receiveUs: 0,
  sendUs: 0,
  requestUs: 0,
  stepUs: 0,
  coldUs: 0,
  wakeUs: 0,
  eventUs: 0,
  staleUs: 0,
  staleBesideUs: 0,
};

export const duration = (us: number): Duration => Math.round(us) as Duration; // integer microseconds by construction
