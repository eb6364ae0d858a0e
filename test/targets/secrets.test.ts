import { expect, test } from 'vitest';
import { secretsOf, secretsOfWebhook } from '../../src/targets/secrets.ts';

test.each([
  ['a file of SQLite', 'file:/srv/windlass/apps/app_1/data/app.db', []],
  ['a path', '/srv/windlass/apps/app_1/data', []],
  ['a plain text', 'postgres', []],
  ['a URL without credentials', 'http://cache.example.com:6081', []],
  ['a role without a password', 'postgresql://postgres@127.0.0.1:5432/app', []],
  ['a password', 'postgresql://app:s3cret@127.0.0.1/app', ['postgresql://app:s3cret@127.0.0.1/app', 's3cret']],
  ['a password with escapes', 'redis://:p%40ss@host', ['redis://:p%40ss@host', 'p%40ss', 'p@ss']],
  ['a password with a percent sign', 'redis://:100%@host', ['redis://:100%@host', '100%']],
  ['a password behind it', 'postgresql://h/d?password=p%40ss', ['postgresql://h/d?password=p%40ss', 'p@ss']],
  ['a token for a user', 'https://t0ken@example.com/x', ['https://t0ken@example.com/x', 't0ken']],
])('of an environment with %s, the credentials are secret', (_what, value, secrets) => {
  expect([...new Set(secretsOf({ NAME: value }))]).toEqual(secrets);
});

test.each([
  ['https://hooks.example.com/services/T0/B0/x1y2z3', ['/services/T0/B0/x1y2z3']],
  ['https://example.com/purge?key=0123456789', ['/purge?key=0123456789']],
  ['https://example.com/purge', []],
])('the webhook %s is a secret, and its path when it is long enough to be one', (url, more) => {
  expect(secretsOfWebhook(url)).toEqual([url, ...more]);
});
