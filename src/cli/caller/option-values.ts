import { InvalidArgumentError } from 'commander';

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** What timers can wait for. */
const TIMER_MS_MAX = 2_147_483_647;

/** `90s`, `10m`, `1h`, `7d`, in milliseconds. Null for anything else. */
export function durationMs(text: string): number | null {
  const [, count, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return unit === undefined ? null : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** The same as a limit: `0` for none. */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  const ms = durationMs(text);
  if (ms !== null && ms > 0 && ms <= TIMER_MS_MAX) return ms;
  throw new InvalidArgumentError('A duration is a number with a unit, such as 90s, 10m or 1h; 0 means no limit.');
}

export function parseLimit(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1) return Number(text);
  throw new InvalidArgumentError('A limit is a number from 1 to 99999.');
}

export function parseSeq(text: string): string {
  if (/^\d{1,10}$/.test(text)) return text;
  throw new InvalidArgumentError('It is the number of a line.');
}
