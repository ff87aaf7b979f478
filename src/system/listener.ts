// Connecting to a unix socket that somebody is about to listen on.
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { hasCode } from "./files.js";
import { there, waiting, type Look } from "./until.js";

/** For `until`: the connection, or that nobody listens yet. Rejects with what else is in the way, such as EACCES. */
export async function lookForListener(path: string): Promise<Look<Socket>> {
  const socket = createConnection(path);
  try {
    await once(socket, "connect");
    return there(socket);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ECONNREFUSED")) return waiting("nobody listens on its control socket");
    throw error;
  }
}
