// Where the engine is, as the docker client finds it; and settings that cannot be used, each pinned with the text a user sees.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineAddress } from "../../src/lab/docker/engine-address.js";

let home = "";
beforeAll(() => {
  home = mkdtempSync("/tmp/engine-address-");
  context("far", { Name: "far", Endpoints: { docker: { Host: "tcp://10.1.2.3:2376" } } });
  context("near", { Name: "near", Endpoints: { docker: { Host: "unix:///run/near.sock" } } });
  context("empty", { Name: "empty", Endpoints: {} });
});
afterAll(() => rmSync(home, { recursive: true }));

const folderOf = (name: string): string => createHash("sha256").update(name).digest("hex");

function context(name: string, meta: unknown): void {
  const folder = join(home, ".docker", "contexts", "meta", folderOf(name));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "meta.json"), JSON.stringify(meta));
}

/** A client's folder with this configuration and the contexts above. */
function configured(configuration: string): Readonly<Record<string, string>> {
  writeFileSync(join(home, ".docker", "config.json"), configuration);
  return { HOME: home };
}

const found = (environment: Readonly<Record<string, string>>): readonly unknown[] => {
  const { host, source, socketPath } = engineAddress(environment);
  return [host, source, socketPath];
};

describe("the engine's address", () => {
  it("is the usual socket where nothing says otherwise, or the context is the client's default", () => {
    const usual = ["unix:///var/run/docker.sock", "the usual socket", "/var/run/docker.sock"];
    expect(found({ HOME: "/nowhere" })).toEqual(usual);
    expect(found(configured('{"currentContext": "default"}'))).toEqual(usual);
    expect(found(configured('{"auths": {}}'))).toEqual(usual);
  });

  it("comes from the client's current context, from DOCKER_CONTEXT before that, from DOCKER_HOST before both", () => {
    const environment = configured('{"currentContext": "near"}');
    expect(found(environment)).toEqual(["unix:///run/near.sock", "context near", "/run/near.sock"]);
    const asked = { ...environment, DOCKER_CONTEXT: "far" };
    expect(found(asked)).toEqual(["tcp://10.1.2.3:2376", "context far", undefined]);
    expect(found({ ...asked, DOCKER_CONTEXT: "default" })[1]).toBe("the usual socket");
    const host = { ...asked, DOCKER_HOST: "tcp://10.0.0.1:2375" };
    expect(found(host)).toEqual(["tcp://10.0.0.1:2375", "DOCKER_HOST", undefined]);
  });

  it("is read from DOCKER_CONFIG in place of the home folder", () => {
    configured('{"currentContext": "near"}');
    expect(found({ HOME: "/nowhere", DOCKER_CONFIG: join(home, ".docker") })[1]).toBe("context near");
  });

  it("takes certificates from the context, or from DOCKER_CERT_PATH, and then speaks TLS", () => {
    const tls = join(home, ".docker", "contexts", "tls", folderOf("safe"), "docker");
    mkdirSync(tls, { recursive: true });
    for (const name of ["ca", "cert", "key"]) writeFileSync(join(tls, `${name}.pem`), name);
    context("safe", { Name: "safe", Endpoints: { docker: { Host: "tcp://10.1.2.3" } } });
    const options = { host: "10.1.2.3", port: 2376, protocol: "https", ca: "ca", cert: "cert", key: "key" };
    expect(engineAddress({ ...configured("{}"), DOCKER_CONTEXT: "safe" }).options).toEqual(options);
    expect(engineAddress({ DOCKER_HOST: "tcp://10.1.2.3", DOCKER_CERT_PATH: tls }).options).toEqual(options);
    rmSync(join(home, ".docker", "contexts", "meta", folderOf("safe")), { recursive: true });
  });

  it("is reached by TCP where no scheme is written, as the docker client has it", () => {
    expect(engineAddress({ DOCKER_HOST: "localhost:2999" }).options).toMatchObject({ host: "localhost", port: 2999 });
  });

  it("may be reached by ssh", () => {
    const { options } = engineAddress({ DOCKER_HOST: "ssh://me@lab.example:2222" });
    expect(options).toMatchObject({ protocol: "ssh", host: "lab.example", port: 2222, username: "me" });
  });
});

const cannot = (host: string): string =>
  `Cannot use "${host}" (DOCKER_HOST) as the address of a docker engine: expected unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST`;

describe("bad settings of the docker client", () => {
  it.each(["localhost:port", "unix://relative.sock", "tcp://", "ftp://10.0.0.1", "npipe:////./pipe/docker_engine"])(
    "DOCKER_HOST=%s is refused by name",
    (host) => {
      expect(() => engineAddress({ DOCKER_HOST: host })).toThrow(cannot(host));
    },
  );

  it.each([
    [
      "a context that is not there",
      { DOCKER_CONTEXT: "afar" },
      "{}",
      'DOCKER_CONTEXT names the docker context "afar", and there is none of that name',
      "known: default, empty, far, near; choose one with   docker context use NAME",
    ],
    [
      "a current context that is not there",
      {},
      '{"currentContext": "lost"}',
      'HOME/.docker/config.json names the docker context "lost", and there is none of that name',
      "known: default, empty, far, near; choose one with   docker context use NAME",
    ],
    [
      "a context without an engine",
      { DOCKER_CONTEXT: "empty" },
      "{}",
      `Docker context "empty" has no address of an engine (HOME/.docker/contexts/meta/${folderOf("empty")}/meta.json): expected Endpoints.docker.Host`,
      "make it anew with   docker context create",
    ],
    [
      "a configuration that is no JSON",
      {},
      "{ currentContext: far }",
      "Cannot read HOME/.docker/config.json, the docker client's file: Expected property name or '}' in JSON at position 2",
      "mend it, or set DOCKER_HOST, which needs no such file",
    ],
    [
      "certificates that are not there",
      { DOCKER_HOST: "tcp://10.0.0.1:2376", DOCKER_TLS_VERIFY: "1" },
      "{}",
      "Cannot read HOME/.docker/ca.pem: the engine is asked by TLS, and it needs that file",
      "put ca.pem, cert.pem and key.pem there, or set DOCKER_CERT_PATH to their folder",
    ],
  ])("%s is refused by name", (_, environment, configuration, message, suggestion) => {
    let thrown: unknown;
    try {
      engineAddress({ ...configured(configuration), ...environment });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: "UserError", suggestion });
    expect(thrown instanceof Error ? thrown.message.replaceAll(home, "HOME") : "").toContain(message);
  });
});
