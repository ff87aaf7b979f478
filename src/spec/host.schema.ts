// What a topology may say of a host of the user's own, and of the limits of any node. Files stand in the topology with their whole
// text, not by a path of the machine: a topology from a stranger can name no file of its reader, and a results folder is whole.
import * as z from "zod";
import { formed, mapOf, number, size, text } from "./leaves.schema.js";

/** As engines name images: registry, path, tag or digest. Never begins with a hyphen. */
export const imageReference = formed(
  'an image as a docker engine names it, like "debian:bookworm-slim"',
  /^[a-z0-9][A-Za-z0-9._/:@-]{0,254}$/,
  "debian:bookworm-slim",
);

/** Absolute, without `.`, `..` or empty parts. */
export const filePathPattern = /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/;
export const environmentNamePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const fileTexts = mapOf("texts by the path of their file", text("the text of the file")).meta({
  propertyNames: { pattern: filePathPattern.source },
});

export const environment = mapOf(
  "texts by the name of their variable",
  z.string({ error: ({ input }) => `Cannot use ${JSON.stringify(input)}: expected a text, so quote it` }),
).meta({ propertyNames: { pattern: environmentNamePattern.source } });

/** The kernel shares processors out in periods of 100 ms and counts no part shorter than 1 ms. */
export const cpuCount = number("a number of processors from 0.01 to 1024, like 0.5", 0.01, 1_024);

const mebibyte = 1_048_576;
/** Engines refuse less. FRR's daemons alone take about 25 MiB. */
const memoryBytesMin = 6 * mebibyte;
export const memory = size({
  expected: 'a size from 6MiB to 1024GiB, like "256MiB"',
  example: "256MiB",
  min: memoryBytesMin,
  max: 1_048_576 * mebibyte,
});
