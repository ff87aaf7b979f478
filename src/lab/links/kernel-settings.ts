// Kernel settings of a namespace: written where the kernel has something else, and read back. All by this thread itself, inside the
// namespace, so that no process is started for it.
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hasCode, OperatingError } from "../../system/index.js";
import { insideNamespace } from "./inside-namespace.js";

/** Writes settings in the namespace that this thread is in, by its name ("" is the switchboard), and reads each back. */
export function setKernelHere(namespace: string, settings: readonly string[]): void {
  const found = settings.map((setting) => {
    const [name = "", value = ""] = setting.split("=", 2);
    return settled(name, value);
  });
  refuseUnset("Set", namespace, settings, found);
}

/** Reads settings that the engine has written, and rejects when one is not as planned. */
export async function checkKernel(namespace: string, settings: readonly string[]): Promise<void> {
  const wanted = await possible(settings);
  const found = insideNamespace(namespace, () => wanted.map((setting) => readSetting(setting.split("=")[0] ?? "")));
  refuseUnset("Check", namespace, wanted, found);
}

/** What the kernel has after it was told, where it had something else; or why that is not known. */
function settled(name: string, value: string): string {
  try {
    const file = openSync(kernelFile(name), "r+");
    try {
      const before = textOf(file);
      if (before === value) return before;
      writeSync(file, value, 0);
      return textOf(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return messageOf(error);
  }
}

const settingText = Buffer.alloc(256);
const textOf = (file: number): string => settingText.toString("utf8", 0, readSync(file, settingText, 0, 256, 0)).trim();
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const kernelFile = (name: string): string => `/proc/sys/${name.replaceAll(".", "/")}`;

/** What the kernel has, or why that is not known. */
function readSetting(name: string): string {
  try {
    return readFileSync(kernelFile(name), "utf8").trim();
  } catch (error) {
    return messageOf(error);
  }
}

/** A kernel without IPv6 has none of its settings. */
export const possible = async (settings: readonly string[]): Promise<readonly string[]> =>
  (await hasIpv6()) ? settings : settings.filter((setting) => !setting.startsWith("net.ipv6."));

function refuseUnset(verb: string, namespace: string, wanted: readonly string[], found: readonly string[]): void {
  const refused = wanted.flatMap((setting, index) => {
    const value = found[index] ?? "";
    return setting.endsWith(`=${value}`) ? [] : [`${setting} refused: "${value}"`];
  });
  if (refused.length === 0) return;
  const where = namespace === "" ? "the switchboard" : namespace;
  throw new OperatingError(`${verb} kernel settings in ${where}: ${refused.join(", ")}`);
}

let ipv6: boolean | undefined;

/** Asked once: a kernel keeps it. */
async function hasIpv6(): Promise<boolean> {
  try {
    if (ipv6 === undefined) await readFile("/proc/sys/net/ipv6/conf/all/disable_ipv6");
    ipv6 ??= true;
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    ipv6 = false;
  }
  return ipv6;
}
