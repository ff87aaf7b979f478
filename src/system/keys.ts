// P-256 keys and signatures as Fabric has them: ECDSA over SHA-256, DER, and always the lower of the two possible values of
// s, so that a third party cannot change a signature's bytes. KeyObjects are made once: a PEM on every call costs 10 times more.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject,
} from "node:crypto";

export type { KeyObject } from "node:crypto";

export interface KeyPairPem {
  /** PKCS#8 PEM. */
  readonly privateKey: string;
  /** SPKI PEM. */
  readonly publicKey: string;
}

export function newKeyPair(): KeyPairPem {
  return generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
}

/** Throws `KeyError` unless the PEM holds a P-256 private key. */
export const privateKeyFrom = (pem: string): KeyObject => p256("private", pem);
/** Throws `KeyError` unless the PEM holds a P-256 public key. */
export const publicKeyFrom = (pem: string): KeyObject => p256("public", pem);

export class KeyError extends Error {
  override readonly name = "KeyError";
}

function p256(type: "private" | "public", pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = type === "private" ? createPrivateKey(pem) : createPublicKey(pem);
  } catch (cause) {
    throw new KeyError(`Read a ${type} key: no PEM of a key, expected P-256`, { cause });
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve !== "prime256v1") throw new KeyError(`Read a ${type} key: got "${curve}", expected P-256`);
  return key;
}

/** DER signature with low s. */
export const sign = (key: KeyObject, message: Uint8Array): Uint8Array => withLowS(signBytes("sha256", message, key));

/** False for anything but a valid signature with low s, malformed bytes included. Takes about 0.1 ms of this thread. */
export const verify = (key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean =>
  hasLowS(signature) && verifyBytes("sha256", message, key, signature);

/** The same on the thread pool of libuv. */
export function verifyAside(key: KeyObject, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (!hasLowS(signature)) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    verifyBytes("sha256", message, key, signature, (error, good) => (error === null ? resolve(good) : reject(error)));
  });
}

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const halfOrder = order >> 1n;

interface Parts {
  readonly r: Uint8Array;
  readonly s: bigint;
}

function hasLowS(signature: Uint8Array): boolean {
  const parts = partsOf(signature);
  return parts !== undefined && parts.s <= halfOrder;
}

function withLowS(signature: Uint8Array): Uint8Array {
  const parts = partsOf(signature);
  if (parts === undefined || parts.s <= halfOrder) return signature;
  const s = integerBytes(order - parts.s);
  return Uint8Array.of(0x30, parts.r.length + s.length, ...parts.r, ...s);
}

/** SEQUENCE { INTEGER r, INTEGER s }; all lengths of P-256 fit the short form. r is kept as its DER element. */
function partsOf(der: Uint8Array): Parts | undefined {
  const rSize = der[3];
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der[2] !== 0x02 || rSize === undefined) return undefined;
  const sAt = 4 + rSize;
  const sSize = der[sAt + 1];
  if (der[sAt] !== 0x02 || sSize === undefined || sSize === 0 || sAt + 2 + sSize !== der.length) return undefined;
  const digits = Buffer.from(der.buffer, der.byteOffset + sAt + 2, sSize).toString("hex");
  return { r: der.subarray(2, sAt), s: BigInt(`0x${digits}`) };
}

function integerBytes(value: bigint): Uint8Array {
  let digits = value.toString(16);
  if (digits.length % 2 === 1) digits = `0${digits}`;
  const bytes = Buffer.from(digits, "hex");
  const padding = (bytes[0] ?? 0) >= 0x80 ? [0] : [];
  return Uint8Array.of(0x02, bytes.length + padding.length, ...padding, ...bytes);
}
