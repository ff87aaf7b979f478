// testbed calibrate: what signing, verifying, hashing, syncing and taking a request apart take on this machine, written as costs for the simulator.
// Each figure is the median of batches, so that a neighbour on the machine counts little.
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { dirname, join } from "node:path";
import { sha256 } from "../../base/index.js";
import { creatorOf, dataOfSize, envelopeFor, nonceSize, requestsIn } from "../../fabric/index.js";
import { calibratedCosts, type Measured } from "../../sim/index.js";
import {
  newKeyPair,
  privateKeyFrom,
  publicKeyFrom,
  sign,
  UserError,
  verify,
  type KeyPairPem,
} from "../../system/index.js";
import { formatOption, print, rowsText, say } from "../output.js";
import type { Register } from "../program.js";

const batches = 15;

export const registerCalibrate: Register = (program) => {
  program
    .command("calibrate")
    .description("measure what things cost on this machine, for testbed sim --costs")
    .option("-o, --output <file>", "where the costs go; syncs are timed on the same disk", "costs.json")
    .addOption(formatOption())
    .addHelpText(
      "after",
      `
Examples:
  testbed calibrate -o costs.json
  testbed sim experiments/leader-interface-down.yaml --costs costs.json`,
    )
    .action(async ({ output, format }) => {
      const measured = await writing(output, () => measuredHere(dirname(output)));
      const processor = cpus()[0]?.model ?? "unknown processor";
      const source = `testbed calibrate, ${new Date().toISOString()}, ${processor}`;
      const costs = calibratedCosts(measured, { source, cores: availableParallelism() });
      await writing(output, () => writeFile(output, `${JSON.stringify(costs, null, 2)}\n`));
      const rows = Object.entries(measured).map(([what, us]) => ({
        what: what.replace("Us", ""),
        us: Number(us.toFixed(1)),
      }));
      await print(rowsText(["what", "us"], rows, format));
      say(`costs in ${output}`);
    });
};

async function writing<T>(output: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new UserError(`Cannot write costs to "${output}"`, { cause, suggestion: "name another file with --output" });
  }
}

async function measuredHere(folder: string): Promise<Measured> {
  const pair = newKeyPair();
  const [own, shown] = [privateKeyFrom(pair.privateKey), publicKeyFrom(pair.publicKey)];
  const message = new Uint8Array(400);
  const signature = sign(own, message);
  const kibibyte = new Uint8Array(1_024);
  return {
    signUs: timed(100, () => void sign(own, message)),
    verifyUs: timed(100, () => void verify(shown, message, signature)),
    hashKibUs: timed(1_000, () => void sha256(kibibyte)),
    fsyncUs: await syncUs(folder),
    requestUs: requestUs(pair),
  };
}

/** One of the requests of a block of 100, opened and its id hashed, as whoever stores the block does. */
function requestUs({ publicKey, privateKey }: KeyPairPem): number {
  const creator = creatorOf({ mspId: "Org1MSP", publicKey });
  const own = privateKeyFrom(privateKey);
  const envelope = (counter: number): Uint8Array =>
    envelopeFor({
      channel: "testchannel",
      creator,
      nonce: new Uint8Array(nonceSize).fill(counter),
      data: dataOfSize(200, counter),
      timestamp: { seconds: counter, nanoseconds: 0 },
      sign: (bytes) => sign(own, bytes),
    }).bytes;
  const block = Array.from({ length: 100 }, (_, counter) => envelope(counter));
  return timed(20, () => void requestsIn(block)) / block.length;
}

/** Median over batches of the time for one call, microseconds. */
function timed(calls: number, call: () => void): number {
  const times: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const start = performance.now();
    for (let index = 0; index < calls; index++) call();
    times.push(((performance.now() - start) * 1_000) / calls);
  }
  return median(times);
}

/** One record of 256 bytes written and synced, as an orderer's log does it. */
async function syncUs(folder: string): Promise<number> {
  const place = await mkdtemp(join(folder, ".calibrate-"));
  try {
    await using file = await open(join(place, "log"), "w");
    const record = new Uint8Array(256);
    const times: number[] = [];
    for (let index = 0; index < 10 * batches; index++) {
      const start = performance.now();
      await file.write(record);
      await file.datasync();
      times.push((performance.now() - start) * 1_000);
    }
    return median(times);
  } finally {
    await rm(place, { recursive: true });
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
