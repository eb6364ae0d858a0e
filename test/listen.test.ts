import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { listen, ListenError, type ListenSetting } from '../src/listen.ts';
import { startPlane } from './kit/plane.ts';

test.each<[ListenSetting, named: string]>([
  ['WINDLASS_PORT', 'WINDLASS_HOST'],
  ['WINDLASS_GATEWAY_PORT', 'WINDLASS_HOST'],
  ['WINDLASS_METRICS', 'WINDLASS_METRICS'],
])('an address of %s that is not of this machine is refused in one sentence', async (setting, named) => {
  const listening = listen(createServer(), { port: 0, host: '203.0.113.7', setting });

  await expect(listening).rejects.toThrow(
    new ListenError(`203.0.113.7 is no address of this machine. Set ${named} to one; 0.0.0.0 means all.`),
  );
});

test('a port that is taken is told with the setting that it comes from', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const taken = `Port ${port} on 127.0.0.1 is taken by another program.`;

  const starts = {
    WINDLASS_PORT: () => startPlane({ roles: ['api'], port, host: '127.0.0.1' }),
    WINDLASS_GATEWAY_PORT: () => startPlane({ roles: ['host'], gatewayPort: port, host: '127.0.0.1' }),
    WINDLASS_METRICS: () => startPlane({ roles: ['api'], metrics: { host: '127.0.0.1', port } }),
  };

  for (const [setting, start] of Object.entries(starts)) {
    await expect(start()).rejects.toThrow(`${taken} Set ${setting} to `);
  }
  other.close();
});
