import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { connect, createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net';
import { openGateway, type Backend, type Gateway } from '../../src/host/gateway.ts';
import { createLog } from '../../src/telemetry.ts';
import { send, type Answer } from './plane.ts';

export const PURGE_SECRET = 'the secret of the gateway';

/** A gateway alone, in front of servers of the test, without a database. */
export interface TestGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly port: number;
  /** Sends an app's traffic somewhere, under a release of this name. */
  route(subdomain: string, releaseId: string, backend: Backend): void;
  ask(subdomain: string, path?: string, options?: Asking): Promise<Answer>;
  /** Answers how many it purged. */
  purge(subdomain: string, path: string, headers?: Record<string, string>): Promise<number>;
  /** The head of an answer whose body the test reads itself. */
  stream(subdomain: string, path: string): Promise<IncomingMessage>;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

export async function startGateway(limits: { answerDeadlineMs?: number } = {}): Promise<TestGateway> {
  const options = { host: '127.0.0.1', port: 0, domain: 'localhost', purgeSecret: PURGE_SECRET };
  const gateway = await openGateway({ ...options, ...limits, log: createLog('silent') });
  const routes = new Map<string, { releaseId: string; backend: Backend }>();
  const origin = `http://127.0.0.1:${gateway.port}`;
  return {
    gateway,
    port: gateway.port,
    route(subdomain, releaseId, backend) {
      routes.set(subdomain, { releaseId, backend });
      gateway.setRoutes(new Map(routes));
    },
    ask: (subdomain, path = '/', { method = 'GET', headers = {}, body } = {}) =>
      send(method, `${origin}${path}`, { headers: { host: `${subdomain}.localhost`, ...headers }, body }),
    async purge(subdomain, path, headers = {}) {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const call = httpRequest(
          {
            ...{ host: '127.0.0.1', port: gateway.port, method: 'PURGE', path, agent: false },
            headers: { host: subdomain, authorization: `Bearer ${PURGE_SECRET}`, ...headers },
          },
          resolve,
        );
        call.on('error', reject);
        call.end();
      });
      answer.resume();
      return Number(answer.headers['x-purged']);
    },
    stream: (subdomain, path) =>
      new Promise((resolve, reject) => {
        const headers = { host: `${subdomain}.localhost` };
        const call = httpRequest(`${origin}${path}`, { headers, agent: false }, resolve);
        call.on('error', reject);
        call.end();
      }),
    [Symbol.asyncDispose]: () => gateway.close(),
  };
}

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly backend: Backend;
  /** Every request that arrived, as `METHOD /path`. */
  readonly seen: string[];
}

/** A real HTTP server of the test's own. */
export async function startServer(listener: RequestListener, port = 0): Promise<TestServer> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: bound } = server.address() as AddressInfo;
  return {
    port: bound,
    backend: { kind: 'process', port: bound },
    seen,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What a server says to bytes that are written to its port as they are, until it closes the connection. */
export function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(heard));
  });
}

/** An app that says the same bytes to whoever sends it something, and then waits. */
export async function startRawServer(answer: string) {
  const open = new Set<Socket>();
  const server = createSocketServer((socket) => {
    open.add(socket);
    socket.once('data', () => socket.write(answer, 'latin1'));
    socket.on('error', () => {}); // The gateway may reset what it does not want.
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const backend: Backend = { kind: 'process', port };
  return {
    backend,
    open: () => open,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** An app of its own name, and what the cache says to one request after another. */
export async function startAppBehind(front: TestGateway, listener: RequestListener) {
  const server = await startServer(listener);
  const name = `app${server.port}`;
  front.route(name, 'rel_1', server.backend);
  return {
    name,
    server,
    ask: (path = '/', options: Asking = {}) => front.ask(name, path, options),
    async word(path = '/', options: Asking = {}) {
      return (await front.ask(name, path, options)).headers['x-cache'];
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export function answering(headers: Record<string, string | string[]>, body = 'body'): RequestListener {
  return (_request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end(body);
  };
}
