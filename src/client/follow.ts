import {
  FollowEventsDocument,
  FollowLogsDocument,
  FollowRuntimeDocument,
  FollowStateDocument,
  type DeploymentLogFilter,
  type DeploymentStatus,
  type FollowEventsSubscription,
  type FollowLogsSubscription,
  type FollowRuntimeSubscription,
  type FollowStateSubscription,
  type RuntimeLogFilter,
} from '../generated/gql/graphql.ts';
import type { ConnectionOptions } from './connection.ts';
import { resumeSubscription } from './resume.ts';

export type DeploymentLogEvent = FollowLogsSubscription['deploymentLogs'];
export type DeploymentEvent = FollowEventsSubscription['deploymentEvents'];
export type RuntimeLogEvent = FollowRuntimeSubscription['runtimeLogs'];
export type DeploymentState = FollowStateSubscription['deploymentUpdated'];

export interface FollowStateOptions extends ConnectionOptions {
  readonly deploymentId: string;
}

export interface FollowEventsOptions extends FollowStateOptions {
  /** Only what comes after this cursor: the `seq` of an event, as a text. */
  readonly after?: string;
}

export interface FollowOptions extends FollowStateOptions {
  /** Only what comes after this cursor: that of a batch, or the `seq` of a line, as a text. */
  readonly after?: string;
  /** Which lines. */
  readonly filter?: DeploymentLogFilter;
}

export interface FollowRuntimeOptions extends ConnectionOptions {
  readonly productionAppId: string;
  /** Only what comes after this cursor: that of a batch, or the `seq` of a line, as a text. Default: all that is kept. */
  readonly after?: string;
  /** Which lines. */
  readonly filter?: RuntimeLogFilter;
}

/**
 * Every log line of a deployment, once and in order, and then the end. When the connection breaks it connects again and
 * goes on after the last line it gave. Throws ApiError for a refusal.
 */
export function followDeployment({
  deploymentId,
  after,
  filter,
  ...connection
}: FollowOptions): AsyncIterableIterator<DeploymentLogEvent, void, void> {
  let cursor = after;
  return resumeSubscription(
    {
      document: FollowLogsDocument,
      variables: () => ({ deploymentId, after: cursor, filter }),
      take({ deploymentLogs: event }) {
        cursor = event.cursor;
        return event;
      },
      isLast: (event) => event.__typename === 'DeploymentLogEnd',
      isOver: () => false,
    },
    connection,
  );
}

/** Every transition of a deployment, once and in order, until it has ended. Throws ApiError for a refusal. */
export function followDeploymentEvents({
  deploymentId,
  after,
  ...connection
}: FollowEventsOptions): AsyncIterableIterator<DeploymentEvent, void, void> {
  let cursor = after;
  let hasEnded = false;
  return resumeSubscription(
    {
      document: FollowEventsDocument,
      variables: () => ({ deploymentId, after: cursor }),
      take({ deploymentEvents: event }) {
        cursor = String(event.seq);
        hasEnded ||= isTerminal(event.status);
        return event;
      },
      // What its release did after the end may be stored too.
      isLast: () => false,
      // Of a cursor after the end, nothing comes.
      isOver: (events) => hasEnded || events === 0,
    },
    connection,
  );
}

/**
 * The state of a deployment now and after it changed, until its terminal one; several changes may be merged. It never goes
 * back, and no state comes twice. Throws ApiError for a refusal.
 */
export function followDeploymentState({
  deploymentId,
  ...connection
}: FollowStateOptions): AsyncIterableIterator<DeploymentState, void, void> {
  let seen = 0;
  return resumeSubscription(
    {
      document: FollowStateDocument,
      variables: () => ({ deploymentId }),
      take({ deploymentUpdated: state }) {
        if (state.stateVersion <= seen) return null;
        seen = state.stateVersion;
        return state;
      },
      isLast: ({ status }) => isTerminal(status),
      isOver: () => false,
    },
    connection,
  );
}

/**
 * Every line that the releases of an app print, once and in order, until the app is deleted. When the connection breaks it
 * connects again and goes on after the last line it gave. Throws ApiError for a refusal.
 */
export function followRuntimeLogs({
  productionAppId,
  after,
  filter,
  ...connection
}: FollowRuntimeOptions): AsyncIterableIterator<RuntimeLogEvent, void, void> {
  let cursor = after;
  return resumeSubscription(
    {
      document: FollowRuntimeDocument,
      variables: () => ({ productionAppId, after: cursor, filter }),
      take({ runtimeLogs: event }) {
        cursor = event.cursor;
        return event;
      },
      isLast: (event) => event.__typename === 'RuntimeLogEnd',
      isOver: () => false,
    },
    connection,
  );
}

function isTerminal(status: DeploymentStatus | null | undefined): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';
}
