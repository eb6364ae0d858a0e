import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { listen, ListenError } from '../src/listen.ts';

test('an address that is not of this machine is refused in one sentence', async () => {
  const listening = listen(createServer(), 0, '203.0.113.7');

  await expect(listening).rejects.toThrow(
    new ListenError('203.0.113.7 is no address of this machine. Set WINDLASS_HOST to one; 0.0.0.0 means all.'),
  );
});
