// Costs as a file holds them: what `testbed calibrate` writes.
import * as z from "zod";
import { costsFormat, type Costs } from "./costs.js";

const us = z.number().min(0).max(1_000_000);

const schema = z.strictObject({
  format: z.literal(costsFormat),
  source: z.string(),
  cores: z.int().min(0).max(1_024),
  sliceUs: us,
  signUs: us,
  verifyUs: us,
  asideUs: us,
  hashKibUs: us,
  writeUs: us,
  writeKibUs: us,
  fsyncUs: us,
  receiveUs: us,
  sendUs: us,
  requestUs: us,
  stepUs: us,
  coldUs: us,
  wakeUs: us,
  eventUs: us,
  staleUs: us,
  staleBesideUs: us,
});

/** The costs, or what is wrong with the text. */
export function costsFrom(text: string): Costs | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "it is no JSON" }; // the one case: JSON.parse throws nothing else
  }
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (format !== costsFormat)
    return { problem: `format: got ${JSON.stringify(format) ?? "none"}, expected ${costsFormat}` };
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return { problem: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "wrong"}` };
}
