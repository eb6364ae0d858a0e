import { useSyncExternalStore } from 'react';

const SECOND_MS = 1_000;
const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

const UNITS_AHEAD = UNITS.slice(2);

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });

/** `3 minutes ago`, with the exact moment behind it. */
export function Age({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={momentText(at)}>
      {ageText(Math.max(0, now - Date.parse(at)))}
    </time>
  );
}

/** `in 3 months`, with the exact moment behind it. What is past says so. */
export function Until({ at }: { at: string }) {
  const now = useNow();
  const ms = Date.parse(at) - now;
  return (
    <time dateTime={at} title={momentText(at)}>
      {ms < 0 ? ageText(-ms) : untilText(ms)}
    </time>
  );
}

/** By the viewer's clock, whose time zone it names. */
export function momentText(at: string): string {
  return exact.format(new Date(at));
}

/** From one moment to another, or until now while it goes on. */
export function Elapsed({ from, to }: { from: string; to?: string | null }) {
  const now = useNow();
  return <>{durationText((to ? Date.parse(to) : Math.max(now, Date.parse(from))) - Date.parse(from))}</>;
}

function ageText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return seconds < 5 ? 'just now' : `${seconds} seconds ago`;
}

/** In days at most, to the nearest one: `in 90 days` says more of a token than `in 2 months`. */
function untilText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const [unit, length] = UNITS_AHEAD.find(([, each]) => seconds >= each) ?? (['second', 1] as const);
  return relative.format(Math.round(seconds / length), unit);
}

/** Three digits are enough: `0.4 s`, `12.3 s`, `4 min 05 s`, `1 h 02 min`, `3 d 04 h`. */
export function durationText(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${two(minutes % 60)} min` : `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

/** One clock for the whole page. It stands while nobody looks at it. */
export function useNow(): number {
  return useSyncExternalStore(watchClock, () => now);
}

function watchClock(listener: () => void): () => void {
  listeners.add(listener);
  // It may have stood for long.
  if (timer === undefined) now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, SECOND_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
