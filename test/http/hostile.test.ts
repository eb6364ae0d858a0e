import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { getIntrospectionQuery } from 'graphql';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { CreateEntityDocument, RequestUploadDocument } from '../../src/generated/gql/graphql.ts';
import { graphql } from '../kit/graphql.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';
import { sendRaw } from '../kit/raw.ts';
import { createOwner, makePackage, type Member } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

/** Is in everything that is sent, and may be in nothing that is answered. */
const CANARY = 'canary-5b1f';
const REQUEST_TIMEOUT_MS = 1_500;

const lines: string[] = [];
let plane: Plane;
let owner: Member;
beforeAll(async () => {
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  plane = await startPlane({ roles: ['api'], requestTimeoutMs: REQUEST_TIMEOUT_MS, log });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());
beforeEach(() => void lines.splice(0));
afterEach(async () => {
  if (lines.length > 1) throw new Error(`There was more than one log line:\n${lines.join('')}`);
  const { status, body } = await graphql(plane, owner.token, '{ __typename }');
  if (status !== 200) throw new Error(`It does not serve any more: ${body}`);
});

const nested = (depth: number, open: string, close = '}') => open.repeat(depth) + close.repeat(depth);
const times = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join(' ');
/** As deep as a body may be. */
const DEEP = JSON.parse(`${'['.repeat(97)}"${CANARY}\\u0000"${']'.repeat(97)}`) as unknown;

interface Operation {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

const TOO_COMPLEX: Record<string, Operation> = {
  'a page that the default of a variable makes large': {
    query: `query ($n: Int = 100) { productionApps(first: $n) { nodes { entity { productionApps(first: $n) { nodes {
      deployments(first: $n) { nodes { id reason } } } } } } } }`,
  },
  'a deep nest': {
    query:
      `{ deployments(filter: { versionId: "${CANARY}" }) ${nested(30, '{ nodes { productionApp { deployments ', '} } }')} }`.replace(
        /deployments +\}/,
        'deployments { totalCount } }',
      ),
  },
  'a nest of brackets': { query: `{ deployment(id: ${'['.repeat(20_000)}"${CANARY}"` },
  '10,000 aliases': { query: `{ ${times(10_000, (i) => `a${i}: __typename`)} }` },
  '60 aliases': { query: `{ viewer { ${times(60, (i) => `a${i}: __typename`)} } }` },
  '10,000 directives': { query: `{ __typename ${times(10_000, () => '@skip(if: false)')} }` },
  '60 directives': { query: `{ __typename ${times(60, () => '@unknown')} }` },
  'a long text': { query: `{ deployment(id: "${CANARY.repeat(7_000)}") { id } }` },
  'many fields at the root': { query: `{ ${times(30, () => 'viewer { user { id } }')} }` },
  'one field again and again': { query: `{ viewer { ${times(600, () => 'user { id }')} } }` },
  'fragments that double each other': {
    query: `{ ...f0 } ${times(40, (i) => `fragment f${i} on Query { a${i}: node(id: "x") { ...g${i} } ...f${i + 1} }`)}`,
  },
  'fragments that multiply each other': {
    query: `{ deployments { nodes { ...f0 } } } ${times(14, (i) => `fragment f${i} on Deployment { productionApp { liveDeployment { ...f${i + 1} } } source { ...f${i + 1} } supersededBy { ...f${i + 1} } }`)} fragment f14 on Deployment { id }`,
  },
  'a fragment in itself': { query: '{ deployments { nodes { ...f } } } fragment f on Deployment { source { ...f } }' },
  'huge pages in each other': {
    query:
      '{ productionApps(first: 100) { nodes { deployments(first: 100) { nodes { logs(first: 1000) { nodes { message } } } } } } }',
  },
  'huge pages by a variable': {
    query:
      'query ($n: Int) { productionApps(first: $n) { nodes { deployments(last: $n) { nodes { id version { id } } } } } }',
    variables: { n: 100 },
  },
  'huge pages in a fragment': {
    query:
      '{ productionApps(first: 100) { ...p } } fragment p on ProductionAppConnection { edges { node { deployments(first: 100) { nodes { id } } } } }',
  },
  'introspection many times': {
    query: `{ ${times(19, (i) => `a${i}: __schema { types { fields { args { name } } } }`)} }`,
  },
  'thousands of nodes': {
    query: 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }',
    variables: { ids: Array.from({ length: 15_000 }, () => CANARY) },
  },
};

const INVALID: Record<string, Operation> = {
  'a circle of spreads': { query: '{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }' },
  'introspection in circles': {
    query: '{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }',
  },
  'an open brace': { query: '{' },
  'a text of NULs': { query: '\0'.repeat(1_000) },
  'an unknown operation': { query: 'query a { __typename }', operationName: CANARY },
  'a __proto__ variable': {
    query: 'query ($id: ID!) { deployment(id: $id) { id } }',
    variables: JSON.parse(`{ "__proto__": { "id": "${CANARY}" } }`) as Record<string, unknown>,
  },
  'a variable of a wrong type': {
    query: 'query ($id: ID!) { deployment(id: $id) { id } }',
    variables: { id: { a: CANARY } },
  },
  'a variable with a field too many': {
    query: 'query ($f: DeploymentFilter) { deployments(filter: $f) { totalCount } }',
    variables: { f: { [CANARY]: CANARY } },
  },
  'a NUL deep in an unused variable': { query: '{ __typename }', variables: { x: DEEP } },
};

type Refused = { codes: string[]; text: string };
const codesIn = (errors: readonly { extensions?: { code?: string } }[] = []) =>
  errors.map(({ extensions }) => extensions?.code ?? 'none');

async function overHttp(operation: Operation): Promise<Refused> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/graphql-response+json',
    authorization: `Bearer ${owner.token}`,
  };
  const { status, body } = await send('POST', `${plane.url}/graphql`, { headers, body: JSON.stringify(operation) });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  return { codes: codesIn(JSON.parse(body).errors), text: body };
}

async function overSse(operation: Operation): Promise<Refused> {
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    authorization: `Bearer ${owner.token}`,
  };
  const { status, body } = await send('POST', `${plane.url}/graphql`, { headers, body: JSON.stringify(operation) });
  expect(status).toBeLessThan(500);
  const data = /^data: ?(\{.*)$/m.exec(body)?.[1] ?? body;
  return { codes: codesIn(JSON.parse(data).errors), text: body };
}

async function overStream(operation: Operation): Promise<Refused> {
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    authorization: `Bearer ${owner.token}`,
  };
  const { status, body } = await send('POST', `${plane.url}/graphql/stream`, {
    headers,
    body: JSON.stringify(operation),
  });
  expect(status).toBeLessThan(500);
  return { codes: codesIn(JSON.parse(/^data: ?(\{.*)$/m.exec(body)?.[1] ?? body).errors), text: body };
}

async function openSocket(
  params: Record<string, unknown> = { authorization: `Bearer ${owner.token}` },
): Promise<WebSocket> {
  const socket = new WebSocket(`${plane.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: params }));
  await once(socket, 'message');
  return socket;
}

async function overWebSocket(payload: Operation): Promise<Refused> {
  const socket = await openSocket();
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
  const [message] = (await once(socket, 'message')) as [Buffer];
  socket.terminate();
  const { type, payload: answer } = JSON.parse(message.toString());
  return { codes: codesIn(type === 'error' ? answer : answer.errors), text: message.toString() };
}

describe.each([
  ['HTTP', overHttp],
  ['server-sent events', overSse],
  ['one reserved stream', overStream],
  ['WebSocket', overWebSocket],
])('over %s', (_name, run) => {
  test.each(Object.entries(TOO_COMPLEX))('%s is too complex', async (_case, operation) => {
    const { codes, text } = await run(operation);

    expect(codes).toEqual(['QUERY_TOO_COMPLEX']);
    expect(text).not.toContain(CANARY);
  });

  test.each(Object.entries(INVALID))(
    '%s is refused with a code, and its values are not quoted',
    async (_case, operation) => {
      const { codes, text } = await run(operation);

      expect(codes.length).toBeGreaterThan(0);
      for (const code of codes) expect(code).toMatch(/^(BAD_USER_INPUT|GRAPHQL_(PARSE|VALIDATION)_FAILED)$/);
      expect(text).not.toContain(CANARY);
    },
  );
});

const POST = (body: string | Buffer, headers: Record<string, string> = {}, path = '/graphql') => {
  const fields = {
    host: 'localhost',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return [`POST ${path} HTTP/1.1\r\n${head.join('')}\r\n`, body];
};
const DOCUMENT = JSON.stringify({ query: '{ __typename }' });
const LARGE = JSON.stringify({ query: '{ __typename }', variables: { x: CANARY.repeat(200_000) } });

/** What would take the parser of JSON, and what walks through its result, far longer than its bytes say. */
const NOT_SIMPLE: Record<string, string> = {
  'a megabyte of brackets': `${'['.repeat(500_000)}"${CANARY}"${']'.repeat(500_000)}`,
  'brackets that never close': '['.repeat(500_000),
  'a megabyte of small values': `["${CANARY}"${',1'.repeat(500_000)}]`,
  'many small objects': `[${times(20_000, () => '{"a":1}').replaceAll(' ', ',')}]`,
  'one level too many': `${'['.repeat(99)}"${CANARY}"${']'.repeat(99)}`,
};
const withVariable = (json: string) => `{"query":"{ __typename }","variables":{"x":${json}}}`;

describe.each(Object.entries(NOT_SIMPLE))('%s', (_name, json) => {
  test.each(['/graphql', '/graphql/stream', '/api/deploy'])('is refused at %s before it is parsed', async (path) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${owner.token}` };

    const { status, body } = await send('POST', `${plane.url}${path}`, { headers, body: withVariable(json) });

    const message = 'A body may have at most 20000 values, in 100 levels.';
    expect([status, JSON.parse(body)]).toEqual([
      400,
      expect.objectContaining({ code: 'BAD_USER_INPUT', detail: message }),
    ]);
  });

  test('closes a WebSocket like any other message that cannot be read', async () => {
    const socket = await openSocket();
    socket.send(`{"id":"1","type":"subscribe","payload":${withVariable(json)}}`);

    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];

    expect([code, reason.toString()]).toEqual([4400, 'A message had too many values or levels.']);
  });
});

test('brackets and commas in a text are no levels and no values', async () => {
  const text = '[{"\\,'.repeat(30_000);

  const { codes } = await graphql(plane, owner.token, '{ __typename }', { x: text });

  expect(codes).toEqual([]);
});

test.each([
  ['a batch', '[{"query":"{ __typename }"}]'],
  ['an empty object', '{}'],
  ['null', 'null'],
  ['a number', '1'],
  ['a text', '"{ __typename }"'],
  ['nothing', ''],
])('%s is not one operation', async (_name, body) => {
  const headers = { 'content-type': 'application/json' };

  const answer = await send('POST', `${plane.url}/graphql`, { headers, body });

  const detail = 'Send one operation, as a JSON object with its "query".';
  expect([answer.status, JSON.parse(answer.body)]).toEqual([
    400,
    expect.objectContaining({ code: 'BAD_USER_INPUT', detail }),
  ]);
});

const RAW: [string, Iterable<string | Buffer>, number, string][] = [
  ['a body of 2 MB', POST(LARGE), 413, 'PAYLOAD_TOO_LARGE'],
  [
    'a body of 2 MB in chunks',
    [
      `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
      `${LARGE.length.toString(16)}\r\n${LARGE}\r\n0\r\n\r\n`,
    ],
    413,
    'PAYLOAD_TOO_LARGE',
  ],
  ['a body of 2 MB over REST', POST(LARGE, {}, '/api/deploy'), 413, 'PAYLOAD_TOO_LARGE'],
  ['a batch', POST(`[${DOCUMENT},${DOCUMENT}]`), 400, 'BAD_USER_INPUT'],
  ['a gzipped body', POST(gzipSync(DOCUMENT), { 'content-encoding': 'gzip' }), 400, 'BAD_USER_INPUT'],
  [
    'invalid UTF-8',
    POST(
      Buffer.concat([
        Buffer.from('{"query":"{ __typename }", "x'),
        Buffer.from([0xff, 0xfe, 0xc0]),
        Buffer.from('":1}'),
      ]),
    ),
    400,
    'BAD_USER_INPUT',
  ],
  ['a body that is not JSON', POST(CANARY), 400, 'BAD_USER_INPUT'],
  ['a parameter too many', POST(`{ "query": "{ __typename }", "${CANARY}": 1 }`), 400, 'BAD_USER_INPUT'],
  [
    'a form',
    POST(`query=${CANARY}`, { 'content-type': 'application/x-www-form-urlencoded' }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  [
    'a multipart form',
    POST(CANARY, { 'content-type': 'multipart/form-data; boundary=x' }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  ['a bare document', POST('{ __typename }', { 'content-type': 'application/graphql' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
  [
    'the media type of an answer',
    POST(DOCUMENT, { 'content-type': 'application/graphql-response+json' }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  ['no media type', POST(DOCUMENT, { 'content-type': '' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['a body of another length', POST(DOCUMENT, { 'content-length': CANARY }), 400, 'BAD_USER_INPUT'],
  [
    'two lengths',
    [`POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd`],
    400,
    'BAD_USER_INPUT',
  ],
  [
    'a length and chunks',
    [`POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    400,
    'BAD_USER_INPUT',
  ],
  ['a huge head', [`GET /graphql HTTP/1.1\r\nhost: x\r\nx: ${CANARY.repeat(4_000)}\r\n\r\n`], 431, 'HEADERS_TOO_LARGE'],
  ['a huge URL', [`GET /graphql?query=${CANARY.repeat(4_000)} HTTP/1.1\r\nhost: x\r\n\r\n`], 431, 'HEADERS_TOO_LARGE'],
  ['what is not HTTP', [`${CANARY}\r\n\r\n`], 400, 'BAD_USER_INPUT'],
  ['a TLS hello', [Buffer.from('16030100c8010000c40303', 'hex')], 400, 'BAD_USER_INPUT'],
  ['an unknown method', [`BREW /graphql HTTP/1.1\r\nhost: x\r\n\r\n`], 400, 'BAD_USER_INPUT'],
  ['a method that GraphQL does not have', [`DELETE /graphql HTTP/1.1\r\nhost: x\r\n\r\n`], 405, 'METHOD_NOT_ALLOWED'],
  ['TRACE', [`TRACE /api/deploys HTTP/1.1\r\nhost: x\r\nx: ${CANARY}\r\n\r\n`], 405, 'METHOD_NOT_ALLOWED'],
  ['a URL of two slashes', ['GET // HTTP/1.1\r\nhost: x\r\n\r\n'], 400, 'BAD_USER_INPUT'],
  ['a broken host', [`GET /graphql HTTP/1.1\r\nhost: ${CANARY}:x:y\r\n\r\n`], 400, 'BAD_USER_INPUT'],
  ['a media type that is not offered', POST(DOCUMENT, { accept: `text/${CANARY}` }), 406, 'NOT_ACCEPTABLE'],
  [
    'a mutation by GET',
    [
      'GET /graphql?query=mutation%7BcreateStreamTicket%7Bticket%7D%7D HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n\r\n',
    ],
    405,
    'METHOD_NOT_ALLOWED',
  ],
  [
    'variables in a URL that are not JSON',
    [`GET /graphql?query=%7B__typename%7D&variables=${CANARY} HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n\r\n`],
    400,
    'BAD_USER_INPUT',
  ],
  [
    'an upgrade of a URL of two slashes',
    ['GET // HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'],
    404,
    'NOT_FOUND',
  ],
  [
    'an upgrade elsewhere',
    [`GET /${CANARY} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`],
    404,
    'NOT_FOUND',
  ],
  ['an unknown path', [`GET /${CANARY} HTTP/1.1\r\nhost: x\r\n\r\n`], 404, 'NOT_FOUND'],
  ['a path of broken escapes', [`GET /api/deploys/%E0%A4%A HTTP/1.1\r\nhost: x\r\n\r\n`], 404, 'NOT_FOUND'],
  [
    'an Authorization that is none',
    [`GET /api/deploys HTTP/1.1\r\nhost: x\r\nauthorization: Basic ${CANARY}\r\n\r\n`],
    401,
    'UNAUTHENTICATED',
  ],
  [
    'a ticket that is none',
    [`GET /graphql?query=%7B__typename%7D&ticket=${CANARY} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n`],
    401,
    'UNAUTHENTICATED',
  ],
];

test.each(RAW)('%s is answered with its status and its code', async (_name, pieces, status, code) => {
  const answer = await sendRaw(plane.url, pieces);

  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`"${code}"`)]);
  expect(answer.text).not.toContain(CANARY);
});

// A connection that is closed under a body is reset, and its sender never sees the answer.
test.each([
  ['/graphql', 413],
  ['/graphql/stream', 413],
  ['/api/deploy', 413],
  ['/nothing', 404],
])('who reads nothing until 7 MB are sent to %s gets the answer all the same', async (path, status) => {
  const { hostname, port } = new URL(plane.url);
  const socket = connect(Number(port), hostname).pause();
  const fields = `content-type: application/json\r\nauthorization: Bearer ${owner.token}\r\ncontent-length: 7000000`;
  let text = '';
  socket.on('data', (data: Buffer) => (text += data.toString('latin1')));
  socket.on('error', () => {}); // Seen below, by what is missing.
  const closed = new Promise((resolve) => socket.once('close', resolve));

  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\n${fields}\r\n\r\n`);
  socket.write(Buffer.alloc(7_000_000, CANARY), () => socket.resume());
  await closed;

  expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(text).toMatch(/\}\s*$/);
});

/** Answers how many bytes were sent until the other side has closed, and what it said. */
async function sendForEver(head: string | Buffer): Promise<{ bytes: number; text: string }> {
  const { hostname, port } = new URL(plane.url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  const chunk = Buffer.alloc(65_536, CANARY);
  let text = '';
  socket.on('data', (data: Buffer) => (text += data.toString('latin1')));
  socket.on('error', () => {}); // This is how one is cut off.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const goOn = (error?: Error | null) => {
    if (!error && !socket.destroyed) socket.write(chunk, goOn);
  };
  socket.write(head, goOn);
  await closed;
  return { bytes: socket.bytesWritten, text };
}

/** Of a frame of a gigabyte, masked as those of clients are. */
const HUGE_FRAME = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]);
const UPGRADE = [
  'GET /graphql HTTP/1.1',
  'host: x',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
  'sec-websocket-protocol: graphql-transport-ws',
];

test.each<[what: string, head: string | Buffer, status: number]>([
  ['a body', 'POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n', 404],
  ['a frame', Buffer.concat([Buffer.from(`${UPGRADE.join('\r\n')}\r\n\r\n`), HUGE_FRAME]), 101],
])('who goes on sending %s that was refused is cut off', async (_what, head, status) => {
  const startedAt = Date.now();

  const { bytes, text } = await sendForEver(head);

  expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(bytes).toBeLessThan(30_000_000);
  expect(Date.now() - startedAt).toBeLessThan(4_000);
});

test('an expectation that is not known is passed over', async () => {
  const { status } = await sendRaw(plane.url, POST(DOCUMENT, { expect: CANARY }));

  expect(status).toBe(200);
});

test('a junk request behind a good one takes nothing from the good one', async () => {
  const { text } = await sendRaw(plane.url, ['GET /livez HTTP/1.1\r\nhost: x\r\n\r\n', `${CANARY}\r\n\r\n`]);

  expect(text).toMatch(/^HTTP\/1\.1 (200|400)/);
  expect(text).not.toContain(CANARY);
});

function* slowly(text: string): Generator<string> {
  for (const letter of text) yield letter;
}

test.each([
  ['a head', slowly(`GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(1_000)}`)],
  ['a body', [POST(`{ "query": "${CANARY}`, { 'content-length': '1000' })[0]!, ...slowly('x'.repeat(900))]],
  ['a body over REST', [POST('', { 'content-length': '1000' }, '/api/deploy')[0]!, ...slowly('x'.repeat(900))]],
])('%s that comes letter by letter is given up in time', async (_name, pieces) => {
  const startedAt = Date.now();

  const { status, text } = await sendRaw(plane.url, pieces, { pauseMs: 50 });

  expect([status, text]).toEqual([408, expect.stringContaining('"REQUEST_TIMEOUT"')]);
  expect(Date.now() - startedAt).toBeLessThan(REQUEST_TIMEOUT_MS + 3_000);
});

test('a connection that says nothing is ended', async () => {
  const { status } = await sendRaw(plane.url, []);

  expect(status).toBe(408);
});

test('an upload may take longer, but not stand still', async () => {
  const entity = await owner.client.request(CreateEntityDocument, {
    input: { organizationId: owner.organizationId, name: 'Slow', slug: 'slow' },
  });
  const input = { entityId: entity.createEntity.entity.id, version: 'v1', sourceHash: 'abcdef012345' };
  const upload = await owner.client.request(RequestUploadDocument, { input });
  const { pathname } = new URL(upload.requestVersionUpload.uploadUrl!);
  const archive = await makePackage({ 'package.json': '{}' });
  const head = (bytes: number) => `PUT ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-length: ${bytes}\r\n\r\n`;
  const pieces = Array.from({ length: 20 }, (_, i) =>
    archive.subarray((i * archive.length) / 20, ((i + 1) * archive.length) / 20),
  );
  const startedAt = Date.now();

  const slow = await sendRaw(plane.url, [head(archive.length), ...pieces], { pauseMs: REQUEST_TIMEOUT_MS / 8 });
  const tookMs = Date.now() - startedAt;
  const still = await sendRaw(plane.url, [head(archive.length + 1), archive]);

  expect(slow.status).toBe(204);
  expect(tookMs).toBeGreaterThan(REQUEST_TIMEOUT_MS * 2);
  expect([still.status, still.text]).toEqual([408, expect.stringContaining('"REQUEST_TIMEOUT"')]);
});

test('who leaves in the middle of a body is no error of ours', async () => {
  for (const path of ['/graphql', '/api/deploy', '/graphql/stream']) {
    const { hostname, port } = new URL(plane.url);
    const socket = connect(Number(port), hostname);
    const fields = `host: x\r\ncontent-type: application/json\r\nauthorization: Bearer ${owner.token}\r\ncontent-length: 1000`;
    socket.write(`POST ${path} HTTP/1.1\r\n${fields}\r\n\r\n{ "query"`);
    await until('it has arrived', () => socket.bytesWritten > 100);
    socket.resetAndDestroy();
    await once(socket, 'close');
  }
  expect((await graphql(plane, owner.token, '{ __typename }')).status).toBe(200);

  expect(lines).toEqual([]);
});

test('a reserved event stream takes 100 operations at a time, and refuses more', async () => {
  const authorization = `Bearer ${owner.token}`;
  const reserved = await send('PUT', `${plane.url}/graphql/stream`, { headers: { authorization } });
  const headers = { authorization, 'x-graphql-event-stream-token': reserved.body };
  const leaving = new AbortController();
  const stream = await fetch(`${plane.url}/graphql/stream`, {
    headers: { ...headers, accept: 'text/event-stream' },
    signal: leaving.signal,
  });
  let text = '';
  const reading = (async () => {
    for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) text += chunk;
  })().catch(() => {}); // It is left below.

  for (let i = 1; i <= 101; i += 1) {
    const body = JSON.stringify({
      query: 'subscription { deploymentsChanged { id } }',
      extensions: { operationId: `operation-${i}` },
    });
    const accepted = await send('POST', `${plane.url}/graphql/stream`, {
      headers: { ...headers, 'content-type': 'application/json' },
      body,
    });
    expect(accepted.status).toBe(202);
  }

  await until('one is refused', () => text.includes('event: complete'));
  expect(text.match(/"code":"RATE_LIMITED"/g)).toHaveLength(1);
  expect(text).toMatch(/"id":"operation-101","payload":[^\n]*RATE_LIMITED/);
  leaving.abort();
  await reading;
});

describe('a WebSocket', () => {
  const closeOf = async (socket: WebSocket) => {
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    return { code, reason: reason.toString() };
  };
  const ping = JSON.stringify({ type: 'ping' });

  test.each<[string, (socket: WebSocket) => void, number]>([
    ['junk', (socket) => socket.send(CANARY), 4400],
    ['binary junk', (socket) => socket.send(Buffer.from([0, 255, 254])), 4400],
    ['a message of no type', (socket) => socket.send('{}'), 4400],
    [
      'a message of the server',
      (socket) => socket.send(JSON.stringify({ type: 'next', id: '1', payload: { data: {} } })),
      4400,
    ],
    ['a frame of 2 MB', (socket) => socket.send(CANARY.repeat(200_000)), 1009],
    ['a second init', (socket) => socket.send('{"type":"connection_init"}'), 4429],
    [
      'a second operation of a very long id',
      (socket) => {
        const subscribe = {
          id: CANARY.repeat(1_000),
          type: 'subscribe',
          payload: { query: 'subscription { deploymentsChanged { id } }' },
        };
        for (let i = 0; i < 2; i += 1) socket.send(JSON.stringify(subscribe));
      },
      4409,
    ],
    [
      'thousands of pings',
      (socket) => {
        for (let i = 0; i < 4_000; i += 1) socket.send(ping);
      },
      4429,
    ],
  ])('with %s is closed with its code', async (_name, write, code) => {
    const socket = await openSocket();

    write(socket);

    const closed = await closeOf(socket);
    expect(closed).toEqual({ code, reason: expect.not.stringContaining(CANARY) });
  });

  test('without its subprotocol, or with a frame that is none, is closed', async () => {
    const other = new WebSocket(`${plane.url.replace('http', 'ws')}/graphql`);
    expect((await closeOf(other)).code).toBe(4406);

    const socket = await openSocket();
    (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(Buffer.from([0xff, 0xff, 0xff]));
    expect((await closeOf(socket)).code).toBe(1002);
  });

  test('takes 100 operations at a time, refuses more, and closes on who does not listen', async () => {
    const socket = await openSocket();
    const refused: string[] = [];
    const closed = closeOf(socket);
    socket.on('message', (message: Buffer) => {
      const { id, type, payload } = JSON.parse(message.toString());
      if (type === 'error') refused.push(`${id} ${payload[0].extensions.code}`);
    });
    const payload = { query: 'subscription { deploymentsChanged { id } }' };
    const subscribe = (from: number, to: number) => {
      for (let i = from; i <= to; i += 1) socket.send(JSON.stringify({ id: `${i}`, type: 'subscribe', payload }));
    };

    subscribe(1, 102);
    await until('two are refused', () => refused.length === 2);
    subscribe(103, 1_000);

    expect(await closed).toEqual({ code: 4429, reason: 'Too many requests were refused.' });
    expect(refused.slice(0, 2)).toEqual(['101 RATE_LIMITED', '102 RATE_LIMITED']);
  });
});

test('the usual introspection passes, with its cost in the answer', async () => {
  const query = getIntrospectionQuery({
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  });

  const { data, codes, body } = await graphql(plane, null, query);

  expect(codes).toEqual([]);
  expect(data.__schema.types.length).toBeGreaterThan(50);
  expect(JSON.parse(body).extensions.cost).toEqual({ requested: expect.any(Number), maximum: 10_000 });
});

test.each([
  ['{ viewer { user { id } } }', 2],
  ['{ deployments { nodes { id } } }', 1 + 20],
  ['{ deployments(first: 100) { nodes { id productionApp { id } } pageInfo { endCursor } } }', 1 + 200 + 1],
  ['{ deployments(last: 5) { edges { cursor node { id phases { name } } } } }', 1 + 5 * (1 + 1 + 10)],
  ['{ deploymentsPage(pageSize: 50) { nodes { id } } }', 1 + 50],
  ['{ nodes(ids: ["a", "b"]) { id } }', 2],
  ['{ __typename }', 0],
])('%s costs %d', async (query, cost) => {
  const { body } = await graphql(plane, owner.token, query);

  expect(JSON.parse(body).extensions).toEqual({ cost: { requested: cost, maximum: 10_000 } });
});
