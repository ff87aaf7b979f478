// One TCP connection, as far as it decides how long a broken path goes unnoticed: docs/simulator.md lists every rule with its
// source. A segment carries one frame of the layer above, whatever its size. Acknowledgements are no events: the sender looks
// at what has come in when it sends, or when a timer makes it look.
import { instant, type Instant } from "../../base/index.js";
import type { TransportSettings } from "../../boundary/index.js";
import type { Scheduler } from "../scheduler.js";
import type { Network, Path } from "./network.js";

/** net/ipv4/tcp_timer.c and include/net/tcp.h (TCP_RTO_MIN, TCP_RTO_MAX, TCP_RESOURCE_PROBE_INTERVAL); tcp(7) tcp_retries2. */
const rtoUsMin = 200_000;
const rtoUsMax = 120_000_000;
const localProbeUs = 500_000;
const retries2 = 15;
/** IPv4, TCP with timestamps, and Ethernet: what a rate counts of a frame beside its bytes. */
const headerBytes = 66;
/** RFC 5681: the third acknowledgement that says the same. */
const duplicateAcksMax = 3;

export interface TcpHandlers<F> {
  readonly received: (frame: F, sizeBytes: number) => void;
  /** The other side has no more to say. */
  readonly fin: () => void;
  /** The kernel ended it; errno's name. */
  readonly failed: (code: string) => void;
}

interface Segment<F> {
  readonly number: number;
  /** Undefined is a FIN. */
  readonly frame: F | undefined;
  readonly sizeBytes: number;
  sent: boolean;
}

interface Acknowledged {
  readonly upTo: number;
  readonly at: Instant;
  readonly departure: Instant;
  readonly path: Path;
}

export interface EndOptions {
  readonly node: string;
  readonly far: string;
  readonly local: string;
  readonly remote: string;
  readonly flow: number;
  readonly rttUs: number;
  readonly settings: TransportSettings;
}

export class TcpEnd<F> {
  readonly options: EndOptions;
  readonly #network: Network;
  readonly #scheduler: Scheduler;
  #peer: TcpEnd<F> | undefined;
  #handlers: TcpHandlers<F> | undefined;
  #early: ((handlers: TcpHandlers<F>) => void)[] = [];
  #open = true;
  #finSent = false;
  #path: Path | undefined;
  readonly #rtoUs: number;
  #unacked: Segment<F>[] = [];
  #acks: Acknowledged[] = [];
  #next = 1;
  #expected = 1;
  readonly #ahead = new Map<number, Segment<F>>();
  #duplicateAcks = 0;
  #backoffs = 0;
  /** From here on the user timeout counts: not from the first byte, but from its first repetition (retrans_stamp). */
  #repeatedAt: Instant | undefined;
  /** The last attempt found no way out of this node, or a router's word that it has none. */
  #told = false;
  #softError = "";
  #base: Instant = instant(0);
  #armedAt: Instant | undefined;
  unackedBytes = 0;
  /** Arrived here, and not read by the process yet. */
  unreadBytes = 0;

  constructor(network: Network, scheduler: Scheduler, options: EndOptions) {
    this.#network = network;
    this.#scheduler = scheduler;
    this.options = options;
    this.#rtoUs = rtoUsMin + options.rttUs;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  pairWith(peer: TcpEnd<F>): void {
    this.#peer = peer;
  }

  /** What came before is handed over now. */
  listen(handlers: TcpHandlers<F>): void {
    this.#handlers = handlers;
    for (const each of this.#early.splice(0)) each(handlers);
  }

  send(frame: F, sizeBytes: number, departure: Instant): void {
    if (this.#open && !this.#finSent) this.#append(frame, sizeBytes, departure);
  }

  /** FIN behind what was sent; nothing is received any more. */
  close(departure: Instant): void {
    if (!this.#open || this.#finSent) return;
    this.#append(undefined, 0, departure);
    this.#finSent = true;
    this.#handlers = ignoring;
  }

  /** Bytes sent that are not known to have arrived, or wait there to be read. What the far end reads is known here at once. */
  inFlightBytes(now: Instant): number {
    this.#look(now);
    return this.unackedBytes + (this.#peer?.unreadBytes ?? 0);
  }

  #append(frame: F | undefined, sizeBytes: number, departure: Instant): void {
    this.#look(departure);
    const segment: Segment<F> = { number: this.#next++, frame, sizeBytes, sent: false };
    this.#unacked.push(segment);
    this.unackedBytes += sizeBytes;
    if (this.#unacked.length === 1) this.#base = departure;
    // In recovery new data waits for the acknowledgement of the old (RFC 5681: a window of one after a timeout).
    if (this.#backoffs === 0 && !this.#told) this.#transmit(segment, departure);
    this.#arm();
  }

  #transmit(segment: Segment<F>, departure: Instant): "local" | "lost" | "flying" {
    const { node, far, flow } = this.options;
    segment.sent = true;
    const path = this.#network.path(node, far, flow, this.#path);
    this.#path = path;
    const fate = this.#network.send(path, departure, segment.sizeBytes + headerBytes);
    switch (fate.kind) {
      case "arrives":
        for (const at of fate.at) {
          this.#scheduler.at(at, () => {
            if (this.#network.survived(path, departure, at)) this.#peer?.arrive(segment, this);
          });
        }
        return "flying";
      case "no-route":
        this.#softError = "ENETUNREACH";
        this.#told = true;
        return "local";
      case "unreachable":
        this.#scheduler.at(fate.at, () => (this.#softError = "ENETUNREACH"));
        return "lost";
      case "lost":
        return "lost";
    }
  }

  arrive(segment: Segment<F>, from: TcpEnd<F>): void {
    // Nobody is left to read data here, though a FIN is still taken.
    if (!this.#open || (this.#finSent && segment.frame !== undefined)) return this.#refuse(from);
    if (segment.number > this.#expected) {
      this.#ahead.set(segment.number, segment);
      this.#duplicateAcks += 1;
    }
    for (let next = segment.number === this.#expected ? segment : undefined; next !== undefined; ) {
      this.#expected += 1;
      this.#duplicateAcks = 0;
      this.#take(next);
      next = this.#ahead.get(this.#expected);
      this.#ahead.delete(this.#expected);
    }
    this.#acknowledge(from);
  }

  #take(segment: Segment<F>): void {
    const { frame, sizeBytes } = segment;
    if (frame === undefined) this.#tell((handlers) => handlers.fin());
    else this.#tell((handlers) => handlers.received(frame, sizeBytes));
  }

  #tell(call: (handlers: TcpHandlers<F>) => void): void {
    if (this.#handlers === undefined) this.#early.push(call);
    else call(this.#handlers);
  }

  #acknowledge(sender: TcpEnd<F>): void {
    const { now } = this.#scheduler;
    const { node, far, flow } = this.options;
    const path = this.#network.path(node, far, flow, this.#path);
    this.#path = path;
    const fate = this.#network.send(path, now, headerBytes);
    const at = fate.kind === "arrives" ? fate.at[0] : undefined;
    if (at === undefined) return;
    sender.acknowledged({ upTo: this.#expected - 1, at, departure: now, path }, this.#duplicateAcks);
  }

  acknowledged(ack: Acknowledged, duplicates: number): void {
    this.#acks.push(ack);
    if (this.#backoffs > 0 || this.#told) this.#scheduler.at(ack.at, () => this.#look(this.#scheduler.now));
    if (duplicates !== duplicateAcksMax) return;
    this.#scheduler.at(ack.at, () => {
      const [oldest] = this.#unacked;
      if (this.#open && oldest?.number === ack.upTo + 1) this.#transmit(oldest, this.#scheduler.now);
    });
  }

  /** Takes in the acknowledgements that have arrived by now. */
  #look(now: Instant): void {
    let upTo = 0;
    let count = 0;
    let progressAt: Instant | undefined;
    for (const ack of this.#acks) {
      if (ack.at > now) break;
      count += 1;
      if (ack.upTo <= upTo || !this.#network.survived(ack.path, ack.departure, ack.at)) continue;
      upTo = ack.upTo;
      progressAt = ack.at;
    }
    if (count === 0) return;
    this.#acks.splice(0, count);
    const first = this.#unacked[0]?.number;
    if (first === undefined || progressAt === undefined || upTo < first) return;
    const done = this.#unacked.splice(0, upTo - first + 1);
    for (const { sizeBytes } of done) this.unackedBytes -= sizeBytes;
    this.#base = progressAt;
    this.#recovered(now);
  }

  #recovered(now: Instant): void {
    const wasRecovering = this.#backoffs > 0 || this.#told;
    this.#backoffs = 0;
    this.#repeatedAt = undefined;
    this.#told = false;
    this.#softError = "";
    if (wasRecovering) for (const segment of this.#unacked) if (!segment.sent) this.#transmit(segment, now);
    if (wasRecovering) this.#arm();
  }

  #arm(): void {
    const at = this.#deadline();
    if (at === undefined || (this.#armedAt !== undefined && this.#armedAt <= at)) return;
    this.#armedAt = at;
    const when = at < this.#scheduler.now ? this.#scheduler.now : at;
    this.#scheduler.at(when, () => {
      if (this.#armedAt !== at) return;
      this.#armedAt = undefined;
      this.#due();
    });
  }

  #deadline(): Instant | undefined {
    const [oldest] = this.#unacked;
    if (oldest === undefined || !this.#open) return undefined;
    const waitUs = this.#told
      ? Math.min(this.#rtoUs, localProbeUs)
      : Math.min(rtoUsMax, this.#rtoUs * 2 ** Math.min(this.#backoffs, 20));
    return instant(Math.min(this.#base + waitUs, this.#overAt()));
  }

  #overAt(): number {
    const { tcpUserTimeout } = this.options.settings;
    if (tcpUserTimeout === 0 || this.#repeatedAt === undefined) return Number.POSITIVE_INFINITY;
    return this.#repeatedAt + tcpUserTimeout;
  }

  #due(): void {
    const { now } = this.#scheduler;
    this.#look(now);
    const [oldest] = this.#unacked;
    const deadline = this.#deadline();
    if (oldest === undefined || deadline === undefined) return;
    if (deadline > now) return this.#arm();
    const hasLimit = this.options.settings.tcpUserTimeout > 0;
    if (hasLimit ? now >= this.#overAt() : this.#backoffs > retries2)
      return this.#fail(this.#softError === "" ? "ETIMEDOUT" : this.#softError);
    this.#repeatedAt ??= now;
    this.#retransmit(oldest, now);
    this.#base = now;
    this.#arm();
  }

  /** The oldest first, as a probe; where it gets through, all that stands behind it. */
  #retransmit(oldest: Segment<F>, now: Instant): void {
    this.#told = false;
    const outcome = this.#transmit(oldest, now);
    // Nothing left this node: no sign of congestion, hence no back-off. RFC 6069: nor is a router's word.
    if (outcome !== "local" && this.#softError === "") this.#backoffs += 1;
    else if (outcome !== "local") this.#told = true;
    if (outcome !== "flying") return;
    this.#backoffs = Math.max(1, this.#backoffs);
    for (const segment of this.#unacked.slice(1)) this.#transmit(segment, now);
  }

  #fail(code: string): void {
    this.#open = false;
    this.#tell((handlers) => handlers.failed(code));
  }

  /** Data for a connection that is no more: RST. */
  #refuse(sender: TcpEnd<F>): void {
    const { node, far, flow } = this.options;
    const { now } = this.#scheduler;
    const path = this.#network.path(node, far, flow);
    const fate = this.#network.send(path, now, headerBytes);
    const at = fate.kind === "arrives" ? fate.at[0] : undefined;
    if (at === undefined) return;
    this.#scheduler.at(at, () => {
      if (sender.isOpen && this.#network.survived(path, now, at)) sender.#fail("ECONNRESET");
    });
  }

  /** The process is gone: the kernel says FIN for it, and answers whatever still comes with RST. */
  abandon(): void {
    this.close(this.#scheduler.now);
    this.#scheduler.at(instant(this.#scheduler.now + rtoUsMin), () => (this.#open = false));
  }
}

const ignoring = { received: () => undefined, fin: () => undefined, failed: () => undefined };
