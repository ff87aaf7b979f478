// npx tsx tests/pure/twin-figures.ts: what docs/simulator.md says of the bar of the twin check, from docs/measured.
import { measuredIn, passesAgainstItself, phases, twins, type Phase } from "./twin-floor.js";

for (const twin of twins)
  for (const phase of Object.keys(phases) as Phase[]) {
    const measured = measuredIn(twin, phase);
    const percent = Math.round(100 * passesAgainstItself(measured));
    console.log(
      `${twin.name}, ${phase}: the lab passes against itself in ${percent} % of ${measured.length} runs against ${measured.length}`,
    );
  }
