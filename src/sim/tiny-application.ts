// The smallest application that keeps the protocol honest: requests are lines "client/request", a proposal's header links
// it to its predecessor, signatures are keyed hashes: fake, for anybody could compute them, but checked like real ones.
import { emptyBytes, equalBytes, fromUtf8, utf8, type NodeId } from "../base/index.js";
import {
  proposalDigest,
  type Application,
  type Examination,
  type Proposal,
  type RequestInfo,
  type Signature,
  type VerifyItem,
} from "../smartbft/index.js";
import { fakeHash } from "./fake-hash.js";
import { changesMembership, type Ledger } from "./ledger.js";

export const tinyRequest = (clientId: string, requestId: string): Uint8Array => utf8(`${clientId}/${requestId}`);

export interface TinyOptions {
  /** The verification sequence of genesis. */
  readonly firstVersion?: number;
  /** As in Fabric: commit signatures carry no auxiliary data. */
  readonly emptyAuxiliary?: boolean;
}

export function tinyApplication(self: NodeId, ledger: Ledger, options: TinyOptions = {}): Application {
  const { firstVersion = 0, emptyAuxiliary = false } = options;
  const verificationSequence = (): number => firstVersion + ledger.configuration.version;
  const header = (): string => `${ledger.height + 1}:${ledger.lastDigest}`;
  return {
    requestInfo,
    requestItems(request) {
      const info = requestInfo(request);
      return info === undefined || ledger.configuration.revoked.includes(info.clientId) ? undefined : [];
    },
    assemble: (metadata, requests): Proposal => ({
      header: utf8(header()),
      payload: utf8(requests.map(fromUtf8).join("\n")),
      metadata,
      verificationSequence: verificationSequence(),
    }),
    examine(proposal): Examination {
      if (!holdsAscii(proposal.header, header())) return { kind: "refused", reason: "does not follow the ledger" };
      const lines = linesOf(proposal);
      const requests = lines.map(infoIn);
      if (requests.some((request) => request === undefined)) return { kind: "refused", reason: "malformed request" };
      return { kind: "acceptable", requests: requests.filter((request) => request !== undefined), items: [] };
    },
    requestsOf: (proposal) => linesOf(proposal).flatMap((line) => infoIn(line) ?? []),
    signProposal: (proposal, auxiliary): Signature => ({
      signer: self,
      value: fakeSignature(keyOf(self), signedBytes(proposalDigest(proposal), auxiliary)),
      message: auxiliary,
    }),
    sign: (bytes) => fakeSignature(keyOf(self), bytes),
    commitSignatureItem: ({ signer, value, message }, proposal): VerifyItem => ({
      key: keyOf(signer),
      message: signedBytes(proposalDigest(proposal), message),
      signature: value,
    }),
    signatureItem: (signer, signature, bytes): VerifyItem => ({ key: keyOf(signer), message: bytes, signature }),
    auxiliary: (message) => (emptyAuxiliary ? emptyBytes : message),
    verificationSequence,
    membershipChange: () => ledger.last !== undefined && changesMembership(ledger.last),
  };
}

/** What the simulator answers to `verify`. */
export const tinyVerification = ({ key, message, signature }: VerifyItem): boolean =>
  equalBytes(signature, fakeSignature(key, message));

export const keyOf = (id: NodeId): string => `node-${id}`;
const fakeSignature = (key: string, message: Uint8Array): Uint8Array => fakeHash(key, message, 16);

/** What a commit signature signs, of a lower-case hexadecimal digest: small, as engines keep what is small on their own heap. */
export function signedBytes(digest: string, auxiliary: Uint8Array): Uint8Array {
  const size = digest.length / 2;
  const bytes = new Uint8Array(size + auxiliary.length);
  for (let index = 0; index < size; index++)
    bytes[index] = (nibble(digest.charCodeAt(2 * index)) << 4) | nibble(digest.charCodeAt(2 * index + 1));
  bytes.set(auxiliary, size);
  return bytes;
}

/** Of a lower-case hexadecimal digit. */
const nibble = (code: number): number => (code <= 0x39 ? code - 0x30 : code - 0x57);

function holdsAscii(bytes: Uint8Array, text: string): boolean {
  if (bytes.length !== text.length) return false;
  for (let index = 0; index < bytes.length; index++) if (bytes[index] !== text.charCodeAt(index)) return false;
  return true;
}

const requestInfo = (request: Uint8Array): RequestInfo | undefined => infoIn(fromUtf8(request));

/** "client/request", neither of them empty, nor with a slash or a line break in it. */
function infoIn(line: string): RequestInfo | undefined {
  const slash = line.indexOf("/");
  if (slash <= 0 || slash === line.length - 1) return undefined;
  if (line.includes("/", slash + 1) || line.includes("\n")) return undefined;
  return { clientId: line.slice(0, slash), requestId: line.slice(slash + 1) };
}

const linesOf = ({ payload }: Proposal): readonly string[] =>
  payload.length === emptyBytes.length ? [] : fromUtf8(payload).split("\n");
