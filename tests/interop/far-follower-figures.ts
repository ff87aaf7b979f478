// npx tsx tests/interop/far-follower-figures.ts: the table of docs/simulator.md about a follower that is far away. Needs Go.
import { inVirtualTime, onLoopback, type Circumstances, type Halves } from "./far-follower.js";

const octet = 220;
const rows = [
  { delayMs: 40, batchIntervalMs: 50 },
  { delayMs: 40, batchIntervalMs: 200 },
  { delayMs: 0, batchIntervalMs: 50 },
];
const followers: Readonly<Record<string, (circumstances: Circumstances) => Halves | Promise<Halves>>> = {
  simulated: inVirtualTime,
  testbed: (circumstances) => onLoopback("testbed", circumstances, octet),
  "smartbft-go": (circumstances) => onLoopback("smartbft-go", circumstances, octet),
};

for (const row of rows)
  for (const [name, measure] of Object.entries(followers)) {
    const { before, after } = await measure({ ...row, ratePerSecond: 20, seconds: 8 });
    const told = [before, after].map(({ decided, synced }) => `${decided} by votes, ${synced} by syncs`);
    console.log(`${row.delayMs} ms, batch ${row.batchIntervalMs} ms, ${name}: ${told.join("; after the stop ")}`);
  }
