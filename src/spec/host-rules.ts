// Rules about what a host brings along and about limits of nodes: which keys a kind has, which names files and variables may have.
import { environmentNamePattern, filePathPattern } from "./host.schema.js";
import type { Findings } from "./rule.js";
import type { RawNode } from "./topology.schema.js";

/** The node's own, set by the testbed: another value would lie to the start script. */
const reservedVariables = /^(?:NODE_(?:NAME|INTERFACES|LOOPBACK|WAIT_SECONDS)|FRR_[A-Z]+)$/;

/** Places that are the kernel's, the engine's or the lab's in a node; what is written there would not be found there. */
const reservedFolders = ["/proc", "/sys", "/dev", "/run", "/etc/frr", "/var/tmp/frr", "/var/log/frr"];

export function hostRules(name: string, node: RawNode, findings: Findings): void {
  if (node.kind === "switch") {
    for (const key of ["cpu", "memory"] as const) {
      if (key in node) {
        findings.key(
          ["nodes", name, key],
          "A switch has no limits: it is a bridge of the kernel, no process",
          "remove it",
        );
      }
    }
  }
  if (node.kind !== "host") return;
  if (node.command === undefined && node.image === undefined) {
    findings.value(
      ["nodes", name, "command"],
      "Missing: expected the command that the host runs, or an image that has one",
      'write it as a list, like ["sleep", "infinity"], or as [] for a host that runs nothing',
    );
  }
  for (const path of Object.keys(node.files ?? {})) fileRule(name, path, findings);
  for (const variable of Object.keys(node.environment ?? {})) variableRule(name, variable, findings);
}

function fileRule(name: string, path: string, findings: Findings): void {
  const at = ["nodes", name, "files", path];
  if (!filePathPattern.test(path)) {
    findings.key(
      at,
      `Cannot put a file at ${JSON.stringify(path)}: expected an absolute path without . and ..`,
      "write it like /etc/motd",
    );
    return;
  }
  const folder = reservedFolders.find((each) => path === each || path.startsWith(`${each}/`));
  if (folder !== undefined) {
    findings.key(
      at,
      `Cannot put a file at ${JSON.stringify(path)}: ${folder} is not the host's own`,
      "choose another place",
    );
  }
}

function variableRule(name: string, variable: string, findings: Findings): void {
  const at = ["nodes", name, "environment", variable];
  if (!environmentNamePattern.test(variable)) {
    findings.key(
      at,
      `Cannot name a variable ${JSON.stringify(variable)}: expected letters, digits and underscores, no digit first`,
      "rename it",
    );
  } else if (reservedVariables.test(variable)) {
    findings.key(at, `The testbed sets ${variable} itself`, "rename it");
  }
}
