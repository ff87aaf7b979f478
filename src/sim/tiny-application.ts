// The smallest application that keeps the protocol honest: requests are lines "client/request", a proposal's header links
// it to its predecessor, signatures are keyed hashes: fake, for anybody could compute them, but checked like real ones.
import { concat, emptyBytes, equalBytes, sha256, toHex, utf8, type NodeId } from "../base/index.js";
import {
  proposalDigest,
  type Application,
  type Examination,
  type Proposal,
  type RequestInfo,
  type Signature,
  type VerifyItem,
} from "../smartbft/index.js";
import { changesMembership, type Ledger } from "./ledger.js";

export const tinyRequest = (clientId: string, requestId: string): Uint8Array => utf8(`${clientId}/${requestId}`);

export function tinyApplication(self: NodeId, ledger: Ledger, firstVersion = 0): Application {
  const verificationSequence = (): number => firstVersion + ledger.configuration.version;
  const header = (): Uint8Array => utf8(`${ledger.height + 1}:${toHex(ledger.lastHash)}`);
  return {
    requestInfo,
    requestItems(request) {
      const info = requestInfo(request);
      return info === undefined || ledger.configuration.revoked.includes(info.clientId) ? undefined : [];
    },
    assemble: (metadata, requests): Proposal => ({
      header: header(),
      payload: utf8(requests.map((request) => text.decode(request)).join("\n")),
      metadata,
      verificationSequence: verificationSequence(),
    }),
    examine(proposal): Examination {
      if (!equalBytes(proposal.header, header())) return { kind: "refused", reason: "does not follow the ledger" };
      const lines = linesOf(proposal);
      const requests = lines.map((line) => requestInfo(utf8(line)));
      if (requests.some((request) => request === undefined)) return { kind: "refused", reason: "malformed request" };
      return { kind: "acceptable", requests: requests.filter((request) => request !== undefined), items: [] };
    },
    requestsOf: (proposal) => linesOf(proposal).flatMap((line) => requestInfo(utf8(line)) ?? []),
    signProposal: (proposal, auxiliary): Signature => ({
      signer: self,
      value: fakeSignature(keyOf(self), concat(utf8(proposalDigest(proposal)), auxiliary)),
      message: auxiliary,
    }),
    sign: (bytes) => fakeSignature(keyOf(self), bytes),
    commitSignatureItem: ({ signer, value, message }, proposal): VerifyItem => ({
      key: keyOf(signer),
      message: concat(utf8(proposalDigest(proposal)), message),
      signature: value,
    }),
    signatureItem: (signer, signature, bytes): VerifyItem => ({ key: keyOf(signer), message: bytes, signature }),
    auxiliary: (message) => message,
    verificationSequence,
    membershipChange: () => ledger.last !== undefined && changesMembership(ledger.last),
  };
}

/** What the simulator answers to `verify`. */
export const tinyVerification = ({ key, message, signature }: VerifyItem): boolean =>
  equalBytes(signature, fakeSignature(key, message));

export const keyOf = (id: NodeId): string => `node-${id}`;
const fakeSignature = (key: string, message: Uint8Array): Uint8Array => sha256(utf8(`key of ${key}:`), message);

const text = new TextDecoder();

function requestInfo(request: Uint8Array): RequestInfo | undefined {
  const match = /^([^/\n]+)\/([^/\n]+)$/.exec(text.decode(request));
  const [, clientId, requestId] = match ?? [];
  return clientId === undefined || requestId === undefined ? undefined : { clientId, requestId };
}

const linesOf = ({ payload }: Proposal): readonly string[] =>
  payload.length === emptyBytes.length ? [] : text.decode(payload).split("\n");
