import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { useSession } from '../../session/session.ts';
import { createLogSource } from './log-source.ts';
import { createLogStore, type LogState, type LogStore } from './log-store.ts';

export interface Log {
  readonly store: LogStore;
  readonly state: LogState;
  /** Begins anew: after an error. */
  reload(): void;
}

/** The log of a deployment, read and followed for as long as it is shown. Null until it is asked for. */
export function useLog(deploymentId: string): Log | null {
  const token = useSession()?.token;
  const [store, setStore] = useState<LogStore | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (token === undefined) return undefined;
    const leaving = new AbortController();
    const connection = { url: location.origin, token, signal: leaving.signal };
    const opened = createLogStore({ source: createLogSource({ ...connection, deploymentId }) });
    setStore(opened);
    return () => {
      opened.close();
      leaving.abort();
    };
  }, [deploymentId, token, attempt]);
  const state = useSyncExternalStore(store?.subscribe ?? subscribeToNothing, store?.state ?? nothing);
  const reload = useCallback(() => setAttempt((count) => count + 1), []);
  return store && state && { store, state, reload };
}

function subscribeToNothing(): () => void {
  return () => {};
}

function nothing(): null {
  return null;
}
