// What the agent of any lab needs before it knows which lab it is: the kernel's listener, which must hear before there is anything to
// hear of, and the versions of what it works with. Started while the command line still reads the topology.
import { KernelListener } from "../links/kernel-listener.js";
import { toolVersions } from "./environment.js";

export interface HeadStart {
  readonly listener: KernelListener;
  /** Resolves when the listener hears. */
  readonly listens: Promise<void>;
  readonly versions: Promise<Readonly<Record<string, string>>>;
}

/** Only inside a sandbox or a switchboard container, which takes the listener along when it ends. */
export function headStart(): HeadStart {
  const { signal } = new AbortController(); // both waits have their own ends
  const listener = new KernelListener();
  const start = { listener, listens: listener.ready({ signal }), versions: toolVersions({ signal }) };
  // Heard by who brings the lab up; nobody does when there is to be none.
  start.listens.catch(() => undefined);
  start.versions.catch(() => undefined);
  return start;
}
