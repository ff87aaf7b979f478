// What may be a name. A node's name becomes a file name, a network namespace and a hostname; an interface's name goes to
// the kernel, which allows 15 bytes. Rules answer with what is wrong, undefined when nothing is.

/** Words with a meaning of their own as a fault's target, or names the lab itself uses. */
const reservedNodeNames = new Set(["leader", "follower", "switchboard", "agent", "lab", "all"]);
/** `all` and `default` are folders of every per-interface sysctl; `lo` is in each namespace already. */
const reservedInterfaceNames = new Set(["lo", "all", "default"]);

const lengthMax = 15;
/** The same for labs: their name is part of a unix socket's path, which ends at 107 bytes. */
const topologyNameLengthMax = 32;

export const nodeNamePattern = /^[a-z](?:[a-z0-9-]{0,13}[a-z0-9])?$/;
export const topologyNamePattern = /^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
export const interfaceNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;

export function nodeNameFault(name: string): string | undefined {
  return reservedNodeNames.has(name)
    ? `"${name}" has a meaning of its own`
    : (lowerCaseNameFault(name, lengthMax) ?? (nodeNamePattern.test(name) ? undefined : "it ends with a hyphen"));
}

export function topologyNameFault(name: string): string | undefined {
  return (
    lowerCaseNameFault(name, topologyNameLengthMax) ??
    (topologyNamePattern.test(name) ? undefined : "it ends with a hyphen")
  );
}

export function interfaceNameFault(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name.length > lengthMax) return `it has ${name.length} characters, and Linux allows ${lengthMax}`;
  if (reservedInterfaceNames.has(name)) return `Linux uses "${name}" itself`;
  if (!/^[A-Za-z0-9]/.test(name)) return "it must begin with a letter or a digit";
  return interfaceNamePattern.test(name)
    ? undefined
    : "only letters, digits, dots, hyphens and underscores may be in it";
}

/** Compares numbers inside names as numbers: orderer2 before orderer10. A total order: ties are broken by the text. */
export function naturalOrder(left: string, right: string): number {
  const leftParts = left.match(/\d+|\D+/g) ?? [];
  const rightParts = right.match(/\d+|\D+/g) ?? [];
  for (const [index, part] of leftParts.entries()) {
    const other = rightParts[index];
    if (other === undefined) return 1;
    const numbers = /^\d/.test(part) && /^\d/.test(other) ? Number(part) - Number(other) : 0;
    if (numbers !== 0) return numbers;
    if (part !== other && numbers === 0 && !(/^\d/.test(part) && /^\d/.test(other))) return part < other ? -1 : 1;
  }
  return leftParts.length - rightParts.length || (left < right ? -1 : left === right ? 0 : 1);
}

function lowerCaseNameFault(name: string, limit: number): string | undefined {
  if (name === "") return "it is empty";
  if (name.length > limit) return `it has ${name.length} characters, and at most ${limit} are allowed`;
  if (!/^[a-z]/.test(name)) return "it must begin with a small letter";
  return /^[a-z0-9-]+$/.test(name) ? undefined : "only small letters, digits and hyphens may be in it";
}
