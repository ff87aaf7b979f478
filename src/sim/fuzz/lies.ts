// What the fuzzer's liars write into ViewData and NewView: false accounts of what was in flight or decided, signed with their
// own key, or with none where they speak for others.
import { nodeId, type NodeId, type Random } from "../../base/index.js";
import {
  decodeViewData,
  encodeViewData,
  type Application,
  type NewView,
  type Proposal,
  type Signature,
  type SignedViewData,
  type ViewData,
} from "../../smartbft/index.js";

export interface Pen {
  readonly random: Random;
  readonly key: Application;
  readonly id: NodeId;
}

export const nothing: Proposal = {
  header: new Uint8Array(0),
  payload: new Uint8Array(0),
  metadata: new Uint8Array(0),
  verificationSequence: 0,
};

/** Without its last request. */
export function shortened(proposal: Proposal): Proposal {
  const end = proposal.payload.lastIndexOf(10);
  return { ...proposal, payload: proposal.payload.subarray(0, Math.max(0, end)) };
}

/** By the numbers of `lied`: what makes others forget is drawn most often. */
const lies = [0, 1, 1, 1, 2, 3, 4, 5, 5, 5];
const drawLie = (random: Random): number => lies[random.integer(0, lies.length - 1)] ?? 0;

export function liedViewData(message: SignedViewData, pen: Pen): SignedViewData {
  const data = decodeViewData(message.raw);
  if (data.kind === "bad") return message;
  return signed(lied(data.value, drawLie(pen.random), pen), pen);
}

/** As if it had prepared this proposal. */
export function withInFlight(
  message: SignedViewData,
  proposal: Proposal,
  pen: Pick<Pen, "key" | "id">,
): SignedViewData {
  const data = decodeViewData(message.raw);
  if (data.kind === "bad") return message;
  return signed({ ...data.value, inFlightProposal: proposal, inFlightPrepared: true }, pen);
}

/** One lie for all entries, or another for each; those of others keep their signatures, which fit no more. */
export function forgedEntries(message: NewView, pen: Pen): NewView {
  const { random, id } = pen;
  const same = random.integer(0, 1) === 0 ? drawLie(random) : undefined;
  const entries = message.entries.map((entry): SignedViewData => {
    const data = decodeViewData(entry.raw);
    if (data.kind === "bad" || (same === undefined && random.integer(0, 1) === 0)) return entry;
    const forged = lied(data.value, same ?? drawLie(random), pen);
    return entry.signer === id ? signed(forged, pen) : { ...entry, raw: encodeViewData(forged) };
  });
  return { kind: "NewView", entries };
}

function lied(data: ViewData, which: number, { random, key }: Pen): ViewData {
  const { inFlightProposal } = data;
  switch (which) {
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
    default: {
      const genesis = { lastDecision: nothing, lastDecisionSignatures: [] };
      return { ...data, ...genesis, inFlightProposal: undefined, inFlightPrepared: false };
    }
  }
}

const forgedBy = (own: Signature): readonly Signature[] =>
  Array.from({ length: 7 }, (_, index) => ({ ...own, signer: nodeId(index + 1) }));

export function signed(data: ViewData, { key, id }: Pick<Pen, "key" | "id">): SignedViewData {
  const raw = encodeViewData(data);
  return { kind: "ViewData", raw, signer: id, signature: key.sign(raw) };
}
