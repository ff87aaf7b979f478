// Byzantine: who was faulty by order, and whether anybody else looked faulty. Orders are fault events, from their request on,
// and what the node itself says when it turns; a node that was Byzantine once is not counted among the correct ones again,
// for what it stored meanwhile may be anything. More than f of them, and the protocol promises nothing: `unknown`.
//
// A correct orderer that is seen to say two things is a finding, but not where the library does so itself after a restart
// of its view (reference section 15, item 21), nor while somebody forges senders; nor are two Commits, where a leader told two
// stories: one may be signed in its view, the other in the change to a later one (docs/byzantine.md).
import { faultsTolerated } from "../base/index.js";
import type { EventOf } from "../boundary/index.js";
import { Findings, type CheckOf, type CheckContext, type CheckVerdict } from "./check.js";
import { EquivocationsObserved, equivocationText, type Equivocation } from "./equivocation.js";

export class Byzantine implements CheckOf<"fault" | "step" | "message"> {
  readonly hears = { fault: true, step: true, message: true } as const;
  readonly #context: CheckContext;
  readonly #ways = new Map<string, Set<string>>();
  readonly #observed = new EquivocationsObserved();

  constructor(context: CheckContext) {
    this.#context = context;
  }

  /** Whether the node has been Byzantine by order so far. */
  has(node: string): boolean {
    return this.#ways.has(node);
  }

  observe(event: EventOf<"fault" | "step" | "message">): void {
    if (event.kind === "fault" && event.what === "byzantine" && event.state !== "failed")
      this.#order(event.target, event.how);
    else if (event.kind === "step" && event.step === "misbehaving")
      this.#order(event.node, String(event.facts["how"] ?? ""));
    else if (event.kind === "message") this.#observed.observe(event);
  }

  #order(node: string, how: string): void {
    const ways = this.#ways.get(node) ?? new Set();
    this.#ways.set(node, ways.add(how));
  }

  verdict(): CheckVerdict {
    const name = "byzantine";
    const { orderers, fidelity } = this.#context;
    const tolerated = faultsTolerated(orderers.length);
    const ordered = [...this.#ways].map(([node, ways]) => `${node}: ${[...ways].join(", ")}`).join("; ");
    if (this.#ways.size > tolerated) {
      const detail = `${this.#ways.size} orderers Byzantine by order, and ${orderers.length} orderers bear ${tolerated}: ${ordered}`;
      return { name, verdict: "unknown", detail };
    }
    const observed = this.#observed.all.filter(({ who }) => !this.has(String(who)));
    const isBoth = this.#somebody(...tellers);
    const both = findingsOf(observed.filter(({ what }) => isBoth && what === "Commit"));
    const seen = findingsOf(observed.filter(({ what }) => !isBoth || what !== "Commit"));
    if (seen.count > 0 && fidelity === "improved" && !this.#somebody("forged-sender")) {
      return { name, verdict: "false", detail: `a correct orderer equivocated: ${seen.text()}` };
    }
    const said = ordered === "" ? "no orderer was told to misbehave" : `by order: ${ordered}`;
    const caught = this.#observed.all.length - observed.length;
    const parts = [
      said,
      ...(caught > 0 ? [`${caught} equivocations of theirs observed`] : []),
      ...(both.count > 0 ? [`not counted, as a leader told two stories: ${both.text()}`] : []),
      ...(seen.count > 0 ? [`not counted, as the library does it: ${seen.text()}`] : []),
    ];
    return { name, verdict: "true", detail: parts.join("; ") };
  }

  #somebody(...hows: readonly string[]): boolean {
    return [...this.#ways.values()].some((ways) => hows.some((how) => ways.has(how)));
  }
}

/** Who leads so proposes two things in one place. */
const tellers = ["equivocate", "twins"];

function findingsOf(equivocations: readonly Equivocation[]): Findings {
  const findings = new Findings();
  for (const each of equivocations) findings.add(equivocationText(each));
  return findings;
}
