import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { DomainError } from '../domain/errors.ts';
import { problemOf } from './answer.ts';

export const HEAD_BYTES_MAX = 16 * 1024;

/** What Node's HTTP parser and its clock refuse is answered as everything else is. */
export function answerBrokenRequests(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else endWithProblem(socket, refusalOf(error.code));
  });
  // An expectation that is not known may be passed over.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

/** An answer on a connection that has no response of its own, which ends with it. */
export function endWithProblem(socket: Duplex, refusal: DomainError): void {
  socket.on('error', () => {}); // Who is refused may be gone.
  const { status, headers, body } = problemOf(refusal, randomUUID());
  const fields = { ...headers, connection: 'close', 'content-length': Buffer.byteLength(body) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'));
}

function refusalOf(code: string | undefined): DomainError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new DomainError('HEADERS_TOO_LARGE', `The head of the request is larger than ${HEAD_BYTES_MAX} bytes.`);
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return tooSlow();
  return new DomainError('BAD_USER_INPUT', 'The request is not HTTP.');
}

function tooSlow(): DomainError {
  return new DomainError('REQUEST_TIMEOUT', 'The request did not arrive in time.');
}

/**
 * Does some work for a request whose body must be there in time; or, of an upload, must not stand still for so long.
 * Throws REQUEST_TIMEOUT otherwise.
 */
export async function whileBodyArrives(
  request: IncomingMessage,
  { timeoutMs, mayGoOn }: { timeoutMs: number; mayGoOn: boolean },
  work: () => Promise<void>,
): Promise<void> {
  const { headers, socket } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return work();
  let arrived = socket.bytesRead;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setInterval(() => {
      if (request.complete) return clearInterval(timer);
      if (!mayGoOn || socket.bytesRead === arrived) reject(tooSlow());
      arrived = socket.bytesRead;
    }, timeoutMs);
  });
  const working = work();
  working.catch(() => {}); // Told below, unless it was too late.
  await Promise.race([working, late]).finally(() => clearInterval(timer));
}
