// Quantities as tables: what is read, and what is refused because it is not exact or has no unit.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { microseconds } from "../base/index.js";
import { durationFrom, durationText, frequencyFrom, percentFrom, rateKbitFrom, sizeFrom } from "./units.js";

describe("quantities", () => {
  it.each<[string, number | undefined]>([
    ["50ms", 50_000],
    ["1s", 1_000_000],
    ["0s", 0],
    ["1.5s", 1_500_000],
    ["0.1s", 100_000],
    ["200us", 200],
    ["1m30s", 90_000_000],
    ["3m", 180_000_000],
    ["2h1m1s1ms1us", 7_261_001_001],
    ["0.000001s", 1],
    ["50", undefined],
    ["", undefined],
    ["ms", undefined],
    ["50 ms", undefined],
    ["50MS", undefined],
    ["-1s", undefined],
    ["1e3s", undefined],
    [".5s", undefined],
    ["5.s", undefined],
    ["0.5us", undefined],
    ["0.0000001s", undefined],
    ["30s1m", undefined],
    ["1s1s", undefined],
    ["99999999999999999999h", undefined],
    ["1s\n", undefined],
    ["1µs", undefined],
  ])("reads the duration %j as %s microseconds", (text, expected) => {
    expect(durationFrom(text)).toBe(expected);
  });

  it.each<[string, number | undefined]>([
    ["200B", 200],
    ["1kB", 1_000],
    ["10MiB", 10_485_760],
    ["1.5KiB", 1_536],
    ["1GB", 1_000_000_000],
    ["0.5B", undefined],
    ["10", undefined],
    ["10KB", undefined],
    ["10mb", undefined],
  ])("reads the size %j as %s bytes", (text, expected) => {
    expect(sizeFrom(text)).toBe(expected);
  });

  it.each<[string, number | undefined]>([
    ["10mbit", 10_000],
    ["1gbit", 1_000_000],
    ["0.5mbit", 500],
    ["64kbit", 64],
    ["1000bit", 1],
    ["1500bit", undefined],
    ["10Mbit", undefined],
    ["10", undefined],
  ])("reads the rate %j as %s kbit per second", (text, expected) => {
    expect(rateKbitFrom(text)).toBe(expected);
  });

  it.each<[string, number | undefined]>([
    ["1%", 1],
    ["0%", 0],
    ["0.1%", 0.1],
    ["100%", 100],
    ["100.1%", undefined],
    ["1", undefined],
    ["-1%", undefined],
  ])("reads the percentage %j as %s", (text, expected) => {
    expect(percentFrom(text)).toBe(expected);
  });

  it.each<[string, number | undefined]>([
    ["50/s", 50],
    ["0.5/s", 0.5],
    ["50", undefined],
    ["50/min", undefined],
  ])("reads the frequency %j as %s per second", (text, expected) => {
    expect(frequencyFrom(text)).toBe(expected);
  });

  it("writes each duration so that it is read back the same", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 604_800_000_000 }), (value) => {
        expect(durationFrom(durationText(microseconds(value)))).toBe(value);
      }),
    );
  });

  it.each<[number, string]>([
    [0, "0s"],
    [1, "1us"],
    [1_500_000, "1.5s"],
    [50_000, "50ms"],
    [90_000_000, "1m30s"],
    [180_000_000, "3m"],
    [-50_000, "-50ms"],
  ])("writes %s microseconds as %s", (value, text) => {
    expect(durationText(microseconds(value))).toBe(text);
  });
});
