// What a kind of node is to the world that runs it: as node/host.ts has it for processes.
import type { NodeConfig, Workload } from "../../boundary/index.js";
import type { Fact, Misbehaviour, WalRecord } from "../../smartbft/index.js";
import type { AppendFile } from "./disk.js";

export interface Service {
  /** Said in the `ready` event: the address it listens on. */
  readonly detail: string;
  status(): Readonly<Record<string, Fact>>;
  readonly startWorkload?: (workload: Workload) => void;
  readonly stopWorkload?: () => void;
  readonly pinSource?: (orderer: string) => void;
  /** Of an orderer: misbehave in this way from now on, or with "" be honest again. */
  readonly misbehave?: (how: Misbehaviour | "") => void;
  /** The process is killed: its connections are its kernel's from here on. */
  abandon(): void;
}

/** What survives the process. */
export interface Disks {
  readonly blocks: AppendFile<Uint8Array>;
  readonly log: AppendFile<readonly WalRecord[]>;
}

export type ConfigOf<K extends NodeConfig["kind"]> = Extract<NodeConfig, { kind: K }>;
