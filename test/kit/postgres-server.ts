import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { until } from './until.ts';

const BINARIES = '/usr/lib/postgresql';

/** Where Debian keeps PostgreSQL's programs; null where it is not installed. */
export const POSTGRES_BINARIES = existsSync(BINARIES)
  ? join(BINARIES, readdirSync(BINARIES).toSorted((a, b) => Number(b) - Number(a))[0]!, 'bin')
  : null;

/** A PostgreSQL server of a test's own, which the test may stop, freeze and start again. */
export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** As an operator does: connections are cut, and nothing answers until it is up again. */
  restart(): Promise<void>;
  /** Ends without writing anything down, and starts again. */
  crash(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** All its processes stand still: connections stay open, and nobody answers. */
  freeze(): void;
  thaw(): void;
}

export async function startPostgresServer(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'windlass-pg-'));
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  // PostgreSQL refuses to run as root. Not by `runuser`: it stands still with its child, and does not go on with it.
  const user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const initdb = ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync'];
  execFileSync(join(POSTGRES_BINARIES!, 'initdb'), initdb, { stdio: 'ignore', cwd: '/', ...user });
  const port = await findFreePort();
  let server: ChildProcess | null = null;

  const pids = () => {
    const leader = Number(readFileSync(join(data, 'postmaster.pid'), 'latin1').split('\n')[0]);
    const children = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && parentOf(Number(pid)) === leader);
    return [leader, ...children.map(Number)];
  };
  const signal = (signalName: NodeJS.Signals, targets: readonly number[]) => {
    for (const pid of targets) {
      try {
        process.kill(pid, signalName);
      } catch {
        // Gone since we looked.
      }
    }
  };
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;

  async function start(): Promise<void> {
    const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: folder, max_connections: '200', port };
    const options = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    const file = join(POSTGRES_BINARIES!, 'postgres');
    server = spawn(file, ['-D', data, ...options], { stdio: 'ignore', cwd: '/', ...user });
    await until('the server answers', () => answers(url));
  }

  async function end(how: NodeJS.Signals): Promise<void> {
    if (server === null) return;
    const ended = once(server, 'exit');
    signal('SIGCONT', pids());
    signal(how, [pids()[0]!]);
    await ended;
    server = null;
  }

  await start();
  return {
    url,
    port,
    start,
    stop: () => end('SIGINT'),
    async restart() {
      await end('SIGINT');
      await start();
    },
    async crash() {
      await end('SIGQUIT');
      await start();
    },
    freeze: () => signal('SIGSTOP', pids()),
    thaw: () => signal('SIGCONT', pids()),
    async [Symbol.asyncDispose]() {
      await end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function idOf(flag: string): number {
  return Number(execFileSync('id', [flag, 'postgres']).toString());
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null; // Gone since we looked.
  }
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false; // Not yet.
  } finally {
    await client.end().catch(() => {});
  }
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
