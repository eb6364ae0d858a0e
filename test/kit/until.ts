import { setTimeout as delay } from 'node:timers/promises';

/** Waits until something holds, however long a slow machine takes; what it waited for is in the error. */
export async function until<T>(what: string, look: () => T | Promise<T>, timeoutMs = 45_000): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
    await delay(10);
  }
}
