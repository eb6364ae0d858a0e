import { ApolloClient, gql, InMemoryCache } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client as UrqlClient, subscriptionExchange } from '@urql/core';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient, type Client as WsClient, type Sink } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onEnd, pipe, subscribe } from 'wonka';
import WebSocket from 'ws';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles, pushVersion, trigger, type Member } from '../kit/seed.ts';

/** Clients as their own documentation sets them up, with nothing of ours. */

let plane: Plane;
let owner: Member;
/** A deployment that has ended. */
let ended: string;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
  ended = await deployFiles(plane, owner, await createApp(owner), appFiles('one'));
});
afterAll(() => plane[Symbol.asyncDispose]());

const LOGS = `subscription Logs($id: ID!) {
  deploymentLogs(deploymentId: $id) {
    __typename
    ... on DeploymentLogBatch { lines { seq message } }
    ... on DeploymentLogEnd { status lineCount }
  }
}`;

interface Logs {
  readonly deploymentLogs:
    | { readonly __typename: 'DeploymentLogBatch'; readonly lines: readonly { seq: number; message: string }[] }
    | { readonly __typename: 'DeploymentLogEnd'; readonly status: string; readonly lineCount: number };
}

/** Calls back with what comes. Resolves when the subscription is complete, and rejects with its error. */
type Follow = (id: string, token: string, take: (data: Logs) => void) => Promise<void>;

function connectWebSocket(token: string): WsClient {
  return createWsClient({
    url: `${plane.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
}

const overGraphqlWs: Follow = (id, token, take) =>
  new Promise((resolve, reject) => {
    connectWebSocket(token).subscribe<Logs>(
      { query: LOGS, variables: { id } },
      { next: ({ data, errors }) => (errors ? reject(errors[0]) : take(data!)), error: reject, complete: resolve },
    );
  });

const overGraphqlSse: Follow = (id, token, take) =>
  new Promise((resolve, reject) => {
    const client = createSseClient({
      url: `${plane.url}/graphql`,
      headers: { authorization: `Bearer ${token}` },
    });
    client.subscribe<Logs>(
      { query: LOGS, variables: { id } },
      { next: ({ data, errors }) => (errors ? reject(errors[0]) : take(data!)), error: reject, complete: resolve },
    );
  });

const overApollo: Follow = (id, token, take) =>
  new Promise((resolve, reject) => {
    const client = new ApolloClient({ link: new GraphQLWsLink(connectWebSocket(token)), cache: new InMemoryCache() });
    // What comes is told, not kept: the next batch would only take the place of this one in the cache.
    client.subscribe<Logs>({ query: gql(LOGS), variables: { id }, fetchPolicy: 'no-cache' }).subscribe({
      next: ({ data, error }) => (error ? reject(error) : take(data!)),
      error: reject,
      complete: resolve,
    });
  });

const overUrql: Follow = (id, token, take) =>
  new Promise((resolve, reject) => {
    const socket = connectWebSocket(token);
    const client = new UrqlClient({
      url: `${plane.url}/graphql`,
      preferGetMethod: false,
      exchanges: [
        subscriptionExchange({
          forwardSubscription: ({ query, variables }) => ({
            subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query!, variables }, sink as Sink) }),
          }),
        }),
      ],
    });
    const results = client.subscription<Logs>(LOGS, { id });
    pipe(
      results,
      onEnd(resolve),
      subscribe(({ data, error }) => (error ? reject(error) : take(data!))),
    );
  });

describe.each<[string, Follow]>([
  ['graphql-ws', overGraphqlWs],
  ['graphql-sse', overGraphqlSse],
  ['Apollo Client', overApollo],
  ['urql', overUrql],
])('%s', (_name, follow) => {
  test('follows a deployment from its trigger to its end, and completes', async () => {
    const app = await createApp(owner);
    const files = appFiles('one', { build: 'for i in $(seq 1 500); do echo "line $i"; done; sleep 0.2; echo last' });
    const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, files));
    const events: Logs['deploymentLogs'][] = [];

    await follow(id, owner.token, ({ deploymentLogs }) => void events.push(deploymentLogs));

    const lines = events.flatMap((event) => (event.__typename === 'DeploymentLogBatch' ? event.lines : []));
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_line, index) => index + 1));
    expect(lines.map(({ message }) => message)).toEqual(expect.arrayContaining(['line 1', 'line 500', 'last']));
    expect(events.at(-1)).toMatchObject({ status: 'COMPLETED', lineCount: lines.length });
  });

  test('is told why it may not follow', async () => {
    const stranger = await createOwner(plane);

    const refused = follow(ended, stranger.token, () => {});

    await expect(refused).rejects.toThrow('There is no such deployment');
  });
});
