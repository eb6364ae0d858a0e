import { createMask, type Mask } from '../targets/masking.ts';

/** Hides the secrets of one app. */
export interface Masking {
  readonly mask: Mask;
  /** Looks for secrets that were made in the meantime. */
  refresh(): Promise<void>;
  /** What was a secret once stays one. */
  add(secrets: readonly string[]): void;
}

/** Knows no secrets until the first refresh. */
export function createMasking(loadSecrets: () => Promise<readonly string[]>): Masking {
  const known = new Set<string>();
  let mask = createMask([]);
  function add(secrets: readonly string[]): void {
    const before = known.size;
    for (const secret of secrets) known.add(secret);
    if (known.size > before) mask = createMask([...known]);
  }
  return {
    mask: (text, options) => mask(text, options),
    refresh: async () => add(await loadSecrets()),
    add,
  };
}
