// Lines of a plan for `ip` in a node's namespace, as messages to the kernel: what ip-batch would make of them, without a process for
// each namespace. Only the forms that plans have are known; a line of another form is undefined, and is left to `ip`.
import { linkRequest } from "./netlink-links.js";
import { attribute, indexOf, type NetlinkMessage } from "./netlink.js";

const newLink = 16;
const newAddress = 20;
const newNeighbour = 28;
/** NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE. */
const [replace, exclusive, create] = [0x100, 0x200, 0x400];
const inet = 2;
const gsoMaxSegments = 40; // IFLA_GSO_MAX_SEGS
const permanent = 0x80; // NUD_PERMANENT

type Encoder = (parts: readonly string[]) => NetlinkMessage;

/** Each form with what its parts become; the parts were matched, so none is missing. */
const forms: readonly (readonly [RegExp, Encoder])[] = [
  [/^link set dev (\S+) up$/, ([name = ""]) => linkMessage(linkRequest(name, "up"))],
  [
    /^link set dev (\S+) gso_max_segs (\d+)$/,
    ([name = "", count]) =>
      linkMessage(Buffer.concat([linkRequest(name), attribute(gsoMaxSegments, uint32(Number(count)))])),
  ],
  [
    /^address add ([\d.]+)\/(\d+) dev (\S+)$/,
    ([ip = "", length, name = ""]) => addressMessage(ip, Number(length), name),
  ],
  [
    /^neighbour replace ([\d.]+) lladdr ([0-9a-f:]+) nud permanent dev (\S+)$/,
    ([ip = "", mac = "", name = ""]) => neighbourMessage(ip, mac, name),
  ],
];

/** To be called in the namespace that the line is for: names of interfaces are looked up. */
export function messageFor(line: string): NetlinkMessage | undefined {
  for (const [form, encode] of forms) {
    const match = form.exec(line);
    if (match !== null) return encode(match.slice(1));
  }
  return undefined;
}

export const isMessage = (line: string): boolean => forms.some(([form]) => form.test(line));

const linkMessage = (body: Buffer): NetlinkMessage => ({ type: newLink, flags: 0, body });

/** struct ifaddrmsg, IFA_LOCAL and IFA_ADDRESS. The kernel adds no broadcast address by itself, as ip does not. */
function addressMessage(ip: string, prefixLength: number, name: string): NetlinkMessage {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt8(inet, 0);
  fixed.writeUInt8(prefixLength, 1);
  fixed.writeUInt32LE(indexOf(name), 4);
  const address = ipBytes(ip);
  const body = Buffer.concat([fixed, attribute(2, address), attribute(1, address)]);
  return { type: newAddress, flags: create | exclusive, body };
}

/** struct ndmsg, NDA_DST and NDA_LLADDR. */
function neighbourMessage(ip: string, mac: string, name: string): NetlinkMessage {
  const fixed = Buffer.alloc(12);
  fixed.writeUInt8(inet, 0);
  fixed.writeInt32LE(indexOf(name), 4);
  fixed.writeUInt16LE(permanent, 8);
  const body = Buffer.concat([
    fixed,
    attribute(1, ipBytes(ip)),
    attribute(2, Buffer.from(mac.replaceAll(":", ""), "hex")),
  ]);
  return { type: newNeighbour, flags: create | replace, body };
}

const ipBytes = (ip: string): Buffer => Buffer.from(ip.split(".").map(Number));

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
