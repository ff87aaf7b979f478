// Requests that a Byzantine node has come across, to make other proposals of. Bounded: the newest are kept.
import type { Application, Decision, Effect } from "../contract.js";
import type { WrapperInput } from "./contract.js";

const keptMax = 1_000;

export class SeenRequests {
  readonly #application: Application;
  readonly #pending = new Map<string, Uint8Array>();
  #decided: Uint8Array | undefined;

  constructor(application: Application) {
    this.#application = application;
  }

  hear(input: WrapperInput): void {
    if (input.kind !== "submit" && input.kind !== "forwarded") return;
    const key = this.#keyOf(input.request);
    if (key === undefined) return;
    this.#pending.set(key, input.request);
    const [oldest] = this.#pending.keys();
    if (this.#pending.size > keptMax && oldest !== undefined) this.#pending.delete(oldest);
  }

  /** Decided ones are not pending any more. */
  note(effects: readonly Effect[]): void {
    for (const effect of effects) if (effect.kind === "deliver") this.#decide(effect.decision);
  }

  /** The requests of a proposal, as far as they were seen pending. */
  of(proposal: Decision["proposal"]): readonly Uint8Array[] {
    const keys = this.#application.requestsOf(proposal).map(({ clientId, requestId }) => `${clientId}/${requestId}`);
    return keys.flatMap((key) => this.#pending.get(key) ?? []);
  }

  /** One that is not among `others`: a pending one if there is, else one that was decided before. */
  another(others: readonly Uint8Array[]): Uint8Array | undefined {
    for (const request of this.#pending.values()) if (!others.includes(request)) return request;
    return this.#decided;
  }

  #decide({ proposal }: Decision): void {
    for (const { clientId, requestId } of this.#application.requestsOf(proposal)) {
      const key = `${clientId}/${requestId}`;
      this.#decided = this.#pending.get(key) ?? this.#decided;
      this.#pending.delete(key);
    }
  }

  #keyOf(request: Uint8Array): string | undefined {
    const info = this.#application.requestInfo(request);
    return info === undefined ? undefined : `${info.clientId}/${info.requestId}`;
  }
}
