import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { createScreen } from './terminal.ts';

/** What differs from run to run, and what stands for it. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  // On a machine with much to do.
  [/^(?:Waiting: it is next\.|\{"type":"waiting","queuePosition":1\})\n/gm, ''],
  [/\b(dep|app|ver|ent|org|usr)_[0-9a-z]{26}\b/g, '$1_…'],
  [/\bapp-[0-9a-f]{8}\b/g, 'shop'],
  [/\bv-[0-9a-f]{8}\b/g, 'v-<hash>'],
  [/\b[0-9a-f]{64}\b/g, '<sha256>'],
  [/\b0\.0\.0-[0-9a-f]{8}\b/g, '0.0.0-<hash>'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<token>'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>'],
  [/\b\d+\.\ds\b/g, '0.0s'],
  [/"durationMs":\d+/g, '"durationMs":0'],
  [/(:)\d{4,5}\b/g, '$1<port>'],
  [/\bport \d+/g, 'port <port>'],
  [/\bprocess \d+/g, 'process <pid>'],
  [/\b\d+ bytes/g, '<n> bytes'],
  [/\b\d+ B\b/g, '<n> B'],
  [/\/tmp\/windlass-test-\w+/g, '<folder>'],
];

function normalized(text: string): string {
  return VARYING.reduce((current, [pattern, stand]) => current.replace(pattern, stand), text);
}

/** Compares with a file in test/cli/golden. `UPDATE_GOLDEN=1` writes it; then look at the difference. */
export function expectGolden(name: string, text: string): void {
  const file = `test/cli/golden/${name}`;
  if (process.env['UPDATE_GOLDEN'] === '1' || !existsSync(file)) {
    if (process.env['UPDATE_GOLDEN'] !== '1') throw new Error(`There is no ${file}. UPDATE_GOLDEN=1 writes it.`);
    writeFileSync(file, normalized(text));
  }
  expect(normalized(text)).toBe(readFileSync(file, 'utf8'));
}

/** What is left on the screen of a terminal, with all that has scrolled by, after a program wrote this to it. */
export async function screenOf(written: string): Promise<string> {
  using screen = createScreen();
  screen.write(written);
  return await screen.text();
}
