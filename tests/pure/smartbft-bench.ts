// One replica on a bench: the test plays its peers, its disk, its ledger and its clock, and sees what it does.
// Signatures are checked and decisions stored at once unless the test holds them back.
import {
  after,
  instant,
  microseconds,
  nodeId,
  present,
  quorumSize,
  sequence,
  utf8,
  view,
  type Duration,
  type Instant,
  type NodeId,
} from "../../src/base/index.js";
import { Ledger, tinyApplication, tinyRequest, tinyVerification } from "../../src/sim/index.js";
import {
  decodeMessage,
  encodeMessage,
  encodePreparesFrom,
  encodeViewData,
  encodeViewMetadata,
  libraryOptions,
  previousSignaturesDigest,
  proposalDigest,
  Replica,
  type Application,
  type Commit,
  type Decision,
  type Effect,
  type Fact,
  type Input,
  type Message,
  type PrePrepare,
  type Prepare,
  type Proposal,
  type ProtocolOptions,
  type Reconfiguration,
  type Signature,
  type SignedViewData,
  type Step,
  type ViewData,
} from "../../src/smartbft/index.js";

export interface BenchOptions {
  readonly size?: number;
  readonly self?: number;
  readonly protocol?: Partial<ProtocolOptions>;
  /** Decisions that are in the ledger already, the last one of `view`. */
  readonly height?: number;
  readonly view?: number;
  readonly walEntries?: readonly Uint8Array[];
  readonly tickPhase?: Duration;
  /** Whose Prepares the signers of the ledger's decisions say they counted. */
  readonly seen?: readonly number[];
}

const verificationSequence = 3;

export class Bench {
  readonly nodes: readonly NodeId[];
  readonly self: NodeId;
  readonly ledger = new Ledger();
  readonly application: Application;
  readonly replica: Replica;
  readonly effects: Effect[] = [];
  readonly persisted: Uint8Array[] = [];
  now: Instant = instant(1_000_000);
  /** Set to hold back the answers to `deliver` or `verify`; `release` gives them. */
  holdDelivery = false;
  holdVerification = false;
  /** What the ledger of the cluster holds beyond ours, brought by the next sync. */
  beyond: Decision[] = [];
  readonly held: Input[] = [];
  /** What the next decision, or the next that a sync brings, makes of the cluster. */
  reconfigure: Reconfiguration | undefined;

  readonly #seen: readonly number[];

  constructor(options: BenchOptions = {}) {
    this.#seen = options.seen ?? [];
    const { size = 4, self = 2, height = 0, protocol = {}, walEntries = [] } = options;
    this.nodes = Array.from({ length: size }, (_, index) => nodeId(index + 1));
    this.self = nodeId(self);
    for (let index = 1; index <= height; index++) {
      this.ledger.append(this.decision(index, { view: options.view ?? 0, decisions: index - 1 }), sequence(index));
    }
    this.application = tinyApplication(this.self, this.ledger, { firstVersion: verificationSequence });
    const tickPhase = options.tickPhase ?? microseconds(0);
    const chosen = { ...libraryOptions, ...protocol, selfId: this.self, nodes: this.nodes, tickPhase };
    this.replica = new Replica(chosen, this.application, { lastDecision: this.ledger.last, walEntries });
  }

  start(): this {
    this.input({ kind: "start" });
    return this;
  }

  input(input: Input): void {
    for (const effect of this.replica.step(this.now, input)) this.#perform(effect);
  }

  /** Answers what was done with the message. */
  from(id: number, message: Message): string {
    const mark = this.effects.length;
    this.input({ kind: "message", from: nodeId(id), bytes: encodeMessage(message) });
    for (const effect of this.effects.slice(mark)) {
      if (effect.kind === "trace" && effect.trace.kind === "received") return effect.trace.decision;
    }
    throw new Error("No received trace");
  }

  submit(...names: readonly string[]): void {
    for (const name of names) this.input({ kind: "submit", token: 0, request: tinyRequest("client", name) });
  }

  /** Lets time pass, waking the replica at every deadline. */
  pass(duration: Duration): void {
    const end = after(this.now, duration);
    for (;;) {
      const deadline = this.replica.deadline();
      if (deadline === undefined || deadline > end) break;
      this.now = deadline > this.now ? deadline : this.now;
      this.input({ kind: "deadline" });
    }
    this.now = end;
  }

  release(): void {
    for (const input of this.held.splice(0)) this.input(input);
  }

  /** Messages sent since the last call, one per broadcast: the copy to the lowest receiver. */
  sent(): readonly Message[] {
    const messages = this.sentTo();
    const first = this.nodes.find((id) => id !== this.self);
    const broadcast = messages.filter(({ to, message }) => to === first || message.kind === "ViewData");
    return broadcast.map(({ message }) => message);
  }

  sentTo(): readonly { readonly to: NodeId; readonly message: Message }[] {
    const sends = this.effects
      .filter((effect) => effect.kind === "send")
      .map(({ to, bytes }) => {
        const decoded = decodeMessage(bytes);
        if (decoded.kind === "bad") throw new Error(decoded.reason);
        return { to, message: decoded.value };
      });
    this.clear();
    return sends;
  }

  steps(step: Step): readonly Readonly<Record<string, Fact>>[] {
    return this.effects.flatMap((effect) =>
      effect.kind === "trace" && effect.trace.kind === "step" && effect.trace.step === step ? [effect.trace.facts] : [],
    );
  }

  clear(): void {
    this.effects.length = 0;
  }

  /** The whole normal case of one decision at this follower, by leader 1 of view 0 and its first others. */
  decide(at: number, ...requests: readonly string[]): void {
    const place = { sequence: at };
    const proposal = this.proposal(place, ...requests);
    const others = this.nodes.filter((id) => id !== this.self).slice(0, quorumSize(this.nodes.length) - 1);
    this.from(1, this.prePrepare(proposal, place));
    for (const id of others) this.from(id, this.prepare(proposal, place));
    for (const id of others) this.from(id, this.commit(id, proposal, place));
  }

  // What peers say.

  /** With `signatures` it binds them and the blacklist, as rotation wants it. */
  proposal(
    at: {
      view?: number;
      sequence: number;
      decisions?: number;
      blacklist?: readonly number[];
      signatures?: readonly Signature[];
    },
    ...requests: readonly string[]
  ): Proposal {
    const metadata = encodeViewMetadata({
      view: view(at.view ?? 0),
      sequence: sequence(at.sequence),
      decisions: at.decisions ?? at.sequence - 1,
      blacklist: (at.blacklist ?? []).map(nodeId),
      previousSignatureDigest: previousSignaturesDigest(at.signatures ?? []) ?? new Uint8Array(0),
    });
    const application = tinyApplication(nodeId(1), this.ledger, { firstVersion: verificationSequence });
    return application.assemble(
      metadata,
      requests.map((name) => tinyRequest("client", name)),
    );
  }

  prePrepare(
    proposal: Proposal,
    at: { view?: number; sequence: number; signatures?: readonly Signature[] },
  ): PrePrepare {
    return { kind: "PrePrepare", ...numbers(at), proposal, previousSignatures: at.signatures ?? [] };
  }

  prepare(proposal: Proposal, at: { view?: number; sequence: number }): Prepare {
    return { kind: "Prepare", ...numbers(at), digest: proposalDigest(proposal), assist: false };
  }

  commit(from: number, proposal: Proposal, at: { view?: number; sequence: number }): Commit {
    const signature = this.signed(from, proposal);
    return { kind: "Commit", ...numbers(at), digest: proposalDigest(proposal), signature, assist: false };
  }

  /** A decision with a quorum's signatures, in this bench's ledger state. */
  decision(at: number, { view: decidedView = 0, decisions = at - 1 } = {}): Decision {
    const proposal = this.proposal({ view: decidedView, sequence: at, decisions }, `decided ${at}`);
    return { proposal, signatures: this.nodes.map((id) => this.signed(id, proposal, ...this.#seen)) };
  }

  viewData(from: number, data: Partial<ViewData> & { readonly nextView: ViewData["nextView"] }): SignedViewData {
    const last = this.ledger.last;
    const raw = encodeViewData({
      lastDecision: last?.proposal ?? emptyProposal,
      lastDecisionSignatures: last?.signatures ?? [],
      inFlightProposal: undefined,
      inFlightPrepared: false,
      ...data,
    });
    return {
      kind: "ViewData",
      raw,
      signer: nodeId(from),
      signature: tinyApplication(nodeId(from), this.ledger).sign(raw),
    };
  }

  /** `seen`: whose Prepares the signer says it counted. */
  signed(from: number, proposal: Proposal, ...seen: readonly number[]): Signature {
    return tinyApplication(nodeId(from), this.ledger).signProposal(proposal, encodePreparesFrom(seen));
  }

  #perform(effect: Effect): void {
    this.effects.push(effect);
    if (effect.kind === "persist") {
      if (effect.truncate) this.persisted.length = 0;
      this.persisted.push(effect.record);
    } else if (effect.kind === "deliver") {
      this.ledger.append(effect.decision, effect.sequence);
      this.#answer({ kind: "delivered", sequence: effect.sequence, ...this.#reconfiguration() }, this.holdDelivery);
    } else if (effect.kind === "verify") {
      const results = effect.items.map(tinyVerification);
      this.#answer({ kind: "verified", id: effect.id, results }, this.holdVerification);
    } else if (effect.kind === "synchronise") {
      const brought = this.beyond.splice(0);
      this.ledger.decisions.push(...brought);
      const told = brought.length === 0 ? {} : this.#reconfiguration();
      this.#answer({ kind: "synchronised", id: effect.id, decision: this.ledger.last, requests: [], ...told }, false);
    }
  }

  #reconfiguration(): { readonly reconfiguration?: Reconfiguration } {
    return this.reconfigure === undefined ? {} : { reconfiguration: this.reconfigure };
  }

  #answer(input: Input, hold: boolean): void {
    if (hold) this.held.push(input);
    else this.input(input);
  }
}

export const emptyProposal: Proposal = {
  header: new Uint8Array(0),
  payload: new Uint8Array(0),
  metadata: new Uint8Array(0),
  verificationSequence: 0,
};

export const numbers = (at: { view?: number; sequence: number }) => ({
  view: view(at.view ?? 0),
  sequence: sequence(at.sequence),
});

/** The one element there must be. */
export const only = <T>(values: readonly T[]): T => {
  if (values.length !== 1) throw new Error(`Expected one, got ${values.length}: ${JSON.stringify(values)}`);
  return present(values[0], "the only element");
};

export const garbage: Proposal = { ...emptyProposal, payload: utf8("garbage") };
