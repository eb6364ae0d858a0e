import { z } from 'zod';
import {
  DEPLOYMENT_STATUSES,
  DEPLOYMENT_TRIGGERS,
  LOG_LEVELS,
  LOG_STREAMS,
  PHASE_STATUSES,
  PHASES,
} from '../domain/deployment.ts';
import { VARIABLES_MAX } from '../domain/environment.ts';
import { OVERLAP_POLICIES } from '../domain/overlap.ts';

/** What the REST calls answer, for their description; tests hold real answers against it. */
export const answerSchemas = z.registry<{ id: string }>();

function named<Schema extends z.ZodType>(id: string, description: string, schema: Schema): Schema {
  const described = schema.describe(description);
  answerSchemas.add(described, { id });
  return described;
}

const id = (prefix: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-z]{26}$`))
    .max(30);
const time = z.string().max(30).meta({ format: 'date-time' });
const url = z.string().max(2_048).meta({ format: 'uri' });
const count = z.int32().min(0);
const whole = z.int32().min(1);

const phase = named(
  'Phase',
  'One of the eight phases of a deployment.',
  z.object({
    name: z.enum(PHASES),
    status: z.enum(PHASE_STATUSES),
    attempt: whole.describe('Grows when another worker takes over.'),
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    errorMessage: z.string().nullable(),
  }),
);

export const deployment = named(
  'Deployment',
  'A run of the eight phases for one version of a production app.',
  z.object({
    id: id('dep'),
    number: whole.describe('1, 2, 3 … for each production app.'),
    productionAppId: id('app'),
    versionId: id('ver'),
    status: z.enum(DEPLOYMENT_STATUSES),
    phases: z.array(phase).min(PHASES.length).max(PHASES.length).describe('All eight, in order.'),
    trigger: z.enum(DEPLOYMENT_TRIGGERS),
    errorMessage: z.string().nullable(),
    reason: z.string().nullable(),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
  }),
);

export const logLine = named(
  'LogLine',
  'One line of a log.',
  z.object({
    seq: whole.describe('1, 2, 3 … for each deployment. It is the cursor, too.'),
    at: time,
    phase: z.enum(PHASES).nullable(),
    stream: z.enum(LOG_STREAMS),
    level: z.enum(LOG_LEVELS),
    message: z.string(),
  }),
);

export const deploymentDetails = named(
  'DeploymentDetails',
  'A deployment, with the end of its log.',
  deployment.extend({
    logs: z.array(logLine).max(1_000).describe('The last 1,000 lines, in order.'),
    logsTotal: count.describe('How many lines there are.'),
  }),
);

const pagination = named(
  'Pagination',
  'Which page this is, and of how many.',
  z.object({ page: whole, pageSize: whole.max(100), total: count, totalPages: count }),
);

export const deploymentPage = named(
  'DeploymentPage',
  'One page of deployments, newest first.',
  z.object({ data: z.array(deployment).max(100), pagination }),
);

export const version = named(
  'Version',
  'A version of an entity.',
  z.object({
    id: id('ver'),
    version: z.string().max(128),
    sourceHash: z.string().max(200),
    isActive: z.boolean(),
    packageBytes: z.number().min(0),
    packageSha256: z.string().max(64),
    createdAt: time,
    entityId: id('ent'),
    baseVersionId: id('ver').nullable(),
  }),
);

export const uploadOffer = named(
  'UploadOffer',
  'Where to put the file; or the version that was made of the same source.',
  z.union([
    z.object({
      upload_url: url.describe('Takes the file by PUT, for this one upload. The URL is the permission.'),
      storage_path: z.string().max(200).describe('Names the upload in the second step.'),
      expires_at: time,
    }),
    z.object({ existing_version: version }),
  ]),
);

const variable = named(
  'EnvironmentVariable',
  'A variable of an app. A secret has no value here.',
  z.object({
    name: z.string(),
    value: z.string().nullable(),
    isSecret: z.boolean(),
    phases: z.array(z.enum(PHASES)).max(PHASES.length).describe('Those whose commands get it.'),
    updatedAt: time,
  }),
);

export const productionApp = named(
  'ProductionApp',
  'An app that is deployed, at a subdomain of its own.',
  z.object({
    id: id('app'),
    entityId: id('ent'),
    subdomain: z.string().max(63),
    url,
    health: z.enum(['healthy', 'none', 'starting', 'unhealthy']),
    overlap: z.enum(OVERLAP_POLICIES),
    buildNetwork: z.boolean().describe('Whether builds reach public hosts.'),
    environment: z.array(variable).max(VARIABLES_MAX).describe('By name.'),
    liveDeploymentId: id('dep').nullable(),
    createdAt: time,
    deletedAt: time.nullable(),
  }),
);

export const productionAppPage = named(
  'ProductionAppPage',
  'One page of production apps, newest first.',
  z.object({ data: z.array(productionApp).max(100), pagination }),
);

export const subdomainAvailability = named(
  'SubdomainAvailability',
  'Whether a subdomain is valid and free at this moment.',
  z.object({ subdomain: z.string(), available: z.boolean(), reason: z.string().nullable() }),
);

export const streamTicket = named(
  'StreamTicket',
  'Opens one stream, within a minute.',
  z.object({ ticket: z.string().max(100), expiresAt: time }),
);

export const health = named('Health', 'It is well.', z.object({ status: z.literal('ok') }));

export const problem = named(
  'Problem',
  'A refusal, as RFC 9457 has it.',
  z.object({
    type: z.string().max(100).describe('`urn:windlass:error:` and the code.'),
    title: z.string().max(100),
    status: z.int32().min(400).max(599),
    detail: z.string().describe('What happened and what to do, for people.'),
    code: z.string().max(50).describe('For programs: see docs/errors.md.'),
    details: z.record(z.string(), z.unknown()).optional(),
    requestId: z.string().max(64),
  }),
);
