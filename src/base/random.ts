// Seeded randomness: xoroshiro128+ from pure-rand (saves us a generator and its proofs of uniformity).
// A stream is named, so that adding a consumer never shifts what another one draws.
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { sha256 } from "./hash.js";
import { utf8 } from "./bytes.js";

export interface Random {
  /** Uniform integer in [low, high], both included; both safe within 32 bits of span. */
  integer(low: number, high: number): number;
  /** Uniform in [0, 1). */
  fraction(): number;
  /** An independent stream for a named purpose: a function of the seed and the name alone. */
  stream(name: string): Random;
}

/** A generator for `name` under `seed`; equal arguments give equal streams on every machine. */
export function randomFrom(seed: number | string, name = ""): Random {
  const digest = sha256(utf8(`${seed}/${name}`));
  const word = new DataView(digest.buffer, digest.byteOffset).getInt32(0);
  const generator = xoroshiro128plus(word);
  return {
    integer: (low, high) => uniformInt(generator, low, high),
    fraction: () => uniformInt(generator, 0, 0x7fff_ffff) / 0x8000_0000,
    stream: (inner) => randomFrom(seed, `${name}/${inner}`),
  };
}
