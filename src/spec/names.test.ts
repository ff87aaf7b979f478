// Names of nodes and interfaces, natural order, and the grammar of targets.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Target } from "./experiment.js";
import { interfaceNameFault, naturalOrder, nodeNameFault, topologyNameFault } from "./names.js";
import { parseTarget } from "./target.js";

describe("names", () => {
  it.each(["a", "r1", "orderer1", "a-b", "exactly15chars1"])("lets a node be called %s", (name) => {
    expect(nodeNameFault(name)).toBe(undefined);
  });

  it.each([
    "",
    "1a",
    "A",
    "a_b",
    "a.b",
    "a/b",
    "..",
    "a-",
    "-a",
    "sixteencharacter",
    "leader",
    "follower",
    "switchboard",
    "ä",
  ])("lets no node be called %j", (name) => {
    expect(nodeNameFault(name)).not.toBe(undefined);
  });

  it.each(["eth1", "eth1.100", "to-r1", "Eth_1", "exactly15chars1"])("lets an interface be called %s", (name) => {
    expect(interfaceNameFault(name)).toBe(undefined);
  });

  it.each(["", "lo", "all", "default", "eth 1", "eth/1", "eth:1", ".", "..", "-e", "sixteencharacter", "ëth1"])(
    "lets no interface be called %j",
    (name) => {
      expect(interfaceNameFault(name)).not.toBe(undefined);
    },
  );

  it("lets a topology's name be 32 characters long and no longer", () => {
    expect(topologyNameFault("a".repeat(32))).toBe(undefined);
    expect(topologyNameFault("a".repeat(33))).not.toBe(undefined);
  });

  it("orders numbers inside names as numbers", () => {
    const names = ["orderer10", "orderer2", "r1", "orderer1", "orderer", "a2b10", "a2b9", "a10"];
    expect(names.toSorted(naturalOrder)).toEqual([
      "a2b9",
      "a2b10",
      "a10",
      "orderer",
      "orderer1",
      "orderer2",
      "orderer10",
      "r1",
    ]);
  });

  it("is a total order", () => {
    const name = fc.stringMatching(/^[a-c0-3-]{0,6}$/);
    fc.assert(
      fc.property(name, name, name, (first, second, third) => {
        expect(Math.sign(naturalOrder(first, second))).toBe(-Math.sign(naturalOrder(second, first)) + 0);
        expect(naturalOrder(first, second) === 0).toBe(first === second);
        const isChain = naturalOrder(first, second) < 0 && naturalOrder(second, third) < 0;
        expect(isChain && naturalOrder(first, third) >= 0).toBe(false);
      }),
    );
  });
});

describe("targets", () => {
  it.each<[string, Target]>([
    ["leader", { kind: "role", role: "leader", ordinal: 1, interface: "" }],
    ["leader:eth1", { kind: "role", role: "leader", ordinal: 1, interface: "eth1" }],
    ["follower", { kind: "role", role: "follower", ordinal: 1, interface: "" }],
    ["follower[2]", { kind: "role", role: "follower", ordinal: 2, interface: "" }],
    ["follower[1]:eth1", { kind: "role", role: "follower", ordinal: 1, interface: "eth1" }],
    ["orderer1", { kind: "node", node: "orderer1" }],
    ["orderer1:eth1", { kind: "endpoint", node: "orderer1", interface: "eth1" }],
  ])("reads %s", (text, value) => {
    expect(parseTarget(text)).toEqual({ kind: "good", value });
  });

  it.each([
    "",
    ":",
    ":eth1",
    "orderer1:",
    "a:b:c",
    "leader[1]",
    "follower[]",
    "follower[0]",
    "follower[01]",
    "follower[x]",
    "Leader",
    "a b",
    "follower[1",
    "follower[99999999999]",
  ])("refuses %j", (text) => {
    expect(parseTarget(text).kind).toBe("bad");
  });
});
