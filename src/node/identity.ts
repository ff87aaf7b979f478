// Who a node is: its private key from its file, its public key as PEM, and how it signs.
import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { NodeConfig } from "../boundary/index.js";
import { creatorOf } from "../fabric/index.js";
import { privateKeyFrom, sign, UserError } from "../system/index.js";

export interface Identity {
  /** Fabric's SerializedIdentity. */
  readonly creator: Uint8Array;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
}

/** Rejects with `UserError` when the key's file is not there or holds no P-256 key. */
export async function readIdentity(config: NodeConfig): Promise<Identity> {
  try {
    const key = privateKeyFrom(await readFile(config.privateKeyFile, "utf8"));
    const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
    // Orderers and peers have no MSP of their own yet: readers of blocks are not checked for membership.
    const mspId = config.kind === "client" ? config.mspId : "";
    return { creator: creatorOf({ mspId, publicKey }), sign: (bytes) => sign(key, bytes) };
  } catch (cause) {
    throw new UserError(`Read the private key "${config.privateKeyFile}": expected a P-256 key in PKCS#8 PEM`, {
      cause,
    });
  }
}
