/** Loads one thing for many objects of a list with one query. */
export interface Batch<Scope extends object, Value> {
  load(scope: Scope, key: string): Promise<Value | null>;
}

/**
 * What is asked for in one turn of the event loop, in one scope (an operation's context), is loaded together. Nothing is
 * kept: what is asked for later is loaded again.
 */
export function createBatch<Scope extends object, Value>(
  loadAll: (scope: Scope, keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
): Batch<Scope, Value> {
  const waiting = new WeakMap<Scope, { keys: Set<string>; loaded: Promise<ReadonlyMap<string, Value>> }>();

  function open(scope: Scope) {
    const keys = new Set<string>();
    const loaded = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      waiting.delete(scope);
      return loadAll(scope, [...keys]);
    });
    const batch = { keys, loaded };
    waiting.set(scope, batch);
    return batch;
  }

  return {
    async load(scope, key) {
      const batch = waiting.get(scope) ?? open(scope);
      batch.keys.add(key);
      return (await batch.loaded).get(key) ?? null;
    },
  };
}
