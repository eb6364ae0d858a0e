import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import {
  createServer as createHttpServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, type Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ForbiddenHostError, type PublicHosts } from '../packages/public-hosts.ts';

/*
 * A sandbox has no network. What it may reach nevertheless comes in through sockets of the worker: a proxy for HTTP and
 * HTTPS that goes to public hosts only, and the server of the app's own database.
 */

const PROXY_PORT = 3128;
const CONNECT_DEADLINE_MS = 30_000;
/** Of one command, to each of its ways out. */
const CONNECTIONS_MAX = 256;
/** Those of HTTP and HTTPS. What goes through a tunnel is not looked at. */
const TUNNEL_PORTS = new Set(['80', '443']);
const INSIDE = '/run/windlass';
const NO_PROXY = 'localhost,127.0.0.1,::1';

export interface NetworkAccess {
  /** Null: none. */
  readonly hosts: PublicHosts | null;
  /** Of the app's database, when that is on a server. */
  readonly databaseUrl: string | null;
}

/** What a sandbox needs for its access, until it is closed. */
export interface OpenedNetwork extends AsyncDisposable {
  readonly mounts: readonly { readonly from: string; readonly to: string }[];
  readonly env: Readonly<Record<string, string>>;
  /** Stands before the program that runs the command. */
  readonly before: readonly string[];
}

export const NO_NETWORK: OpenedNetwork = { mounts: [], env: {}, before: [], [Symbol.asyncDispose]: async () => {} };

export async function openNetwork({ hosts, databaseUrl }: NetworkAccess): Promise<OpenedNetwork> {
  if (hosts === null && databaseUrl === null) return NO_NETWORK;
  // A short path: the name of a socket has 108 bytes.
  const folder = await mkdtemp(join(tmpdir(), 'windlass-'));
  const opened: { port: number; name: string; close: () => void }[] = [];
  const open = async (name: string, port: number, server: Server) => {
    const close = await serveOn(server, join(folder, name));
    opened.push({ port, name, close });
  };
  if (hosts !== null) await open('proxy', PROXY_PORT, createProxy(hosts));
  const database = databaseUrl === null ? null : new URL(databaseUrl);
  if (database) await open('database', portOf(database), createTunnel(database));
  const relay = opened.map(({ port, name }) => `${port}=${INSIDE}/${name}`);
  return {
    mounts: [
      { from: process.execPath, to: `${INSIDE}/node` },
      { from: fileURLToPath(new URL('sandbox-relay.mjs', import.meta.url)), to: `${INSIDE}/relay.mjs` },
      ...opened.map(({ name }) => ({ from: join(folder, name), to: `${INSIDE}/${name}` })),
    ],
    env: { ...(hosts === null ? {} : PROXY_ENV), ...(database === null ? {} : { DATABASE_URL: localUrl(database) }) },
    before: [`${INSIDE}/node`, `${INSIDE}/relay.mjs`, ...relay, '--'],
    async [Symbol.asyncDispose]() {
      for (const { close } of opened) close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const PROXY_URL = `http://127.0.0.1:${PROXY_PORT}`;
const PROXY_ENV = {
  HTTP_PROXY: PROXY_URL,
  HTTPS_PROXY: PROXY_URL,
  NO_PROXY,
  http_proxy: PROXY_URL,
  https_proxy: PROXY_URL,
  no_proxy: NO_PROXY,
  NODE_USE_ENV_PROXY: '1',
};

function portOf({ port }: URL): number {
  return port === '' ? 5432 : Number(port);
}

/** The same database, by the way that leads to it from inside. */
function localUrl(database: URL): string {
  const url = new URL(database);
  url.hostname = '127.0.0.1';
  url.port = String(portOf(database));
  return url.href;
}

async function serveOn(server: Server, path: string): Promise<() => void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(path);
  await once(server, 'listening');
  // For the build's own user. Nobody else gets into the folder.
  await chmod(path, 0o666);
  return () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
}

function createTunnel(database: URL): Server {
  const host = bare(database.hostname);
  return createServer((inside) => joinStreams(inside, connect({ host, port: portOf(database) })));
}

/** HTTP by request, and anything over TLS by CONNECT, to hosts that are public. */
function createProxy(hosts: PublicHosts): Server {
  const server = createHttpServer((asked, answer) => forward(hosts, asked, answer));
  server.on('connect', ({ url = '' }: IncomingMessage, inside: Duplex, head: Buffer) => {
    tunnel(hosts, url, inside, head);
  });
  return server;
}

function tunnel(hosts: PublicHosts, target: string, inside: Duplex, head: Buffer): void {
  const decline = (reason: string) => {
    inside.end(`HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n${reason}\n`);
  };
  inside.on('error', () => {}); // It left; whatever is open to the other side ends with it.
  const address = URL.canParse(`tcp://${target}`) ? new URL(`tcp://${target}`) : null;
  if (address === null || address.port === '') return decline('The target is not valid.');
  const host = bare(address.hostname);
  const problem = problemOf(hosts, host);
  if (problem !== null) return decline(problem);
  if (!TUNNEL_PORTS.has(address.port) && !hosts.isAllowed(host)) return decline('Only ports 80 and 443 are reached.');
  const outside = connect({ host, port: Number(address.port), lookup: hosts.lookup, timeout: CONNECT_DEADLINE_MS });
  outside.once('timeout', () => outside.destroy(new Error('It did not answer in time.')));
  // Whenever it closes, also before there is a connection to join it with.
  inside.once('close', () => outside.destroy());
  const declineFor = (error: Error) => decline(reasonOf(error));
  outside.once('error', declineFor);
  outside.once('connect', () => {
    outside.setTimeout(0);
    outside.off('error', declineFor);
    joinStreams(inside, outside);
    inside.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    outside.write(head);
  });
}

function problemOf(hosts: PublicHosts, host: string): string | null {
  try {
    hosts.assertMayReach(host);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** As sockets want it: without the brackets of IPv6. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** Of one connection, not of the message. Node frames the message anew. */
const HOP_HEADERS = new Set(['connection', 'expect', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const isHop = (name: string) => HOP_HEADERS.has(name) || name.startsWith('proxy-');
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isHop(name)));
}

/** Throws nothing: what is asked, and what comes back, is made by those who want to break it. */
function forward(hosts: PublicHosts, asked: IncomingMessage, answer: ServerResponse): void {
  try {
    const target = targetOf(hosts, asked.url ?? '');
    const isChunked = asked.headers['transfer-encoding'] !== undefined;
    const headers = { ...endToEnd(asked.headers), ...(isChunked ? { 'transfer-encoding': 'chunked' } : {}) };
    const options = { method: asked.method, headers, lookup: hosts.lookup, agent: false } as const;
    const call = request(target, options, (response) => giveBack(response, answer));
    call.on('error', (error) => refuse(answer, error));
    // Also when it broke without an error, as after a change of protocol that nobody asked for.
    call.on('close', () => refuse(answer));
    answer.on('close', () => call.destroy());
    // Not a pipeline: that would close the connection on which the answer says what went wrong.
    asked.pipe(call);
  } catch (error) {
    refuse(answer, error);
  }
}

function targetOf(hosts: PublicHosts, url: string): URL {
  const target = URL.canParse(url) ? new URL(url) : null;
  if (target?.protocol !== 'http:') throw new ForbiddenTargetError('Only absolute URLs of http are forwarded.');
  if (target.username !== '' || target.password !== '') {
    throw new ForbiddenTargetError('A URL with a user or a password is not forwarded.');
  }
  hosts.assertMayReach(target.hostname);
  return target;
}

function giveBack(response: IncomingMessage, answer: ServerResponse): void {
  try {
    const { statusCode = 0 } = response;
    if (statusCode < 200 || statusCode > 599) throw new Error(`The status ${statusCode} is none.`);
    answer.writeHead(statusCode, endToEnd(response.headers));
    pipeline(response, answer, () => {}); // It ends both, however it went.
  } catch (error) {
    refuse(answer, error);
    response.destroy();
  }
}

/** Does nothing once the answer has begun: the end of its source ends it. */
function refuse(answer: ServerResponse, error?: unknown): void {
  if (answer.headersSent || answer.destroyed) return;
  answer
    .writeHead(isForbidden(error) ? 403 : 502, { 'content-type': 'text/plain', connection: 'close' })
    .end(`${reasonOf(error)}\n`);
}

/** The message is a full sentence. */
class ForbiddenTargetError extends Error {
  override readonly name = 'ForbiddenTargetError';
}

function isForbidden(error: unknown): error is ForbiddenHostError | ForbiddenTargetError {
  return error instanceof ForbiddenHostError || error instanceof ForbiddenTargetError;
}

function reasonOf(error: unknown): string {
  return isForbidden(error) ? error.message : 'The host cannot be reached.';
}

function joinStreams(one: Duplex, other: Duplex): void {
  one.on('error', () => other.destroy());
  other.on('error', () => one.destroy());
  one.on('close', () => other.destroy());
  other.on('close', () => one.destroy());
  one.pipe(other).pipe(one);
}
