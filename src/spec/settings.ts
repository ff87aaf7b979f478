// Settings in layers: profile, then topology, then experiment, then a single node. Later layers win key by key. What the
// layers make together is judged here, for files and for command lines alike.
import type { Duration } from "../base/index.js";
import type { Implementation } from "../boundary/index.js";
import { optionProblems, type ProtocolOptions } from "../smartbft/index.js";
import { profiles } from "./profiles.js";
import { protocolKeys } from "./settings.schema.js";
import type { Overrides, Profile, ProfileName } from "./topology.js";
import { durationText } from "./units.js";

export const noOverrides: Overrides = { protocol: {}, transport: {}, peer: {} };

export function settled(
  profile: ProfileName,
  layers: readonly Overrides[],
): Pick<Profile, "protocol" | "transport" | "peer"> {
  const { protocol, transport, peer } = profiles[profile];
  return layers.reduce<Pick<Profile, "protocol" | "transport" | "peer">>(
    (below, layer) => ({
      protocol: { ...below.protocol, ...layer.protocol },
      transport: { ...below.transport, ...layer.transport },
      peer: { ...below.peer, ...layer.peer },
    }),
    { protocol, transport, peer },
  );
}

/** A rule of the protocol's options that does not hold. */
export interface OptionFinding {
  /** Written keys it is about, the first named first. */
  readonly keys: readonly string[];
  readonly message: string;
  /** The values that meet there, as text. */
  readonly values: string;
}

/** What is wrong with the options of an orderer, or of orderers at large. */
export function optionFindings(
  options: ProtocolOptions,
  implementation: Implementation = "testbed",
): readonly OptionFinding[] {
  const ruled = ruleFindings(options);
  if (implementation === "testbed" || options.fidelity === "library") return ruled;
  const message = `An orderer that is ${implementation} is the library itself: Fidelity must be library`;
  return [...ruled, { keys: ["Fidelity"], message, values: `Fidelity is ${options.fidelity}` }];
}

function ruleFindings(options: ProtocolOptions): readonly OptionFinding[] {
  return optionProblems(options).map((sentence) => {
    const fields = Object.entries(protocolKeys).filter(([, field]) => new RegExp(`\\b${field}\\b`).test(sentence));
    const ordered = fields.toSorted((left, right) => sentence.indexOf(left[1]) - sentence.indexOf(right[1]));
    const message = ordered.reduce(
      (text, [key, field]) => text.replaceAll(new RegExp(`\\b${field}\\b`, "g"), key),
      sentence,
    );
    const values = ordered.map(([key, field]) => `${key} is ${optionText(field, options)}`).join(", ");
    return { keys: ordered.map(([key]) => key), message, values };
  });
}

const countFields: readonly (keyof ProtocolOptions)[] = [
  "requestBatchMaxCount",
  "requestBatchMaxBytes",
  "incomingMessageBufferSize",
  "requestPoolSize",
  "leaderHeartbeatCount",
  "numOfTicksBehindBeforeSyncing",
  "decisionsPerLeader",
  "requestMaxBytes",
];

function optionText(field: keyof ProtocolOptions, options: ProtocolOptions): string {
  const value = options[field];
  if (typeof value !== "number") return String(value);
  if (countFields.includes(field)) return field.endsWith("Bytes") ? `${value}B` : String(value);
  return durationText(value as Duration); // every other number among the options is a duration
}
