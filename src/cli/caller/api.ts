import { existsSync, readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { refusalOf } from '../../client/api.ts';
import { commandErrorOf, usageError } from './command-error.ts';
import { exitOfRefusal, type ExitName } from './exit-codes.ts';
import { openSession, type Caller } from './session.ts';

export interface ApiOptions {
  /** `name=value`, where numbers, `true`, `false` and `null` are what they look like. */
  readonly field?: readonly string[];
  /** `name=value`, always a text. */
  readonly rawField?: readonly string[];
  readonly varJson?: string;
}

/** Sends any GraphQL and prints the data; the exit code is that of the first error. */
export async function runApi(caller: Caller, source: string, options: ApiOptions): Promise<ExitName> {
  const { output } = caller;
  const query = await readQuery(source);
  const variables = variablesOf(options);
  const { data, errors = [] } = await openSession(caller).client.send(query, variables);
  if (data !== undefined && data !== null) {
    output.result(output.isTable ? JSON.stringify(data, null, 2) : JSON.stringify(data));
  }
  const refusals = errors.map(refusalOf);
  for (const refusal of refusals) {
    output.warn(`${output.colours.red('windlass:')} ${refusal.message} (${refusal.code})`);
    const { advice } = commandErrorOf(refusal)!;
    if (advice) output.warn(`  ${advice}`);
  }
  return refusals[0] ? exitOfRefusal(refusals[0].code) : 'completed';
}

/** `-` is standard input; what begins like GraphQL is a query; anything else is a file. */
async function readQuery(source: string): Promise<string> {
  if (source === '-') return readAll(process.stdin);
  if (/[{\s]/.test(source) && !existsSync(source)) return source;
  if (existsSync(source)) return readFileOf(source);
  throw usageError(
    `There is no file ${source}, and it is no GraphQL either.`,
    "For example: windlass api '{ viewer { user { name } } }'",
  );
}

function readFileOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw usageError(`${path} cannot be read: ${(cause as Error).message}`);
  }
}

function variablesOf({ field = [], rawField = [], varJson }: ApiOptions): Record<string, unknown> {
  return {
    ...(varJson === undefined ? {} : parseVariables(varJson)),
    ...Object.fromEntries(rawField.map(splitField)),
    ...Object.fromEntries(field.map(splitField).map(([name, value]) => [name, typed(value)])),
  };
}

function parseVariables(text: string): Record<string, unknown> {
  try {
    const variables = JSON.parse(text) as unknown;
    if (typeof variables === 'object' && variables !== null && !Array.isArray(variables)) {
      return variables as Record<string, unknown>;
    }
  } catch {
    // Not JSON is as wrong as JSON of another kind: the same is said below.
  }
  throw usageError('--var-json is no JSON object.', `For example: --var-json '{"id":"dep_…"}'`);
}

function splitField(field: string): [name: string, value: string] {
  const at = field.indexOf('=');
  if (at > 0) return [field.slice(0, at), field.slice(at + 1)];
  throw usageError(`${JSON.stringify(field)} is no name=value.`);
}

function typed(value: string): unknown {
  if (/^(true|false|null|-?\d+(\.\d+)?)$/.test(value)) return JSON.parse(value);
  return value;
}
