const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

/** When a line was written: since a moment, such as `+1:02.345`, or without one the time of the day. */
export function lineTime(at: string, since: string | null): string {
  return since === null ? clock.format(new Date(at)) : sinceText(Date.parse(at) - Date.parse(since));
}

function sinceText(ms: number): string {
  const total = Math.abs(ms);
  const minutes = Math.floor(total / 60_000);
  const seconds = ((total % 60_000) / 1_000).toFixed(3).padStart(6, '0');
  return `${ms < 0 ? '-' : '+'}${minutes}:${seconds}`;
}
