import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPlane, type Plane } from '../kit/plane.ts';

let plane: Plane;
beforeAll(async () => {
  plane = await startPlane({ roles: ['api'] });
});
afterAll(() => plane[Symbol.asyncDispose]());

const audits = serverAudits({ url: () => `${plane.url}/graphql` });

test('the audit suite of GraphQL over HTTP has 61 audits', () => {
  expect(audits).toHaveLength(61);
});

// Recommendations count like requirements here: what is only a warning to the suite fails, too.
test.each(audits.map((audit) => [audit.id, audit.name, audit] as const))('%s %s', async (_id, _name, audit) => {
  const result = await audit.fn();

  expect(result, 'reason' in result ? result.reason : '').toMatchObject({ status: 'ok' });
});
