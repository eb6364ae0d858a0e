import { Prisma, type PrismaClient } from '../generated/prisma/client.ts';

/**
 * The second line of defence between tenants. Whoever asks in the name of a caller gets a client whose reads of what
 * belongs to an organization fail unless they say of which: a filter that somebody forgot is an error then, and not a
 * leak. Writes are not looked at: each goes by ids that such a read gave.
 */
export function guardTenants(prisma: PrismaClient): PrismaClient {
  const guarded = prisma.$extends({
    name: 'tenant guard',
    query: {
      $allModels: {
        $allOperations({ model, operation, args, query }) {
          const predicate = READS.has(operation) ? PREDICATE_OF[model] : undefined;
          if (predicate && !isScoped((args as { where?: unknown }).where, predicate)) {
            throw new Error(
              `${model}.${operation} asks for no tenant: every read for a caller needs a filter by ${predicate}.`,
            );
          }
          return query(args);
        },
      },
    },
  });
  // It looks at queries and changes none of them.
  return guarded as unknown as PrismaClient;
}

const READS: ReadonlySet<string> = new Set([
  'findUnique',
  'findUniqueOrThrow',
  'findFirst',
  'findFirstOrThrow',
  'findMany',
  'count',
  'aggregate',
  'groupBy',
]);

/** By what a read of each model says which tenant it is for. Parts are read by the id of what they are a part of. */
const PREDICATE_OF: Partial<Record<string, string>> = {
  ...Object.fromEntries(
    Object.values(Prisma.ModelName)
      .filter((model) => 'organizationId' in (fieldsOf(model) ?? {}))
      .map((model) => [model, 'organizationId']),
  ),
  // Whoever has the secret of an upload may put its file, whoever he is.
  Upload: undefined,
  Organization: 'memberships',
  ApiToken: 'userId',
};

/** The names of a model's columns, as the generated client has them. */
function fieldsOf(model: string): Record<string, string> | undefined {
  const enums = Prisma as unknown as Record<string, Record<string, string> | undefined>;
  return enums[`${model}ScalarFieldEnum`];
}

/** Whether all rows that a condition lets through are chosen by the predicate, with a value. */
function isScoped(where: unknown, predicate: string): boolean {
  if (typeof where !== 'object' || where === null) return false;
  const { AND, ...conditions } = where as Record<string, unknown>;
  if (conditions[predicate] !== undefined) return true;
  // A unique key of several columns has them under its name.
  if (Object.entries(conditions).some(([name, value]) => name.includes('_') && isScoped(value, predicate))) return true;
  return [AND].flat().some((one) => isScoped(one, predicate));
}
