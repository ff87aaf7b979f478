// The life of a node's process, the same for every kind: control socket first, so that nothing it does goes untold; then
// the service; `ready` when it serves; SIGTERM, SIGINT or the control message `stop` end it in reverse.
import type { ControlRequest, NodeConfig, Workload } from "../boundary/index.js";
import { misbehaviours, type Misbehaviour } from "../smartbft/index.js";
import { errorText, now } from "../system/index.js";
import { ControlServer, type Facts } from "./control.js";
import { deferred } from "./deferred.js";
import { EventLog, type Emit } from "./events.js";
import { watchSockets } from "./sockets.js";

export interface Surroundings {
  readonly emit: Emit;
  /** Ends the process with an error: something it cannot go on without has failed. */
  readonly fail: (error: unknown) => void;
}

/** What a kind of node is to its host. Disposing it stops it, and leaves its files whole. */
export interface Service extends AsyncDisposable {
  /** Said in the `ready` event: the address it listens on. */
  readonly detail: string;
  status(): Facts;
  readonly startWorkload?: (workload: Workload) => void;
  readonly stopWorkload?: () => void;
  readonly pinSource?: (orderer: string) => void;
  readonly misbehave?: (how: Misbehaviour | "") => void;
}

/** Runs until stopped; rejects with what made the service fail. */
export async function hostNode(config: NodeConfig, start: (around: Surroundings) => Promise<Service>): Promise<void> {
  const log = new EventLog(config.name);
  const end = deferred<void>();
  const stop = (): void => end.resolve();
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  let service: Service | undefined;
  await using _control = await ControlServer.listen(config.controlSocket, log, (request) => {
    if (request.do === "stop") stop();
    return answer(request, service);
  });
  const tell = (state: "started" | "ready" | "ended", detail: string): void =>
    log.emit({ kind: "process", process: config.kind, pid: process.pid, state, detail });
  using _sockets = watchSockets(config.transport, log.emit);
  tell("started", "");
  try {
    service = await start({ emit: log.emit, fail: end.reject });
    await using running = service;
    tell("ready", running.detail);
    await end.promise;
  } catch (error) {
    tell("ended", errorText(error));
    throw error;
  }
  tell("ended", "");
}

function answer(request: ControlRequest, service: Service | undefined): Facts {
  switch (request.do) {
    case "clock":
      return { at: now() };
    case "stop":
      return {};
    case "status":
      return { pid: process.pid, ready: service !== undefined, ...service?.status() };
    case "start-workload":
      asked(service?.startWorkload, request.do)(request.workload);
      return {};
    case "stop-workload":
      asked(service?.stopWorkload, request.do)();
      return {};
    case "peer-source":
      asked(service?.pinSource, request.do)(request.orderer);
      return {};
    case "misbehave":
      asked(service?.misbehave, request.do)(misbehaviourFrom(request.how));
      return { at: now() };
    default:
      return unknownRequest(request);
  }
}

function misbehaviourFrom(how: string): Misbehaviour | "" {
  const known = misbehaviours.find((each) => each === how);
  if (how === "" || known !== undefined) return known ?? "";
  throw new Error(`Asked to misbehave "${how}": expected one of ${misbehaviours.join(", ")}, or nothing`);
}

/** The socket's other end may be newer than this node. */
function unknownRequest(request: never): never {
  const { do: verb } = request as { readonly do: string }; // what the compiler excludes, the wire does not
  throw new Error(`Asked to "${verb}": this node does not know it`);
}

function asked<F>(capability: F | undefined, verb: string): F {
  if (capability === undefined)
    throw new Error(`Asked to "${verb}": this kind of node does not do it, or is not ready`);
  return capability;
}
