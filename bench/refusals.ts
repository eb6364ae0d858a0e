import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import WebSocket from 'ws';
import { createServerDatabase, startProcess, type BenchProcess } from './fixtures.ts';

/** What one refusal may cost the server, on average, in milliseconds of processor time. */
const BUDGET_MS = 50;
const ROUNDS = 100;
const WARM_UP = 10;
const JSON_TYPE = { 'content-type': 'application/json' };

/** Who sends a request: the owner, one whose token is wrong, or one without a token, who has none left in this minute. */
type Sender = 'owner' | 'stranger' | 'spent';

interface HttpCase {
  readonly from?: Sender;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface SocketCase {
  readonly from?: Sender;
  readonly origin?: string;
  readonly protocol?: null;
  /** Is sent once the socket is acknowledged; without it, the socket itself is refused. */
  readonly message?: string;
}

interface Case {
  readonly http: HttpCase;
  /** Null where WebSocket has nothing like it. */
  readonly socket: SocketCase | null;
}

const times = <Made>(count: number, make: (index: number) => Made) =>
  Array.from({ length: count }, (_, index) => make(index));

const MUTATION = 'mutation { createStreamTicket { ticket } }';
const PLAIN = JSON.stringify({ query: '{ __typename }' });
/** As deep as a megabyte of JSON can be. The NUL at its bottom is what is refused. */
const BRACKETS = `${'['.repeat(500_000)}"\\u0000"${']'.repeat(500_000)}`;

/** Stands for a number that is another one each time: what was refused of a document is remembered for its text. */
const ROUND = 'round-number';

/** The same operation over both. */
function operation(query: string, more: Readonly<Record<string, unknown>> = {}): Case {
  return encoded(JSON.stringify({ query: `# ${ROUND}\n${query}`, ...more }));
}

function encoded(body: string): Case {
  return { http: { body }, socket: { message: `{"id":"1","type":"subscribe","payload":${body}}` } };
}

const CASES: Readonly<Record<string, Case>> = {
  'a body over 1 MB': operation('{ __typename }', { variables: { text: 'x'.repeat(1_100_000) } }),
  'a body of 8 MB': operation('{ __typename }', { variables: { text: 'x'.repeat(8_000_000) } }),
  'too deep': operation(
    `{ deployments ${'{ nodes { productionApp { deployments '.repeat(20)}{ totalCount }${' } } }'.repeat(20)} }`,
  ),
  '600 aliases': operation(`{ ${times(600, (i) => `a${i}: __typename`).join(' ')} }`),
  '20,000 tokens': operation(`{ ${'viewer '.repeat(9_000)} ${'a:b '.repeat(5_000)} }`),
  'a document over 64 KB': operation(`{ deployment(id: "${'x'.repeat(900_000)}") { id } }`),
  '250 directives': operation(`{ __typename ${'@skip(if: false) '.repeat(250)} }`),
  '195 fields for one place': operation(`{ viewer { ${'user { id } '.repeat(195)} nothing } }`),
  'fragments that multiply each other': operation(
    `{ deployments { nodes { ...f0 } } } ${times(14, (i) => `fragment f${i} on Deployment { productionApp { liveDeployment { ...f${i + 1} } } source { ...f${i + 1} } supersededBy { ...f${i + 1} } }`).join(' ')} fragment f14 on Deployment { id }`,
  ),
  'a cost that pages of pages multiply': operation(
    'query ($n: Int) { productionApps(first: $n) { nodes { deployments(first: $n) { nodes { id } } } } }',
    { variables: { n: 100 } },
  ),
  '300 fields that there are not': operation(`{ ${times(300, (i) => `deploymentz${i}`).join(' ')} }`),
  '19,460 pairs of fields to merge': operation(`{ viewer { ${'user { id } '.repeat(140)} } nothing }`),
  '9,900 keys of a wrong type': operation('query ($id: ID!) { deployment(id: $id) { id } }', {
    variables: { id: Object.fromEntries(times(9_900, (i) => [`${'x'.repeat(60)}${i}`, i] as const)) },
  }),
  '19,000 ids': operation('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
    variables: { ids: times(19_000, (i) => `dep_${i}`) },
  }),
  'a circle of fragments': operation('{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }'),
  'a megabyte of brackets': encoded(`{"query":"{ __typename }","variables":{"x":${BRACKETS}}}`),
  'a megabyte of small values': encoded(
    `{"query":"{ __typename }","variables":{"x":["\\u0000"${',1'.repeat(500_000)}]}}`,
  ),
  'a batch': {
    http: { body: `[${PLAIN},${PLAIN}]` },
    socket: { message: `{"id":"1","type":"subscribe","payload":[${PLAIN},${PLAIN}]}` },
  },
  'a mutation by GET': {
    http: { method: 'GET', path: `/graphql?query=${encodeURIComponent(MUTATION)}` },
    socket: null,
  },
  'a form, or no subprotocol': {
    http: { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'query=%7B__typename%7D' },
    socket: { protocol: null },
  },
  'a foreign origin': {
    http: { headers: { origin: 'https://elsewhere.example' }, body: PLAIN },
    socket: { origin: 'https://elsewhere.example' },
  },
  'no JSON': encoded('{ "query": '),
  'an unknown operation': operation('query a { __typename }', { operationName: 'b' }),
  'a rate that is spent': { http: { from: 'spent', body: PLAIN }, socket: { from: 'spent' } },
  'a wrong token': { http: { from: 'stranger', body: PLAIN }, socket: { from: 'stranger' } },
};

/**
 * What each kind of hostile request costs a server process until it is refused, connection included, and how it is
 * refused. The server has the embedded database, or one on a PostgreSQL server.
 */
export async function benchRefusals({ serverUrl }: { serverUrl: string | null }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'windlass-bench-'));
  const database = serverUrl === null ? null : await createServerDatabase(serverUrl);
  const token = `wl_${randomUUID()}`;
  const server = startProcess(['dist/main.js', database ? 'api' : 'serve'], {
    ...(database ? { DATABASE_URL: database.url } : {}),
    WINDLASS_DATA_DIR: folder,
    WINDLASS_BOOTSTRAP_TOKEN: token,
    WINDLASS_PORT: '0',
    WINDLASS_GATEWAY_PORT: '0',
    WINDLASS_LOG_LEVEL: 'warn',
    WINDLASS_RATE_LIMIT_ANONYMOUS: '1',
    WINDLASS_RATE_LIMIT_FAILURES: '0',
  });
  try {
    const [, url] = await server.printed(/API\s+(http:\S+)\/graphql/);
    const tokens: Record<Sender, string | null> = { owner: token, stranger: `${token}x`, spent: null };
    const place = { url: url!, server, authorizationOf: (from: Sender = 'owner') => headerOf(tokens[from]) };
    console.log(`Refusals, ${database ? 'PostgreSQL' : 'embedded database'}, processor time of the server for each`);
    for (const [what, { http, socket }] of Object.entries(CASES)) {
      const overHttp = await measure(place, () => refuseHttp(place, http));
      const overSocket = socket && (await measure(place, () => refuseSocket(place, socket)));
      console.log(`  ${what.padEnd(36)} HTTP ${shown(overHttp)}  WebSocket ${overSocket ? shown(overSocket) : '–'}`);
    }
  } finally {
    await server.stop();
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log();
}

interface Place {
  readonly url: string;
  readonly server: BenchProcess;
  authorizationOf(from?: Sender): string | null;
}

interface Measured {
  readonly answer: string;
  readonly cpuMs: number;
}

async function measure({ server }: Place, refuse: () => Promise<string>): Promise<Measured> {
  const answers = new Set<string>();
  for (let round = 0; round < WARM_UP; round += 1) await refuse();
  const before = server.cpuMs();
  for (let round = 0; round < ROUNDS; round += 1) answers.add(await refuse());
  const cpuMs = (server.cpuMs() - before) / ROUNDS;
  if (cpuMs > BUDGET_MS) process.exitCode = 1;
  return { answer: [...answers].join(' or '), cpuMs };
}

function shown({ answer, cpuMs }: Measured): string {
  return `${answer.padEnd(32)} ${cpuMs.toFixed(1).padStart(5)} ms${cpuMs > BUDGET_MS ? ', OVER THE BUDGET' : ''}`;
}

let rounds = 0;

function numbered(text: string): string {
  return text.replace(ROUND, String((rounds += 1)));
}

function headerOf(token: string | null): string | null {
  return token && `Bearer ${token}`;
}

/** Status and code of the answer. */
async function refuseHttp({ url, authorizationOf }: Place, { from, body, ...asked }: HttpCase): Promise<string> {
  const authorization = authorizationOf(from);
  const accept = 'application/graphql-response+json';
  const headers = { accept, ...JSON_TYPE, ...(authorization ? { authorization } : {}), ...asked.headers };
  const call = request(`${url}${asked.path ?? '/graphql'}`, { method: asked.method ?? 'POST', headers, agent: false });
  call.end(body && numbered(body));
  const [answer] = await once(call, 'response');
  const text = (await buffer(answer)).toString();
  call.destroy();
  return `${answer.statusCode} ${codeIn(JSON.parse(text))}`;
}

/** The code of the refusal, or with what the socket was closed. */
async function refuseSocket({ url, authorizationOf }: Place, asked: SocketCase): Promise<string> {
  const { from, origin, protocol = 'graphql-transport-ws', message = '' } = asked;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocol ?? [], { origin });
  const answer = new Promise<string>((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) => {
      buffer(response).then((body) => resolve(`${response.statusCode} ${codeIn(JSON.parse(body.toString()))}`), reject);
    });
    socket.on('close', (code) => resolve(`closed with ${code}`));
    socket.on('message', (data: Buffer) => {
      const { type, payload } = JSON.parse(data.toString()) as { type: string; payload?: unknown };
      if (type === 'connection_ack') socket.send(numbered(message));
      else if (payload !== undefined)
        resolve(codeIn({ errors: Array.isArray(payload) ? payload : (payload as { errors: unknown }).errors }));
    });
    socket.on('error', () => {}); // It is closed, which is told.
    socket.once('open', () => {
      const authorization = authorizationOf(from);
      socket.send(JSON.stringify({ type: 'connection_init', payload: authorization ? { authorization } : {} }));
    });
  });
  try {
    return await answer;
  } finally {
    socket.terminate();
  }
}

function codeIn(answer: unknown): string {
  const { code, errors } = answer as { code?: string; errors?: { extensions: { code: string } }[] };
  return code ?? errors?.[0]?.extensions.code ?? 'no code';
}
