// What a message on the simulated wire proves about its signers, for checks: signatures are verified here, as the host
// would, so that what is left are statements nobody can deny.
import { toHex, sha256, type NodeId } from "../base/index.js";
import type { SignedStatement } from "../checks/index.js";
import { decodeMessage, decodeViewData, type Message, type SignedViewData } from "../smartbft/index.js";
import { keyOf, signedBytes, tinyVerification } from "./tiny-application.js";

/** Commits and ViewData that verify, those inside a NewView too; empty for other messages and for bytes that are none. */
export function signedStatements(bytes: Uint8Array): readonly SignedStatement[] {
  const decoded = decodeMessage(bytes);
  return decoded.kind === "bad" ? [] : statementsIn(decoded.value);
}

/** As `signedStatements`, of a message that is decoded already. */
export function statementsIn(message: Message): readonly SignedStatement[] {
  if (message.kind === "ViewData") return viewDataStatement(message);
  if (message.kind === "NewView") return message.entries.flatMap(viewDataStatement);
  if (message.kind !== "Commit" || message.signature === undefined) return [];
  const { signer, value, message: auxiliary } = message.signature;
  // A digest in another spelling would be another statement with the same signature.
  if (!/^[0-9a-f]{64}$/.test(message.digest)) return [];
  if (!verifies(signer, signedBytes(message.digest, auxiliary), value)) return [];
  const { view, sequence, digest } = message;
  return [{ what: "commit", signer, view, sequence, says: digest }];
}

function viewDataStatement({ raw, signer, signature }: SignedViewData): readonly SignedStatement[] {
  const data = decodeViewData(raw);
  if (data.kind === "bad" || !verifies(signer, raw, signature)) return [];
  return [{ what: "view-data", signer, view: data.value.nextView, sequence: 0, says: toHex(sha256(raw)) }];
}

const verifies = (signer: NodeId, message: Uint8Array, signature: Uint8Array): boolean =>
  tinyVerification({ key: keyOf(signer), message, signature });
