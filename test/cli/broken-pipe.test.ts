import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

test.each([['--help'], ['deploy', '--help']])('whoever stops reading `windlass %s` sees no error', async (...args) => {
  const command = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  command.stdout.destroy();

  const [said, [code]] = await Promise.all([text(command.stderr), once(command, 'exit')]);

  expect([code, said]).toEqual([0, '']);
});
