// system: the only hands. Processes, files, waiting, cleanup, clock, keys, errors that a user can act on.
export { EnvironmentLacks, errorText, OperatingError, UserError } from "./errors.js";
