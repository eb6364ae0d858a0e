import { expect, test } from 'vitest';
import { releaseSpec } from '../../src/store/releases.ts';

const REST = {
  artifactKey: 'artifacts/a.tar.gz',
  artifactSha256: 'a',
  healthPath: '/',
  healthTimeoutMs: 60_000,
  drainMs: 10_000,
  env: {},
};

test('a release that was stored before there were static apps and a watch is one with a process that is not watched', () => {
  expect(releaseSpec.parse({ ...REST, start: 'node .' })).toEqual({
    ...REST,
    service: { kind: 'process', start: 'node .' },
    watchMs: 0,
  });
});

test.each([
  { kind: 'process', start: 'node .' },
  { kind: 'static', folder: 'dist', fallback: null },
])('a release stored with %j is read as it is', (service) => {
  const stored = { ...REST, service, watchMs: 60_000 };

  expect(releaseSpec.parse(stored)).toEqual(stored);
});
