// What every component stands on: the told time, the effects of the running step, and an agenda.
//
// The library's components are Go routines that meet in channels; here they are objects in one thread. A call that the
// library makes through a channel becomes a task on the agenda (`later`), which the replica runs to the end in every
// step, first in first out. So nothing is re-entered, and order is the same on every machine.
import { assert, faultsTolerated, instant, present, quorumSize, type Instant, type NodeId } from "../base/index.js";
import type { Application, Component, Effect, Fact, MessageType, Step, Trace, VerifyItem } from "./contract.js";
import type { Options } from "./options.js";
import { decodeViewData } from "./wire/decode.js";
import { encodeMessage } from "./wire/encode.js";
import type { Message } from "./wire/message.js";

/** What a trace tells of a message. */
export type Outline = VoteOutline | OtherOutline;

interface VoteOutline {
  readonly type: "Prepare" | "Commit";
  readonly view: number;
  readonly sequence: number;
  readonly digest: string;
  readonly assist?: true;
}

interface OtherOutline {
  readonly type: Exclude<MessageType, VoteOutline["type"]>;
  readonly view?: number;
  readonly sequence?: number;
}

interface Unreadable {
  readonly type: "unknown";
}

/** Of a digest in a trace: enough to tell two apart. */
const digestShown = 16;

type Verified = (results: readonly boolean[]) => void;

export class Core {
  #options: Options;
  readonly application: Application;
  now: Instant = instant(0);
  #effects: Effect[] = [];
  #agenda: (() => void)[] = [];
  readonly #verifications = new Map<number, Verified>();
  #nextId = 1;

  constructor(options: Options, application: Application) {
    this.#options = options;
    this.application = application;
  }

  get options(): Options {
    return this.#options;
  }

  /** Faults tolerated among the members (section 0). */
  get f(): number {
    return faultsTolerated(this.#options.nodes.length);
  }

  /** Votes of a quorum. */
  get q(): number {
    return quorumSize(this.#options.nodes.length);
  }

  /** A reconfiguration: what was under way is void, and answers to it that are still to come are ignored. */
  adopt(options: Options): void {
    this.#options = options;
    this.#agenda = [];
    for (const id of this.#verifications.keys()) this.#verifications.set(id, () => undefined);
  }

  get self(): NodeId {
    return this.options.selfId;
  }

  get improved(): boolean {
    return this.options.fidelity === "improved";
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  trace(component: Component, step: Step, facts: Readonly<Record<string, Fact>> = {}): void {
    this.emit({ kind: "trace", trace: { kind: "step", component, step, facts } });
  }

  send(to: NodeId, message: Message): void {
    this.#post(to, encodeMessage(message), outline(message));
  }

  /** To all others, in the order of the node list; encoded once. */
  broadcast(message: Message): void {
    const bytes = encodeMessage(message);
    const told = outline(message);
    for (const id of this.options.nodes) if (id !== this.self) this.#post(id, bytes, told);
  }

  /** Runs `task` within this step, after everything that is already under way. */
  later(task: () => void): void {
    this.#agenda.push(task);
  }

  runAgenda(): void {
    // Tasks may add tasks; every chain ends at an effect with an answer, so this ends too.
    for (let index = 0; index < this.#agenda.length; index++) present(this.#agenda[index], "task")();
    this.#agenda = [];
  }

  /** Asks for signatures to be checked. `undefined` items are false without asking; with nothing to ask, answers in this step. */
  verify(items: readonly (VerifyItem | undefined)[], done: Verified): void {
    const asked = items.filter((item) => item !== undefined);
    if (asked.length === 0) return this.later(() => done(items.map(() => false)));
    const id = this.nextId();
    this.#verifications.set(id, (results) => {
      let next = 0;
      done(items.map((item) => item !== undefined && results[next++] === true));
    });
    this.emit({ kind: "verify", id, items: asked });
  }

  /** The host's answer. */
  verified(id: number, results: readonly boolean[]): void {
    const done = this.#verifications.get(id);
    assert(done !== undefined, `Verification ${id} was answered, but never asked or already answered`);
    this.#verifications.delete(id);
    done(results);
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Place among this step's effects, for `received`. */
  get mark(): number {
    return this.#effects.length;
  }

  /** Tells of an incoming message, before the effects that it had since `mark`. */
  received(mark: number, from: NodeId, told: Outline | Unreadable, decision: string): void {
    const effects: string[] = [];
    for (let index = mark; index < this.#effects.length; index++) {
      const name = effectName(present(this.#effects[index], "an effect"));
      if (name !== undefined && effects.at(-1) !== name) effects.push(name);
    }
    this.#effects.splice(mark, 0, { kind: "trace", trace: receivedTrace(from, told, decision, effects) });
  }

  take(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #post(to: NodeId, bytes: Uint8Array, told: Outline): void {
    this.emit({ kind: "trace", trace: sentTrace(to, told) });
    this.emit({ kind: "send", to, bytes });
  }
}

// Traces of votes are spelled out: nearly all messages are votes, and an engine is slow at a spread behind other properties.

function receivedTrace(from: NodeId, told: Outline | Unreadable, decision: string, effects: readonly string[]): Trace {
  if (!isPlainVote(told)) return { kind: "received", from, ...told, decision, effects };
  const { type, view, sequence, digest } = told;
  return { kind: "received", from, type, view, sequence, digest, decision, effects };
}

function sentTrace(to: NodeId, told: Outline): Trace {
  if (!isPlainVote(told)) return { kind: "sent", to, ...told };
  const { type, view, sequence, digest } = told;
  return { kind: "sent", to, type, view, sequence, digest };
}

const isPlainVote = (told: Outline | Unreadable): told is VoteOutline =>
  (told.type === "Prepare" || told.type === "Commit") && told.assist === undefined;

export function outline(message: Message): Outline {
  switch (message.kind) {
    case "PrePrepare":
    case "HeartBeat":
    case "StateTransferResponse":
      return { type: message.kind, view: message.view, sequence: message.sequence };
    case "Prepare":
    case "Commit": {
      const { view, sequence } = message;
      const told = { type: message.kind, view, sequence, digest: message.digest.slice(0, digestShown) };
      return message.assist ? { ...told, assist: true } : told;
    }
    case "ViewChange":
      return { type: message.kind, view: message.nextView };
    case "HeartBeatResponse":
      return { type: message.kind, view: message.view };
    case "StateTransferRequest":
      return { type: message.kind };
    case "ViewData":
    case "NewView": {
      const entry = message.kind === "ViewData" ? message : message.entries[0];
      const data = entry === undefined ? undefined : decodeViewData(entry.raw);
      return data?.kind === "good" ? { type: message.kind, view: data.value.nextView } : { type: message.kind };
    }
  }
}

/** `sent` traces name the send; the bare effect behind each would say it twice. */
function effectName(effect: Effect): string | undefined {
  if (effect.kind === "send") return undefined;
  if (effect.kind !== "trace") return effect.kind;
  const { trace } = effect;
  if (trace.kind === "sent") return `send ${trace.assist === true ? "assisting " : ""}${trace.type}`;
  return trace.kind === "step" ? trace.step : undefined;
}
