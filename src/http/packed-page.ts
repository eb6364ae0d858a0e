import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** Something that is the same for everybody, as it is sent. */
export interface Page {
  readonly gzipped: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}
export type LoadPage = () => Promise<Page>;

export async function pack(content: string | Buffer, headers: Record<string, string>): Promise<Page> {
  const gzipped = await promisify(gzip)(content);
  const etag = `"${createHash('sha256').update(gzipped).digest('base64url').slice(0, 16)}"`;
  return { gzipped, headers: { 'cache-control': 'no-cache', ...headers, etag } };
}

/** Made at the first call: GraphiQL alone is nine megabytes. */
export function once<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | null = null;
  return () => (made ??= make());
}
