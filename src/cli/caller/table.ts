import type { Output } from './output.ts';
import { jsonLine } from './spelling.ts';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string | null | undefined;
  /** For people only. */
  readonly paint?: (text: string, row: Row) => string;
}

/** A list in three shapes: aligned for people, separated by tabs in a pipe, and a line of JSON for each with `--json`. */
export function printTable<Row extends object>(
  output: Output,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): void {
  if (output.json) return rows.forEach((row) => output.result(jsonLine(null, row)));
  const cells = rows.map((row) => columns.map(({ text }) => plain(text(row))));
  if (!output.isTable) return cells.forEach((line) => output.result(line.join('\t')));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((line) => line[i]!.length)));
  const { resultColours: colours } = output;
  output.result(
    colours.dim(
      columns
        .map(({ title }, i) => title.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    ),
  );
  for (const [index, line] of cells.entries()) {
    const painted = line.map((text, i) => {
      const padded = text.padEnd(widths[i]!);
      return columns[i]!.paint?.(padded, rows[index]!) ?? padded;
    });
    output.result(painted.join('  ').trimEnd());
  }
}

/** What somebody wrote must not break a line, nor move a cursor. */
function plain(text: string | null | undefined): string {
  return (text ?? '').replaceAll(/\p{Cc}+/gu, ' ');
}
