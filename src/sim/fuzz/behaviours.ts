// Byzantine replicas as what becomes of each message that an honest one would send, beside the wrappers of smartbft/byzantine:
// nodes in league, and lies that no experiment asks for. A behaviour sees bytes on their way out, and in if it likes, and
// answers what leaves instead; it signs with its node's own key only, and the transport names its node as the sender.
// A behaviour that is added here is drawn by every seed from then on.
import {
  after,
  between,
  milliseconds,
  randomFrom,
  sequence as toSequence,
  toMilliseconds,
  view as toView,
  type Instant,
  type NodeId,
  type Random,
} from "../../base/index.js";
import {
  decodeMessage,
  encodeMessage,
  proposalDigest,
  type Application,
  type Message,
  type Proposal,
} from "../../smartbft/index.js";
import { Ledger } from "../ledger.js";
import { tinyApplication } from "../tiny-application.js";
import { forgedEntries, liedViewData, nothing, shortened, withInFlight } from "./lies.js";
import { twoNewViews } from "./two-new-views.js";

export interface Liar {
  readonly id: NodeId;
  readonly random: Random;
  readonly now: () => Instant;
  readonly members: () => readonly NodeId[];
  readonly accomplices: Accomplices;
}

/** What all liars of a run know in common: who is told the other story, and what it is. */
export interface Accomplices {
  readonly isDeceived: (target: NodeId) => boolean;
  /** Both stories, by the digest of either. */
  readonly twins: Map<string, Stories>;
}

interface Stories {
  readonly honest: Proposal;
  readonly twin: Proposal;
}

export interface Lie {
  readonly target: NodeId;
  readonly bytes: Uint8Array;
  /** How long it is held back; at once by default. */
  readonly afterMs?: number;
}

/** A node that has turned; keeps its own memory. */
export interface Tongue {
  /** What leaves in place of a message. */
  readonly say: (bytes: Uint8Array, target: NodeId) => readonly Lie[];
  /** What it says to what it hears. */
  readonly hear?: (bytes: Uint8Array, from: NodeId) => readonly Lie[];
}

/** Made when a node turns. */
export type Behaviour = (liar: Liar) => Tongue;

type Context = Liar & { readonly target: NodeId; readonly key: Application };

/** A behaviour that says other messages for each: none stays away, the same message leaves untouched. */
const saying =
  (change: (message: Message, context: Context) => readonly Message[]): Behaviour =>
  (liar) => {
    const key = tinyApplication(liar.id, new Ledger());
    return {
      say(bytes, target) {
        const decoded = decodeMessage(bytes);
        if (decoded.kind === "bad") return [{ target, bytes }];
        return change(decoded.value, { ...liar, target, key }).map((message) => ({
          target,
          bytes: message === decoded.value ? bytes : encodeMessage(message),
        }));
      },
    };
  };

const changing = (change: (message: Message, context: Context) => Message): Behaviour =>
  saying((message, context) => [change(message, context)]);

/** A broadcast is one message, and so is what becomes of it: drawn once, told to all. */
const changingForAll =
  (change: (message: Message, context: Omit<Context, "target">) => Message): Behaviour =>
  (liar) => {
    const key = tinyApplication(liar.id, new Ledger());
    let last: { readonly bytes: Uint8Array; readonly told: Uint8Array } | undefined;
    return {
      say(bytes, target) {
        if (last?.bytes !== bytes) {
          const decoded = decodeMessage(bytes);
          const told = decoded.kind === "bad" ? bytes : encodeMessage(change(decoded.value, { ...liar, key }));
          last = { bytes, told };
        }
        return [{ target, bytes: last.told }];
      },
    };
  };

/** Talks to some only. */
const selective = saying((message, { target, accomplices }) => (accomplices.isDeceived(target) ? [] : [message]));

const corrupt: Behaviour = ({ random }) => ({
  say(bytes, target) {
    const changed = bytes.slice();
    const index = random.integer(0, Math.max(0, changed.length - 1));
    if (changed.length > 0) changed[index] = (changed[index] ?? 0) ^ (1 << random.integer(0, 7));
    return [{ target, bytes: random.integer(0, 2) === 0 ? changed : bytes }];
  },
});

const wrongVotes = changing((message, { random }) => {
  if ((message.kind !== "Prepare" && message.kind !== "Commit") || random.integer(0, 1) === 0) return message;
  return { ...message, digest: proposalDigest({ ...nothing, verificationSequence: random.integer(0, 3) }) };
});

/** As leader: one proposal for some, another for the others; and votes for the one that the target was told. */
const equivocating = changing(equivocation);

function equivocation(message: Message, { target, key, accomplices: { isDeceived, twins } }: Context): Message {
  if (message.kind === "PrePrepare" && message.proposal !== undefined) {
    const stories = told(message.proposal, twins);
    return isDeceived(target) ? { ...message, proposal: stories.twin } : message;
  }
  if (message.kind !== "Prepare" && message.kind !== "Commit") return message;
  const stories = twins.get(message.digest);
  if (stories === undefined) return message;
  const proposal = isDeceived(target) ? stories.twin : stories.honest;
  const digest = proposalDigest(proposal);
  if (message.kind === "Prepare") return { ...message, digest };
  const signature = message.signature && key.signProposal(proposal, message.signature.message);
  return { ...message, digest, signature };
}

/** The second story lacks the last request; an empty proposal is as good as any. */
function told(honest: Proposal, twins: Map<string, Stories>): Stories {
  const stories = { honest, twin: shortened(honest) };
  for (const proposal of Object.values(stories)) twins.set(proposalDigest(proposal), stories);
  return stories;
}

/** Two stories, and then one of them in its ViewData as if it had been prepared, whichever. */
const scheming = changing((message, context) => {
  if (message.kind !== "ViewData") return equivocation(message, context);
  const { random, key, id, accomplices } = context;
  const stories = [...accomplices.twins.values()].at(-1);
  if (stories === undefined) return message;
  return withInFlight(message, random.integer(0, 2) > 0 ? stories.twin : stories.honest, { key, id });
});

/** As leader: both stories to everybody, one after the other. */
const doubling = saying((message, { accomplices: { twins } }) => {
  if (message.kind !== "PrePrepare" || message.proposal === undefined) return [message];
  return [message, { ...message, proposal: told(message.proposal, twins).twin }];
});

/** Sends what it sent before once more, to anybody. */
const replaying: Behaviour = ({ random, members, id }) => {
  const sent: Uint8Array[] = [];
  return {
    say(bytes, target) {
      if (sent.length < 500) sent.push(bytes);
      const old = sent[random.integer(0, sent.length - 1)];
      const others = members().filter((other) => other !== id);
      const victim = others[random.integer(0, others.length - 1)];
      const lies = [{ target, bytes }];
      return old === undefined || victim === undefined || random.integer(0, 4) > 0
        ? lies
        : [...lies, { target: victim, bytes: old }];
    },
  };
};

/** Tells all others what it hears, once, as its own words; its own it keeps to itself half of the time. */
const echoing: Behaviour = ({ random, members, id }) => {
  const echoed = new WeakSet<Uint8Array>();
  return {
    say: (bytes, target) => (random.integer(0, 1) === 0 ? [] : [{ target, bytes }]),
    hear(bytes, from) {
      // Two of them would echo each other for ever.
      if (echoed.has(bytes)) return [];
      echoed.add(bytes);
      const others = members().filter((other) => other !== id && other !== from);
      return others.map((target) => ({ target, bytes }));
    },
  };
};

/** As next leader: sits on its NewView, and on all that comes after it, until others have given it up. */
const withholding: Behaviour = ({ random, now }) => {
  let until = now();
  return {
    say(bytes, target) {
      const decoded = decodeMessage(bytes);
      const isNewView = decoded.kind === "good" && decoded.value.kind === "NewView";
      if (isNewView && now() >= until) until = after(now(), milliseconds(random.integer(5, 45) * 100));
      return [{ target, bytes, afterMs: Math.max(0, toMilliseconds(between(now(), until))) }];
    },
  };
};

/** Lies about what was in flight: prepared what it only saw, forgot what it prepared, or stands at genesis. */
const lyingViewData = changingForAll((message, { random, key, id }) =>
  message.kind === "ViewData" ? liedViewData(message, { random, key, id }) : message,
);

/** As the next leader: puts words into the mouths of others, as far as nobody checks them (section 15, item 20). */
const forgingNewView = changingForAll((message, { random, key, id }) =>
  message.kind === "NewView" ? forgedEntries(message, { random, key, id }) : message,
);

/** Claims to be elsewhere: in a higher view, at another sequence. */
const boasting = changing((message, { random }) => {
  switch (message.kind) {
    case "HeartBeat":
    case "StateTransferResponse":
      return {
        ...message,
        view: toView(message.view + random.integer(0, 3)),
        sequence: toSequence(message.sequence + random.integer(0, 3)),
      };
    case "HeartBeatResponse":
      return { ...message, view: toView(message.view + random.integer(0, 5)) };
    case "ViewChange":
      return { ...message, nextView: toView(message.nextView + random.integer(0, 2)) };
    default:
      return message;
  }
});

export const behaviours: Readonly<Record<string, Behaviour>> = {
  selective,
  corrupt,
  wrongVotes,
  equivocating,
  scheming,
  doubling,
  replaying,
  echoing,
  withholding,
  lyingViewData,
  forgingNewView,
  boasting,
};

/** No seed draws them: they need the company of their plots. */
export const plottedBehaviours: Readonly<Record<string, Behaviour>> = { twoNewViews };

/** What a node of a schedule says once it has turned. */
export function turned(name: string, liar: Omit<Liar, "random">, seed: string): Tongue {
  const behaviour = behaviours[name] ?? plottedBehaviours[name];
  if (behaviour === undefined)
    throw new RangeError(`No behaviour "${name}"; there are ${Object.keys(behaviours).join(", ")}`);
  return behaviour({ ...liar, random: randomFrom(seed, `byzantine/${name}/${liar.id}`) });
}

/** Who is deceived is drawn once a run: about half. */
export function accomplices(seed: string): Accomplices {
  const deceived = new Map<NodeId, boolean>();
  return {
    twins: new Map(),
    isDeceived: (target) => {
      let isTold = deceived.get(target);
      if (isTold === undefined)
        deceived.set(target, (isTold = randomFrom(seed, `deceived/${target}`).integer(0, 1) === 1));
      return isTold;
    },
  };
}
