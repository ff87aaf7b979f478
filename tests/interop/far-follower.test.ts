// A follower 40 ms away that was stopped for a second lives on syncs from then on, not on votes: in virtual time, and as an
// orderer that is the Go library or ours. What it missed is never sent again (surprise 2 of docs/protocol.md), and a sync across
// 80 ms of round trip ends behind where the others are by then. Near the others it votes again. docs/simulator.md has the figures.
import { describe, expect, test } from "vitest";
import { withGo } from "../netns/with-go.js";
import { inVirtualTime, onLoopback, type Circumstances, type Halves, type Shares } from "./far-follower.js";

const far: Circumstances = { delayMs: 40, batchIntervalMs: 50, ratePerSecond: 20, seconds: 8 };
const near: Circumstances = { ...far, delayMs: 0 };

const livesOnSyncs = ({ decided, synced, syncs }: Shares): boolean => synced > 2 * decided && syncs >= 3;
const decides = ({ decided, synced }: Shares): boolean => decided > 2 * synced;

const patience = { timeout: 400_000 };
const octet = 20 + (process.pid % 200);

/** For a failure: all that was counted. */
const counted = (halves: Halves): string => JSON.stringify(halves);

describe("a follower that was stopped for a second", () => {
  test("in virtual time: lives on syncs when it is 40 ms away, votes when it is near", () => {
    const [away, close] = [inVirtualTime(far), inVirtualTime(near)];
    expect(livesOnSyncs(away.after), `${counted(away)}`).toBe(true);
    expect(decides(close.after), `${counted(close)}`).toBe(true);
  });

  withGo(() => {
    test.each(["smartbft-go", "testbed"] as const)(
      "%s, 40 ms away: votes before, lives on syncs after",
      patience,
      async (which) => {
        const halves = await onLoopback(which, far, octet);
        expect(decides(halves.before), `${counted(halves)}`).toBe(true);
        expect(livesOnSyncs(halves.after), `${counted(halves)}`).toBe(true);
      },
    );

    test("smartbft-go, near: votes again", patience, async () => {
      const halves = await onLoopback("smartbft-go", near, octet);
      expect(decides(halves.after), `${counted(halves)}`).toBe(true);
    });
  });
});
