// Where the engine is, as the docker client finds it: DOCKER_HOST, else the context that DOCKER_CONTEXT or the client's own
// configuration names, else the usual socket. Contexts are read from the client's files: folders named by the hash of their name.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { sha256Hex } from "../../base/index.js";
import { hasCode, UserError } from "../../system/index.js";

export interface EngineAddress {
  /** As people write it, like `unix:///var/run/docker.sock` or `tcp://10.0.0.2:2376`. */
  readonly host: string;
  /** Which setting says so: `DOCKER_HOST`, `context NAME`, or `the usual socket`. */
  readonly source: string;
  readonly options: Docker.DockerOptions;
  /** Its socket is on this machine; undefined where it is reached in another way. */
  readonly socketPath: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const usualSocket = "/var/run/docker.sock";
/** What the docker client calls the engine that no context describes. */
const defaultContext = "default";
const expected = "unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST";

/** Throws a UserError that names the setting that cannot be used. Reads files; asks no engine. */
export function engineAddress(environment: Environment = process.env): EngineAddress {
  const host = environment["DOCKER_HOST"] ?? "";
  // As the docker client has it: DOCKER_HOST beats every context.
  if (host !== "") return addressFrom(host, "DOCKER_HOST", certificatesFrom(environment));
  const configuration = environment["DOCKER_CONFIG"] ?? join(environment["HOME"] ?? homedir(), ".docker");
  const { name, source } = contextName(environment, configuration);
  if (name !== "" && name !== defaultContext) return contextAddress(configuration, name, source);
  return {
    host: `unix://${usualSocket}`,
    source: "the usual socket",
    options: { socketPath: usualSocket },
    socketPath: usualSocket,
  };
}

interface Certificates {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

function contextName(
  environment: Environment,
  configuration: string,
): { readonly name: string; readonly source: string } {
  const asked = environment["DOCKER_CONTEXT"] ?? "";
  if (asked !== "") return { name: asked, source: "DOCKER_CONTEXT" };
  const path = join(configuration, "config.json");
  const name = stringIn(jsonIn(path), "currentContext");
  return { name: name ?? "", source: path };
}

function contextAddress(configuration: string, name: string, source: string): EngineAddress {
  const folder = sha256Hex(Buffer.from(name));
  const path = join(configuration, "contexts", "meta", folder, "meta.json");
  const meta = jsonIn(path);
  if (meta === undefined) {
    const known = contextNames(configuration);
    throw new UserError(`${source} names the docker context "${name}", and there is none of that name`, {
      suggestion: `known: ${[defaultContext, ...known].join(", ")}; choose one with   docker context use NAME`,
    });
  }
  const endpoints = fieldIn(meta, "Endpoints");
  const host = stringIn(fieldIn(endpoints, "docker"), "Host");
  if (host === undefined) {
    throw new UserError(
      `Docker context "${name}" has no address of an engine (${path}): expected Endpoints.docker.Host`,
      {
        suggestion: "make it anew with   docker context create",
      },
    );
  }
  const tls = join(configuration, "contexts", "tls", folder, "docker");
  return addressFrom(host, `context ${name}`, existsSync(tls) ? certificatesIn(tls) : {});
}

function contextNames(configuration: string): readonly string[] {
  const folder = join(configuration, "contexts", "meta");
  try {
    return readdirSync(folder)
      .flatMap((each) => stringIn(jsonIn(join(folder, each, "meta.json")), "Name") ?? [])
      .toSorted();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** TLS where it is asked for; the client's own folder is where certificates are, unless another is named. */
function certificatesFrom(environment: Environment): Certificates {
  const folder = environment["DOCKER_CERT_PATH"] ?? "";
  const isAsked = (environment["DOCKER_TLS_VERIFY"] ?? "") !== "";
  if (folder !== "") return certificatesIn(folder);
  return isAsked ? certificatesIn(join(environment["HOME"] ?? homedir(), ".docker")) : {};
}

function certificatesIn(folder: string): Certificates {
  const read = (name: string): string => {
    try {
      return readFileSync(join(folder, name), "utf8");
    } catch (cause) {
      if (!hasCode(cause, "ENOENT", "EACCES", "ENOTDIR")) throw cause;
      throw new UserError(`Cannot read ${join(folder, name)}: the engine is asked by TLS, and it needs that file`, {
        suggestion: "put ca.pem, cert.pem and key.pem there, or set DOCKER_CERT_PATH to their folder",
      });
    }
  };
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}

function addressFrom(host: string, source: string, certificates: Certificates): EngineAddress {
  const refuse = (): never => {
    throw new UserError(`Cannot use "${host}" (${source}) as the address of a docker engine: expected ${expected}`);
  };
  if (host.startsWith("unix://")) {
    const socketPath = host.slice("unix://".length);
    if (!socketPath.startsWith("/")) return refuse();
    return { host, source, options: { socketPath }, socketPath };
  }
  // As the docker client has it: what has no scheme is reached by TCP.
  const url = host.includes("://") ? host : `tcp://${host}`;
  if (!URL.canParse(url)) return refuse();
  const { protocol, hostname, port, username } = new URL(url);
  if (hostname === "") return refuse();
  switch (protocol) {
    case "tcp:":
    case "http:":
    case "https:": {
      const isSecure = protocol === "https:" || certificates.ca !== undefined;
      const number = port === "" ? (isSecure ? 2376 : 2375) : Number(port);
      const options = { host: hostname, port: number, protocol: isSecure ? "https" : "http", ...certificates } as const;
      return { host, source, options, socketPath: undefined };
    }
    case "ssh:": {
      const agent = process.env["SSH_AUTH_SOCK"];
      const options = {
        protocol: "ssh",
        host: hostname,
        port: port === "" ? 22 : Number(port),
        username,
        sshOptions: agent === undefined ? {} : { agent },
      } as const;
      return { host, source, options, socketPath: undefined };
    }
    default:
      return refuse();
  }
}

/** A file's JSON; undefined when there is no such file. */
function jsonIn(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (hasCode(cause, "ENOENT", "ENOTDIR")) return undefined;
    if (hasCode(cause, "EACCES")) throw new UserError(`Cannot read ${path}, the docker client's file: you may not`);
    throw cause;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new UserError(`Cannot read ${path}, the docker client's file: ${cause.message}`, {
      suggestion: "mend it, or set DOCKER_HOST, which needs no such file",
    });
  }
}

function fieldIn(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function stringIn(value: unknown, name: string): string | undefined {
  const field = fieldIn(value, name);
  return typeof field === "string" && field !== "" ? field : undefined;
}
