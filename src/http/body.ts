import type { IncomingMessage } from 'node:http';
import { DomainError } from '../domain/errors.ts';

export const BODY_BYTES_MAX = 1024 * 1024;

/** Refuses what a form of another site could send. */
export function assertJson(request: IncomingMessage): void {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (type === 'application/json' || type === 'application/graphql-response+json') return;
  throw new DomainError('UNSUPPORTED_MEDIA_TYPE', 'Send "Content-Type: application/json".');
}

/** Throws BAD_USER_INPUT for what is no JSON where a URL should have some. */
export function assertJsonParameters({ searchParams }: URL): void {
  for (const name of ['variables', 'extensions']) {
    const text = searchParams.get(name);
    if (text !== null && text !== '') parseJson(text, `The parameter "${name}" is not JSON.`);
  }
}

function parseJson(text: string, refusal: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // The parser's own message would quote the text.
    throw new DomainError('BAD_USER_INPUT', refusal, {}, { cause });
  }
}

/** The parsed body, or undefined when there is none. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Left open when it is too large, for the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      throw new DomainError('PAYLOAD_TOO_LARGE', `The body is larger than ${BODY_BYTES_MAX} bytes.`);
    }
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  assertJson(request);
  return parseJson(Buffer.concat(chunks).toString('utf8'), 'The body is not JSON.');
}
