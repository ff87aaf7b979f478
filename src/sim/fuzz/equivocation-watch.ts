// Who said two things at one place. Proved by signatures that anybody can check, of Commits and ViewData, whoever carried
// them; what nobody signs, proposals and Prepares, is only observed, in the messages as they arrive.
import { EquivocationProofs, EquivocationsObserved, type Equivocation } from "../../checks/index.js";
import { instant, type NodeId } from "../../base/index.js";
import { proposalDigest, type Message } from "../../smartbft/index.js";
import { Evidence } from "../evidence.js";

export interface Equivocations {
  readonly proved: readonly Equivocation[];
  readonly observed: readonly Equivocation[];
}

export class EquivocationWatch {
  readonly #evidence = new Evidence();
  readonly #proofs = new EquivocationProofs();
  readonly #observed = new EquivocationsObserved();
  readonly #known = new WeakMap<Uint8Array, NodeId>();
  #proved = 0;

  /** Answers what it has proved that was not proved before. */
  arrived(from: NodeId, bytes: Uint8Array, message: Message): readonly Equivocation[] {
    // A broadcast is one array of bytes; who sends the same on under its own name is looked at again.
    if (this.#known.get(bytes) === from) return [];
    this.#known.set(bytes, from);
    for (const statement of this.#evidence.statementsIn(message)) this.#proofs.observe(statement);
    this.#observe(from, message);
    const { all } = this.#proofs;
    if (all.length === this.#proved) return [];
    const proved = all.slice(this.#proved);
    this.#proved = all.length;
    return proved;
  }

  get all(): Equivocations {
    return { proved: this.#proofs.all, observed: this.#observed.all };
  }

  #observe(from: NodeId, message: Message): void {
    if (message.kind !== "PrePrepare" && message.kind !== "Prepare") return;
    const digest = message.kind === "Prepare" ? message.digest : message.proposal && proposalDigest(message.proposal);
    if (digest === undefined) return;
    const { kind: type, view, sequence } = message;
    const stamp = { at: instant(0), node: "" };
    this.#observed.observe({
      ...stamp,
      kind: "message",
      direction: "in",
      other: `${from}`,
      type,
      view,
      sequence,
      digest,
    });
  }
}
