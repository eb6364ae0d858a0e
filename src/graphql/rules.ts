import { isObjectType, OperationTypeNode, type GraphQLField, type GraphQLSchema } from 'graphql';
import { RULES, type Operation, type Rule } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { metrics } from '../metrics.ts';
import { requireViewer } from '../operations/authorize.ts';
import { recordAudit } from '../store/audit.ts';
import type { Context } from './context.ts';

/**
 * Who sees the objects of a type. Those of `tenant` types are found by ids, and each is looked for with the tenant
 * predicate. All others are parts: whoever holds the object that leads to them sees them.
 */
const TYPE_ACCESS = {
  Organization: 'tenant',
  User: 'tenant',
  Entity: 'tenant',
  Version: 'tenant',
  ProductionApp: 'tenant',
  Deployment: 'tenant',
  Actor: 'part',
  AllowedAction: 'part',
  ApiToken: 'part',
  AuditEvent: 'part',
  DeploymentCancellation: 'part',
  DeploymentEvent: 'part',
  DeploymentFailure: 'part',
  DeploymentLogBatch: 'part',
  DeploymentLogEnd: 'part',
  DeploymentPhase: 'part',
  DeploymentPlan: 'part',
  EnvironmentVariable: 'part',
  Invitation: 'part',
  InvitationOffer: 'part',
  LogLine: 'part',
  LogMatches: 'part',
  LogSection: 'part',
  Member: 'part',
  Membership: 'part',
  PageInfo: 'part',
  PlannedPhase: 'part',
  Role: 'part',
  RuntimeLogBatch: 'part',
  RuntimeLogEnd: 'part',
  RuntimeLogLine: 'part',
  SubdomainAvailability: 'part',
  System: 'part',
  SystemDatabase: 'part',
  SystemEventBus: 'part',
  SystemProcess: 'part',
  SystemQueue: 'part',
  Viewer: 'part',
} as const satisfies Record<string, 'tenant' | 'part'>;

/** What these names end in are answers and pages: parts of what was asked for. */
const PARTS = /(Payload|Connection|Edge|Page)$/;

/**
 * Puts the rules of access before every query, mutation and subscription, and writes down who was refused a mutation.
 * Throws when the schema has a field or a type without a rule, or a rule is about nothing.
 */
export function enforceRules(schema: GraphQLSchema): GraphQLSchema {
  const roots = [schema.getQueryType()!, schema.getMutationType()!, schema.getSubscriptionType()!];
  const fields = roots.flatMap((root) => Object.values(root.getFields()));
  const names = fields.map(({ name }) => name);
  const rootNames = roots.map(({ name }) => name);
  const unruled = [
    ...names.filter((name) => !(name in RULES)),
    ...Object.keys(RULES).filter((name) => !names.includes(name)),
    ...Object.values(schema.getTypeMap())
      .filter((type) => isObjectType(type) && !type.name.startsWith('__') && !rootNames.includes(type.name))
      .map(({ name }) => name)
      .filter((name) => !(name in TYPE_ACCESS) && !PARTS.test(name)),
  ];
  if (unruled.length > 0) {
    throw new Error(`Every field and type needs a rule of access, and every rule a field: ${unruled.join(', ')}.`);
  }
  for (const field of fields) enforce(field as GraphQLField<unknown, Context>, RULES[field.name as Operation]);
  return schema;
}

function enforce(field: GraphQLField<unknown, Context>, rule: Rule): void {
  // A subscription's `resolve` runs for each message, after `subscribe` has let the caller in.
  const entry = field.subscribe ? 'subscribe' : 'resolve';
  const inner = field[entry]!;
  field[entry] = async (root, args, context, info) => {
    if (rule !== 'anyone') requireViewer(context.viewer);
    try {
      const result: unknown = await inner(root, args, context, info);
      return entry === 'subscribe' ? whileAllowed(context, result as AsyncGenerator<unknown, void, void>) : result;
    } catch (error) {
      if (info.operation.operation === OperationTypeNode.MUTATION) await auditRefusal(field.name, args, context, error);
      throw error;
    }
  };
}

/** What a subscription gives, until its viewer may no longer watch: then it ends with the reason. */
function whileAllowed(
  { access, viewer }: Context,
  source: AsyncGenerator<unknown, void, void>,
): AsyncGenerator<unknown, void, void> {
  let reason: DomainError | null = null;
  const unwatch = access.watch(viewer!, (ended) => {
    reason = ended;
    source.return().catch(() => {}); // It ends for another reason already.
  });
  const end = async () => {
    unwatch();
    await source.return();
    return { done: true as const, value: undefined };
  };
  const broken = (error: unknown): never => {
    unwatch();
    throw reason ?? error;
  };
  const allowed: AsyncGenerator<unknown, void, void> = {
    // One promise for each message, and no async function: there may be ten thousand readers of each.
    next: () =>
      source.next().then((result) => {
        // What was read before the end is not given out after it.
        if (reason !== null) throw reason;
        if (result.done) unwatch();
        else metrics.streamMessages.inc();
        return result;
      }, broken),
    return: end,
    throw: end,
    [Symbol.asyncIterator]: () => allowed,
    [Symbol.asyncDispose]: async () => void (await end()),
  };
  return allowed;
}

/**
 * Somebody who belongs to an organization tried what he may not do there. What is about no single one, such as a token,
 * each of his organizations hears of.
 */
async function auditRefusal(action: string, args: unknown, context: Context, error: unknown): Promise<void> {
  if (!(error instanceof DomainError) || error.code !== 'FORBIDDEN' || context.viewer === null) return;
  const { organizationId } = error.details;
  const organizationIds =
    typeof organizationId === 'string'
      ? [organizationId]
      : // In one order, since each waits for others of its organization.
        context.viewer.memberships.map((membership) => membership.organizationId).toSorted();
  const input = Object.entries((args as { input?: Record<string, unknown> }).input ?? {});
  const [, subjectId] = input.find(([name, value]) => /^id$|Id$/.test(name) && typeof value === 'string') ?? [];
  for (const id of organizationIds) {
    await recordAudit(context.prisma, context.viewer, {
      organizationId: id,
      action,
      subjectId: (subjectId as string | undefined)?.slice(0, 100),
      details: { reason: error.message },
      refusal: error.code,
    });
  }
}
