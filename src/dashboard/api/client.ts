import { cacheExchange, type Cache, type UpdatesConfig } from '@urql/exchange-graphcache';
import { Client, fetchExchange, mapExchange, subscriptionExchange } from 'urql';
import type { Live } from './live.ts';

/** What has no id of its own is part of what it is read with. */
const EMBEDDED = [
  'Actor',
  'AllowedAction',
  'DeploymentCancellation',
  'DeploymentConnection',
  'DeploymentFailure',
  'DeploymentPhase',
  'DeploymentPlan',
  'EnvironmentVariable',
  'LogLine',
  'LogLineConnection',
  'Member',
  'Membership',
  'OrganizationInvitationsConnection',
  'OrganizationMembersConnection',
  'PageInfo',
  'PlannedPhase',
  'ProductionAppConnection',
  'QueryAuditEventsConnection',
  'SubdomainAvailability',
  'System',
  'SystemDatabase',
  'SystemEventBus',
  'SystemQueue',
  'VersionConnection',
  'Viewer',
  'ViewerTokensConnection',
];

/** What may stand where the schema names an interface. */
const POSSIBLE_TYPES = { Node: ['Deployment', 'Entity', 'Organization', 'ProductionApp', 'User', 'Version'] };

/**
 * What a mutation changes beyond the objects in its answer, and is read again: a field of the query, or, behind a dot, a
 * field of what that field gave.
 */
const LISTS_CHANGED_BY: Readonly<Record<string, readonly string[]>> = {
  triggerDeployment: ['deployments'],
  retryDeployment: ['deployments'],
  redeployDeployment: ['deployments'],
  rollbackDeployment: ['deployments'],
  updateProductionApp: ['productionApp'],
  deleteProductionApp: ['productionApp', 'productionApps'],
  createApiToken: ['viewer.tokens'],
  createInvitation: ['organization.invitations'],
  createRole: ['organization.roles'],
  updateRole: ['viewer'],
  deleteRole: ['organization.roles'],
  changeMemberRole: ['organization.members', 'organization.roles', 'viewer'],
  removeMember: ['organization.members', 'organization.roles', 'viewer'],
  leaveOrganization: ['organization', 'productionApps', 'deployments', 'viewer'],
};

/** The server says within seconds that it cannot answer. Whoever hears nothing for so long is told so. */
const ANSWER_MS_MAX = 20_000;

/** One normalized cache for all views: what a subscription tells of a deployment changes it wherever it is shown. */
export function createApi(token: string, live: Live, onRefused: () => void): Client {
  return new Client({
    url: '/graphql',
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetch: fetchInTime,
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [
      mapExchange({
        onError(error) {
          if (error.graphQLErrors.some(({ extensions }) => extensions['code'] === 'UNAUTHENTICATED')) onRefused();
        },
      }),
      cacheExchange({
        possibleTypes: POSSIBLE_TYPES,
        keys: Object.fromEntries(EMBEDDED.map((type) => [type, () => null])),
        updates: { Mutation: mutationUpdates() },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: live.socket.subscribe(
              { query, variables: variables as Record<string, unknown> },
              sink as never,
            ),
          }),
        }),
      }),
    ],
  });
}

function fetchInTime(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const inTime = AbortSignal.timeout(ANSWER_MS_MAX);
  return fetch(input, { ...init, signal: init.signal ? AbortSignal.any([init.signal, inTime]) : inTime });
}

function mutationUpdates(): UpdatesConfig['Mutation'] {
  return Object.fromEntries(
    Object.entries(LISTS_CHANGED_BY).map(([mutation, paths]) => [
      mutation,
      (_result, _args, cache) => {
        for (const path of paths) forget(cache, path);
      },
    ]),
  );
}

/** With whatever arguments it was read: each of them is a field of its own in the cache. */
function forget(cache: Cache, path: string): void {
  const [root, part] = path.split('.');
  for (const rootKey of keysOf(cache, 'Query', root!)) {
    const owner = part === undefined ? 'Query' : cache.resolve('Query', rootKey);
    // Null for what was not there.
    if (typeof owner !== 'string') continue;
    for (const key of part === undefined ? [rootKey] : keysOf(cache, owner, part)) cache.invalidate(owner, key);
  }
}

function keysOf(cache: Cache, owner: string, field: string): string[] {
  return cache
    .inspectFields(owner)
    .filter(({ fieldName }) => fieldName === field)
    .map(({ fieldKey }) => fieldKey);
}
