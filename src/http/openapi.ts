import { z } from 'zod';
import { ERROR_STATUS, ERROR_TITLE, type ErrorCode } from '../domain/errors.ts';
import { BODY_BYTES_MAX } from './body.ts';
import { answerSchemas, health, problem } from './rest-schemas.ts';
import { ROUTES } from './rest.ts';
import { METHODS_WITH_BODY, TAGS, type About, type Route } from './route.ts';

type Json = Readonly<Record<string, unknown>>;

/** As much of JSON Schema as is used here. */
export interface Schema extends Json {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly string[];
  readonly const?: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;
interface Response {
  readonly description: string;
  readonly headers: Json;
  readonly content?: Content;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly Json[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, Response | { readonly $ref: string }>>;
}

export interface OpenApi {
  readonly openapi: string;
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
    readonly license: Json;
  };
  readonly servers: readonly Json[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly security: readonly Json[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly securitySchemes: Json;
    readonly headers: Json;
    readonly responses: Readonly<Record<string, Response>>;
    readonly schemas: Readonly<Record<string, Schema>>;
  };
}
type Described = Pick<Route, 'method' | 'path'> & { readonly about: About; readonly isPublic?: boolean };

const HEALTH: readonly Described[] = [
  {
    method: 'GET',
    path: '/livez',
    isPublic: true,
    about: {
      id: 'getLiveness',
      tag: 'Health',
      summary: 'Whether the process runs.',
      answers: { 200: { description: 'It runs.', schema: health } },
      refusals: [],
    },
  },
  {
    method: 'GET',
    path: '/readyz',
    isPublic: true,
    about: {
      id: 'getReadiness',
      tag: 'Health',
      summary: 'Whether the process can do its work: it asks the database.',
      answers: { 200: { description: 'It can.', schema: health } },
      refusals: [],
    },
  },
];

/** Each call may answer these. */
const ALWAYS: readonly ErrorCode[] = ['REQUEST_TIMEOUT', 'HEADERS_TOO_LARGE', 'INTERNAL', 'UNAVAILABLE'];
const SIGNED_IN: readonly ErrorCode[] = ['BAD_USER_INPUT', 'UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED'];
const WITH_BODY: readonly ErrorCode[] = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

/** The description of the REST calls that is served at `/openapi.json`, made of the table that serves them. */
export function createOpenApi(): OpenApi {
  const calls: readonly Described[] = [...ROUTES, ...HEALTH];
  const paths: Record<string, Record<string, Operation>> = {};
  const responses: Record<string, Response> = {};
  for (const call of calls) (paths[call.path] ??= {})[call.method.toLowerCase()] = operationOf(call, responses);
  const { schemas } = z.toJSONSchema(answerSchemas, { io: 'output', uri: refTo, override: bound });
  return {
    openapi: '3.1.1',
    info: {
      title: 'Windlass',
      version: '1',
      description:
        'The REST calls of Windlass, a control plane for deployments. Each runs a stored GraphQL document with the same rules: what is not here is in GraphQL, at `/graphql`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This installation, production or local.', 'x-internal': false }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token of a member: `Authorization: Bearer <token>`.' },
      },
      headers: HEADERS,
      responses,
      schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, bare(schema)])),
    },
  };
}

function operationOf(
  { method, path, about, isPublic = false }: Described,
  responses: Record<string, Response>,
): Operation {
  const { id, tag, summary, description, body, answers } = about;
  const refusals = [
    ...about.refusals,
    ...(isPublic ? [] : SIGNED_IN),
    ...(METHODS_WITH_BODY.has(method) ? WITH_BODY : []),
    ...ALWAYS,
  ];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description ? { description } : {}),
    ...(isPublic ? { security: [] } : {}),
    parameters: [...pathParameters(path), ...queryParameters(about), ...headerParameters(about)],
    ...(body ? { requestBody: bodyOf(body) } : {}),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, successOf(answer)])),
      ...refusalsOf(refusals, responses),
    },
  };
}

function pathParameters(path: string): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path' as const,
    required: true,
    description: 'An id, as the answers have it.',
    schema: { type: 'string', pattern: '^[a-z]{3}_[0-9a-z]{26}$', maxLength: 30 },
  }));
}

function queryParameters({ query }: About): Parameter[] {
  if (!query) return [];
  const { properties = {}, required = [] } = inputSchema(query);
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query' as const,
    // A list that may be empty need not be sent.
    required: required.includes(name) && schema['type'] !== 'array',
    ...(description ? { description } : {}),
    schema,
  }));
}

const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same key gives the same answer for 24 hours, and makes nothing twice.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]+$', minLength: 1, maxLength: 255 },
};
const LAST_EVENT_ID: Parameter = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'Where an event stream goes on: after this line.',
  schema: { type: 'string', pattern: '^\\d+(-end)?$', maxLength: 20 },
};

function headerParameters({ isIdempotent, isStream }: About): Parameter[] {
  return [...(isIdempotent ? [IDEMPOTENCY_KEY] : []), ...(isStream ? [LAST_EVENT_ID] : [])];
}

function bodyOf(body: z.ZodType) {
  return {
    required: !body.safeParse(undefined).success,
    content: { 'application/json': { schema: inputSchema(body) } },
  };
}

function successOf({ description, schema, media, headers = [] }: About['answers'][number]): Response {
  const named = schema && answerSchemas.get(schema);
  const content = named ? { 'application/json': { schema: { $ref: refTo(named.id) } } } : media && mediaOf(media);
  return { description, headers: headersOf(headers), ...(content ? { content } : {}) };
}

function mediaOf(media: readonly string[]): Content {
  return Object.fromEntries(media.map((type) => [type, { schema: { type: 'string', maxLength: TEXT_LENGTH_MAX } }]));
}

/** The refusals of one status: those of the same codes are described once. */
function refusalsOf(codes: readonly ErrorCode[], responses: Record<string, Response>): Operation['responses'] {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes))
    byStatus.set(ERROR_STATUS[code], [...(byStatus.get(ERROR_STATUS[code]) ?? []), code]);
  const content = { 'application/problem+json': { schema: { $ref: refTo(answerSchemas.get(problem)!.id) } } };
  const entries = [...byStatus].map(([status, same]) => {
    const name = same.join('.');
    responses[name] ??= {
      description: same.map((code) => `\`${code}\`: ${ERROR_TITLE[code].toLowerCase()}.`).join(' '),
      headers: headersOf(HEADERS_OF_STATUS[status] ?? []),
      content,
    };
    return [status, { $ref: `#/components/responses/${name}` }];
  });
  return Object.fromEntries(entries) as Operation['responses'];
}

const HEADERS_OF_STATUS: Readonly<Record<number, readonly (keyof typeof HEADERS)[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

const header = (description: string, schema: Json = { type: 'string', maxLength: 2_048 }) => ({ description, schema });
const HEADERS = {
  'X-Request-Id': header('Names this request in the log of the server.'),
  'Access-Control-Allow-Origin': header('For pages of the origins in `WINDLASS_ALLOWED_ORIGINS`.'),
  RateLimit: header('What is left in this minute, and for how many seconds it lasts: `"token";r=599;t=42`.'),
  'RateLimit-Policy': header('How many requests there may be in how many seconds: `"token";q=600;w=60`.'),
  'Retry-After': header('After how many seconds to ask again.', {
    type: 'integer',
    format: 'int32',
    minimum: 1,
    maximum: 3_600,
  }),
  'WWW-Authenticate': header('`Bearer`.'),
  Location: header('Where what was made can be read.'),
  Link: header('The pages beside this one: `first`, `prev`, `next`, `last`.'),
} as const;
const HEADERS_ALWAYS = ['X-Request-Id', 'Access-Control-Allow-Origin', 'RateLimit', 'RateLimit-Policy'] as const;

function headersOf(more: readonly string[]): Json {
  const names = [...HEADERS_ALWAYS, ...more];
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function inputSchema(schema: z.ZodType): Schema {
  return bare(z.toJSONSchema(schema, { io: 'input', override: bound }));
}

function bare(schema: Json): Schema {
  const { $schema: _schema, $id: _id, ...rest } = schema;
  return rest;
}

function refTo(id: string): string {
  return `#/components/schemas/${id}`;
}

/** Longer texts do not fit into a body. */
const TEXT_LENGTH_MAX = BODY_BYTES_MAX;

/** Says what holds without being said in each schema. */
function bound({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void {
  if (jsonSchema['type'] === 'string' && !('enum' in jsonSchema) && !('const' in jsonSchema)) {
    jsonSchema['maxLength'] ??= TEXT_LENGTH_MAX;
  }
  if (jsonSchema['type'] === 'integer') {
    jsonSchema['format'] = 'int32';
    delete jsonSchema['pattern']; // Of the text that a query has it in.
    delete jsonSchema['maxLength'];
  }
}
