// The embedded database's own thread: its calls would starve sockets and timers on the main one.
// Plain JavaScript, because a worker thread of Node 20 does not inherit a TypeScript loader.
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';

const port = parentPort;
if (!port) throw new Error('This file runs as a worker thread.');

const options = workerData.image ? { loadDataDir: new Blob([workerData.image]) } : {};
const database = await PGlite.create(workerData.dataDir, options);

port.on('message', (request) => void answer(request));
port.postMessage({ ready: true });

/** @param {{ id: number, message: Uint8Array | null }} request */
async function answer({ id, message }) {
  try {
    if (message) {
      await database.execProtocolRawStream(message, {
        onRawData: (data) => port.postMessage({ id, data: data.slice() }),
      });
    } else {
      await database.close();
    }
    port.postMessage({ id, done: true });
  } catch (error) {
    port.postMessage({ id, done: true, error: String(error) });
  }
}
