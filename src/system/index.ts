// system: the only hands. Processes, files, waiting, cleanup, clock, keys, errors that a user can act on.
export { EnvironmentLacks, errorText, OperatingError, UserError } from "./errors.js";
export { now } from "./clock.js";
export {
  KeyError,
  newKeyPair,
  privateKeyFrom,
  publicKeyFrom,
  sign,
  verify,
  verifyAside,
  type KeyObject,
  type KeyPairPem,
} from "./keys.js";
export { jsonLine, LineSplitter, takeLine, LineTooLongError } from "./ndjson.js";
export { DeadlineTimer } from "./timer.js";
export {
  commandError,
  runCommand,
  toolPath,
  tryCommand,
  type CommandOptions,
  type CommandResult,
} from "./process.js";
export { lookForListener } from "./listener.js";
export { pause, there, until, waiting, type Look, type UntilOptions } from "./until.js";
export { CleanupStack } from "./cleanup.js";
export { mapBounded, type FanOutOptions } from "./fan-out.js";
export { diskTrouble, hasCode, makeFolders, placing, readTextIfThere, writeWhole } from "./files.js";
export { loggerTo, type Logger } from "./logger.js";
