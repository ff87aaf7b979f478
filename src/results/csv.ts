// CSV text (RFC 4180, LF line ends) and the shape of a file: a column names its header and draws its cell from an item, so
// that header and rows cannot fall apart. Our own few lines: the row is wanted as text or as cells without a stream.

export type Cell = string | number | undefined;

export interface Column<T> {
  readonly name: string;
  readonly cell: (item: T) => Cell;
}

export const column = <T>(name: string, cell: (item: T) => Cell): Column<T> => ({ name, cell });

export const cellsOf = <T>(columns: readonly Column<T>[], item: T): readonly Cell[] =>
  columns.map((each) => each.cell(item));

/** One line without its end. Absent values are empty. */
export function csvLine(cells: readonly Cell[]): string {
  return cells.map((cell) => escaped(cell)).join(",");
}

function escaped(cell: Cell): string {
  if (cell === undefined) return "";
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Microseconds as milliseconds with three decimals at most: exact. */
export const inMilliseconds = (microseconds: number | undefined): Cell => {
  return microseconds === undefined ? undefined : microseconds / 1_000;
};

export const atMost = (value: number | undefined, decimals: number): Cell => {
  return value === undefined ? undefined : Number(value.toFixed(decimals));
};
