import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecutionResult } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type Server as ProtocolServer } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import { DomainError } from '../domain/errors.ts';
import type { Deliver } from '../events/follow.ts';
import type { Context } from '../graphql/context.ts';
import { metrics } from '../metrics.ts';
import { withRequest, type Log } from '../telemetry.ts';
import type { Admission } from './admission.ts';
import { authenticate, type AuthDeps } from './auth.ts';
import { addressOf, bearerToken } from './caller.ts';
import { maskGraphQLError } from './errors.ts';
import { BODY_BYTES_MAX } from './body.ts';
import { countRefusals, isAccessLost, prepareOperation, type ArgsOfPipeline, type GraphQLServer } from './graphql.ts';
import { isSimpleJson } from './json.ts';
import { linger } from './linger.ts';
import { isOriginAllowed, originRefused } from './origin.ts';
import { rateLimited } from './rate-limit.ts';
import { encodeShared, shareEncoded } from './shared-results.ts';
import { endWithProblem } from './slow.ts';
import { createTraffic, OPERATIONS_MAX, tooManyOperations, type Traffic } from './traffic.ts';

const PING_INTERVAL_MS = 15_000;
const GOING_AWAY = 1001;
const NO_PROGRESS = 4408;
const TOO_MUCH = 4429;
const ALREADY_SUBSCRIBED: number = CloseCode.SubscriberAlreadyExists;
/** How long a close may take to reach a reader that has begun to read again. */
const CLOSE_GRACE_MS = 5_000;
/** More than these wait only for who sends and does not read: each operation waits for its own. */
const WAITING_MESSAGES_MAX = 500;

/**
 * graphql-transport-ws at `/graphql`. Operations go through the same pipeline as those over HTTP, and each is
 * authenticated on its own: a socket outlives tokens and memberships.
 */
export function acceptWebSockets(
  server: Server,
  graphql: GraphQLServer,
  { prisma, verifyIdentity, log, streamStallMs, ...admission }: SocketDeps,
): { close(): Promise<void> } {
  const { rateLimits, allowedOrigins, trustedProxies } = admission;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: BODY_BYTES_MAX });
  server.on('upgrade', (request, socket: Duplex, head) => {
    if (request.url?.split('?')[0] !== graphql.graphqlEndpoint) return endWithProblem(socket, nothingHere());
    if (!isOriginAllowed(allowedOrigins, request)) return endWithProblem(socket, originRefused());
    sockets.handleUpgrade(request, socket, head, (webSocket) => sockets.emit('connection', webSocket, request));
  });

  /** Throws RATE_LIMITED. */
  async function count(params: unknown, { address }: SocketExtra): Promise<void> {
    const standing = await rateLimits.take({ address, token: bearerToken(authorizationOf(params)) });
    if (standing?.isSpent) throw rateLimited(standing);
  }

  const viewerOf = (params: unknown, { address }: SocketExtra) =>
    authenticate({ prisma, verifyIdentity, rateLimits }, { authorization: authorizationOf(params), address });
  const protocol = makeServer<Record<string, unknown>, SocketExtra>({
    execute: (args) => (args as ArgsOfPipeline).rootValue.execute(args),
    subscribe: (args) => (args as ArgsOfPipeline).rootValue.subscribe(args),
    async onConnect({ connectionParams, extra }) {
      // A socket without a token may read the schema; one with a wrong token is closed (4403).
      try {
        await count(connectionParams, extra);
        await viewerOf(connectionParams, extra);
        return true;
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        if (error.code === 'RATE_LIMITED') extra.close(TOO_MUCH, 'Too many requests. Wait a minute.');
        return false;
      }
    },
    onSubscribe: ({ connectionParams, extra, subscriptions }, id, payload) =>
      withRequest({ requestId: randomUUID(), address: extra.address }, async () => {
        try {
          if (Object.keys(subscriptions).length > OPERATIONS_MAX) throw tooManyOperations();
          await count(connectionParams, extra);
          extra.traffic.noteAdmitted();
          const operation = await prepareOperation(graphql, await viewerOf(connectionParams, extra), payload);
          return 'document' in operation ? withDelivery(operation, id, extra) : operation;
        } catch (error) {
          const isIgnored =
            error instanceof DomainError && error.code === 'RATE_LIMITED' && !extra.traffic.noteRefused();
          if (isIgnored) extra.close(TOO_MUCH, 'Too many requests were refused.');
          // Thrown on, it would close the socket, and with it every other operation on it.
          return [maskGraphQLError(error, log)];
        }
      }),
    onNext({ extra }, id, _payload, _args, result) {
      countRefusals(result);
      // A subscription that has ended so can go on after its cursor, on a socket that is allowed to.
      if (isAccessLost(result)) extra.close(CloseCode.Forbidden, 'What you may see has changed. Connect again.');
      const encoded = encodeShared(result);
      if (encoded === null) return undefined;
      extra.encoded.set(id, encoded);
      return ENCODED_ELSEWHERE;
    },
    onError(_context, _id, _payload, errors) {
      countRefusals({ errors });
      return errors;
    },
  });
  sockets.options.handleProtocols = handleProtocols;
  sockets.on('connection', (socket: WebSocket, request: IncomingMessage) =>
    serveSocket(socket, request, { protocol, log, address: addressOf(request, trustedProxies) }),
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
    if (socket.readyState === socket.OPEN) metrics.stalled.inc({ transport: 'websocket' });
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

interface SocketDeps extends Admission, AuthDeps {
  readonly log: Log;
  readonly streamStallMs: number;
}

interface SocketExtra {
  readonly address: string;
  readonly traffic: Traffic;
  close(code: number, reason: string): void;
  /** Sends a whole message. Resolves when there is room for another; at once where nothing else waits. */
  send(message: string): void | Promise<void>;
  /** The encoded payload of the next message of an operation, by the operation's id. */
  readonly encoded: Map<string, string>;
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
  request: IncomingMessage,
  { protocol, log, address }: { protocol: ProtocolServer<SocketExtra>; log: Log; address: string },
): void {
  // The library's own reason would quote the id, and a long one is more than a close can carry.
  const close = (code: number, reason: string) =>
    socket.close(code, code === ALREADY_SUBSCRIBED ? 'Subscriber already exists' : reason);
  const extra: SocketExtra = {
    address,
    traffic: createTraffic(),
    close,
    send: (message) => sendOrWait(socket, message),
    encoded: new Map(),
  };
  const fail = (error: unknown) => {
    if (error instanceof Error && error.message.startsWith('Unexpected message of type')) {
      return close(CloseCode.BadRequest, 'Invalid message received');
    }
    log.error({ err: error }, 'A message over WebSocket could not be handled');
    return close(CloseCode.InternalServerError, 'Internal server error');
  };
  const onMessage = (listener: (text: string) => Promise<void>) =>
    socket.on('message', (message: Buffer) => {
      if (socket.readyState !== socket.OPEN) return;
      const isBehind = stateOf(socket).waiting > WAITING_MESSAGES_MAX;
      if (isBehind || !extra.traffic.noteMessage(message.length)) return close(TOO_MUCH, 'Too many messages.');
      const text = message.toString();
      if (!isSimpleJson(text)) return close(CloseCode.BadRequest, 'A message had too many values or levels.');
      listener(text).catch(fail);
    });
  const adapter = {
    protocol: socket.protocol,
    send: (message: string) => send(socket, withEncodedPayload(message, extra)),
    close,
    onMessage: (listener: (text: string) => Promise<void>) => void onMessage(listener),
  };
  const closed = protocol.opened(adapter, extra);
  metrics.webSockets.inc();
  socket.on('pong', () => {
    stateOf(socket).isAlive = true;
  });
  socket.once('error', (error) => {
    log.debug({ err: error }, 'A WebSocket broke');
    // Of a frame that is too large, the library would take in as much as comes until its close is answered.
    linger(request.socket, () => socket.terminate());
  });
  socket.once('close', (code, reason) => {
    metrics.webSockets.dec();
    Promise.resolve(closed(code, reason.toString())).catch((error: unknown) => {
      log.error({ err: error }, 'What a WebSocket had left could not be ended');
    });
  });
}

/** Resolves when the other side has taken the message, so that who makes messages waits for who reads them. */
function send(socket: WebSocket, message: string): Promise<void> {
  return new Promise((resolve, reject) => {
    transmit(socket, message, (error) => (error ? reject(error) : resolve()));
  });
}

/** One message may be on its way without being waited for: most are taken at once, and a promise costs more than that. */
function sendOrWait(socket: WebSocket, message: string): void | Promise<void> {
  if (stateOf(socket).waiting > 0) return send(socket, message);
  // One that breaks says so with its close.
  transmit(socket, message, () => {});
}

function transmit(socket: WebSocket, message: string, onTaken: (error?: Error) => void): void {
  if (socket.readyState !== socket.OPEN) return onTaken();
  const state = stateOf(socket);
  if (state.waiting === 0) state.movedAt = Date.now();
  state.waiting += 1;
  socket.send(message, (error) => {
    state.waiting -= 1;
    state.movedAt = Date.now();
    onTaken(error);
  });
}

/** Lets the batches of a log go to their socket without the library's loop, which costs several promises for each. */
function withDelivery(operation: ArgsOfPipeline, id: string, { send: sendMessage }: SocketExtra): ArgsOfPipeline {
  const encode = shareEncoded(operation);
  if (!encode) return operation;
  const start = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  const sendEncoded = (encoded: string | null): boolean | Promise<boolean> => {
    if (encoded === null) return false;
    metrics.streamMessages.inc();
    return sendMessage(`${start}${encoded}}`)?.then(() => true) ?? true;
  };
  const deliver: Deliver = (batch) => {
    const encoded = encode(batch);
    return encoded instanceof Promise ? encoded.then(sendEncoded) : sendEncoded(encoded);
  };
  return { ...operation, contextValue: { ...(operation.contextValue as Context), deliver } };
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

function nothingHere(): DomainError {
  return new DomainError('NOT_FOUND', 'There is no WebSocket at this path. GraphQL is at /graphql.');
}

function authorizationOf(params: unknown): string | null {
  const authorization = (params as { authorization?: unknown; Authorization?: unknown } | null | undefined) ?? {};
  const text = authorization.authorization ?? authorization.Authorization;
  return typeof text === 'string' ? text : null;
}
