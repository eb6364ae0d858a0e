import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyOf, layOutRows, type Row } from '../../src/dashboard/deployment/log/log-rows.ts';
import type { Section } from '../../src/dashboard/deployment/log/log-source.ts';

const PHASES = ['ORCHESTRATE', 'DOWNLOAD', 'BUILD', 'MIGRATE'] as const;

const log = fc
  .array(fc.tuple(fc.constantFrom(...PHASES), fc.integer({ min: 1, max: 6 })), { maxLength: 6 })
  .map((parts) => {
    const sections: Section[] = [];
    let seq = 0;
    for (const [index, [phase, count]] of parts.entries()) {
      sections.push({ phase, attempt: index + 1, firstSeq: seq + 1, lastSeq: (seq += count) });
    }
    return { sections, lastSeq: seq };
  });
const choice = log.chain(({ sections, lastSeq }) =>
  fc.record({
    sections: fc.constant(sections),
    matches: fc.option(fc.subarray(Array.from({ length: lastSeq }, (_unused, index) => index + 1))),
    phase: fc.option(fc.constantFrom(...PHASES)),
    folded: fc.subarray(sections.map(keyOf)).map((keys) => new Set(keys)),
  }),
);

/** Every row, one after another. */
function listRows({ sections, matches, phase, folded }: Parameters<typeof layOutRows>[0]): string[] {
  return sections
    .filter((section) => !phase || section.phase === phase)
    .flatMap((section) => {
      const seqs: number[] = [];
      for (let seq = section.firstSeq; seq <= section.lastSeq; seq += 1) {
        if (!matches || matches.includes(seq)) seqs.push(seq);
      }
      if (seqs.length === 0) return [];
      return [keyOf(section), ...(folded.has(keyOf(section)) ? [] : seqs.map((seq) => `line ${seq}`))];
    });
}

const nameOf = (row: Row) => (row.kind === 'section' ? row.section.key : `line ${row.seq}`);

test('each section that has lines is a row, and below it is each of its lines that is shown', () => {
  fc.assert(
    fc.property(choice, (options) => {
      const rows = layOutRows(options);

      expect(Array.from({ length: rows.count }, (_unused, row) => nameOf(rows.at(row)!))).toEqual(listRows(options));
      expect([rows.at(-1), rows.at(rows.count)]).toEqual([null, null]);
    }),
  );
});

test('a line is found in its row, and one that is not shown leads to a row close to it', () => {
  fc.assert(
    fc.property(choice, (options) => {
      const names = listRows(options);
      const rows = layOutRows(options);
      for (let seq = 1; seq <= (options.sections.at(-1)?.lastSeq ?? 0); seq += 1) {
        const row = rows.rowOf(seq);

        if (names.includes(`line ${seq}`)) expect(nameOf(rows.at(row)!)).toBe(`line ${seq}`);
        else if (rows.count > 0) expect(rows.at(row)).not.toBeNull();
      }
    }),
  );
});

test('a folded section still has its lines', () => {
  const sections = [{ phase: 'BUILD', attempt: 1, firstSeq: 1, lastSeq: 9 }] as const;
  const rows = layOutRows({ sections, matches: [2, 4], phase: null, folded: new Set(['BUILD 1']) });

  expect([rows.count, rows.sections[0]!.count, rows.has(4), rows.has(5), rows.rowOf(4)]).toEqual([
    1,
    2,
    true,
    false,
    0,
  ]);
});
