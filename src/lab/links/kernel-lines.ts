// What `ip -o` prints about links and routes, made into facts. The text of iproute2 is foreign; only these functions know it.

export interface LinkLine {
  readonly index: number;
  readonly interface: string;
  readonly admin: "up" | "down";
  /** The kernel would hand frames to it: the peer's end is up too. */
  readonly carrier: boolean;
  readonly deleted: boolean;
}

/** `201: eth1@if101: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu …`; undefined for anything else. */
export function linkLine(text: string): LinkLine | undefined {
  const match = /^(Deleted )?(\d+): ([^:@\s]+)(?:@[^:\s]+)?: <([A-Z0-9_,-]*)>/.exec(text);
  if (match === null) return undefined;
  const [, deleted, index, name = "", flagText = ""] = match;
  const has = (flag: string): boolean => `,${flagText},`.includes(`,${flag},`);
  return {
    index: Number(index),
    interface: name,
    admin: has("UP") ? "up" : "down",
    // NO-CARRIER with LOWER_UP is the moment in which the kernel has not yet drawn the conclusion.
    carrier: has("LOWER_UP") && !has("NO-CARRIER"),
    deleted: deleted !== undefined,
  };
}

export interface RouteLine {
  readonly action: "added" | "deleted";
  /** With its length: `10.0.1.2/32`. */
  readonly destination: string;
  /** Next hops, comma-separated; empty for a connected network. */
  readonly via: string;
  readonly interface: string;
  readonly protocol: string;
}

/** A unicast IPv4 route of the main table; undefined for every other line. */
export function routeLine(text: string): RouteLine | undefined {
  const match = /^(Deleted )?((?:\d+\.){3}\d+(?:\/\d+)?|default)\s/.exec(text);
  if (match === null || /\stable \S/.test(text)) return undefined;
  const destination = match[2] === "default" ? "0.0.0.0/0" : (match[2] ?? "");
  const all = (pattern: RegExp): string => [...text.matchAll(pattern)].map((found) => found[1] ?? "").join(",");
  return {
    action: match[1] === undefined ? "added" : "deleted",
    destination: withLength(destination),
    via: all(/\bvia (\S+)/g),
    interface: all(/\bdev (\S+)/g),
    protocol: /\bproto (\S+)/.exec(text)?.[1] ?? "boot",
  };
}

/** iproute2 leaves out `/32`. */
export const withLength = (prefix: string): string => (prefix.includes("/") ? prefix : `${prefix}/32`);

/** The namespace an all-nsid line is about: its number, or undefined for the listener's own. */
export function namespaceOf(line: string): { readonly nsid: number | undefined; readonly text: string } {
  const match = /^\[nsid (current|-?\d+)\]/.exec(line);
  if (match === null) return { nsid: undefined, text: line };
  const nsid = match[1] === "current" ? undefined : Number(match[1]);
  return { nsid, text: line.slice(match[0].length) };
}
