// Results on stdout as a table, JSON or CSV; talk on stderr. One shape of data for all three: rows of named cells.
import Table from "cli-table3";
import { Option } from "@commander-js/extra-typings";
import { csvLine } from "../results/index.js";
import { hasCode, OperatingError } from "../system/index.js";

export type Cell = string | number | boolean;
export type Row = Readonly<Record<string, Cell>>;
export const formats = ["table", "json", "csv"] as const;
export type Format = (typeof formats)[number];

/** `-f table|json|csv`, the same option wherever a table is printed. */
export const formatOption = (): Option<"-f, --format <format>", undefined, "table", undefined, false, Format> =>
  new Option("-f, --format <format>", "how to print the result").choices(formats).default("table" as const);

export const textFormats = ["text", "json"] as const;
export type TextFormat = (typeof textFormats)[number];

/** `-f text|json`, where the result is no table. */
export const textOption = (): Option<"-f, --format <format>", undefined, "text", undefined, false, TextFormat> =>
  new Option("-f, --format <format>", "how to print the result").choices(textFormats).default("text" as const);

/** Rows in the order of `columns`, which also are the header. */
export function rowsText(columns: readonly string[], rows: readonly Row[], format: Format): string {
  if (format === "json") return `${JSON.stringify(rows, null, 2)}\n`;
  const cells = rows.map((row) => columns.map((column) => row[column] ?? ""));
  if (format === "csv") return `${[columns, ...cells.map((row) => row.map(String))].map(csvLine).join("\n")}\n`;
  const table = new Table({
    head: [...columns],
    chars: borderless,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
  });
  table.push(...cells.map((row) => row.map(String)));
  return `${table.toString().replaceAll(/ +$/gm, "")}\n`;
}

const borderless = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
} as const;

/** Writes the result, waiting for a slow reader. */
export async function print(text: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error === null || error === undefined || hasCode(error, "EPIPE")) resolve();
      else reject(new OperatingError("Cannot write the result to stdout", { cause: error }));
    });
  });
}

/**
 * A reader that left, as with `| head`, is no error: the work goes on. What a write failed of is told to `print`; when
 * stderr fails there is nowhere left to say so.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
