// node-postgres over PGlite: a socket-like stream that hands the PostgreSQL wire protocol to the embedded database, so
// that embedded and server databases share one driver, one adapter, one set of error codes and isolation levels.
// Plain JavaScript, because scripts/schema-engine.mjs runs it without a loader.
import { Duplex } from 'node:stream';

const TERMINATE = 0x58;

export class PGliteStream extends Duplex {
  #database;
  #pending = Buffer.alloc(0);
  #started = false;

  /** @param {{ execProtocolRawStream(message: Uint8Array, options: { onRawData(data: Uint8Array): void }): Promise<void> }} database */
  constructor(database) {
    super();
    this.#database = database;
  }

  connect() {
    process.nextTick(() => this.emit('connect'));
    return this;
  }
  setNoDelay() {
    return this;
  }
  setKeepAlive() {
    return this;
  }
  setTimeout() {
    return this;
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }

  /** @override */
  _read() {}

  /** @override @param {Buffer} chunk @param {BufferEncoding} _encoding @param {(error?: Error | null) => void} done */
  _write(chunk, _encoding, done) {
    this.#feed(chunk).then(() => done(), done);
  }

  /** @override @param {{ chunk: Buffer }[]} chunks @param {(error?: Error | null) => void} done */
  _writev(chunks, done) {
    this.#feed(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  /** @override @param {() => void} done */
  _final(done) {
    this.push(null);
    done();
  }

  /** PGlite takes whole protocol messages; a chunk may hold several, or a part of one. @param {Buffer} chunk */
  async #feed(chunk) {
    // No socket answers before the write is over, and the driver relies on it; PGlite, in the same thread, would.
    await Promise.resolve();
    this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, chunk]) : chunk;
    let end = 0;
    let terminated = false;
    while (this.#pending.length - end >= (this.#started ? 5 : 4)) {
      // The very first message has no type byte.
      const length = this.#started ? this.#pending.readUInt32BE(end + 1) + 1 : this.#pending.readUInt32BE(end);
      if (this.#pending.length - end < length) break;
      if (this.#started && this.#pending[end] === TERMINATE) {
        terminated = true;
        break;
      }
      this.#started = true;
      end += length;
    }
    if (end > 0) {
      const messages = this.#pending.subarray(0, end);
      this.#pending = this.#pending.subarray(end);
      await this.#database.execProtocolRawStream(messages, {
        onRawData: (data) => void this.push(Buffer.from(data)),
      });
    }
    if (terminated) this.push(null);
  }
}
