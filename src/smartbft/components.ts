// The components between two reconfigurations, wired together (reference sections 4.2 and 4.6): a reconfiguration makes
// fresh ones around the same state, checkpoint, in-flight proposal and pool. What they do is in their own files.
import type { NodeId, Sequence, View } from "../base/index.js";
import type { Checkpoint, Published } from "./checkpoint.js";
import { Collector } from "./collector.js";
import { Controller } from "./controller.js";
import type { Core } from "./core.js";
import { Delivery } from "./delivery.js";
import { HeartbeatMonitor } from "./heartbeat-monitor.js";
import type { InFlight } from "./in-flight.js";
import type { Pool } from "./pool.js";
import type { StartingPoint } from "./recovery.js";
import type { State } from "./state.js";
import { ViewChanger } from "./view-changer.js";
import type { NormalMessage } from "./wire/message.js";

/** What outlives a reconfiguration. */
export interface Lasting {
  readonly core: Core;
  readonly state: State;
  readonly checkpoint: Checkpoint;
  readonly inFlight: InFlight;
  readonly pool: Pool;
}

export class Components {
  readonly published: Published;
  readonly monitor: HeartbeatMonitor;
  readonly collector: Collector;
  readonly delivery: Delivery;
  readonly controller: Controller;
  readonly viewChanger: ViewChanger;
  readonly #core: Core;
  /** In which a restart or a reconfiguration found the replica, on its way to the next. */
  #left: View | undefined;

  constructor(lasting: Lasting, sequence: Sequence) {
    const { core, checkpoint, pool } = lasting;
    this.#core = core;
    this.published = { active: false, sequence };
    this.monitor = new HeartbeatMonitor(core, this.published, {
      timeout: (view, leader) => this.controller.heartbeatTimeout(view, leader),
      sync: (reason) => this.controller.sync(reason),
    });
    this.collector = new Collector(core);
    this.delivery = new Delivery(core, checkpoint, (requests) => pool.remove(requests));
    const parts = { ...lasting, published: this.published, delivery: this.delivery };
    this.controller = new Controller(
      { ...parts, monitor: this.monitor, collector: this.collector },
      {
        startViewChange: (view, how) => this.viewChanger.startViewChange(view, how),
        viewLearnt: (view) => this.viewChanger.learnView(view),
        promised: () => this.viewChanger.currentView,
      },
    );
    this.viewChanger = new ViewChanger(
      { ...parts, removeRequests: (requests) => pool.remove(requests) },
      {
        abortView: (view) => this.controller.abortView(view),
        leaveView: (view) => this.controller.leaveView(view),
        viewChanged: (view, next) => this.controller.viewChanged(view, next),
        sync: (reason) => this.controller.sync(reason),
        broadcast: (message) => this.controller.broadcast(message),
      },
    );
  }

  /** In the library's order: collector, view changer, controller (section 4.2). */
  start(point: StartingPoint): void {
    const core = this.#core;
    core.trace("collector", "started");
    this.#left = point.viewChange ? point.number : undefined;
    this.viewChanger.start(point.number, core.improved ? point.entered : point.number, core.now);
    this.monitor.start(core.now);
    this.controller.start(point);
    if (point.viewChange) this.viewChanger.restore();
  }

  /**
   * For who asks by state transfer. After a restart or a reconfiguration in the middle of a view change the library tells the
   * view that it is leaving, though nobody may have entered it; with F+1 such answers the asker enters it, without any
   * agreement on what was in flight (docs/protocol.md, surprise 44).
   */
  get viewToTell(): View {
    const { view } = this.controller;
    const { realView } = this.viewChanger;
    return this.#core.improved && view === this.#left ? realView : view;
  }

  /** To the View, to an in-flight View beside it, and, from the leader, as a sign of life. */
  handleNormal(from: NodeId, message: NormalMessage): string {
    const decision = this.controller.handle(from, message);
    const inFlight = this.viewChanger.handleNormal(from, message);
    if (from === this.controller.leader) this.monitor.heartbeat(from, message, { artificial: true });
    return inFlight === undefined ? decision : `${decision}; ${inFlight}`;
  }
}
