/** What is published as `windlass/client`, for Node and browsers. */
export { ApiError } from './api.ts';
export type { ConnectionOptions, ConnectionState } from './connection.ts';
export {
  followDeployment,
  followDeploymentEvents,
  followDeploymentState,
  followRuntimeLogs,
  type DeploymentEvent,
  type DeploymentLogEvent,
  type DeploymentState,
  type FollowEventsOptions,
  type FollowOptions,
  type FollowRuntimeOptions,
  type FollowStateOptions,
  type RuntimeLogEvent,
} from './follow.ts';
