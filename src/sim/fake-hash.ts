// A keyed hash that costs next to nothing: FNV-1a in four lanes with different starts. No cryptography: anybody could forge
// it, and nobody in a simulation does; every bit of key and message still tells, so that a wrong signature is found out.

const prime = 0x0100_0193;

/** `size` bytes, at most 32. */
export function fakeHash(key: string, message: Uint8Array, size: number): Uint8Array {
  let first = 0x811c_9dc5;
  let second = 0x1234_5678;
  for (let index = 0; index < key.length; index++) {
    first = Math.imul(first ^ key.charCodeAt(index), prime);
    second = Math.imul(second + key.charCodeAt(index), prime);
  }
  for (let index = 0; index < message.length; index++) {
    const byte = message[index] ?? 0;
    first = Math.imul(first ^ byte, prime);
    second = Math.imul(second + byte, 0x85eb_ca6b) ^ first;
  }
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index += 4) {
    first = mixed(first + second);
    second = mixed(second ^ message.length);
    for (let part = 0; part < 4 && index + part < size; part++) bytes[index + part] = first >>> (8 * part);
  }
  return bytes;
}

/** The finaliser of MurmurHash3 (public domain). */
function mixed(value: number): number {
  let rest = value ^ (value >>> 16);
  rest = Math.imul(rest, 0x85eb_ca6b);
  rest ^= rest >>> 13;
  rest = Math.imul(rest, 0xc2b2_ae35);
  return rest ^ (rest >>> 16);
}
