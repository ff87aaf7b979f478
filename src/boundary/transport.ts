// Settings of the transport between nodes, all explicit: every default of gRPC and TCP that decides how long a broken
// path goes unnoticed is a field here, and a profile sets it (anchors.md 1.2, fabric-wire.md sections 7 and 10).
import type { Duration } from "../base/index.js";
import type { IngressKind } from "../smartbft/index.js";

export interface TransportSettings {
  /** `sequential`: send k is written, or has failed, or waited `connectTimeout`, before send k+1 (as the library's loop). */
  readonly broadcast: "parallel" | "sequential";
  /** How long one sequential send waits for its connection before it gives up. */
  readonly connectTimeout: Duration;
  readonly keepaliveTime: Duration;
  readonly keepaliveTimeout: Duration;
  readonly reconnectBackoffBase: Duration;
  readonly reconnectBackoffMax: Duration;
  /** TCP_USER_TIMEOUT on every connection: unacknowledged data older than this ends it (tcp(7)). 0: kernel's own limit. */
  readonly tcpUserTimeout: Duration;
  /** net.ipv4.tcp_syn_retries in the node's namespace (ip-sysctl). */
  readonly tcpSynRetries: number;
  /** Messages a stream may hold; over it the stream is cancelled, as Fabric's SendBufferSize has it. */
  readonly sendBufferMessages: number;
  /** net.ipv4.tcp_congestion_control, pinned because machines differ. */
  readonly tcpCongestionControl: string;
  /** Where what other orderers send waits for the replica: one queue, as in the library, or one for each sender. */
  readonly ingress: IngressKind;
}
