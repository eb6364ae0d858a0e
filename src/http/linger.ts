import type { Readable } from 'node:stream';

/** For so long, and so much, is taken in of what was refused already. Each megabyte costs two milliseconds. */
const LINGER_MS = 2_000;
const LINGER_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Takes in what the other side still sends, and calls back once it has ended, or goes on for too long. Closed while the
 * other side sends, a connection would be reset under it, and what it was told be lost.
 */
export function linger(source: Readable, end: () => void): void {
  let bytes = 0;
  const timer = setTimeout(end, LINGER_MS);
  source.once('close', () => clearTimeout(timer));
  source.once('end', end).once('close', end);
  source.on('data', ({ length }: Buffer) => {
    bytes += length;
    if (bytes > LINGER_BYTES_MAX) end();
  });
}
