import { once } from 'node:events';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  type GraphQLInputType,
  type GraphQLOutputType,
} from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { schema } from '../../src/graphql/schema.ts';
import { ROUTES } from '../../src/http/rest.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';
import { createOwner, type Member } from '../kit/seed.ts';

/** Is in everything that is sent, wherever there is place for it, and in no refusal. */
const MARK = 'marked_4c81';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane({ roles: ['api'] });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

interface Operation {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
  readonly [key: string]: unknown;
}

const bearer = () => ({ authorization: `Bearer ${owner.token}` });
const JSON_BODY = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };

/** A value with the mark in each of its texts. */
function marked(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return marked(type.ofType);
  if (isListType(type)) return [marked(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (isInputObjectType(type)) {
    return Object.fromEntries(Object.values(type.getFields()).map((field) => [field.name, marked(field.type)]));
  }
  const { name } = type;
  if (name === 'Int' || name === 'Float') return 1;
  if (name === 'Boolean') return true;
  return name === 'DateTime' ? '2026-01-31T12:00:00Z' : MARK;
}

function selectionOf(type: GraphQLOutputType): string {
  return isLeafType(getNamedType(type)) ? '' : '{ __typename }';
}

/** Every query, mutation and subscription, asked for what cannot be there. */
const EVERY_OPERATION: [string, Operation][] = (
  [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const
).flatMap(([kind, root]) =>
  Object.values(root!.getFields())
    .filter(({ args }) => args.length > 0)
    .map(({ name, args, type }): [string, Operation] => {
      const defined = args.map((argument) => `$${argument.name}: ${argument.type.toString()}`).join(', ');
      const given = args.map((argument) => `${argument.name}: $${argument.name}`).join(', ');
      const query = `${kind} (${defined}) { ${name}(${given}) ${selectionOf(type)} }`;
      return [name, { query, variables: Object.fromEntries(args.map((one) => [one.name, marked(one.type)])) }];
    }),
);

const BY_ID = 'query ($id: ID!) { deployment(id: $id) { id } }';
const BROKEN: [string, Operation][] = [
  ['an unknown field', { query: `{ ${MARK} }` }],
  ['an unknown field of a type', { query: `{ viewer { user { ${MARK} } } }` }],
  ['an unknown argument', { query: `{ viewer(${MARK}: 1) { user { id } } }` }],
  ['an unknown type', { query: `query ($a: ${MARK}) { viewer { user { id } } }` }],
  ['an unknown fragment', { query: `{ ...${MARK} }` }],
  ['an unused fragment', { query: `{ __typename } fragment ${MARK} on Query { __typename }` }],
  ['two fragments of one name', { query: `{ ...${MARK} } ${`fragment ${MARK} on Query { __typename } `.repeat(2)}` }],
  ['an unknown directive', { query: `{ __typename @${MARK} }` }],
  ['an undefined variable', { query: `{ deployment(id: $${MARK}) { id } }` }],
  ['an unused variable', { query: `query ($${MARK}: Int) { __typename }` }],
  ['a variable that is missing', { query: `query ($${MARK}: ID!) { deployment(id: $${MARK}) { id } }` }],
  [
    'a variable that does not fit',
    { query: `query ($${MARK}: ID!) { deployment(id: $${MARK}) { id } }`, variables: { [MARK]: { a: MARK } } },
  ],
  [
    'two operations of one name',
    { query: `query ${MARK} { __typename } query ${MARK} { __typename }`, operationName: MARK },
  ],
  ['an unknown operation', { query: 'query a { __typename }', operationName: MARK }],
  ['aliases in conflict', { query: `{ ${MARK}: viewer { user { id } } ${MARK}: organization(id: "a") { id } }` }],
  ['a value of a wrong type', { query: `{ deployments(first: "${MARK}") { totalCount } }` }],
  ['an enum value as a number', { query: `{ deployments(first: ${MARK}) { totalCount } }` }],
  ['an unknown enum value', { query: `{ deployments(filter: { status: [${MARK}] }) { totalCount } }` }],
  ['a text for an enum', { query: `{ deployments(filter: { status: ["${MARK}"] }) { totalCount } }` }],
  ['an unknown input field', { query: `{ deployments(filter: { ${MARK}: 1 }) { totalCount } }` }],
  ['a text with quotes', { query: `{ deployments(first: "a \\" ${MARK} \\" b") { totalCount } }` }],
  ['a text where none may be', { query: `{ "x \\" ${MARK}" }` }],
  ['a name where none may be', { query: `{ viewer } ${MARK}` }],
  ['a block of text where none may be', { query: `{ """ ${MARK} """ }` }],
  ['a text without an end', { query: `{ deployment(id: "${MARK}` }],
  ['a number that is none', { query: `{ deployments(first: 1${MARK}) { totalCount } }` }],
  [
    'a key too many in a variable',
    {
      query: 'query ($f: DeploymentFilter) { deployments(filter: $f) { totalCount } }',
      variables: { f: { [MARK]: MARK } },
    },
  ],
  [
    'an enum value in a variable',
    {
      query: 'query ($s: [DeploymentStatus!]) { deployments(filter: { status: $s }) { totalCount } }',
      variables: { s: [MARK] },
    },
  ],
  [
    'a moment in a variable',
    {
      query: 'query ($d: DateTime) { deployments(filter: { createdAfter: $d }) { totalCount } }',
      variables: { d: MARK },
    },
  ],
  ['a cursor', { query: `{ deployments(after: "${MARK}") { totalCount nodes { id } } }` }],
  ['a parameter too many', { query: BY_ID, [MARK]: MARK }],
];

async function overHttp(operation: Operation): Promise<string> {
  const { status, body } = await send('POST', `${plane.url}/graphql`, {
    headers: { ...JSON_BODY, ...bearer() },
    body: JSON.stringify(operation),
  });
  expect(status).toBeLessThan(500);
  return body;
}

async function overStream(operation: Operation): Promise<string> {
  const { status, body } = await send('POST', `${plane.url}/graphql/stream`, {
    headers: { ...JSON_BODY, accept: 'text/event-stream', ...bearer() },
    body: JSON.stringify(operation),
  });
  expect(status).toBeLessThan(500);
  return body;
}

async function overWebSocket(payload: Operation): Promise<string> {
  const socket = new WebSocket(`${plane.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: bearer() }));
  await once(socket, 'message');
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
  const answer = await Promise.race([
    once(socket, 'message').then(([message]) => String(message)),
    once(socket, 'close').then(([code, reason]) => `closed ${code} ${reason}`),
  ]);
  socket.terminate();
  return answer;
}

/** Something was made, or is streamed: what it is called may be told. */
const isRefusal = (answer: string) => /"errors":|"type":"error"|closed \d/.test(answer);
/** Streams of what is there go on; these are refused. */
const ENDS = EVERY_OPERATION.filter(([, { query }]) => !/deploymentsChanged/.test(query));

test.each([...BROKEN, ...ENDS])('a refusal of %s does not repeat what was sent', async (_name, operation) => {
  const answers = [await overHttp(operation), await overStream(operation), await overWebSocket(operation)];

  for (const answer of answers) if (isRefusal(answer)) expect(answer).not.toContain(MARK);
});

test.each(BROKEN.filter(([name]) => name !== 'a parameter too many'))(
  '%s is refused over HTTP',
  async (_name, operation) => {
    expect(isRefusal(await overHttp(operation))).toBe(true);
  },
);

const REST = ROUTES.map(({ method, path }) => [`${method} ${path}`, method, path] as const);

test.each(REST)('no refusal of %s repeats what was sent', async (_name, method, path) => {
  const marks = path.replaceAll(/\{\w+\}/g, MARK);
  const ids = path.replaceAll(/\{\w+\}/g, `dep_${MARK}`);
  const body = {
    [MARK]: MARK,
    id: MARK,
    version: MARK,
    production_app_id: MARK,
    entity_id: MARK,
    environment: [{ [MARK]: MARK }],
  };
  const query = `?${MARK}=${MARK}&status=${MARK}&after=${MARK}&limit=${MARK}&stream=${MARK}&subdomain=${MARK}&page=${MARK}`;
  const headers = { 'idempotency-key': `${MARK} `, 'last-event-id': MARK, 'x-other': MARK, cookie: MARK };

  const answers = [
    await plane.rest(method, marks + query, { token: owner.token, headers }),
    await plane.rest(method, ids, { token: owner.token, body, headers: { 'idempotency-key': MARK } }),
    await plane.rest(method, ids, { token: owner.token, body: `{ "${MARK}": ${MARK}` }),
    await plane.rest(method, ids, { token: MARK }),
    await plane.rest(method, `${ids}/${MARK}`, { token: owner.token }),
    await plane.rest('PATCH', ids, { token: owner.token, headers: { 'content-type': `text/${MARK}` }, body: MARK }),
  ];

  expect(answers.some(({ status }) => status >= 400)).toBe(true);
  for (const { status, body: text, headers: fields } of answers) {
    expect(status).toBeLessThan(500);
    if (status >= 400) expect(text + JSON.stringify(fields)).not.toContain(MARK);
  }
});

test('what exists already is not named in the refusal of a second one', async () => {
  const name = MARK.replace('_', '-');
  const { organizationId } = owner;
  const entity = {
    query: 'mutation ($input: CreateEntityInput!) { createEntity(input: $input) { entity { id } } }',
    variables: { input: { organizationId, name: MARK, slug: name } },
  };
  const { createEntity } = JSON.parse(await overHttp(entity)).data;
  const entityId = createEntity.entity.id as string;
  const app = {
    query: 'mutation ($input: CreateProductionAppInput!) { createProductionApp(input: $input) { replayed } }',
    variables: { input: { entityId, subdomain: name } },
  };
  const role = {
    query: 'mutation ($input: CreateRoleInput!) { createRole(input: $input) { replayed } }',
    variables: { input: { organizationId, name: MARK, scopes: [] } },
  };
  for (const first of [app, role]) expect(isRefusal(await overHttp(first))).toBe(false);

  const answers = [await overHttp(entity), await overHttp(app), await overHttp(role)];

  for (const answer of answers) {
    expect(answer).toContain('"CONFLICT"');
    expect(answer).not.toMatch(/marked.4c81/);
  }
});
