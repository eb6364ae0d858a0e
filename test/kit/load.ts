import { availableParallelism, loadavg } from 'node:os';

/** How much longer things may take than on a machine that has nothing else to do. */
export function slowness(): number {
  return Math.max(1, loadavg()[0]! / availableParallelism());
}
