import { useState } from 'react';

export const TIMES = ['off', 'elapsed', 'clock'] as const;

/** How a user likes to read logs: kept for the next one. */
export interface LogPreferences {
  readonly isWrapped: boolean;
  /** Whether each line shows its time: since the deployment began, or that of the day. */
  readonly times: (typeof TIMES)[number];
}

const KEY = 'windlass-log';

export function useLogPreferences(): [LogPreferences, (change: Partial<LogPreferences>) => void] {
  const [preferences, setPreferences] = useState(restore);
  function change(part: Partial<LogPreferences>): void {
    const next = { ...preferences, ...part };
    localStorage.setItem(KEY, `${next.isWrapped ? 'wrap' : 'cut'} ${next.times}`);
    setPreferences(next);
  }
  return [preferences, change];
}

function restore(): LogPreferences {
  const [wrap, kept] = (localStorage.getItem(KEY) ?? '').split(' ');
  return { isWrapped: wrap === 'wrap', times: TIMES.find((times) => times === kept) ?? 'off' };
}
