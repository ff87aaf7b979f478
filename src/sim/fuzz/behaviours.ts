// Byzantine replicas, as what becomes of each message that an honest one would send. A behaviour sees the bytes on their
// way out and answers what leaves instead; it signs with its node's own key only, and the transport names its node as
// the sender. The registry is the seam: a behaviour that is added here is drawn by every seed from then on.
import {
  nodeId,
  randomFrom,
  sequence as toSequence,
  view as toView,
  type NodeId,
  type Random,
} from "../../base/index.js";
import {
  decodeMessage,
  decodeViewData,
  encodeMessage,
  encodeViewData,
  proposalDigest,
  type Application,
  type Message,
  type Proposal,
  type Signature,
  type SignedViewData,
  type ViewData,
} from "../../smartbft/index.js";
import { Ledger } from "../ledger.js";
import { tinyApplication } from "../tiny-application.js";

export interface Liar {
  readonly id: NodeId;
  readonly random: Random;
  readonly members: () => readonly NodeId[];
  readonly accomplices: Accomplices;
}

/** What all liars of a run know in common: who is told the other story, and what it is. */
export interface Accomplices {
  readonly isDeceived: (target: NodeId) => boolean;
  /** Both stories, by the digest of either. */
  readonly twins: Map<string, { readonly honest: Proposal; readonly twin: Proposal }>;
}

export interface Lie {
  readonly target: NodeId;
  readonly bytes: Uint8Array;
}

/** Made when a node turns; keeps its own memory. */
export type Behaviour = (liar: Liar) => (bytes: Uint8Array, target: NodeId) => readonly Lie[];

/** A behaviour that changes single messages: undefined stays away, the same message leaves untouched. */
const changing =
  (
    change: (
      message: Message,
      context: Liar & { readonly target: NodeId; readonly key: Application },
    ) => Message | undefined,
  ): Behaviour =>
  (liar) => {
    const key = tinyApplication(liar.id, new Ledger());
    return (bytes, target) => {
      const decoded = decodeMessage(bytes);
      if (decoded.kind === "bad") return [{ target, bytes }];
      const changed = change(decoded.value, { ...liar, target, key });
      if (changed === undefined) return [];
      return [{ target, bytes: changed === decoded.value ? bytes : encodeMessage(changed) }];
    };
  };

const silent: Behaviour = () => () => [];

/** Talks to some only. */
const selective = changing((message, { target, accomplices }) =>
  accomplices.isDeceived(target) ? undefined : message,
);

const corrupt: Behaviour =
  ({ random }) =>
  (bytes, target) => {
    const changed = bytes.slice();
    const index = random.integer(0, Math.max(0, changed.length - 1));
    if (changed.length > 0) changed[index] = (changed[index] ?? 0) ^ (1 << random.integer(0, 7));
    return [{ target, bytes: random.integer(0, 2) === 0 ? changed : bytes }];
  };

const wrongVotes = changing((message, { random }) => {
  if ((message.kind !== "Prepare" && message.kind !== "Commit") || random.integer(0, 1) === 0) return message;
  return { ...message, digest: proposalDigest({ ...nothing, verificationSequence: random.integer(0, 3) }) };
});

const badSignatures = changing((message) => {
  const broken = (value: Uint8Array): Uint8Array => value.map((byte) => byte ^ 1);
  if (message.kind === "ViewData") return { ...message, signature: broken(message.signature) };
  if (message.kind !== "Commit" || message.signature === undefined) return message;
  return { ...message, signature: { ...message.signature, value: broken(message.signature.value) } };
});

/** As leader: one proposal for some, another for the others; and votes for the one that the target was told. */
const equivocating = changing((message, { target, key, accomplices: { isDeceived, twins } }) => {
  if (message.kind === "PrePrepare" && message.proposal !== undefined) {
    const honest = message.proposal;
    const stories = { honest, twin: shortened(honest) };
    for (const proposal of Object.values(stories)) twins.set(proposalDigest(proposal), stories);
    return isDeceived(target) ? { ...message, proposal: stories.twin } : message;
  }
  if (message.kind !== "Prepare" && message.kind !== "Commit") return message;
  const stories = twins.get(message.digest);
  if (stories === undefined) return message;
  const told = isDeceived(target) ? stories.twin : stories.honest;
  const digest = proposalDigest(told);
  if (message.kind === "Prepare") return { ...message, digest };
  const signature = message.signature && key.signProposal(told, message.signature.message);
  return { ...message, digest, signature };
});

/** Without its last request; an empty proposal is as good as any. */
function shortened(proposal: Proposal): Proposal {
  const end = proposal.payload.lastIndexOf(10);
  return { ...proposal, payload: proposal.payload.subarray(0, Math.max(0, end)) };
}

const nothing: Proposal = {
  header: new Uint8Array(0),
  payload: new Uint8Array(0),
  metadata: new Uint8Array(0),
  verificationSequence: 0,
};

/** Sends what it sent before once more, to anybody. */
const replaying: Behaviour = ({ random, members, id }) => {
  const sent: Uint8Array[] = [];
  return (bytes, target) => {
    if (sent.length < 500) sent.push(bytes);
    const old = sent[random.integer(0, sent.length - 1)];
    const others = members().filter((other) => other !== id);
    const victim = others[random.integer(0, others.length - 1)];
    const lies = [{ target, bytes }];
    return old === undefined || victim === undefined || random.integer(0, 4) > 0
      ? lies
      : [...lies, { target: victim, bytes: old }];
  };
};

/** Lies about what was in flight: prepared what it only saw, forgot what it prepared, or stands at genesis. */
const lyingViewData = changing((message, { random, key, id }) => {
  if (message.kind !== "ViewData") return message;
  const data = decodeViewData(message.raw);
  if (data.kind === "bad") return message;
  return resigned(lied(data.value, { random, key }), { key, id });
});

interface Pen {
  readonly random: Random;
  readonly key: Application;
}

function lied(data: ViewData, { random, key }: Pen): ViewData {
  const { inFlightProposal } = data;
  switch (random.integer(0, 5)) {
    case 0:
      return { ...data, inFlightPrepared: true };
    case 1:
      return { ...data, inFlightProposal: undefined, inFlightPrepared: false };
    case 2:
      return inFlightProposal === undefined
        ? data
        : { ...data, inFlightProposal: shortened(inFlightProposal), inFlightPrepared: true };
    case 3:
    case 4: {
      // What was merely proposed as if it were decided: signed by itself again and again, or by others who never did.
      if (inFlightProposal === undefined) return data;
      const own = key.signProposal(inFlightProposal, new Uint8Array(0));
      const lastDecisionSignatures = random.integer(0, 1) === 0 ? [own, own, own, own, own, own] : forgedBy(own);
      return { ...data, lastDecision: inFlightProposal, lastDecisionSignatures, inFlightProposal: undefined };
    }
    default:
      return { ...data, lastDecision: nothing, lastDecisionSignatures: [] };
  }
}

const forgedBy = (own: Signature): readonly Signature[] =>
  Array.from({ length: 7 }, (_, index) => ({ ...own, signer: nodeId(index + 1) }));

function resigned(data: ViewData, { key, id }: { readonly key: Application; readonly id: NodeId }): SignedViewData {
  const raw = encodeViewData(data);
  return { kind: "ViewData", raw, signer: id, signature: key.sign(raw) };
}

/** As the next leader: puts words into the mouths of others, as far as nobody checks them (section 15, item 20). */
const forgingNewView = changing((message, { random, key, id }) => {
  if (message.kind !== "NewView") return message;
  const entries = message.entries.map((entry): SignedViewData => {
    const data = decodeViewData(entry.raw);
    if (data.kind === "bad" || random.integer(0, 1) === 0) return entry;
    const forged = lied(data.value, { random, key });
    if (entry.signer === id) return resigned(forged, { key, id });
    return { ...entry, raw: encodeViewData(forged) };
  });
  return { kind: "NewView", entries };
});

/** Claims to be elsewhere: in a higher view, at another sequence. */
const boasting = changing((message, { random }) => {
  switch (message.kind) {
    case "HeartBeat":
    case "StateTransferResponse":
      return {
        ...message,
        view: toView(message.view + random.integer(0, 3)),
        sequence: toSequence(message.sequence + random.integer(0, 3)),
      };
    case "HeartBeatResponse":
      return { ...message, view: toView(message.view + random.integer(0, 5)) };
    case "ViewChange":
      return { ...message, nextView: toView(message.nextView + random.integer(0, 2)) };
    default:
      return message;
  }
});

export const behaviours: Readonly<Record<string, Behaviour>> = {
  silent,
  selective,
  corrupt,
  wrongVotes,
  badSignatures,
  equivocating,
  replaying,
  lyingViewData,
  forgingNewView,
  boasting,
};
export const behaviourNames: readonly string[] = Object.keys(behaviours);

/** What a node of a schedule sends once it has turned. */
export function turned(name: string, liar: Omit<Liar, "random">, seed: string): ReturnType<Behaviour> {
  const behaviour = behaviours[name];
  if (behaviour === undefined) throw new RangeError(`No behaviour "${name}"; there are ${behaviourNames.join(", ")}`);
  return behaviour({ ...liar, random: randomFrom(seed, `byzantine/${name}/${liar.id}`) });
}

/** Who is deceived is drawn once a run: about half. */
export function accomplices(seed: string): Accomplices {
  const deceived = new Map<NodeId, boolean>();
  return {
    twins: new Map(),
    isDeceived: (target) => {
      let told = deceived.get(target);
      if (told === undefined) deceived.set(target, (told = randomFrom(seed, `deceived/${target}`).integer(0, 1) === 1));
      return told;
    },
  };
}
