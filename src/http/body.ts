import type { IncomingMessage } from 'node:http';
import { DomainError } from '../domain/errors.ts';
import { BODY_BYTES_MAX } from './graphql.ts';

/** Refuses what a form of another site could send. */
export function assertJson(request: IncomingMessage): void {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (type === 'application/json' || type === 'application/graphql-response+json') return;
  throw new DomainError('UNSUPPORTED_MEDIA_TYPE', 'Send "Content-Type: application/json".');
}

/** The parsed body, or undefined when there is none. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      throw new DomainError('PAYLOAD_TOO_LARGE', `The body is larger than ${BODY_BYTES_MAX} bytes.`);
    }
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  assertJson(request);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    // The parser's own message would quote the body.
    throw new DomainError('BAD_USER_INPUT', 'The body is not JSON.', {}, { cause });
  }
}
