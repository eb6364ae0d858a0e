import type { IncomingMessage } from 'node:http';
import { DomainError } from '../domain/errors.ts';
import { isSimpleJson, JSON_LIMITS } from './json.ts';

export const BODY_BYTES_MAX = 1024 * 1024;

/** Refuses what a form of another site could send. */
export function assertJson(request: IncomingMessage): void {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (type === 'application/json') return;
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

/** What GraphQL is asked over HTTP. Throws BAD_USER_INPUT for several operations at once, and for none. */
export async function readOperation(request: IncomingMessage): Promise<object> {
  const body = await readJson(request);
  const isOne = typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length > 0;
  if (isOne) return body;
  throw new DomainError('BAD_USER_INPUT', 'Send one operation, as a JSON object with its "query".');
}

/** The parsed body, or undefined when there is none. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request);
  if (body.length === 0) return undefined;
  assertJson(request);
  const text = body.toString('utf8');
  if (isSimpleJson(text)) return parseJson(text, 'The body is not JSON.');
  const { values, levels } = JSON_LIMITS;
  throw new DomainError('BAD_USER_INPUT', `A body may have at most ${values} values, in ${levels} levels.`);
}

/** The whole body as it was sent. Throws PAYLOAD_TOO_LARGE, without a look at it when its length says so. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Left open when it is too large, for the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): DomainError {
  return new DomainError('PAYLOAD_TOO_LARGE', `The body is larger than ${BODY_BYTES_MAX} bytes.`);
}
