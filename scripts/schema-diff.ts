import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import {
  buildASTSchema,
  buildSchema,
  findBreakingChanges,
  GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  parse,
  visit,
  type DirectiveNode,
} from 'graphql';

/**
 * `npm run schema:check` fails when schema.graphql lacks something that clients of the last release rely on.
 *
 * The contract of the last release is the committed file schema.released.graphql. It is not asked of Git: a clone in CI
 * may be shallow, without tags, or no clone at all, and there the commit under test is itself the last one. Who makes a
 * release copies schema.graphql over it, and nobody else changes it. Before the first release it holds what the first
 * users were promised.
 *
 * What is to go is marked `@deprecated` in one release and may be missing from the next one.
 */
function main(released = 'schema.released.graphql', current = 'schema.graphql'): void {
  const changes = breakingChanges(readFileSync(released, 'utf8'), readFileSync(current, 'utf8'));
  for (const change of changes) console.error(`${change} Clients of the last release rely on it: deprecate it first.`);
  if (changes.length > 0) process.exitCode = 1;
}

/** What a client of one schema could no longer do with another, as sentences; but for what was deprecated and is gone. */
export function breakingChanges(before: string, after: string): string[] {
  const current = buildSchema(after);
  return findBreakingChanges(withoutWithdrawn(before, current), current).map(({ description }) => description);
}

/** A schema without what it deprecates and the current one has no more, and without the types that only this led to. */
function withoutWithdrawn(before: string, current: GraphQLSchema): GraphQLSchema {
  const document = visit(parse(before), {
    enter(node, _key, _parent, _path, ancestors) {
      if (!('directives' in node) || !isDeprecated(node.directives)) return undefined;
      const path = [...ancestors, node].flatMap((part) => ('name' in part && part.name ? [part.name.value] : []));
      return has(current, path) ? undefined : null;
    },
  });
  const { types, ...config } = buildASTSchema(document).toConfig();
  // What is given as `types` stays though nothing leads to it: only an interface leads to its implementations.
  return new GraphQLSchema({
    ...config,
    types: types.filter((type) => isObjectType(type) && type.getInterfaces().length > 0),
  });
}

function isDeprecated(directives: readonly DirectiveNode[] = []): boolean {
  return directives.some(({ name }) => name.value === 'deprecated');
}

/** Whether a schema has what a path of names leads to: type and field, value or input field, and perhaps argument. */
function has(schema: GraphQLSchema, [typeName = '', memberName = '', argumentName]: readonly string[]): boolean {
  const type = schema.getType(typeName);
  if (isEnumType(type)) return Boolean(type.getValue(memberName));
  if (isInputObjectType(type)) return memberName in type.getFields();
  if (!isObjectType(type) && !isInterfaceType(type)) return false;
  const field = type.getFields()[memberName];
  if (!field || argumentName === undefined) return Boolean(field);
  return field.args.some(({ name }) => name === argumentName);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv[2], process.argv[3]);
