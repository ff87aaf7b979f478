// What a node of a world has around it: its process, the network, the costs of its machine, a way to say what happens. And
// the keys of a world: signatures are keyed hashes in the form of DER signatures, which cost nothing to make and are checked
// like real ones; what real ones cost is charged.
import { equalBytes, type Instant, type Random } from "../../base/index.js";
import type { Event } from "../../boundary/index.js";
import type { Timestamp } from "../../fabric/index.js";
import type { VerifyItem } from "../../smartbft/index.js";
import { fakeHash } from "../fake-hash.js";
import type { Scheduler } from "../scheduler.js";
import type { Connecting } from "./connecting.js";
import type { Costs } from "./costs.js";
import type { Process } from "./process.js";
import type { Frame } from "./session.js";

type Unstamped<E> = E extends Event ? Omit<E, "at" | "node"> & { readonly at?: Instant } : never;
/** An event of this node; `at` is the process's now unless the fact is older. */
export type Emit = (event: Unstamped<Event>) => void;

export interface Site {
  readonly name: string;
  /** Loopback address. */
  readonly address: string;
  readonly process: Process;
  readonly scheduler: Scheduler;
  readonly transport: Connecting<Frame>;
  readonly costs: Costs;
  readonly random: Random;
  readonly emit: Emit;
}

export const keyOf = (node: string): string => `key of ${node}`;

/** 24 bytes, as good as any. */
export function nonceFrom(random: Random): Uint8Array {
  const nonce = new Uint8Array(24);
  const words = new DataView(nonce.buffer);
  for (let index = 0; index < 6; index++) words.setInt32(4 * index, random.integer(-0x8000_0000, 0x7fff_ffff));
  return nonce;
}

/** Virtual time begins with the epoch. */
export const timestampAt = (at: Instant): Timestamp => ({
  seconds: Math.floor(at / 1_000_000),
  nanoseconds: (at % 1_000_000) * 1_000,
});

export function signer({ name, process, costs }: Site): (bytes: Uint8Array) => Uint8Array {
  const key = keyOf(name);
  return (bytes) => {
    process.charge(costs.signUs);
    return signatureOf(key, bytes);
  };
}

export const isGenuine = ({ key, message, signature }: VerifyItem): boolean =>
  equalBytes(signature, signatureOf(key, message));

/** SEQUENCE of two INTEGERs of 15 bytes with their high bit clear: low-s, and far below the group's order. */
function signatureOf(key: string, message: Uint8Array): Uint8Array {
  const digest = fakeHash(key, message, 30);
  const signature = new Uint8Array(36);
  signature.set(derHead);
  signature.set(digest.subarray(0, 15), 4);
  signature.set(integerHead, 19);
  signature.set(digest.subarray(15), 21);
  signature[4] = ((digest[0] ?? 0) & 0x3f) | 0x40;
  signature[21] = ((digest[15] ?? 0) & 0x3f) | 0x40;
  return signature;
}

const derHead = Uint8Array.of(0x30, 34, 0x02, 15);
const integerHead = Uint8Array.of(0x02, 15);

/** node/signatures.ts: that many are checked on the process's own thread, more go to the thread pool together. */
const inlineCountMax = 3;
/** Checks that are one job of the pool here: fewer steps of the simulator, and below the slice of a processor. */
const jobCount = 5;

/** Results in order, when the checks have had their time on a processor. */
export function check(
  { process, costs }: Pick<Site, "process" | "costs">,
  items: readonly VerifyItem[],
  then: (results: readonly boolean[]) => void,
): void {
  const results = items.map(isGenuine);
  if (items.length <= inlineCountMax || costs.verifyUs === 0) {
    process.charge(items.length * costs.verifyUs);
    return then(results);
  }
  // Most are requests, each taken apart before; then they are handed over.
  process.charge(items.length * (costs.requestUs + costs.asideUs));
  const jobs = Array.from({ length: Math.ceil(items.length / jobCount) }, (_, index) => {
    const count = Math.min(jobCount, items.length - index * jobCount);
    return { us: Math.ceil(count * costs.verifyUs) };
  });
  process.aside(jobs, () => then(results));
}
