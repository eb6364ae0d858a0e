export interface ReadPace {
  /** Takes one read. Zero: it may begin. Otherwise nothing was taken, and one may be in so many milliseconds. */
  take(now: number): number;
}

/**
 * Some reads at once, and then so many a second: whoever drags the scroll bar through a long log passes hundreds of
 * windows, and the API takes only so many requests a minute from one user.
 */
export function createReadPace({ burst = 20, perSecond = 6 } = {}): ReadPace {
  let saved = burst;
  let last = Number.NEGATIVE_INFINITY;
  return {
    take(now) {
      saved = Math.min(burst, saved + ((now - last) / 1_000) * perSecond);
      last = now;
      if (saved < 1) return Math.ceil(((1 - saved) / perSecond) * 1_000);
      saved -= 1;
      return 0;
    },
  };
}
