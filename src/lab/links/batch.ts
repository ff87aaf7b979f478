// One-shot batches of planned lines: one `ip`, `tc` or `nft` process for many lines. The first line that fails stops the
// batch and is quoted together with what the kernel said.
import { PassThrough } from "node:stream";
import { assert } from "../../base/index.js";
import { type CommandResult, OperatingError, runCommand, tryCommand } from "../../system/index.js";
import type { Step } from "../../plan/index.js";
import { isMessage, messageFor } from "./netlink-lines.js";
import { askKernel } from "./netlink.js";

/** Runs the lines in order, those of one tool and namespace that stand together as one batch. */
export async function runSteps(steps: readonly Step[], { signal }: { readonly signal: AbortSignal }): Promise<void> {
  for (let start = 0; start < steps.length; ) {
    const first = steps[start];
    if (first === undefined) return;
    let end = start;
    while (steps[end]?.tool === first.tool && steps[end]?.namespace === first.namespace) end++;
    const lines = steps.slice(start, end).map((step) => step.line);
    await runBatch(first.tool, first.namespace, lines, { signal });
    start = end;
  }
}

/** Runs lines for one node's namespace: by this thread itself where it can (netlink-lines.ts), else by the tool. */
export async function runInside(steps: readonly Step[], { signal }: { readonly signal: AbortSignal }): Promise<void> {
  signal.throwIfAborted();
  const [first] = steps;
  if (first === undefined) return;
  if (!steps.every(({ tool, line }) => tool === "ip" && isMessage(line))) return runSteps(steps, { signal });
  const refused = askKernel(first.namespace, () => steps.flatMap(({ line }) => messageFor(line) ?? []));
  if (refused === undefined) return;
  const { namespace, line } = steps[refused.at] ?? first;
  throw failed({ tool: "ip", namespace, line: `"${line}"`, said: refused.why });
}

export async function runBatch(
  tool: Step["tool"],
  namespace: string,
  lines: readonly string[],
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const input = `${lines.join("\n")}\n`;
  if (tool === "nft") {
    const enter = namespace === "" ? [] : [`--net=/run/netns/${namespace}`, "--", "nft"];
    await runCommand(namespace === "" ? "nft" : "nsenter", [...enter, "-f", "-"], { signal, input });
    return;
  }
  const inside = namespace === "" ? [] : ["-n", namespace];
  const result = await tryCommand(tool, [...inside, "-batch", "-"], { signal, input });
  refuseUndone(result, { tool, namespace, lines });
}

/** A batch of `ip` in the switchboard that is given its lines bit by bit and works on them meanwhile. */
export class OpenBatch implements AsyncDisposable {
  readonly #signal: AbortSignal;
  readonly #input = new PassThrough();
  readonly #lines: string[] = [];
  /** Of the tool, from the first line on. */
  #result: Promise<CommandResult> | undefined;

  constructor({ signal }: { readonly signal: AbortSignal }) {
    this.#signal = signal;
  }

  /** What comes after a line that has failed is not done; `end` tells. */
  give(steps: readonly Step[]): void {
    assert(
      steps.every(({ tool, namespace }) => tool === "ip" && namespace === ""),
      "lines of ip for the switchboard",
    );
    if (steps.length === 0) return;
    const lines = steps.map(({ line }) => line);
    this.#lines.push(...lines);
    this.#input.write(lines.map((line) => `${line}\n`).join(""));
    this.#result ??= tryCommand("ip", ["-batch", "-"], { signal: this.#signal, input: this.#input });
    this.#result.catch(() => undefined); // heard by `end`
  }

  /** Resolves when all lines are done. */
  async end(): Promise<void> {
    this.#input.end();
    if (this.#result !== undefined) refuseUndone(await this.#result, { tool: "ip", namespace: "", lines: this.#lines });
  }

  /** Resolves when it has ended, whatever came of its lines. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#input.end();
    await Promise.allSettled([this.#result]);
  }
}

function refuseUndone(
  { exitCode, stderr }: CommandResult,
  {
    tool,
    namespace,
    lines,
  }: { readonly tool: Step["tool"]; readonly namespace: string; readonly lines: readonly string[] },
): void {
  if (exitCode === 0) return;
  const number = /Command failed -:(\d+)/.exec(stderr)?.[1];
  // A line that it cannot read ends the tool at once, and is not numbered.
  const line =
    number === undefined
      ? `one of ${lines.length} lines, "${lines[0] ?? ""}" to "${lines.at(-1) ?? ""}",`
      : `"${lines[Number(number) - 1] ?? ""}"`;
  const said = stderr.replace(/Command failed -:\d+\s*/g, "").trim();
  throw failed({ tool, namespace, line, said });
}

function failed({
  tool,
  namespace,
  line,
  said,
}: Record<"tool" | "namespace" | "line" | "said", string>): OperatingError {
  const where = namespace === "" ? "the switchboard" : namespace;
  return new OperatingError(
    `Run ${tool} in ${where}: ${line} failed and said "${said}", expected every line to be done`,
    { facts: { tool, namespace, said } },
  );
}

/** Steps by namespace, in order of first appearance. */
export function byNamespace(steps: readonly Step[]): ReadonlyMap<string, readonly Step[]> {
  const groups = new Map<string, Step[]>();
  for (const step of steps) {
    const group = groups.get(step.namespace);
    if (group === undefined) groups.set(step.namespace, [step]);
    else group.push(step);
  }
  return groups;
}
