import { createContext, useCallback, useContext, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useMutation, useQuery, useSubscription, type AnyVariables, type CombinedError } from 'urql';
import { ApiError, refusalOf } from '../../client/api.ts';
import type { TypedDocumentString } from '../../generated/gql/graphql.ts';
import type { Live, LiveState } from './live.ts';

/** The socket of the session. */
export const LiveContext = createContext<Live | null>(null);

function useLive(): Live {
  return useContext(LiveContext)!;
}

export function useLiveState(): LiveState {
  const live = useLive();
  return useSyncExternalStore(live.subscribe, live.state);
}

export interface Loaded<Data> {
  /** What was read last, also while it is read again, and when that fails: the connection's badge tells of it. */
  readonly data: Data | undefined;
  readonly error: ApiError | null;
  reload(): void;
}

/** Reads, shows what is known at once, and reads again whenever the connection has missed something. */
export function useData<Data, Variables extends AnyVariables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  options: { pause?: boolean } = {},
): Loaded<Data> {
  const live = useLive();
  const epoch = useSyncExternalStore(live.subscribe, live.epoch);
  const [{ data, error }, execute] = useQuery<Data>({
    query: document.toString(),
    variables,
    pause: options.pause ?? false,
  });
  const seenEpoch = useRef(epoch);
  const reload = useCallback(() => execute({ requestPolicy: 'network-only' }), [execute]);
  useEffect(() => {
    if (seenEpoch.current === epoch || options.pause) return;
    seenEpoch.current = epoch;
    reload();
  }, [epoch, options.pause, reload]);
  const refusal = error ? apiErrorOf(error) : null;
  const kept = useKept(data, `${document.toString()} ${JSON.stringify(variables)}`, refusal);
  return { data: kept, error: refusal, reload };
}

/** Who was refused must not see it any more. */
const REFUSED = new Set(['UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND']);

/** What was read last of the same thing: urql lets go of it when reading it again fails. */
function useKept<Data>(data: Data | undefined, what: string, error: ApiError | null): Data | undefined {
  const kept = useRef({ what, data });
  const isOver = kept.current.what !== what || (error !== null && REFUSED.has(error.code));
  // Null: an answer that is nothing but errors.
  if (isOver || (data !== undefined && data !== null)) kept.current = { what, data };
  return kept.current.data ?? undefined;
}

export interface Action<Data, Variables> {
  readonly isRunning: boolean;
  readonly error: ApiError | null;
  /** Null when it was refused; then `error` says why. */
  run(variables: Variables): Promise<Data | null>;
}

export function useAction<Data, Variables extends AnyVariables>(
  document: TypedDocumentString<Data, Variables>,
): Action<Data, Variables> {
  const [{ fetching }, execute] = useMutation<Data>(document.toString());
  const [error, setError] = useState<ApiError | null>(null);
  const run = useCallback(
    async (variables: Variables) => {
      setError(null);
      const result = await execute(variables);
      if (!result.error) return result.data ?? null;
      setError(apiErrorOf(result.error));
      return null;
    },
    [execute],
  );
  return { isRunning: fetching, error, run };
}

/** `onData` gets each event, and the cache has taken it before. */
export function useChanges<Data, Variables extends AnyVariables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  { pause = false, onData }: { pause?: boolean; onData?: (data: Data) => void } = {},
): void {
  const listener = useRef(onData);
  listener.current = onData;
  useSubscription<Data, null>({ query: document.toString(), variables, pause }, (_before, data) => {
    // A reducer runs while React renders: whoever listens may set a state.
    queueMicrotask(() => listener.current?.(data));
    return null;
  });
}

function apiErrorOf({ graphQLErrors, networkError, message }: CombinedError): ApiError {
  const refusal = graphQLErrors[0];
  if (refusal) return refusalOf(refusal);
  if (networkError) {
    const text = networkError.name === 'TimeoutError' ? 'The server does not answer.' : 'The server cannot be reached.';
    return new ApiError('UNAVAILABLE', text, { cause: networkError });
  }
  return new ApiError('INTERNAL', message);
}
