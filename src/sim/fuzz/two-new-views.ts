// A next leader that makes two NewViews of the same honest ViewData and of two of its own (docs/protocol.md, surprise 42): to
// some that what one has prepared is in flight, to the others that nothing is. Then it helps each side to decide: the first
// what was in flight, the others an empty proposal of the new view. No experiment asks for it, and no seed draws it: it needs
// the company of its plot.
import { faultsTolerated, present, quorumSize, type NodeId, type View } from "../../base/index.js";
import {
  decodeMessage,
  decodeViewData,
  decodedMetadata,
  encodeMessage,
  encodeViewMetadata,
  proposalDigest,
  type Application,
  type Message,
  type NewView,
  type Proposal,
  type SignedViewData,
  type ViewData,
} from "../../smartbft/index.js";
import { Ledger } from "../ledger.js";
import { tinyApplication } from "../tiny-application.js";
import type { Behaviour, Lie, Liar } from "./behaviours.js";
import { signed } from "./lies.js";

interface Heard {
  readonly entry: SignedViewData;
  readonly data: ViewData;
}

/** What came for each view, until it has made its NewViews for it. */
type Ears = Map<View, Map<NodeId, Heard> | "told">;

/** By then a NewView has been examined. */
const laterMs = 40;

export const twoNewViews: Behaviour = (liar) => {
  const key = tinyApplication(liar.id, new Ledger());
  const ears: Ears = new Map();
  return {
    say(bytes, target) {
      const decoded = decodeMessage(bytes);
      const message = decoded.kind === "good" ? decoded.value : undefined;
      return message !== undefined && isKept(message, ears) ? [] : [{ target, bytes }];
    },
    hear(bytes, from) {
      const decoded = decodeMessage(bytes);
      if (decoded.kind === "bad" || decoded.value.kind !== "ViewData") return [];
      const data = decodeViewData(decoded.value.raw);
      if (data.kind === "bad") return [];
      const { nextView } = data.value;
      const heard = ears.get(nextView) ?? new Map<NodeId, Heard>();
      if (heard === "told") return [];
      ears.set(nextView, heard.set(from, { entry: decoded.value, data: data.value }));
      const lies = heard.size < quorumSize(liar.members().length) ? [] : split(liar, key, [...heard.values()]);
      if (lies.length > 0) ears.set(nextView, "told");
      return lies;
    },
  };
};

/** The honest words of its own replica, which would spoil it: its NewView while something is in flight, its votes afterwards. */
function isKept(message: Message, ears: Ears): boolean {
  if (message.kind === "NewView")
    return message.entries.some(({ raw }) => {
      const data = decodeViewData(raw);
      return data.kind === "good" && data.value.inFlightProposal !== undefined;
    });
  const isNormal = message.kind === "PrePrepare" || message.kind === "Prepare" || message.kind === "Commit";
  return isNormal && [...ears.values()].includes("told");
}

/** Empty where what was heard does not allow for both. */
function split(liar: Liar, key: Application, heard: readonly Heard[]): readonly Lie[] {
  const { id, random, accomplices } = liar;
  const others = liar.members().filter((member) => member !== id);
  const [f, q] = [faultsTolerated(others.length + 1), quorumSize(others.length + 1)];
  const proposal = heard.find(({ data }) => data.inFlightPrepared)?.data.inFlightProposal;
  if (proposal === undefined) return [];
  const digest = proposalDigest(proposal);
  const tellsOf = ({ data: { inFlightProposal: told } }: Heard): boolean =>
    told !== undefined && proposalDigest(told) === digest;
  const isSilent = ({ data }: Heard): boolean => data.inFlightProposal === undefined;
  const forIt = heard.filter((each) => tellsOf(each) || isSilent(each)).slice(0, q - 1);
  const againstIt = heard.filter(({ data }) => !data.inFlightPrepared).slice(0, q - 1);
  if (forIt.length < q - 1 || againstIt.length < q - 1 || forIt.filter(tellsOf).length < f) return [];
  const base = present(heard[0], "ViewData").data;
  const newView = (inFlightProposal: Proposal | undefined, of: readonly Heard[]): NewView => {
    const own = { ...base, inFlightProposal, inFlightPrepared: inFlightProposal !== undefined };
    return { kind: "NewView", entries: [signed(own, { key, id }), ...of.map(({ entry }) => entry)] };
  };
  // Those who know nothing of it believe it most easily.
  const silent = heard.filter(isSilent).map(({ entry }) => entry.signer);
  const byChance = random.integer(0, 2) === 0;
  const isTold = (target: NodeId): boolean => (byChance ? accomplices.isDeceived(target) : silent.includes(target));
  const votes = { old: votesFor(key, proposal, base.nextView), new: proposing(key, proposal, base.nextView) };
  const stories = { old: newView(proposal, forIt), new: newView(undefined, againstIt) };
  return others.flatMap((target): readonly Lie[] => {
    const which = isTold(target) ? "old" : "new";
    const then = votes[which].map((message) => ({ target, bytes: encodeMessage(message), afterMs: laterMs }));
    return [{ target, bytes: encodeMessage(stories[which]) }, ...then];
  });
}

/** For what was in flight: as the library does, and as `improved` asks for before. */
function votesFor(key: Application, proposal: Proposal, nextView: View): readonly Message[] {
  const metadata = decodedMetadata(proposal);
  if (metadata.kind === "bad") return [];
  const { view, sequence } = metadata.value;
  const vote = { sequence, digest: proposalDigest(proposal), assist: false };
  const signature = key.signProposal(proposal, new Uint8Array(0));
  return [
    { kind: "Prepare", view: nextView, ...vote },
    { kind: "Prepare", view: nextView, ...vote, assist: true },
    { kind: "Commit", view, ...vote, signature },
  ];
}

/** Without requests, in the place of what was in flight. */
function proposing(key: Application, inFlight: Proposal, view: View): readonly Message[] {
  const before = decodedMetadata(inFlight);
  if (before.kind === "bad") return [];
  const { sequence } = before.value;
  const metadata = encodeViewMetadata({ ...before.value, view, decisions: 0 });
  const proposal = { ...inFlight, metadata, payload: new Uint8Array(0) };
  const vote = { view, sequence, digest: proposalDigest(proposal), assist: false };
  const signature = key.signProposal(proposal, new Uint8Array(0));
  return [
    { kind: "PrePrepare", view, sequence, proposal, previousSignatures: [] },
    { kind: "Prepare", ...vote },
    { kind: "Commit", ...vote, signature },
  ];
}
