import { Worker } from 'node:worker_threads';

interface Reply {
  readonly id?: number;
  readonly data?: Uint8Array;
  readonly done?: true;
  readonly error?: string;
  readonly ready?: true;
}

interface Call {
  onData(data: Uint8Array): void;
  onDone(error?: Error): void;
}

/** PGlite in a thread of its own, spoken to in the PostgreSQL wire protocol. */
export interface EmbeddedDatabase {
  execProtocolRawStream(message: Uint8Array, options: { onRawData(data: Uint8Array): void }): Promise<void>;
  close(): Promise<void>;
}

/** `image` is the dump of a migrated data folder to start from. `dataDir` may be `memory://`. */
export async function openEmbeddedDatabase(dataDir: string, image?: Uint8Array): Promise<EmbeddedDatabase> {
  const worker = new Worker(new URL('./pglite-thread.mjs', import.meta.url), {
    workerData: { dataDir, image },
    execArgv: [],
  });
  const calls = new Map<number, Call>();
  let lastId = 0;

  await new Promise<void>((resolve, reject) => {
    worker.once('error', (cause) => reject(new Error(`The embedded database in ${dataDir} did not open.`, { cause })));
    worker.once('message', () => resolve());
  });
  worker.on('error', (cause) => {
    for (const call of calls.values()) call.onDone(new Error('The embedded database stopped.', { cause }));
    calls.clear();
  });
  worker.on('message', ({ id, data, done, error }: Reply) => {
    const call = calls.get(id!);
    if (data) call?.onData(data);
    if (!done) return;
    calls.delete(id!);
    call?.onDone(error === undefined ? undefined : new Error(error));
  });

  const request = (message: Uint8Array | null, onData: Call['onData']) =>
    new Promise<void>((resolve, reject) => {
      const id = ++lastId;
      calls.set(id, { onData, onDone: (error) => (error ? reject(error) : resolve()) });
      worker.postMessage({ id, message });
    });

  return {
    // A copy: node-postgres reuses the buffer that the message is a view of.
    execProtocolRawStream: (message, { onRawData }) => request(Uint8Array.prototype.slice.call(message), onRawData),
    async close() {
      await request(null, () => {});
      await worker.terminate();
    },
  };
}
