// A lab in virtual time: one repetition of an experiment as a function of plan, experiment, seed and costs. The same replica,
// peer, client, deliver and synchroniser machines, the same senders and director as a lab's; and in place of the world:
//
//   Plan ──▶ segments ── passes? ──▶ routing ── tables ──▶ network ── fate of a packet ──▶ tcp ── frames ──▶ session
//            (cables,     ▲           (OSPF or    (who sends    (arrives at, lost,          (timers of a     (gRPC:
//            switches,    │            static:     where)        no route, told so)          connection)      channel, server)
//            directions)  faults       adjacencies)                                                              │
//   Experiment ──▶ director ◀── events ── orderer, peer, client (hosts of the machines) ◀── work ── process ◀───┘
//                                              └── disk (what was synced survives)           (one thread, shared processors)
//
// Everything random is drawn from the seed by name; nothing reads a clock; iteration is over the plan's order or by number.
// So a run is the same bytes every time, on every machine: `trace` is the hash of its events. docs/simulator.md has the rules.
import { instant, present, randomFrom, sha256Hex, utf8, type Instant, type Random } from "../../base/index.js";
import type { Event, NodeConfig } from "../../boundary/index.js";
import type { Plan } from "../../plan/index.js";
import type { Experiment } from "../../spec/index.js";
import { Scheduler } from "../scheduler.js";
import { configsFor } from "./configs.js";
import { Connecting } from "./connecting.js";
import { defaultCosts, type Costs } from "./costs.js";
import { Faults } from "./faults.js";
import { Member } from "./member.js";
import { Network } from "./network.js";
import { Cores, Process } from "./process.js";
import { RunHost } from "./run-host.js";
import type { Frame } from "./session.js";
import type { Site } from "./site.js";
import { Watcher } from "./watcher.js";

export interface WorldOptions {
  readonly costs?: Costs;
  /** Emit `message` events for every message in and out of a replica. */
  readonly messageTrace?: boolean;
  /** Facts of the real machine for the first event; they are no part of the trace. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly wallTime?: string;
}

/** Processes start within this of each other. */
const startWithinUs = 300_000;
/** How much virtual time passes between two looks at what has happened. */
const sliceUs = 50_000;

export class World {
  readonly scheduler = new Scheduler();
  readonly network: Network;
  readonly members: ReadonlyMap<string, Member>;
  readonly faults: Faults;
  readonly #host: RunHost;
  readonly #plan: Plan;
  readonly #watcher: Watcher;
  #events: Event[] = [];
  #trace = "";

  constructor(plan: Plan, experiment: Experiment, seed: string, options: WorldOptions = {}) {
    this.#plan = plan;
    const { costs = defaultCosts, messageTrace = true } = options;
    const { scheduler } = this;
    const random = randomFrom(seed, "world");
    const emit = (event: Event): void => this.#emit(event);
    this.#begin(costs, options);
    this.network = new Network(plan, { scheduler, random, emit });
    const transport = new Connecting<Frame>(this.network, scheduler);
    const cores = new Cores(scheduler, { count: costs.cores, sliceUs: costs.sliceUs });
    this.#watcher = new Watcher(new Process(scheduler, cores, 0), costs.eventUs);
    const members = new Map<string, Member>();
    for (const [name, config] of configsFor(plan, { seed, messageTrace })) {
      const process = new Process(scheduler, cores, costs.wakeUs);
      const site = siteOf(config, { process, scheduler, transport, costs, random: random.stream(name) }, emit);
      members.set(name, new Member(site, config, members.size + 1));
    }
    this.members = members;
    this.faults = new Faults({ network: this.network, members, scheduler, emit });
    const shared = { plan, experiment, seed, scheduler, members, emit };
    this.#host = new RunHost({ ...shared, network: this.network, faults: this.faults });
    this.#startAll(random.stream("start"));
  }

  /** The run has ended. */
  get over(): boolean {
    return this.#host.over;
  }

  get now(): Instant {
    return this.scheduler.now;
  }

  /** SHA-256 over all events taken so far but the first, which speaks of the real machine. */
  get trace(): string {
    return this.#trace;
  }

  /** Lets some time pass; answers what happened in it, in the order in which it was told. */
  advance(us = sliceUs): readonly Event[] {
    this.scheduler.run(instant(this.scheduler.now + us), () => this.#host.over);
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Adds events to the trace; the simulator does it for those that it hands out. */
  record(events: readonly Event[]): void {
    const lines = events.filter(({ kind }) => kind !== "environment").map((event) => JSON.stringify(event));
    if (lines.length > 0) this.#trace = sha256Hex(utf8(`${this.#trace}\n${lines.join("\n")}`));
  }

  #begin(costs: Costs, { versions = {}, wallTime = "" }: WorldOptions): void {
    const { source, ...figures } = costs;
    this.#events.push({
      kind: "environment",
      at: this.scheduler.now,
      node: "",
      format: 1,
      clock: "virtual",
      runtime: "sim",
      lab: this.#plan.lab,
      versions: { ...versions, costs: `${source}: ${JSON.stringify(figures)}` },
      wallTime,
    });
  }

  #startAll(random: Random): void {
    let waiting = this.members.size;
    for (const member of this.members.values()) {
      this.scheduler.at(instant(random.integer(0, startWithinUs)), () =>
        member.start(() => {
          waiting -= 1;
          if (waiting === 0) this.#host.begin();
        }),
      );
    }
  }

  #emit(event: Event): void {
    this.#events.push(event);
    this.#watcher.told();
    this.#host.observe(event);
  }
}

function siteOf(
  { name, address }: NodeConfig,
  rest: Omit<Site, "name" | "address" | "emit">,
  emit: (event: Event) => void,
): Site {
  return {
    name,
    address,
    ...rest,
    // The spread of a union of events keeps its kind.
    emit: (event) => emit({ at: rest.process.now(), node: name, ...event } as Event),
  };
}

/** Every event of one repetition, to its end. */
export function* eventsIn(world: World): Generator<Event, void, undefined> {
  while (!world.over) {
    const events = world.advance();
    world.record(events);
    yield* events;
  }
  present(world.trace === "" ? undefined : world.trace, "a trace");
}
