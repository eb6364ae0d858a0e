export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** How long each of some calls took, in milliseconds, one after another, after a few that do not count. */
export async function timeEach(count: number, call: (index: number) => Promise<unknown>): Promise<Spread> {
  for (let index = 0; index < 5; index += 1) await call(index);
  const samples: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const start = performance.now();
    await call(index);
    samples.push(performance.now() - start);
  }
  return spreadOf(samples);
}

export function printRow(what: string, { p50, p95 }: Spread, budget = ''): void {
  console.log(
    `  ${what.padEnd(44)} p50 ${p50.toFixed(1).padStart(7)} ms   p95 ${p95.toFixed(1).padStart(7)} ms   ${budget}`,
  );
}

/** A row with one figure, or a few in words. */
export function printFigure(what: string, figure: string, budget = ''): void {
  console.log(`  ${what.padEnd(44)} ${figure.padEnd(34)} ${budget}`);
}

/** Milliseconds since 1970, finer than `Date.now()`, the same in all processes of a machine. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}
