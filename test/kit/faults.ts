import { createRandom } from './random.ts';

/** How much is broken: `short` in a few minutes, for every change; `full` takes as long as it takes. */
export const FAULTS =
  process.env['FAULTS'] === 'short' || process.env['FAULTS'] === 'full' ? process.env['FAULTS'] : null;
export const IS_SHORT = FAULTS === 'short';

/** Where and when things break. The configuration prints it; FAULT_SEED has a run again. */
export const FAULT_SEED = Number(process.env['FAULT_SEED']);

/** A few of many cases, in their order, the same ones for the same seed. */
export function sampleOf<T>(cases: readonly T[], count: number, seed = FAULT_SEED): T[] {
  const random = createRandom(seed);
  const ranked = cases.map((_one, index) => ({ index, rank: random() }));
  const chosen = new Set(
    ranked
      .toSorted((a, b) => a.rank - b.rank)
      .slice(0, count)
      .map(({ index }) => index),
  );
  return cases.filter((_one, index) => chosen.has(index));
}
