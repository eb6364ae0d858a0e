import { createApiClient } from '../../../client/api.ts';
import { followDeployment, type DeploymentLogEvent } from '../../../client/follow.ts';
import {
  PageLogLinesDocument,
  PageLogMatchesDocument,
  PageLogOutlineDocument,
  type PageLogOutlineQuery,
} from '../../../generated/gql/graphql.ts';
import type { Line, LineFilter } from './log-filter.ts';
import type { FoundMatches } from './match-index.ts';

export type Section = NonNullable<PageLogOutlineQuery['deployment']>['logSections'][number];

export interface LineWindow {
  /** The lines between these two, without them. */
  readonly after: number;
  readonly before: number;
  /** How many at most, up to 1,000. */
  readonly first: number;
  readonly filter?: LineFilter;
}

/** A deployment's log as the API gives it. A deployment that is gone has no lines. */
export interface LogSource {
  readOutline(last: number): Promise<{ readonly sections: readonly Section[]; readonly lines: readonly Line[] }>;
  readLines(window: LineWindow): Promise<readonly Line[]>;
  readMatches(filter: LineFilter, after: number): Promise<FoundMatches>;
  follow(after: number): AsyncIterable<DeploymentLogEvent>;
}

export interface LogSourceOptions {
  readonly url: string;
  readonly token: string;
  readonly deploymentId: string;
  readonly signal: AbortSignal;
  /** Where there is no global one. */
  readonly webSocketImpl?: unknown;
}

/** For how long a read is tried again while the server is away or has too much to do. */
const RETRY_FOR_MS = 60_000;

/** Around the cache of the other views, which would keep every line that was ever looked at. */
export function createLogSource({ deploymentId: id, ...connection }: LogSourceOptions): LogSource {
  const api = createApiClient({ ...connection, retryForMs: RETRY_FOR_MS });
  return {
    async readOutline(last) {
      const { deployment } = await api.request(PageLogOutlineDocument, { id, last });
      return { sections: deployment?.logSections ?? [], lines: deployment?.logs.nodes ?? [] };
    },
    async readLines({ after, before, first, filter }) {
      const range = { after: String(after), before: String(before) };
      const { deployment } = await api.request(PageLogLinesDocument, { id, ...range, first, filter: sent(filter) });
      return deployment?.logs.nodes ?? [];
    },
    async readMatches(filter, after) {
      const variables = { id, filter: sent(filter)!, after: String(after) };
      const matches = (await api.request(PageLogMatchesDocument, variables)).deployment?.logMatches;
      return matches ? { ...matches, cursor: Number(matches.cursor) } : { seqs: [], cursor: Infinity, hasMore: false };
    },
    // The page shows how the connection is, and for how long it may be away is for the user to say.
    follow: (after) =>
      followDeployment({ ...connection, deploymentId: id, after: String(after), giveUpAfterMs: Infinity }),
  };
}

function sent(filter: LineFilter | undefined) {
  return filter && { ...filter, streams: filter.streams && [...filter.streams] };
}
