import { createMask, type Mask } from '../targets/masking.ts';
import type { Target, TargetApp } from '../targets/target.ts';

/** Hides the secrets of one app. */
export interface Masking {
  readonly mask: Mask;
  /** Looks for secrets that were made in the meantime. What was one once stays one. */
  refresh(): Promise<void>;
}

/** Knows no secrets until the first refresh. */
export function createMasking(target: Pick<Target, 'secrets'>, app: TargetApp): Masking {
  const secrets = new Set<string>();
  let mask = createMask([]);
  return {
    mask: (text, options) => mask(text, options),
    async refresh() {
      const before = secrets.size;
      for (const secret of await target.secrets(app)) secrets.add(secret);
      if (secrets.size > before) mask = createMask([...secrets]);
    },
  };
}
