import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createProxyServer } from 'httpxy';
import type { Log } from '../telemetry.ts';
import type { AppRoute } from './app-proxy.ts';
import { brokenAppPage, lateAppPage, sendPageTo, type Page } from './pages.ts';
import { hasBody, requestHeaders } from './upstream.ts';

/** How long a client may take to close its side once there is nothing more to tell it. */
const LINGER_MS = 5_000;

export interface UpgradeDeps {
  readonly log: Log;
  readonly answerDeadlineMs: number;
  /** Who takes a request to upgrade; else the page that says why nobody does. */
  findSocketRoute(request: IncomingMessage): AppRoute | Page;
  /** Counts a socket as open at a release until it is closed. */
  track(releaseId: string, socket: Socket): void;
}

/**
 * Passes WebSockets on to apps. All other requests to upgrade are answered as if they had not asked: who offers HTTP/2
 * that way, as curl and Java do, goes on with HTTP/1.1. Returns what closes all the sockets.
 */
export function serveUpgrades(server: Server, deps: UpgradeDeps): () => void {
  const { log, answerDeadlineMs } = deps;
  const proxy = createProxyServer();
  const open = new Set<Socket>();
  /** For which app a socket is, and how much had been sent over it before it asked. */
  const asking = new WeakMap<object, { subdomain: string; bytesWritten: number }>();
  const lastReplies = new WeakMap<object, ServerResponse>();

  server.on('request', (request, reply) => lastReplies.set(request.socket, reply));
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    // Sent before an earlier request over this connection was answered: Node keeps no order between the two.
    if (lastReplies.get(socket)?.writableFinished === false) return void socket.destroy();
    if (!isWebSocket(request)) return answerWithoutUpgrade(server, request, socket, head);
    socket.on('error', () => socket.destroy());
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    closeSoonAfterEnd(socket);
    const route = deps.findSocketRoute(request);
    if ('status' in route) return sendPageTo(socket, route);
    deps.track(route.releaseId, socket);
    asking.set(socket, { subdomain: route.subdomain, bytesWritten: socket.bytesWritten });
    request.headers = { ...requestHeaders(request), connection: 'Upgrade', upgrade: 'websocket' };
    const options = { target: `http://127.0.0.1:${route.port}`, upgradeTimeout: answerDeadlineMs };
    // Breaks are told by the event below.
    proxy.ws(request, socket, options, head).catch(() => {});
  });

  proxy.on('proxyReqWs', (call, _request, socket) => {
    call.once('upgrade', (_answer, appSocket) => socket.once('close', () => appSocket.destroy()));
    call.once('response', (answer) => delete answer.headers['surrogate-key']);
  });
  proxy.on('error', (error: NodeJS.ErrnoException, request, reply) => {
    log.debug({ err: error, url: request?.url }, 'A socket to an app broke');
    const socket = reply as Socket;
    const { subdomain = '', bytesWritten = -1 } = asking.get(socket) ?? {};
    const isLate = error.code === 'ERR_UPSTREAM_UPGRADE_TIMEOUT';
    // Without an answer yet, there is one to give.
    if (socket.bytesWritten !== bytesWritten) socket.destroy();
    else sendPageTo(socket, isLate ? lateAppPage(subdomain, answerDeadlineMs) : brokenAppPage(subdomain));
  });

  return () => {
    // Node no longer counts these among its connections, but waits for them all the same.
    for (const socket of open) socket.destroy();
  };
}

function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && !hasBody(headers);
}

/** Node 20 cannot decline an upgrade: the server gets its connection anew, with the same request, which does not ask. */
function answerWithoutUpgrade(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(index, index + 2);
    if (!/^(upgrade|http2-settings)$/i.test(name)) lines.push(`${name}: ${value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}

/** A client that never closes its side would be counted as open at its release, and keep its socket, for ever. */
function closeSoonAfterEnd(socket: Socket): void {
  socket.once('finish', () => {
    socket.resume();
    const limit = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(limit));
  });
}
