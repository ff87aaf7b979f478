// All checkers of one run, fed by the cluster as it goes, and what they know in common: who is honest, who leads, who is
// a member. Outside the replicas: it sees ledgers, logs, messages on their way, traces and statuses.
import { faultsTolerated, nodeId, type Duration, type NodeId } from "../../base/index.js";
import { equivocationText } from "../../checks/index.js";
import {
  decodeViewData,
  decodedMetadata,
  proposalDigest,
  type Message,
  type NewView,
  type SavedMessage,
  type SignedViewData,
  type Step,
} from "../../smartbft/index.js";
import type { Cluster, LogEntry } from "../cluster.js";
import { Ledger } from "../ledger.js";
import { tinyApplication, tinyVerification } from "../tiny-application.js";
import type { Raise } from "./alarm.js";
import { EquivocationWatch, type Equivocations } from "./equivocation-watch.js";
import { LedgerChecker } from "./ledger-checker.js";
import { logReader } from "./log-reading.js";
import { NewViewChecker } from "./new-view-checker.js";
import type { Setting } from "./schedule.js";
import { timers } from "./setting.js";
import { Sightings } from "./sightings.js";
import type { Seen } from "./surprises.js";
import { ViewChecker } from "./view-checker.js";
import { VoteChecker } from "./vote-checker.js";

/** Steps after which a ledger may hold more. A sync that brings a reconfiguration never ends: the components that began it are gone. */
const grownAt: ReadonlySet<Step> = new Set(["syncEnded", "stateTimeout", "stateCollected", "reconfigured"] as const);

interface Arrival {
  readonly node: NodeId;
  readonly from: NodeId;
  readonly bytes: Uint8Array;
  readonly message: Message;
}

export class Watch {
  readonly #cluster: Cluster;
  readonly #setting: Setting;
  readonly #raise: Raise;
  readonly #ledgers: LedgerChecker;
  readonly #votes: VoteChecker;
  readonly #sightings: Sightings;
  readonly #equivocations = new EquivocationWatch();
  readonly #newViews: NewViewChecker;
  readonly #changes: ViewChecker;
  readonly #submitted = new Set<string>();
  readonly #liars = new Set<NodeId>();
  readonly #views = new Map<NodeId, number>();
  readonly #key = tinyApplication(nodeId(1), new Ledger());
  readonly #lastSent = new Map<NodeId, Uint8Array>();
  /** Whether nothing is wrong with network and processes; whoever makes faults says so. */
  wholeness: () => boolean = () => true;
  messages = 0;
  /** A liar may flood; what honest nodes answer is bounded all the same. */
  #honestMessages = 0;
  broken = false;
  #traces = 0;

  constructor(cluster: Cluster, setting: Setting, raise: Raise) {
    this.#cluster = cluster;
    this.#setting = setting;
    this.#raise = (code, node, text) => {
      if (node !== undefined && !this.isHonest(node)) return;
      if (code === "disagreement" || code === "storm") this.broken = true;
      raise(code, node, text);
    };
    this.#ledgers = new LedgerChecker(cluster.nodes, this.#submitted, this.#raise);
    const read = logReader();
    const records = (node: NodeId): readonly SavedMessage[] => read(cluster.log(node));
    this.#votes = new VoteChecker({
      records,
      membersAt: (sequence) => this.#ledgers.membersAt(sequence),
      requestsOf: ({ proposal }) =>
        proposal === undefined
          ? []
          : this.#key.requestsOf(proposal).map(({ clientId, requestId }) => `${clientId}/${requestId}`),
      isHonest: (node) => this.isHonest(node),
      agreesFirst: setting.fidelity === "improved",
      raise: this.#raise,
    });
    this.#newViews = new NewViewChecker({
      firstLeader: (node, view) => this.#firstLeader(node, view),
      raise: this.#raise,
    });
    this.#changes = new ViewChecker({
      records,
      ledger: (node) => {
        const { height, configuration } = cluster.ledger(node);
        return { height, view: this.#ledgerView(node), members: configuration.nodes };
      },
      isSigned: (entry) => this.#isSigned(entry),
      raise: this.#raise,
    });
    this.#sightings = new Sightings(this.#scene(setting, records));
    cluster.onSend = (bytes, { source }) => this.#sent(source, bytes);
    cluster.onArrival = (bytes, { source, target }, says) => {
      if (says.kind === "good") this.#arrived({ node: target, from: source, bytes, message: says.value });
    };
    cluster.onWrite = ({ node, kind, when }) => {
      if (kind === "deliver" && when === "after") this.#grown(node);
    };
  }

  get sightings(): Seen {
    const { seen, persistent } = this.#sightings;
    return { seen, persistent };
  }

  get equivocations(): Equivocations {
    return this.#equivocations.all;
  }

  /** All faults have ended. */
  healed(): void {
    this.#sightings.healed();
  }

  get height(): number {
    return this.#ledgers.height;
  }

  /** After the highest decision. */
  get members(): readonly NodeId[] {
    return this.#ledgers.members;
  }

  isHonest(id: NodeId): boolean {
    return !this.#liars.has(id);
  }

  /** By the running replica in the highest view. */
  get leading(): { readonly leader: NodeId; readonly view: number } {
    let best = { leader: this.members[0] ?? nodeId(1), view: -1 };
    for (const id of this.#cluster.nodes) {
      if (!this.#cluster.isRunning(id)) continue;
      const { leader, view } = this.#cluster.replica(id).status();
      if (view > best.view) best = { leader, view };
    }
    return best;
  }

  submit(name: string, nodes: readonly NodeId[]): void {
    this.#submitted.add(`client/${name}`);
    this.#cluster.submit(name, nodes);
  }

  /** A configuration request, at all nodes. */
  order(order: string): void {
    this.#submitted.add(`config/${order}`);
    this.#cluster.order(order);
  }

  died(node: NodeId): void {
    this.#sightings.died(node);
    this.#votes.restarted(node);
    this.#newViews.died(node);
    this.#changes.died(node);
    this.#views.delete(node);
  }

  /** It lies from now on; nothing it says or holds is held against anybody. */
  turned(node: NodeId): void {
    this.#liars.add(node);
  }

  stalled(bound: Duration): void {
    const heights = this.#cluster.nodes.map((id) => `${id}: ${this.#cluster.ledger(id).height}`).join(", ");
    this.#raise("stalled", undefined, `no progress within ${bound / 1000} ms of healing; heights ${heights}`);
  }

  trace({ node, trace }: LogEntry): void {
    this.#traces += 1;
    if (this.#traces % 64 === 0) this.#bounds(node);
    if (trace.kind === "sent") return;
    if (trace.kind === "received") return this.#sightings.received(node, trace);
    if (grownAt.has(trace.step)) this.#grown(node);
    if (trace.step === "inFlightStarted") {
      this.#votes.inFlightStarted(node, Number(trace.facts["view"]), Number(trace.facts["sequence"]));
    }
    const view = Number(trace.facts["view"]);
    if (trace.step === "reconfigured") this.#votes.reconfigured(node);
    if (trace.step === "viewDataSent") this.#newViews.asked(node, Number(trace.facts["nextView"]));
    if (trace.step === "newViewSent") {
      this.#newViews.sent(node, view);
      this.#changes.newViewSent(node, view);
    }
    if (trace.step === "newViewAccepted") {
      this.#newViews.accepted(node, view);
      this.#changes.newViewAccepted(node, view);
    }
    if (trace.step === "viewInstalled") this.#changes.viewInstalled(node, view);
    if (trace.step === "viewStarting") this.#viewStarted(node, view);
    this.#sightings.step(node, trace);
  }

  #viewStarted(node: NodeId, view: number): void {
    const before = this.#views.get(node) ?? 0;
    if (view < before) this.#raise("view-back", node, `view ${view} starts after ${before}`);
    this.#views.set(node, view);
    this.#changes.viewStarting(node, view);
  }

  #grown(node: NodeId): void {
    this.#newViews.grown(node);
    if (!this.isHonest(node)) return;
    this.#votes.delivered(node, this.#ledgers.grown(node, this.#cluster.ledger(node)));
  }

  #sent(node: NodeId, bytes: Uint8Array): void {
    this.messages += 1;
    if (!this.isHonest(node)) return;
    this.#honestMessages += 1;
    this.#traffic();
    if (this.#lastSent.get(node) === bytes) return;
    this.#lastSent.set(node, bytes);
    const decoded = this.#cluster.read(bytes);
    if (decoded.kind === "bad") return;
    const message = decoded.value;
    const isVote = message.kind === "Prepare" || message.kind === "Commit";
    this.#votes.sent(node, message);
    this.#changes.sent(node, message, { inFlight: isVote && this.#votes.isInFlight(node, message) });
    // The next leader's own leaves as the first entry of its NewView.
    const told = message.kind === "NewView" ? message.entries[0] : message;
    if (told?.kind === "ViewData") this.#toldInFlight(node, told);
    if (isVote) this.#sightings.voted(node, message.view, message.sequence);
  }

  #toldInFlight(node: NodeId, { raw }: SignedViewData): void {
    const data = decodeViewData(raw);
    if (data.kind === "bad") return;
    const { nextView, inFlightProposal: proposal, inFlightPrepared: prepared } = data.value;
    const metadata = proposal === undefined ? undefined : decodedMetadata(proposal);
    if (proposal === undefined || metadata?.kind !== "good")
      return this.#sightings.accounts.told(node, nextView, undefined);
    const { view, sequence } = metadata.value;
    this.#sightings.accounts.told(node, nextView, { view, sequence, digest: proposalDigest(proposal), prepared });
  }

  #arrived({ node, from, bytes, message }: Arrival): void {
    this.#votes.arrived(node, from, message);
    this.#changes.arrived(node, from, message);
    for (const proof of this.#equivocations.arrived(from, bytes, message)) {
      // A restart or a reconfiguration in mid view change signs ViewData anew, from what ledger and log hold by then.
      const signer = nodeId(Number(proof.who));
      if (proof.what === "commit" && !this.#votes.isAgreedOn(signer, proof))
        this.#raise("signed-twice", signer, equivocationText(proof));
    }
    if (message.kind !== "NewView") return;
    const [entry] = message.entries;
    const data = entry === undefined ? undefined : decodeViewData(entry.raw);
    if (data?.kind === "good") this.#newViews.came(node, from, data.value.nextView);
    this.#sightings.newView(node, message, { forged: this.#isForged(message) });
  }

  /** Of a view in which nothing was decided yet (section 5.1), by the checkers' own reckoning. */
  #firstLeader(node: NodeId, view: number): NodeId | undefined {
    const { last, configuration } = this.#cluster.ledger(node);
    const { decisionsPerLeader = this.#setting.decisionsPerLeader } = configuration.options;
    const metadata = last === undefined ? undefined : decodedMetadata(last.proposal);
    const blacklist = metadata?.kind === "good" && decisionsPerLeader > 0 ? metadata.value.blacklist : [];
    const { nodes } = configuration;
    const inTurn = nodes.map((_, index) => nodes[(view + index) % nodes.length]);
    return inTurn.find((id) => id !== undefined && !blacklist.includes(id)) ?? inTurn[0];
  }

  #isForged({ entries }: NewView): boolean {
    return entries.some((entry) => !this.#isSigned(entry));
  }

  #isSigned({ signer, signature, raw }: SignedViewData): boolean {
    const item = this.#key.signatureItem(signer, signature, raw);
    return item !== undefined && tinyVerification(item);
  }

  /** Of the last decision; 0 without. */
  #ledgerView(node: NodeId): number {
    const { last } = this.#cluster.ledger(node);
    const metadata = last === undefined ? undefined : decodedMetadata(last.proposal);
    return metadata?.kind === "good" ? metadata.value.view : 0;
  }

  /** More than so many messages a second is no protocol any more, but a loop. */
  #traffic(): void {
    const n = this.#cluster.nodes.length;
    const virtualSeconds = 1 + this.#cluster.now / 1_000_000;
    if (this.#honestMessages > 500 * n * n * virtualSeconds && !this.broken)
      this.#raise("storm", undefined, `${this.#honestMessages} messages of honest nodes in ${virtualSeconds} s`);
  }

  #bounds(node: NodeId): void {
    if (!this.#cluster.isRunning(node)) return;
    const { poolCount, held } = this.#cluster.replica(node).status();
    const places = timers.requestPoolSize;
    if (poolCount > places) this.#raise("pool-overfull", node, `${poolCount} requests, ${places} places`);
    const n = this.#cluster.nodes.length;
    const heldMax = 2 * timers.incomingMessageBufferSize + 10 * n;
    if (held > heldMax)
      this.#raise("memory-grows", node, `${held} messages and jobs are held, at most ${heldMax} should be`);
  }

  #scene(
    setting: Setting,
    records: (node: NodeId) => readonly SavedMessage[],
  ): ConstructorParameters<typeof Sightings>[0] {
    const cluster = this.#cluster;
    return {
      running: () => cluster.nodes.filter((id) => cluster.isRunning(id)),
      status: (node) => cluster.replica(node).status(),
      height: (node) => cluster.ledger(node).height,
      ledgerView: (node) => this.#ledgerView(node),
      requestsAt: (node, sequence) => {
        const decision = cluster.ledger(node).decisions[sequence - 1];
        return decision === undefined ? 0 : this.#key.requestsOf(decision.proposal).length;
      },
      loggedSequence: (node) =>
        records(node).findLast((record) => record.kind === "proposed")?.prePrepare.sequence ?? 0,
      isHonest: (node) => this.isHonest(node),
      whole: () => this.wholeness(),
      emptyAuxiliary: setting.emptyAuxiliary,
      tolerated: () => faultsTolerated(this.members.length),
    };
  }
}
