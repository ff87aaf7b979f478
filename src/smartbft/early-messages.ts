// Improved fidelity only (reference section 15, item 10): normal-case messages for a view that does not run here yet, or
// not at this moment, are kept until it starts. The library loses them, and nothing is ever sent again.
//
// Bounded: of each member the newest six, a message of each kind for two sequences; older ones give way.
import type { NodeId, View } from "../base/index.js";
import type { NormalMessage } from "./wire/message.js";

const keptPerSender = 6;

export class EarlyMessages {
  readonly #kept = new Map<NodeId, readonly NormalMessage[]>();

  get count(): number {
    let count = 0;
    for (const messages of this.#kept.values()) count += messages.length;
    return count;
  }

  keep(from: NodeId, message: NormalMessage): void {
    this.#kept.set(from, [...(this.#kept.get(from) ?? []), message].slice(-keptPerSender));
  }

  /** Those for `view`, which are forgotten together with all older ones; by sender, each sender's in order. */
  take(view: View): readonly { readonly from: NodeId; readonly message: NormalMessage }[] {
    const taken: { readonly from: NodeId; readonly message: NormalMessage }[] = [];
    for (const [from, messages] of [...this.#kept].toSorted(([left], [right]) => left - right)) {
      for (const message of messages) if (message.view === view) taken.push({ from, message });
      this.#kept.set(
        from,
        messages.filter((message) => message.view > view),
      );
    }
    return taken;
  }
}
