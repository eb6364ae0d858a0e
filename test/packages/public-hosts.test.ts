import { expect, test } from 'vitest';
import { createPublicHosts, ForbiddenHostError } from '../../src/packages/public-hosts.ts';

const hosts = createPublicHosts([]);

function look(host: string, options = {}, given = hosts): Promise<unknown> {
  return new Promise((resolve, reject) => {
    given.lookup(host, options, (error, address) => (error ? reject(error) : resolve(address)));
  });
}

test.each([
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '168.63.129.16',
  '[::ffff:168.63.129.16]',
  '192.0.2.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:10.0.0.1]',
  '[fe80::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[ff02::1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[2001::1]',
])('%s is not public', async (host) => {
  expect(() => hosts.assertMayReach(host)).toThrow(ForbiddenHostError);
  await expect(look(host.replaceAll(/[[\]]/g, ''))).rejects.toThrow(ForbiddenHostError);
});

test.each(['1.1.1.1', '[2606:4700:4700::1111]', 'example.com'])('%s may be reached', (host) => {
  expect(() => hosts.assertMayReach(host)).not.toThrow();
});

// How a name could be spelled so that a filter of texts does not see what the system makes of it.
test.each(['http://0x7f000001/', 'http://2130706433/', 'http://127.1/', 'http://0177.0.0.1/', 'http://①②⑦.0.0.1/'])(
  '%s is this machine, whatever it looks like',
  (url) => {
    expect(() => hosts.assertMayReach(new URL(url).hostname)).toThrow(ForbiddenHostError);
  },
);

test('a name of this machine is not resolved, asked for one address or for all', async () => {
  await expect(look('localhost')).rejects.toThrow(ForbiddenHostError);
  await expect(look('localhost', { all: true })).rejects.toThrow(ForbiddenHostError);
});

test('a host that is allowed by name may have any address, and no other host may', async () => {
  const allowing = createPublicHosts(['LocalHost', '10.1.2.3']);

  expect(await look('localhost', { family: 4 }, allowing)).toBe('127.0.0.1');
  expect(await look('localhost', { all: true, family: 4 }, allowing)).toEqual([{ address: '127.0.0.1', family: 4 }]);
  expect(() => allowing.assertMayReach('10.1.2.3')).not.toThrow();
  expect(() => allowing.assertMayReach('10.1.2.4')).toThrow(ForbiddenHostError);
  await expect(look('127.0.0.1', {}, allowing)).rejects.toThrow(ForbiddenHostError);
});

test('an address of this machine is not public, also when the machine has it only now', async () => {
  const own: string[] = [];
  const given = createPublicHosts([], () => own);
  expect(() => given.assertMayReach('1.1.1.1')).not.toThrow();

  own.push('1.1.1.1', '2606:4700:4700::1111', 'fe80::1%eth0');

  for (const host of ['1.1.1.1', '[::ffff:1.1.1.1]', '[2606:4700:4700:0::1111]']) {
    expect(() => given.assertMayReach(host)).toThrow(ForbiddenHostError);
    await expect(look(host.replaceAll(/[[\]]/g, ''), {}, given)).rejects.toThrow(ForbiddenHostError);
  }
  expect(() => given.assertMayReach('1.0.0.1')).not.toThrow();
});
