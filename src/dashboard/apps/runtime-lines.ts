import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, createApiClient } from '../../client/api.ts';
import { followRuntimeLogs } from '../../client/follow.ts';
import {
  PageRuntimeLinesDocument,
  type FollowedRuntimeLineFragment,
  type RuntimeLogFilter,
} from '../../generated/gql/graphql.ts';
import { useSession } from '../session/session.ts';
import { EMPTY_WINDOW, withBatches, withEarlier, type LogBatch, type LogWindow } from './log-window.ts';

export type RuntimeLine = FollowedRuntimeLineFragment;

/** A server that starts again, or a network that comes back, is waited for. */
const RETRY_FOR_MS = 60_000;
/** Frames are drawn only of what is seen; what comes meanwhile is handed on all the same, so that it is let go in time. */
const UNSEEN_MS = 1_000;
/** So many are held at most; what is older is read again when it is asked for. */
const ENTRIES_MAX = 50_000;

export interface RuntimeLines {
  readonly window: LogWindow<RuntimeLine>;
  readonly isLoading: boolean;
  readonly error: ApiError | null;
  readEarlier(): void;
}

/**
 * The last lines that an app printed, then those to come, each once. Drawn at most once a frame. What uses it has a key of
 * the app and the filter: it starts anew for others.
 */
export function useRuntimeLines(productionAppId: string, filter: RuntimeLogFilter): RuntimeLines {
  const token = useSession()!.token;
  const [window, setWindow] = useState<LogWindow<RuntimeLine>>(EMPTY_WINDOW);
  const [isLoading, setIsLoading] = useState(true);
  const [error, setError] = useState<ApiError | null>(null);
  const signal = useRef(new AbortController().signal);
  const isReading = useRef(false);

  const readBefore = useCallback(
    async (before: string | null) => {
      const client = createApiClient({
        url: location.origin,
        token,
        signal: signal.current,
        retryForMs: RETRY_FOR_MS,
      });
      const { productionApp } = await client.request(PageRuntimeLinesDocument, { id: productionAppId, before, filter });
      if (!productionApp) throw new ApiError('NOT_FOUND', 'The app was deleted.');
      return productionApp.runtimeLogs;
    },
    [token, productionAppId, filter],
  );

  useEffect(() => {
    const leaving = new AbortController();
    signal.current = leaving.signal;
    const frames = createFrames<LogBatch<RuntimeLine>>((batches) =>
      setWindow((before) => withBatches(before, batches, ENTRIES_MAX)),
    );
    async function follow(): Promise<void> {
      const { nodes, pageInfo } = await readBefore(null);
      setWindow(withEarlier(EMPTY_WINDOW, nodes, pageInfo.hasPreviousPage));
      setIsLoading(false);
      const after = nodes.at(-1)?.seq.toString();
      const connection = { url: location.origin, token, signal: leaving.signal, giveUpAfterMs: Infinity };
      for await (const event of followRuntimeLogs({ ...connection, productionAppId, filter, after })) {
        if (event.__typename === 'RuntimeLogBatch') frames.add(event);
      }
    }
    follow().catch((reason: unknown) => {
      if (leaving.signal.aborted) return;
      setIsLoading(false);
      setError(asApiError(reason));
    });
    return () => {
      leaving.abort();
      frames.stop();
    };
  }, [token, productionAppId, filter, readBefore]);

  async function readEarlier(): Promise<void> {
    const first = window.entries[0];
    if (!first || isReading.current) return;
    isReading.current = true;
    setError(null);
    const asked = signal.current;
    try {
      const { nodes, pageInfo } = await readBefore(String(first.seq));
      if (asked.aborted) return;
      // What was let go meanwhile can be asked for again.
      setWindow((before) =>
        before.entries[0] === first ? withEarlier(before, nodes, pageInfo.hasPreviousPage) : before,
      );
    } catch (reason) {
      if (!asked.aborted) setError(asApiError(reason));
    } finally {
      isReading.current = false;
    }
  }

  return { window, isLoading, error, readEarlier: () => void readEarlier() };
}

function asApiError(reason: unknown): ApiError {
  return reason instanceof ApiError ? reason : new ApiError('UNAVAILABLE', 'The log cannot be read.');
}

/** Gathers what comes and hands it on together, once a frame. */
function createFrames<Item>(show: (items: readonly Item[]) => void): { add(item: Item): void; stop(): void } {
  let waiting: Item[] = [];
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  function stop(): void {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  }
  function handOn(): void {
    stop();
    const items = waiting;
    waiting = [];
    show(items);
  }
  return {
    add(item) {
      waiting.push(item);
      if (waiting.length > 1) return;
      frame = requestAnimationFrame(handOn);
      timer = setTimeout(handOn, UNSEEN_MS);
    },
    stop,
  };
}
