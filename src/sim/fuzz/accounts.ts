// What ViewData tells of the proposal in flight, held against what others tell (surprises 36 and 39) and against what its sender
// has done (40, 43), and what a liar says of itself in two NewViews of one view (42). Unlike the lives of sightings.ts it
// outlives a restart: a Commit that was sent stays sent.
import { sha256, toHex, type NodeId } from "../../base/index.js";
import { decodeViewData, type Fact, type NewView } from "../../smartbft/index.js";

/** A proposal in flight, as some ViewData has it. */
export interface Account {
  readonly view: number;
  readonly sequence: number;
  readonly digest: string;
  readonly prepared: boolean;
}

type Facts = Readonly<Record<string, Fact>>;

export class Accounts {
  readonly #see: (surprise: 36 | 39 | 40 | 42 | 43) => void;
  readonly #height: (node: NodeId) => number;
  /** What liars have said in NewViews, by signer and view. */
  readonly #words = new Map<string, string>();
  /** What honest ViewData for each next view told of. */
  readonly #told = new Map<number, Account[]>();
  /** Where each node prepared last, and the sequence at which it has committed in flight what it had not prepared. */
  readonly #preparedAt = new Map<NodeId, string>();
  readonly #committed = new Map<NodeId, number>();
  /** The view that each has entered last, and where. */
  readonly #entered = new Map<NodeId, { readonly view: number; readonly sequence: number }>();

  constructor(height: (node: NodeId) => number, see: (surprise: 36 | 39 | 40 | 42 | 43) => void) {
    this.#height = height;
    this.#see = see;
  }

  /** A NewView has come, with what its signers say of themselves; a liar's words need not be the same in two of one view. */
  newView({ entries }: NewView, isHonest: (signer: NodeId) => boolean): void {
    for (const { raw, signer } of entries) {
      const data = isHonest(signer) ? undefined : decodeViewData(raw);
      if (data?.kind !== "good") continue;
      const key = `${signer} ${data.value.nextView}`;
      const word = toHex(sha256(raw));
      if ((this.#words.get(key) ?? word) !== word) this.#see(42);
      this.#words.set(key, word);
    }
  }

  prepared(node: NodeId, facts: Facts): void {
    this.#preparedAt.set(node, placeOf(facts));
  }

  /** It enters a view. */
  viewStarting(node: NodeId, facts: Facts): void {
    this.#entered.set(node, { view: Number(facts["view"]), sequence: Number(facts["sequence"]) });
  }

  /** Its Commit leaves inside a view change. */
  committedInFlight(node: NodeId, facts: Facts): void {
    if (this.#preparedAt.get(node) !== placeOf(facts)) this.#committed.set(node, Number(facts["sequence"]));
  }

  /** Its ViewData for a view; without an account it knows of nothing in flight. */
  told(node: NodeId, nextView: number, account: Account | undefined): void {
    const committed = this.#committed.get(node) ?? 0;
    const isToldOf = account?.prepared === true && account.sequence === committed;
    if (committed > this.#height(node) && !isToldOf) this.#see(40);
    if (account === undefined) return;
    const { view, sequence } = this.#entered.get(node) ?? { view: 0, sequence: 0 };
    if (account.view < view && account.sequence >= sequence) this.#see(43);
    const others = this.#told.get(nextView) ?? [];
    if (others.some((other) => isArgued(other, account) || isArgued(account, other))) this.#see(39);
    if (others.some((other) => isOtherStory(other, account))) this.#see(36);
    this.#told.set(nextView, [...others, account]);
  }
}

/** One of an older view argues against one that was prepared in a newer. */
const isArgued = ({ view, sequence, prepared, digest }: Account, by: Account): boolean =>
  prepared && by.view < view && by.sequence === sequence && by.digest !== digest;

/** Two of one view and place, and one of them prepared. */
const isOtherStory = (one: Account, other: Account): boolean =>
  (one.prepared || other.prepared) &&
  one.view === other.view &&
  one.sequence === other.sequence &&
  one.digest !== other.digest;

const placeOf = (facts: Facts): string => `${String(facts["view"])} ${String(facts["sequence"])}`;
