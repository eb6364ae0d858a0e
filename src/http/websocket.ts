import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type Server as ProtocolServer } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import { DomainError } from '../domain/errors.ts';
import { withRequest, type Log } from '../telemetry.ts';
import { authenticate, type Authentication } from './auth.ts';
import { maskGraphQLError } from './errors.ts';
import { BODY_BYTES_MAX, isAccessLost, prepareOperation, type ArgsOfPipeline, type GraphQLServer } from './graphql.ts';
import { encodeShared } from './shared-results.ts';

const PING_INTERVAL_MS = 15_000;
const GOING_AWAY = 1001;
const NO_PROGRESS = 4408;
/** How long a close may take to reach a reader that has begun to read again. */
const CLOSE_GRACE_MS = 5_000;

/**
 * graphql-transport-ws at `/graphql`. Operations go through the same pipeline as those over HTTP, and each is
 * authenticated on its own: a socket outlives tokens and memberships.
 */
export function acceptWebSockets(
  server: Server,
  graphql: GraphQLServer,
  { prisma, verifyIdentity, log, streamStallMs }: Authentication & { log: Log; streamStallMs: number },
): { close(): Promise<void> } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: BODY_BYTES_MAX });
  server.on('upgrade', (request, socket, head) => {
    if (new URL(request.url ?? '/', 'http://localhost').pathname !== graphql.graphqlEndpoint) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => sockets.emit('connection', webSocket, request));
  });

  const viewerOf = (params: unknown) =>
    authenticate({ prisma, verifyIdentity }, { authorization: authorizationOf(params) });
  const protocol = makeServer<Record<string, unknown>, SocketExtra>({
    execute: (args) => (args as ArgsOfPipeline).rootValue.execute(args),
    subscribe: (args) => (args as ArgsOfPipeline).rootValue.subscribe(args),
    async onConnect({ connectionParams }) {
      // A socket without a token may read the schema; one with a wrong token is closed (4403).
      try {
        await viewerOf(connectionParams);
        return true;
      } catch (error) {
        if (error instanceof DomainError) return false;
        throw error;
      }
    },
    onSubscribe: ({ connectionParams, extra }, _id, payload) =>
      withRequest({ requestId: randomUUID(), address: extra.address }, async () => {
        try {
          return await prepareOperation(graphql, await viewerOf(connectionParams), payload);
        } catch (error) {
          // Thrown on, it would close the socket, and with it every other operation on it.
          return [maskGraphQLError(error, log)];
        }
      }),
    onNext({ extra }, id, _payload, _args, result) {
      // A subscription that has ended so can go on after its cursor, on a socket that is allowed to.
      if (isAccessLost(result)) extra.close(CloseCode.Forbidden, 'What you may see has changed. Connect again.');
      const encoded = encodeShared(result);
      if (encoded === null) return undefined;
      extra.encoded.set(id, encoded);
      return ENCODED_ELSEWHERE;
    },
    onError: (_context, _id, _payload, errors) => errors,
  });
  sockets.options.handleProtocols = handleProtocols;
  sockets.on('connection', (socket, { socket: { remoteAddress = null } }) =>
    serveSocket(socket, protocol, { address: remoteAddress, log }),
  );
  sockets.on('error', (error) => log.warn({ err: error }, 'The WebSocket server had an error and goes on'));
  const pings = setInterval(() => sockets.clients.forEach(ping), PING_INTERVAL_MS);
  const watch = setInterval(() => sockets.clients.forEach(dropStalled), streamStallMs / 12);

  return {
    async close() {
      clearInterval(pings);
      clearInterval(watch);
      for (const socket of sockets.clients) socket.close(GOING_AWAY, 'Shutting down');
      await new Promise((resolve) => sockets.close(resolve));
    },
  };

  /** A reader that has taken nothing of what waits for it for too long. It can go on after its cursor, on a new socket. */
  function dropStalled(socket: WebSocket): void {
    const { waiting, movedAt } = stateOf(socket);
    if (waiting === 0 || Date.now() - movedAt < streamStallMs) return;
    socket.close(NO_PROGRESS, 'Nothing was read for too long. Subscribe again after the last cursor.');
    setTimeout(() => socket.terminate(), CLOSE_GRACE_MS).unref();
  }
}

interface SocketState {
  /** Messages that the other side has not taken yet. */
  waiting: number;
  /** When it took the last one, or the first of these began to wait. */
  movedAt: number;
  /** Whether it answered the last ping. */
  isAlive: boolean;
}

interface SocketExtra {
  /** The encoded payload of the next message of an operation, by the operation's id. */
  readonly encoded: Map<string, string>;
  readonly address: string | null;
  readonly close: WebSocket['close'];
}

const states = new WeakMap<WebSocket, SocketState>();

function stateOf(socket: WebSocket): SocketState {
  let state = states.get(socket);
  if (!state) states.set(socket, (state = { waiting: 0, movedAt: Date.now(), isAlive: true }));
  return state;
}

/** One socket with the protocol on it. The library's own adapter would make the JSON of a shared result for each socket. */
function serveSocket(
  socket: WebSocket,
  protocol: ProtocolServer<SocketExtra>,
  { address, log }: { address: string | null; log: Log },
): void {
  const close: WebSocket['close'] = (code, reason) => socket.close(code, reason);
  const extra: SocketExtra = { encoded: new Map(), address, close };
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (message) => send(socket, withEncodedPayload(message, extra)),
      close,
      onMessage(listener) {
        socket.on('message', (message: Buffer) => {
          listener(message.toString()).catch((error: unknown) => {
            log.error({ err: error }, 'A message over WebSocket could not be handled');
            socket.close(CloseCode.InternalServerError, 'Internal server error');
          });
        });
      },
    },
    extra,
  );
  socket.on('pong', () => {
    stateOf(socket).isAlive = true;
  });
  socket.on('error', (error) => log.debug({ err: error }, 'A WebSocket broke'));
  socket.once('close', (code, reason) => {
    Promise.resolve(closed(code, reason.toString())).catch((error: unknown) => {
      log.error({ err: error }, 'What a WebSocket had left could not be ended');
    });
  });
}

/** Resolves when the other side has taken the message, so that who makes messages waits for who reads them. */
function send(socket: WebSocket, message: string): Promise<void> {
  if (socket.readyState !== socket.OPEN) return Promise.resolve();
  const state = stateOf(socket);
  if (state.waiting === 0) state.movedAt = Date.now();
  state.waiting += 1;
  return new Promise((resolve, reject) => {
    socket.send(message, (error) => {
      state.waiting -= 1;
      state.movedAt = Date.now();
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Stands in a message for a payload that is encoded already. Nobody outside can guess it. */
const ENCODED_ELSEWHERE: ExecutionResult = { extensions: { encoded: randomUUID() } };
const ENCODED_ELSEWHERE_END = `"payload":${JSON.stringify(ENCODED_ELSEWHERE)}}`;

function withEncodedPayload(message: string, { encoded }: SocketExtra): string {
  if (!message.endsWith(ENCODED_ELSEWHERE_END)) return message;
  const { id } = JSON.parse(message) as { id: string };
  const payload = encoded.get(id)!;
  encoded.delete(id);
  return `${message.slice(0, -ENCODED_ELSEWHERE_END.length)}"payload":${payload}}`;
}

function ping(socket: WebSocket): void {
  const state = stateOf(socket);
  // One that is still being sent to may only be slow: what it takes is the sign of life then.
  if (!state.isAlive && state.waiting === 0) return socket.terminate();
  state.isAlive = false;
  if (socket.readyState === socket.OPEN) socket.ping();
}

function authorizationOf(params: unknown): string | null {
  const authorization = (params as { authorization?: unknown; Authorization?: unknown } | null | undefined) ?? {};
  const text = authorization.authorization ?? authorization.Authorization;
  return typeof text === 'string' ? text : null;
}
