import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { useLocation, useSearch } from 'wouter';
import {
  logSearch,
  parseLogQuery,
  parsePlace,
  rangeHash,
  type LineRange,
  type LogPlace,
  type LogQuery,
} from './log-address.ts';

export interface LogAddress {
  readonly query: LogQuery;
  readonly place: LogPlace | null;
  /** Grows whenever somebody goes to a place: not when one chooses lines where one is. */
  readonly visit: number;
  choose(change: Partial<LogQuery>): void;
  /** Null: no lines any more. */
  chooseLines(range: LineRange | null): void;
}

/** What of the log the address says, and how to change it: in its place, so that the way back stays the way back. */
export function useLogAddress(): LogAddress {
  const [path, navigate] = useLocation();
  const search = useSearch();
  const hash = useSyncExternalStore(subscribeToHash, () => location.hash);
  const query = useMemo(() => parseLogQuery(search), [search]);
  const place = useMemo(() => parsePlace(hash), [hash]);
  const [visit, setVisit] = useState(0);
  const isOwn = useRef(false);
  useEffect(
    () =>
      subscribeToHash(() => {
        if (!isOwn.current) setVisit((count) => count + 1);
      }),
    [],
  );

  const replace = useCallback(
    (nextQuery: LogQuery, nextHash: string) => {
      isOwn.current = true;
      navigate(`${path}${logSearch(nextQuery)}${nextHash}`, { replace: true });
      isOwn.current = false;
    },
    [navigate, path],
  );
  const choose = useCallback(
    (change: Partial<LogQuery>) => replace({ ...parseLogQuery(location.search), ...change }, location.hash),
    [replace],
  );
  const chooseLines = useCallback(
    (range: LineRange | null) => replace(parseLogQuery(location.search), range ? rangeHash(range) : ''),
    [replace],
  );
  return { query, place, visit, choose, chooseLines };
}

/** The router changes the address without an event of the browser, and tells of it by these. */
function subscribeToHash(listener: () => void): () => void {
  const events = ['hashchange', 'popstate', 'pushState', 'replaceState'];
  for (const event of events) addEventListener(event, listener);
  return () => {
    for (const event of events) removeEventListener(event, listener);
  };
}
