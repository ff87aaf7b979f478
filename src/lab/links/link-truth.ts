// A link as the kernel has it and as the plan asks for it, end by end: what `ip -json` and `tc -json` say, made into rows that
// can be compared. The JSON of iproute2 is foreign; only this file knows what of it is read.
import type { Plan, PlannedInterface } from "../../plan/index.js";
import { impairmentWords } from "../../plan/index.js";
import type { EndTruth, TruthRow } from "../contract.js";

/** One device of `ip -statistics -json address show`. */
export interface KernelDevice {
  readonly ifindex: number;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address: string;
  readonly master?: string;
  readonly addr_info?: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
  readonly stats64?: Readonly<Record<"rx" | "tx", KernelCounters>>;
}

interface KernelCounters {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

/** One queue of `tc -statistics -json qdisc show`. */
export interface KernelQueue {
  readonly kind: string;
  readonly drops?: number;
  readonly qlen?: number;
  readonly options?: {
    /** netem, in seconds. */
    readonly delay?: { readonly delay: number; readonly jitter: number };
    /** netem, as a part of 1. */
    readonly "loss-random"?: { readonly loss: number };
    /** tbf, in bytes a second. */
    readonly rate?: number;
  };
}

export interface EndSeen {
  /** Undefined when the kernel has no such interface. */
  readonly own: KernelDevice | undefined;
  readonly port: KernelDevice | undefined;
  readonly queues: readonly KernelQueue[];
}

/** Rows for one end; `linkIndex` is the link's place in `plan.topology.links`. */
export function endTruth(
  plan: Plan,
  node: string,
  asked: PlannedInterface,
  linkIndex: number,
  seen: EndSeen,
): EndTruth {
  const link = plan.topology.links[linkIndex];
  const bridge = [...plan.links.map((each) => ({ ...each, ports: each.ends })), ...plan.switches].find(({ ports }) =>
    ports.some(({ port }) => port === asked.port),
  )?.bridge;
  const { own, port, queues } = seen;
  const queueAsked = link === undefined ? [] : impairmentWords(link.impairment);
  const rows: TruthRow[] = [
    row("admin", "up", own && adminOf(own)),
    row("carrier", "up", own && carrierOf(own)),
    row("address", asked.address, own && addressesOf(own)),
    row("mac", asked.mac, own?.address),
    row("index", asked.index, own?.ifindex),
    row("mtu", asked.mtu, own?.mtu),
    row("port", "up", port && adminOf(port)),
    row("port mtu", asked.mtu, port?.mtu),
    row("port bridge", bridge ?? "", port && (port.master ?? "none")),
    row("port queue", queueAsked.join(", ") || "none", queueWords(queues).join(", ") || "none"),
    ...counterRows(own),
    counted("queued frames", sum(queues.map((queue) => queue.qlen ?? 0))),
    counted("queue drops", sum(queues.map((queue) => queue.drops ?? 0))),
  ];
  return { endpoint: `${node}:${asked.name}`, port: asked.port, rows };
}

const row = (what: string, asked: string | number, found: string | number | undefined): TruthRow => {
  const kernel = found ?? "not there";
  return { what, asked, kernel, differs: kernel !== asked };
};

/** What nothing is asked of. */
const counted = (what: string, kernel: number): TruthRow => ({ what, asked: "", kernel, differs: false });

const adminOf = ({ flags }: KernelDevice): string => (flags.includes("UP") ? "up" : "down");
const carrierOf = ({ flags }: KernelDevice): string =>
  flags.includes("LOWER_UP") && !flags.includes("NO-CARRIER") ? "up" : "down";

const addressesOf = ({ addr_info: addresses = [] }: KernelDevice): string =>
  addresses
    .filter(({ family }) => family === "inet")
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
    .join(" ") || "none";

/** Queues in the words of the plan; one that no plan makes by its own name. */
export function queueWords(queues: readonly KernelQueue[]): readonly string[] {
  return queues.flatMap(({ kind, options }): readonly string[] => {
    if (kind === "noqueue") return [];
    if (kind === "tbf") return [`rate ${Math.round(((options?.rate ?? 0) * 8) / 1_000)} kbit/s`];
    if (kind !== "netem") return [kind];
    const { delay = { delay: 0, jitter: 0 }, "loss-random": loss = { loss: 0 } } = options ?? {};
    return [
      delay.delay > 0 ? `delay ${rounded(delay.delay * 1_000)} ms` : "",
      delay.jitter > 0 ? `jitter ${rounded(delay.jitter * 1_000)} ms` : "",
      loss.loss > 0 ? `loss ${rounded(loss.loss * 100)} %` : "",
    ].filter((word) => word !== "");
  });
}

/** The kernel keeps netem's numbers in parts of 2^32 and in ticks: a thousandth is all that comes back. */
const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

function counterRows(own: KernelDevice | undefined): readonly TruthRow[] {
  return (["rx", "tx"] as const).flatMap((way) => {
    const { bytes = 0, packets = 0, errors = 0, dropped = 0 } = own?.stats64?.[way] ?? {};
    return [
      counted(`${way} bytes`, bytes),
      counted(`${way} packets`, packets),
      counted(`${way} errors`, errors),
      counted(`${way} dropped`, dropped),
    ];
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
