import SchemaBuilder from '@pothos/core';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import { GraphQLError } from 'graphql';
import { kindOfId } from '../domain/ids.ts';
import type PrismaTypes from '../generated/pothos-types.ts';
import { getDatamodel } from '../generated/pothos-types.ts';
import type { Context } from './context.ts';

export const builder = new SchemaBuilder<{
  Context: Context;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
  Connection: { totalCount: () => Promise<number> };
  Scalars: { DateTime: { Input: Date; Output: Date } };
}>({
  plugins: [PrismaPlugin, RelayPlugin],
  defaultFieldNullability: false,
  prisma: {
    client: (context) => context.prisma,
    dmmf: getDatamodel(),
    exposeDescriptions: true,
  },
  relay: {
    clientMutationId: 'omit',
    cursorType: 'String',
    edgesFieldOptions: {
      nullable: { list: false, items: false },
      description: 'The objects of this page, each with its cursor.',
    },
    nodeFieldOptions: { nullable: false, description: 'The object itself.' },
    nodesOnConnection: { description: 'The objects of this page.' },
    cursorFieldOptions: { description: 'Where this object stands: pass it as `after` or `before`.' },
    pageInfoFieldOptions: { description: 'Whether there is more, and where to go on.' },
    // Our ids name their type themselves and are the same in REST.
    encodeGlobalID: (_typename, id) => String(id),
    decodeGlobalID: (id) => ({ typename: nodeKindOf(id), id }),
    idFieldOptions: { description: 'The same text in GraphQL and in REST. Its prefix names the type.' },
    nodeTypeOptions: { description: 'An object that its id alone finds again.' },
    nodeQueryOptions: {
      args: { id: { description: 'Its id.' } },
      description: 'Any object by its id. Null for what does not exist or may not be seen.',
    },
    nodesQueryOptions: {
      args: { ids: { description: 'Their ids.' } },
      description:
        'Many objects by their ids, in the same order, with null for what does not exist or may not be seen.',
    },
    defaultConnectionTypeOptions: { description: 'One page of a list.' },
    defaultEdgeTypeOptions: { description: 'One object of a list, and where it stands.' },
    pageInfoTypeOptions: { description: 'Whether a list goes on beyond a page, and where.' },
    hasNextPageFieldOptions: { description: 'Whether there is more after this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether there is more before this page.' },
    startCursorFieldOptions: { description: 'The cursor of the first object of this page.' },
    endCursorFieldOptions: { description: 'The cursor of the last object of this page.' },
    firstArgOptions: {
      description: 'How many from the front, 1 to 100. Default: 20. Of log lines and events 1 to 1,000, default: 100.',
    },
    lastArgOptions: { description: 'How many from the back. Not together with `first`.' },
    afterArgOptions: { description: 'Only what comes after this cursor.' },
    beforeArgOptions: { description: 'Only what comes before this cursor.' },
  },
});

const NODE_KINDS: ReadonlySet<string> = new Set([
  'Organization',
  'User',
  'Entity',
  'Version',
  'ProductionApp',
  'Deployment',
]);

/** An id of no node is looked for among deployments, and not found. */
function nodeKindOf(id: string): string {
  const kind = kindOfId(id);
  return kind !== null && NODE_KINDS.has(kind) ? kind : 'Deployment';
}

builder.globalConnectionField('totalCount', (t) =>
  t.int({
    description: 'How many objects the whole list has. Counted only when asked for.',
    resolve: (connection) => connection.totalCount(),
  }),
);

builder.queryType({ description: 'Everything that can be read.' });
builder.mutationType({ description: 'Everything that can be changed.' });
builder.subscriptionType({
  description: 'Everything that can be followed live, over WebSocket or server-sent events.',
});

builder.scalarType('DateTime', {
  description: 'A moment in time, as in RFC 3339: `2026-01-31T12:00:00.000Z`.',
  serialize: (value) => value.toISOString(),
  parseValue: (value) => {
    const date = typeof value === 'string' ? parseDateTime(value) : null;
    if (date) return date;
    throw new GraphQLError('A DateTime is a text such as 2026-01-31T12:00:00.000Z, with Z or an offset at its end.');
  },
});

const DATE_TIME = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** RFC 3339, and no more: `Date` takes 31 February for 3 March, and a text without an offset for local time. */
function parseDateTime(text: string): Date | null {
  const day = DATE_TIME.exec(text)?.[1];
  const date = new Date(text);
  if (day === undefined || Number.isNaN(date.getTime())) return null;
  if (new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day) return null;
  // PostgreSQL has no year 0.
  return date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999 ? date : null;
}

/** GraphQL spells enum values in capitals; the domain and REST spell them as documented. */
export function screaming<const T extends readonly string[]>(
  values: T,
  descriptions: Readonly<Record<T[number], string>>,
) {
  return Object.fromEntries(
    values.map((value: T[number]) => [value.toUpperCase(), { value, description: descriptions[value] }]),
  ) as { [V in T[number] as Uppercase<V>]: { value: V; description: string } };
}
