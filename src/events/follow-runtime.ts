import { findDeletedApps } from '../store/production-apps.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { RuntimeLine, RuntimeLogFilter, RuntimeLogReader } from '../store/runtime-logs.ts';
import { HINT_POLL_MS, type EventBus } from './bus.ts';
import { leavable, type Leaving } from './leavable.ts';

const LINES_PER_BATCH_MAX = 100;

interface FollowDeps {
  readonly prisma: PrismaClient;
  readonly bus: EventBus;
  readonly runtimeLogs: RuntimeLogReader;
}

export type RuntimeLogEvent =
  | {
      readonly kind: 'batch';
      readonly lines: readonly RuntimeLine[];
      /** The last seq looked at, also when the filter dropped its line. */
      readonly cursor: number;
      readonly history: boolean;
      /** How many lines after the cursor before are not kept any more. */
      readonly dropped: number;
    }
  | { readonly kind: 'end'; readonly cursor: number };

/**
 * Every line that the releases of an app print after one seq, exactly once and in order, as far as they are kept. It ends
 * when the app is deleted.
 */
export function followRuntimeLogs(
  deps: FollowDeps,
  productionAppId: string,
  options: { after: number; filter?: RuntimeLogFilter },
): AsyncGenerator<RuntimeLogEvent, void, void> {
  return leavable((leaving) => runtimeLogEvents(deps, productionAppId, options, leaving));
}

async function* runtimeLogEvents(
  { prisma, bus, runtimeLogs }: FollowDeps,
  productionAppId: string,
  { after, filter }: { after: number; filter?: RuntimeLogFilter },
  leaving: Leaving,
): AsyncGenerator<RuntimeLogEvent, void, void> {
  let hasHint = true;
  let wake = () => {};
  const unsubscribe = await bus.subscribe(`runtime:${productionAppId}`, () => {
    hasHint = true;
    wake();
  });
  try {
    let cursor = after;
    let historyEnd: number | null = null;
    for (;;) {
      hasHint = false;
      const isDeleted = (await findDeletedApps(prisma, [productionAppId])).has(productionAppId);
      const { firstSeq, lastSeq } = await runtimeLogs.bounds(productionAppId);
      historyEnd ??= lastSeq;
      while (cursor < lastSeq) {
        const dropped = Math.max(0, firstSeq - 1 - cursor);
        const range = { after: cursor + dropped, before: lastSeq + 1, limit: LINES_PER_BATCH_MAX };
        const lines = await runtimeLogs.read(productionAppId, range, filter);
        cursor = lines.length < LINES_PER_BATCH_MAX ? lastSeq : lines.at(-1)!.seq;
        yield { kind: 'batch', lines, cursor, history: cursor <= historyEnd, dropped };
      }
      if (isDeleted) {
        yield { kind: 'end', cursor };
        return;
      }
      const isThere = await leaving.wait((resolve) => {
        if (hasHint) resolve();
        wake = resolve;
        const timer = setTimeout(resolve, HINT_POLL_MS);
        return () => clearTimeout(timer);
      });
      if (!isThere) return;
    }
  } finally {
    unsubscribe();
  }
}
