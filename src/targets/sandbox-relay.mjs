// Runs inside a sandbox that has no network: listens on its loopback, and passes what arrives on to sockets of the worker.
// Then it runs a command and ends as that does: relay.mjs PORT=SOCKET … -- PROGRAM ARGUMENT …
// Plain JavaScript with nothing but Node, because nothing else of Windlass is seen in there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const end = process.argv.indexOf('--');
const [program = '', ...args] = process.argv.slice(end + 1);

for (const pair of process.argv.slice(2, end)) {
  const [port = '', path = ''] = pair.split('=');
  const server = createServer({ allowHalfOpen: true }, (inside) => {
    const outside = connect({ path, allowHalfOpen: true });
    inside.on('error', () => outside.destroy());
    outside.on('error', () => inside.destroy());
    inside.pipe(outside).pipe(inside);
  });
  server.listen(Number(port), '127.0.0.1');
  await once(server, 'listening');
  server.unref();
}

// The command gets these too: how it ends is for it to say.
for (const name of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP'])) process.on(name, () => {});
const child = spawn(program, args, { stdio: 'inherit' });
const [code, signal] = await once(child, 'exit');
if (signal) process.kill(process.pid, 'SIGKILL');
process.exit(code ?? 1);
