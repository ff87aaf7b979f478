// Nothing: signatures are checked on libuv's thread pool (signatures.ts), which needs no worker of its own. This file only
// keeps the bundle's list of entries valid; remove both together.
export {};
