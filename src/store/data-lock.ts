import { randomUUID } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const SOCKET_PATH_BYTES_MAX = 100;
/** Who wants the folder, and who has it. */
const LOCK = /^(?:wants|has)-\d+-[0-9a-f]{8}$/;
const LOOK_AGAIN_MS = 20;
const LOOKS_MAX = 250;

export class DataLockedError extends Error {
  override readonly name = 'DataLockedError';
}

/**
 * Holds a folder for this process until it ends, however it ends: the lock is a bound unix socket, and the kernel closes
 * it with the process. A `kill -9` leaves only its name behind, which the next process removes.
 *
 * Whoever wants the folder shows a socket under a name of its own, and only then knocks at all others: of two that start
 * at once, at least one hears the other. The older one stays, the younger one goes. One name for all would not do: two
 * processes that both find it dead cannot tell whether what they remove is still the dead one.
 *
 * Throws DataLockedError, with this message, when another process holds the folder.
 */
export async function lockDataFolder(
  folder: string,
  refusal = `Another process uses ${folder}.`,
): Promise<{ release(): void }> {
  mkdirSync(folder, { recursive: true });
  const directory = openSync(folder, 'r');
  // A socket's path may be no longer than 108 bytes; the folder's descriptor gives any folder a short one.
  const at = (name: string) =>
    Buffer.byteLength(join(folder, name)) > SOCKET_PATH_BYTES_MAX
      ? `/proc/self/fd/${directory}/${name}`
      : join(folder, name);
  const id = `${Date.now()}-${randomUUID().slice(0, 8)}`;
  const own = `wants-${id}`;
  let server: Server | null = null;
  const release = () => {
    for (const name of [own, `has-${id}`]) rmSync(at(name), { force: true });
    server?.close();
    closeSync(directory);
  };
  try {
    server = await bind(at(`new-${id}`));
    // Between bind and listen a socket answers as a dead one does: it gets the name that others look for only now.
    renameSync(at(`new-${id}`), at(own));
    if (await isOnlyOne(folder, own, at)) {
      linkSync(at(own), at(`has-${id}`));
      return { release };
    }
  } catch (error) {
    release();
    throw error;
  }
  release();
  throw new DataLockedError(refusal);
}

function bind(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** Waits until each younger one goes, or shows that it took the folder before this one could be seen. */
async function isOnlyOne(folder: string, own: string, at: (name: string) => string): Promise<boolean> {
  for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
    const others: string[] = [];
    for (const name of readdirSync(folder)) {
      if (!LOCK.test(name) || name === own) continue;
      if (await answers(at(name))) others.push(name);
      else rmSync(at(name), { force: true });
    }
    if (others.length === 0) return true;
    if (others.some((name) => name.startsWith('has-') || name < own)) return false;
    await delay(LOOK_AGAIN_MS);
  }
  return false;
}

/** Only a refusal tells that nobody listens. A full queue, or another user's socket, does not. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
