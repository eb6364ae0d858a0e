import { readdirSync, readFileSync } from 'node:fs';

/** The running processes whose command line holds a text; its arguments are separated by NUL. */
export function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
    } catch {
      return false; // Gone since we looked.
    }
  });
}

/** A length of sleep that no other run of these tests has: what an earlier run left behind is not found. */
export function uniqueNap(): string {
  return String(10_000 + Math.floor(Math.random() * 1_000_000_000));
}
