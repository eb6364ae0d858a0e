import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import type { StoredObject } from './store.ts';

/** Passes a stream on as it is, and knows afterwards how long it was and which SHA-256 it has. */
export class Meter extends Transform {
  readonly #hash = createHash('sha256');
  readonly #bytesMax: number;
  readonly #tooLong: () => Error;
  #bytes = 0;

  /** A stream longer than `bytesMax` fails with the error. */
  constructor(bytesMax = Infinity, tooLong = () => new Error('The stream is too long.')) {
    super();
    this.#bytesMax = bytesMax;
    this.#tooLong = tooLong;
  }

  override _transform(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error: Error | null, chunk?: Buffer) => void,
  ): void {
    this.#bytes += chunk.length;
    this.#hash.update(chunk);
    if (this.#bytes > this.#bytesMax) done(this.#tooLong());
    else done(null, chunk);
  }

  /** To be asked once, after the end. */
  result(): StoredObject {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}
