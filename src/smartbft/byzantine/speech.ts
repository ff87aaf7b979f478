// Wrappers that lie, or hold their tongue: silent, censor, corrupt signatures, conflicting view data.
import { emptyBytes, sequence as toSequence, view as toView } from "../../base/index.js";
import { emptyMetadata, metadataOf } from "../checkpoint.js";
import type { Effect, Signature } from "../contract.js";
import { decodeViewData } from "../wire/decode.js";
import { encodeViewData, encodeViewMetadata } from "../wire/encode.js";
import type { SignedViewData, ViewData } from "../wire/message.js";
import { Altering } from "./altering.js";
import type { Insider, Wrap, WrapperEffect } from "./contract.js";
import { halves, saying, sending } from "./outgoing.js";
import { SeenRequests } from "./requests.js";

/** Hears everything, and says nothing: no message leaves, nor a forwarded request. It goes on deciding with the others. */
export const silent: Wrap = (replica) =>
  new Altering(replica, {
    act: (effects) => saying(effects, () => []).filter(({ kind }) => kind !== "forward"),
  });

/**
 * Never hears a request of one client, the first whose request comes: as leader it proposes none of them. The client is
 * told that its request was accepted.
 */
export const censor: Wrap = (replica, { application }) => {
  let victim: string | undefined;
  return new Altering(replica, {
    hear(input) {
      if (input.kind !== "submit" && input.kind !== "forwarded") return "pass";
      const request = application.requestInfo(input.request);
      if (request === undefined) return "pass";
      victim ??= request.clientId;
      if (request.clientId !== victim) return "pass";
      const { kind } = input;
      return kind === "submit"
        ? [{ kind: "submitted", token: input.token, outcome: { kind: "accepted", request } }]
        : [];
    },
  });
};

/** Its commit and ViewData signatures do not verify. */
export const corruptSignatures: Wrap = (replica) =>
  new Altering(replica, {
    act: (effects) =>
      saying(effects, ({ to, message }) => {
        if (message.kind === "Commit" && message.signature !== undefined) {
          return sending({ to, message: { ...message, signature: spoilt(message.signature) } });
        }
        if (message.kind === "ViewData") {
          return sending({ to, message: { ...message, signature: flipped(message.signature) } });
        }
        return undefined;
      }),
  });

const spoilt = (signature: Signature): Signature => ({ ...signature, value: flipped(signature.value) });

/** The last byte, so that DER stays DER. */
const flipped = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte));

/**
 * Signs two ViewData for one next view. The new leader gets the lie first, then the truth; as new leader itself it puts
 * the lie into the NewView for half of the others. The lie: something prepared that nobody proposed, or, when something
 * is in flight, nothing.
 */
export const conflictingViewData: Wrap = (replica, insider) => {
  const seen = new SeenRequests(insider.application);
  const [, deceived] = halves(insider.options.nodes, insider.self);
  const alter = (effects: readonly Effect[]): readonly WrapperEffect[] => {
    seen.note(effects);
    return saying(effects, ({ to, message }) => {
      if (message.kind === "ViewData") {
        const lie = liedAbout(message, insider, seen);
        return lie === undefined ? undefined : [...sending({ to, message: lie }), ...sending({ to, message })];
      }
      if (message.kind !== "NewView" || !deceived.includes(to)) return undefined;
      const entries = message.entries.map((entry) =>
        entry.signer === insider.self ? (liedAbout(entry, insider, seen) ?? entry) : entry,
      );
      return sending({ to, message: { ...message, entries } });
    });
  };
  return new Altering(replica, {
    hear(input) {
      seen.hear(input);
      return "pass";
    },
    act: alter,
  });
};

function liedAbout(truth: SignedViewData, insider: Insider, seen: SeenRequests): SignedViewData | undefined {
  const decoded = decodeViewData(truth.raw);
  if (decoded.kind === "bad") return undefined;
  const data = decoded.value;
  const inFlightProposal = data.inFlightProposal === undefined ? invented(data, insider, seen) : undefined;
  const raw = encodeViewData({ ...data, inFlightProposal, inFlightPrepared: inFlightProposal !== undefined });
  return { kind: "ViewData", raw, signer: insider.self, signature: insider.application.sign(raw) };
}

/** A proposal that would follow the last decision, of the view that is over. */
function invented(data: ViewData, { application }: Insider, seen: SeenRequests): ViewData["inFlightProposal"] {
  const last = (data.lastDecision === undefined ? undefined : metadataOf(data.lastDecision)) ?? emptyMetadata;
  const metadata = encodeViewMetadata({
    ...last,
    view: toView(Math.max(0, data.nextView - 1)),
    sequence: toSequence(last.sequence + 1),
    previousSignatureDigest: emptyBytes,
  });
  const request = seen.another([]);
  return application.assemble(metadata, request === undefined ? [] : [request]);
}
