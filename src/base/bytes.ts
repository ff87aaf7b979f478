// Byte strings: compare, concatenate, and their hexadecimal form.

export const emptyBytes: Uint8Array = new Uint8Array(0);

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

const digits = "0123456789abcdef";

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += `${digits[byte >> 4]}${digits[byte & 15]}`;
  return text;
}

/** Bytes of a hexadecimal text; undefined when it is odd in length or holds anything but hexadecimal digits. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++)
    bytes[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16);
  return bytes;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Below it, a loop over ASCII is several times as fast as the engine's encoder and decoder, which are called out of line. */
const shortSize = 192;

export function utf8(text: string): Uint8Array {
  const size = text.length;
  if (size > shortSize) return encoder.encode(text);
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return encoder.encode(text);
    bytes[index] = code;
  }
  return bytes;
}

/** As `TextDecoder` does it: what is no UTF-8 becomes replacement characters, a byte-order mark at the beginning is dropped. */
export function fromUtf8(bytes: Uint8Array): string {
  if (bytes.length > shortSize) return decoder.decode(bytes);
  let text = "";
  for (const byte of bytes) {
    if (byte > 0x7f) return decoder.decode(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}
