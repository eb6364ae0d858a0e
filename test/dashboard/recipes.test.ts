import { Kind, OperationTypeNode, buildSchema, parse, validate } from 'graphql';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { actionRecipes, lookRecipes } from '../../src/dashboard/deployment/recipes.ts';

const SUBJECT = {
  url: 'https://windlass.example.com',
  deploymentId: 'dep_1',
  subdomain: 'shop',
};
const ACTIONS = ['CANCEL', 'RETRY', 'REDEPLOY', 'ROLLBACK'] as const;

test('every GraphQL text fits the schema, and its variables are its own', () => {
  const schema = buildSchema(readFileSync('schema.graphql', 'utf8'));
  const all = [lookRecipes(SUBJECT), ...ACTIONS.map((action) => actionRecipes(action, SUBJECT, { reason: 'slow' }))];

  for (const { graphql, variables } of all) {
    const document = parse(graphql);
    const [operation] = document.definitions;
    expect(validate(schema, document)).toEqual([]);
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('It is no operation.');
    expect(Object.values(OperationTypeNode)).toContain(operation.operation);
    expect(Object.keys(JSON.parse(variables) as object)).toEqual(
      operation.variableDefinitions?.map(({ variable }) => variable.name.value),
    );
  }
});

test('a reason is quoted for the shell, and no text has a token', () => {
  const recipes = actionRecipes('CANCEL', SUBJECT, { reason: `it's "$HOME" late`, force: true });

  expect(recipes).toMatchObject({
    curl: [
      "curl 'https://windlass.example.com/api/deploys/dep_1/cancel'",
      '-H "Authorization: Bearer $WINDLASS_TOKEN"',
      '-X POST',
      "-H 'Content-Type: application/json'",
      String.raw`-d '{"reason":"it'\''s \"$HOME\" late","force":true}'`,
    ].join(' \\\n  '),
    cli: String.raw`windlass cancel dep_1 --url https://windlass.example.com --reason 'it'\''s "$HOME" late' --force`,
  });
  expect(JSON.parse(recipes.variables)).toEqual({
    input: { deploymentId: 'dep_1', reason: `it's "$HOME" late`, force: true },
  });
});

test.each([
  ['CANCEL', 'windlass cancel dep_1'],
  ['RETRY', 'windlass retry dep_1'],
  ['REDEPLOY', 'windlass redeploy dep_1'],
  ['ROLLBACK', 'windlass rollback shop --to dep_1'],
] as const)('%s is asked for by `%s` on the command line', (action, command) => {
  expect(actionRecipes(action, SUBJECT, { reason: null }).cli).toBe(`${command} --url https://windlass.example.com`);
});
