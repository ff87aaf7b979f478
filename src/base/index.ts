// base: what every room speaks. Pure.
export { assert, AssertionError, assertNever, present } from "./assert.js";
export { concat, emptyBytes, equalBytes, fromHex, fromUtf8, toHex, utf8 } from "./bytes.js";
export { sha256, sha256Hex } from "./hash.js";
export { nodeId, sequence, view, type NodeId, type Sequence, type View } from "./ids.js";
export { nearest, problemText, type Parsed, type Position, type Problem } from "./problem.js";
export { faultsTolerated, quorumSize } from "./quorum.js";
export { randomFrom, type Random } from "./random.js";
export {
  after,
  between,
  earliest,
  instant,
  microseconds,
  milliseconds,
  seconds,
  toMilliseconds,
  toSeconds,
  type Duration,
  type Instant,
} from "./time.js";
