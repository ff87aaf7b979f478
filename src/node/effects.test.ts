// The order of effects against the outside: nothing leaves before what precedes it is durable.
import { expect, test } from "vitest";
import { instant, nodeId, sequence } from "../base/index.js";
import type { Effect } from "../smartbft/index.js";
import { EffectQueue, type EffectPorts } from "./effects.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const at = instant(1);

/** Ports that write down what happens and finish a disk's work only when told. */
function recorded() {
  const done: string[] = [];
  const disk: (() => void)[] = [];
  const write = (what: string): Promise<void> => {
    done.push(what);
    return new Promise((resolve) => {
      disk.push(() => {
        done.push(`${what} durable`);
        resolve();
      });
    });
  };
  const ports: EffectPorts = {
    persist: (records) => write(`persist ${records.map(({ record }) => record[0]).join("+")}`),
    deliver: (number) => write(`deliver ${number}`),
    send: (to, _, told) => done.push(`send ${to}${told === undefined ? "" : ` ${told.type}`}`),
    forward: (to) => done.push(`forward ${to}`),
    synchronise: (id) => done.push(`synchronise ${id}`),
    verify: (id) => done.push(`verify ${id}`),
    submitted: (token) => done.push(`submitted ${token}`),
    trace: (_, trace) => done.push(`trace ${trace.kind}`),
    sendAs: (as, to) => done.push(`sendAs ${as} to ${to}`),
    pull: (id) => done.push(`pull ${id}`),
  };
  return { done, disk, ports };
}

const persist = (byte: number): Effect => ({ kind: "persist", record: Uint8Array.of(byte), truncate: false });
const send = (to: number): Effect => ({ kind: "send", to: nodeId(to), bytes: Uint8Array.of(0) });
const sent = (to: number): Effect => ({ kind: "trace", trace: { kind: "sent", to: nodeId(to), type: "Prepare" } });
const deliver: Effect = {
  kind: "deliver",
  sequence: sequence(1),
  decision: {
    proposal: {
      header: new Uint8Array(),
      payload: new Uint8Array(),
      metadata: new Uint8Array(),
      verificationSequence: 0,
    },
    signatures: [],
  },
};

test("a message waits for the record before it, and only for that", async () => {
  const { done, disk, ports } = recorded();
  const queue = new EffectQueue(ports, () => {});
  queue.push(at, [send(1), persist(1), sent(2), send(2)]);
  queue.push(at, [send(3)]);
  expect(done).toEqual(["send 1", "persist 1"]);
  disk.shift()?.();
  await turn();
  expect(done).toEqual(["send 1", "persist 1", "persist 1 durable", "send 2 Prepare", "send 3"]);
});

test("consecutive records are written together, across steps too", async () => {
  const { done, disk, ports } = recorded();
  const queue = new EffectQueue(ports, () => {});
  queue.push(at, [persist(1)]);
  queue.push(at, [persist(2), persist(3)]);
  queue.push(at, [persist(4), send(1), persist(5)]);
  disk.shift()?.();
  await turn();
  disk.shift()?.();
  await turn();
  expect(done).toEqual([
    "persist 1",
    "persist 1 durable",
    "persist 2+3+4",
    "persist 2+3+4 durable",
    "send 1",
    "persist 5",
  ]);
});

test("what follows a delivery waits for the ledger; checks, answers and traces wait for nothing", async () => {
  const { done, disk, ports } = recorded();
  const queue = new EffectQueue(ports, () => {});
  queue.push(at, [
    deliver,
    { kind: "verify", id: 1, items: [] },
    persist(1),
    { kind: "submitted", token: 5, outcome: { kind: "refused", reason: "pool full" } },
    { kind: "trace", trace: { kind: "step", component: "view", step: "prepared", facts: {} } },
  ]);
  expect(done).toEqual(["verify 1", "submitted 5", "trace step", "deliver 1"]);
  disk.shift()?.();
  await turn();
  expect(done.slice(-2)).toEqual(["deliver 1 durable", "persist 1"]);
});

test("after a failed disk nothing more is carried out", async () => {
  const { done, ports } = recorded();
  const failures: unknown[] = [];
  const broken = { ...ports, persist: () => Promise.reject(new Error("disk")) };
  const queue = new EffectQueue(broken, (error) => failures.push(error));
  queue.push(at, [persist(1), send(1)]);
  await turn();
  queue.push(at, [send(2)]);
  expect(failures).toHaveLength(1);
  expect(done).toEqual([]);
});
