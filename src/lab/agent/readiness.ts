// When a lab is up: every node has its FRR configured and every expected route in its kernel's table, sends from its loopback
// address, and every service answers. Nothing here waits for a fixed time; each wait is bounded and says who lacks what.
import { readFileSync } from "node:fs";
import { endianness } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Plan, PlannedNode } from "../../plan/index.js";
import {
  mapBounded,
  OperatingError,
  readTextIfThere,
  runCommand,
  there,
  until,
  waiting,
  type Look,
} from "../../system/index.js";
import { insideNamespace } from "../links/inside-namespace.js";
import { withLength } from "../links/kernel-lines.js";
import type { KernelListener } from "../links/kernel-listener.js";
import type { NodeProcess } from "./homes.js";
import { diskFacts } from "./node-files.js";

interface Waits {
  readonly signal: AbortSignal;
}

const configuredMsMax = 60_000;
/** OSPF with the longest dead interval anybody ships converges in half of this; 200 nodes on two cores take their share. */
const routesMsMax = 120_000;
const probesAtOnce = 4;

const troubleOf = (processes: readonly NodeProcess[]): string =>
  processes
    .map((each) => each.trouble)
    .filter((text) => text !== "")
    .join("; ");

/** Waits until FRR in this node has taken its whole configuration; at once where the node runs none. */
export async function frrConfigured(process: NodeProcess, listener: KernelListener, { signal }: Waits): Promise<void> {
  const { node } = process;
  const look = async (): Promise<Look<true>> => {
    if (process.trouble !== "") {
      const lacking = lackText(node, (route) => listener.hasRoute(node.name, route));
      const said = await frrWords(process);
      const disk = await diskFacts(process.places);
      throw new OperatingError(`Start ${node.name}: ${process.trouble}; ${said}; ${lackSentence(lacking)}`, disk);
    }
    return process.configured ? there(true) : waiting("its start script is still at it");
  };
  await until(look, { timeoutMs: configuredMsMax, everyMs: 5, signal, what: `FRR in ${node.name}` });
}

/** The last that its daemons have printed: why FRR did not take its configuration, in its own words. */
async function frrWords({ places }: NodeProcess): Promise<string> {
  const lines = ((await readTextIfThere(join(places.folder, "daemons.log"))) ?? "").trim().split("\n");
  // A daemon names the lines of its part that it refuses, vtysh (newer FRR, images/node/start) marks them with a percent sign; the
  // rest is what daemons have to say of their start.
  const refused = lines.flatMap((line) => / (?:line \d+: )?% .*|[^\]]* on config line .*/.exec(line)?.[0].trim() ?? []);
  const said = (refused.length > 0 ? refused : lines).slice(-5).join("; ").slice(-600);
  return said === "" ? "FRR said nothing" : `FRR said "${said}"`;
}

/** The listener says cheaply when it may be so; the kernel's own table has the last word. */
export async function routesConverged(
  plan: Plan,
  processes: readonly NodeProcess[],
  listener: KernelListener,
  { signal }: Waits,
): Promise<void> {
  const nodes = plan.nodes.filter((node) => node.routesExpected.length > 0);
  const lackingByEvents = (): readonly string[] =>
    nodes.flatMap((node) => lackText(node, (route) => listener.hasRoute(node.name, route)));
  const look = async (): Promise<Look<true>> => {
    const trouble = troubleOf(processes);
    const lacking = lackingByEvents();
    if (trouble !== "") throw new OperatingError(`Wait for routes: ${trouble}; ${lackSentence(lacking)}`);
    if (lacking.length > 0) return waiting(lackSentence(lacking));
    const texts: string[] = [];
    for (const node of nodes) {
      const routes = routesOf(node.name);
      texts.push(...lackText(node, (route) => routes.has(route)));
      await setImmediate(); // what the listener has heard meanwhile must not pile up in the kernel
    }
    return texts.length === 0 ? there(true) : waiting(lackSentence(texts));
  };
  await until(look, { timeoutMs: routesMsMax, everyMs: 20, signal, what: "every node to have every route" });
}

function lackText(node: PlannedNode, has: (route: string) => boolean): readonly string[] {
  const lacking = node.routesExpected.filter((route) => !has(withLength(route)));
  if (lacking.length === 0) return [];
  const shown = lacking.slice(0, 6).join(", ");
  return [`${node.name} lacks ${shown}${lacking.length > 6 ? ` and ${lacking.length - 6} more` : ""}`];
}

const lackSentence = (lacking: readonly string[]): string =>
  lacking.length === 0 ? "no route is missing" : lacking.slice(0, 12).join("; ");

/** Flags of a route in /proc/net/route (linux/route.h): it can be used; it refuses what takes it. */
const [routeUp, routeRefuses] = [0x1, 0x200];

/**
 * Destinations of routes in a node's main table, as the kernel has them: a process for each of many nodes would hold up the last routes.
 * Each line has name, destination, gateway, flags, three numbers, and mask; addresses are numbers of the machine's byte order.
 */
function routesOf(node: string): ReadonlySet<string> {
  const text = insideNamespace(node, () => readFileSync("/proc/thread-self/net/route", "latin1"));
  const routes = text.split("\n").flatMap((line) => {
    const [, destination = "", , flags = "", , , , mask = ""] = line.trim().split(/\s+/);
    if ((Number.parseInt(flags, 16) & (routeUp | routeRefuses)) !== routeUp) return [];
    return [`${bytesOf(destination).join(".")}/${bytesOf(mask).reduce((bits, byte) => bits + bitsIn(byte), 0)}`];
  });
  return new Set(routes);
}

const bytesOf = (hexadecimal: string): readonly number[] => {
  const bytes = [...Buffer.from(hexadecimal, "hex")];
  return endianness() === "LE" ? bytes.toReversed() : bytes;
};
const bitsIn = (byte: number): number => byte.toString(2).replaceAll("0", "").length;

/** A connection that leaves with the address of the interface that is cut never comes back (design 6.6). */
export async function sendFromLoopback(plan: Plan, { signal }: Waits): Promise<void> {
  const services = plan.nodes.filter((node) => node.service !== undefined && node.frr !== undefined);
  const wrong = await mapBounded(services, { limit: probesAtOnce, signal }, async (node, own) => {
    const others = services.filter((each) => each !== node && node.routesExpected.includes(`${each.loopback}/32`));
    if (others.length === 0) return [];
    const input = `${others.map((each) => `route get ${each.loopback}`).join("\n")}\n`;
    const text = await runCommand("ip", ["-n", node.name, "-4", "-o", "-batch", "-"], { signal: own, input });
    const sources = text.split("\n").filter((line) => line !== "");
    return others.flatMap((other, index) => {
      const line = sources[index] ?? "";
      if (new RegExp(`\\bsrc ${node.loopback.replaceAll(".", "\\.")}\\b`).test(line)) return [];
      return [`${node.name} to ${other.name}: "${line.trim()}", expected src ${node.loopback}`];
    });
  });
  if (wrong.flat().length === 0) return;
  throw new OperatingError(`Check the source of connections: ${wrong.flat().slice(0, 6).join("; ")}`);
}
