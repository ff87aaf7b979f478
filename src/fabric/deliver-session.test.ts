// The serving side of Deliver: statuses and blocks as fabric-wire.md section 5.2 has them.
import { describe, expect, test } from "vitest";
import { instant, utf8 } from "../base/index.js";
import { DeliverSession, type DeliverEffect } from "./deliver-session.js";
import { never, seekEnvelope, seekFrom, seekNewest, seekRange, type Seek, type SeekPosition } from "./deliver.js";
import { creatorOf } from "./envelope.js";
import { toyClient, toySign } from "./toy-chain.js";

const envelopeOf = (seek: Seek, channel = "vec"): Uint8Array =>
  seekEnvelope(seek, {
    channel,
    creator: creatorOf(toyClient),
    nonce: new Uint8Array(24),
    timestamp: { seconds: 0, nanoseconds: 0 },
    sign: toySign(toyClient.publicKey),
  });

/** Serves with a transport that always has room, and tells what went out. */
class Reader {
  readonly #session: DeliverSession;
  readonly out: string[] = [];

  constructor(height: number) {
    this.#session = new DeliverSession({ channel: "vec", height });
  }

  seek(seek: Seek | Uint8Array): this {
    return this.#carry(
      this.#session.step(instant(0), { kind: "seek", bytes: seek instanceof Uint8Array ? seek : envelopeOf(seek) }),
    );
  }

  height(height: number): this {
    return this.#carry(this.#session.step(instant(0), { kind: "height", height }));
  }

  #carry(effects: readonly DeliverEffect[]): this {
    for (const effect of effects) {
      if (effect.kind === "sendBlock") {
        this.out.push(effect.content === "block" ? `${effect.number}` : `header ${effect.number}`);
        this.#carry(this.#session.step(instant(0), { kind: "sent" }));
      } else this.out.push(effect.kind === "sendStatus" ? `status ${effect.status}` : "end");
    }
    return this;
  }
}

const at = (number: number): SeekPosition => ({ kind: "specified", number });
const seek = (start: SeekPosition, stop: SeekPosition, failIfNotReady = false): Seek => ({
  start,
  stop,
  failIfNotReady,
  content: "block",
});

describe("a deliver session", () => {
  test.each<readonly [string, Seek, readonly string[]]>([
    ["a range", seekRange(1, 3), ["1", "2", "3", "status 200"]],
    ["the newest block", seekNewest, ["header 4", "status 200"]],
    ["the oldest", seek({ kind: "oldest" }, at(1)), ["0", "1", "status 200"]],
    ["all and then waits", seekFrom(3, "block"), ["3", "4"]],
    ["headers", seekFrom(3, "header"), ["header 3", "header 4"]],
    ["a start at the height, which waits", seekFrom(5, "block"), []],
    ["the next commit, which waits", seek({ kind: "nextCommit" }, never), []],
    ["a start beyond the height: 404 at once", seekFrom(6, "block"), ["status 404", "end"]],
    ["a start at 2^53 - 1", seek(never, never), ["status 404", "end"]],
    ["a stop before the start: 400", seekRange(3, 2), ["status 400", "end"]],
    ["blocks that are there, then 404 for one that is not", seek(at(4), at(6), true), ["4", "status 404", "end"]],
  ])("gives %s", (_, wish, expected) => {
    expect(new Reader(5).seek(wish).out).toEqual(expected);
  });

  test("follows the ledger as it grows", () => {
    const reader = new Reader(2).seek(seekFrom(1, "block"));
    expect(reader.out).toEqual(["1"]);
    reader.height(4).height(4).height(3);
    expect(reader.out).toEqual(["1", "2", "3"]);
  });

  test("serves another seek after success, in turn", () => {
    const reader = new Reader(3).seek(seekRange(0, 3)).seek(seekNewest);
    expect(reader.out).toEqual(["0", "1", "2"]);
    reader.height(4);
    expect(reader.out).toEqual(["0", "1", "2", "3", "status 200", "header 3", "status 200"]);
  });

  test("ends on an unknown channel with 404, on nonsense with 400, and is silent ever after", () => {
    const other = new Reader(3).seek(envelopeOf(seekNewest, "other")).seek(seekNewest).height(9);
    expect(other.out).toEqual(["status 404", "end"]);
    expect(new Reader(3).seek(utf8("nonsense")).out).toEqual(["status 400", "end"]);
    expect(new Reader(3).seek(new Uint8Array(0)).out).toEqual(["status 400", "end"]);
  });

  test("holds a bounded number of seeks", () => {
    const reader = new Reader(1).seek(seekFrom(1, "block"));
    for (let count = 0; count < 17; count++) reader.seek(seekNewest);
    expect(reader.out).toEqual(["status 400", "end"]);
  });

  test("has one block on its way at a time", () => {
    const session = new DeliverSession({ channel: "vec", height: 9 });
    const first = session.step(instant(0), { kind: "seek", bytes: envelopeOf(seekFrom(0, "block")) });
    expect(first).toEqual([{ kind: "sendBlock", number: 0, content: "block" }]);
    expect(session.step(instant(0), { kind: "height", height: 10 })).toEqual([]);
    expect(session.step(instant(0), { kind: "sent" })).toEqual([{ kind: "sendBlock", number: 1, content: "block" }]);
    expect(session.deadline()).toBeUndefined();
  });
});
