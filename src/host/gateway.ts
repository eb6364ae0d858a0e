import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen } from '../listen.ts';
import type { Log } from '../telemetry.ts';
import { serveFromApp, type AppProxyDeps, type AppRoute } from './app-proxy.ts';
import { createHttpCache } from './cache.ts';
import { brokenAppPage, pausedPage, sendPage, unknownAppPage, type Page, type Pause } from './pages.ts';
import { settleTarget, subdomainOf } from './request-target.ts';
import { serveFile } from './static-files.ts';
import { serveUpgrades } from './upgrades.ts';
import { createUpstream } from './upstream.ts';

/** Who answers for a release. */
export type Backend =
  | { readonly kind: 'process'; readonly port: number }
  | { readonly kind: 'static'; readonly root: string; readonly fallback: string | null }
  /** Nobody yet, or not at the moment. */
  | { readonly kind: 'none'; readonly pause: Pause };

/** Where an app's traffic goes. */
export interface Route {
  readonly releaseId: string;
  readonly backend: Backend;
}

export interface Gateway {
  readonly port: number;
  /** Replaces all routes in one step: the next request goes by the new ones. */
  setRoutes(routes: ReadonlyMap<string, Route>): void;
  /** How many requests and sockets of a release are still open. */
  openRequests(releaseId: string): number;
  close(): Promise<void>;
}

export interface GatewayOptions {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly purgeSecret: string;
  readonly log: Log;
  /** How long an app may keep silent before it begins to answer. */
  readonly answerDeadlineMs?: number;
}

const ANSWER_DEADLINE_MS = 120_000;
const LIMITS: ServerOptions = {
  // Who opens a connection and says nothing, or says it byte by byte, holds a socket no longer than this.
  headersTimeout: 15_000,
  connectionsCheckingInterval: 5_000,
  // The body is the app's to limit: an upload or a stream may take hours. The app's silence has a limit of its own.
  requestTimeout: 0,
  // Longer than the 60 s after which balancers and proxies before us close idle connections: whoever closes first must
  // not be us, or a request of theirs may cross our closing.
  keepAliveTimeout: 75_000,
  // What Node's own servers, and so most apps, accept. More is a mistake, and answered with 431 before any app sees it.
  maxHeaderSize: 16 * 1024,
  // Finds clients that vanished without a word, whose streams would keep a replaced release from being stopped early.
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
};

/** Serves `<subdomain>.<domain>` from the release that is live for it. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const cache = createHttpCache();
  const { answerDeadlineMs = ANSWER_DEADLINE_MS } = options;
  const upstream = createUpstream(answerDeadlineMs);
  const open = new Map<string, number>();
  let routes: ReadonlyMap<string, Route> = new Map();
  const deps: AppProxyDeps = { cache, upstream, log: options.log, findRoute: findAppRoute, track };

  function findAppRoute(subdomain: string): AppRoute | null {
    const { releaseId, backend } = routes.get(subdomain) ?? {};
    return releaseId && backend?.kind === 'process' ? { subdomain, releaseId, port: backend.port } : null;
  }

  function track(releaseId: string, connection: { once(event: 'close', listener: () => void): unknown }): void {
    open.set(releaseId, (open.get(releaseId) ?? 0) + 1);
    connection.once('close', () => {
      const left = (open.get(releaseId) ?? 1) - 1;
      if (left > 0) open.set(releaseId, left);
      else open.delete(releaseId);
    });
  }

  function handle(request: IncomingMessage, reply: ServerResponse): void {
    if (request.method === 'PURGE') return handlePurge(request, reply);
    // An app may know this method, too: it is ours only from who knows the secret.
    if (request.method === 'REPORT' && isFromWindlass(request)) return reportRoutes(reply);
    const found = lookUp(request);
    if ('status' in found) return sendPage(reply, found);
    const { subdomain, releaseId } = found;
    serve(found, request, reply).catch((error: unknown) => {
      options.log.error({ err: error, releaseId }, 'A request could not be served');
      sendPage(reply, brokenAppPage(subdomain));
    });
  }

  function serve({ subdomain, releaseId, backend }: Serving, request: IncomingMessage, reply: ServerResponse) {
    if (backend.kind === 'process') {
      return serveFromApp(deps, request, reply, { subdomain, releaseId, port: backend.port });
    }
    track(releaseId, reply);
    return serveFile(request, reply, { releaseId, ...backend });
  }

  type Serving = Route & { subdomain: string; backend: Exclude<Backend, { kind: 'none' }> };

  /** Who answers a request; else the page that says why nobody does. */
  function lookUp(request: IncomingMessage): Serving | Page {
    const refusal = settleTarget(request);
    if (refusal) return refusal;
    const { host = '' } = request.headers;
    const subdomain = subdomainOf(host, options.domain);
    const route = subdomain === null ? undefined : routes.get(subdomain);
    if (subdomain === null || !route) return unknownAppPage(host);
    const { releaseId, backend } = route;
    return backend.kind === 'none' ? pausedPage(subdomain, backend.pause) : { subdomain, releaseId, backend };
  }

  function isFromWindlass(request: IncomingMessage): boolean {
    const given = Buffer.from(request.headers.authorization ?? '');
    const wanted = Buffer.from(`Bearer ${options.purgeSecret}`);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }

  /** Where traffic goes now, for the doctor. */
  function reportRoutes(reply: ServerResponse): void {
    const serving = [...routes].filter(([, { backend }]) => backend.kind !== 'none');
    reply.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    reply.end(JSON.stringify(Object.fromEntries(serving.map(([subdomain, { releaseId }]) => [subdomain, releaseId]))));
  }

  function handlePurge(request: IncomingMessage, reply: ServerResponse): void {
    if (!isFromWindlass(request)) {
      return sendPage(reply, { status: 403, message: 'Only Windlass itself may purge this cache.' });
    }
    const [subdomain] = (request.headers.host ?? '').split('.');
    const keys = request.headers['surrogate-key'];
    const purged =
      typeof keys === 'string'
        ? cache.purgeKeys(subdomain!, keys.split(/\s+/).filter(Boolean))
        : cache.purge(subdomain!, request.url ?? '*');
    reply.writeHead(204, { 'x-purged': String(purged) });
    reply.end();
  }

  function findSocketRoute(request: IncomingMessage): AppRoute | Page {
    const found = lookUp(request);
    if ('status' in found) return found;
    const { subdomain, releaseId, backend } = found;
    if (backend.kind === 'process') return { subdomain, releaseId, port: backend.port };
    return { status: 405, message: 'This app is a folder of files: it has no sockets.' };
  }

  const server = createServer(LIMITS, handle);
  const { log } = options;
  const closeSockets = serveUpgrades(server, { log, answerDeadlineMs, findSocketRoute, track });
  await listen(server, { port: options.port, host: options.host, setting: 'WINDLASS_GATEWAY_PORT' });

  return {
    port: (server.address() as AddressInfo).port,
    setRoutes(next) {
      routes = next;
    },
    openRequests: (releaseId) => open.get(releaseId) ?? 0,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      closeSockets();
      upstream.close();
      await closed;
    },
  };
}
