import { isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';
import { schema } from '../graphql/schema.ts';

const MESSAGE_LENGTH_MAX = 300;

/** The names that a caller knows from us: what he wrote himself may be a secret in the wrong place. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  ...schema.getDirectives().flatMap(({ name, args }) => [name, ...args.map((argument) => argument.name)]),
  ...Object.values(schema.getTypeMap()).flatMap((type) => {
    if (isEnumType(type)) return [type.name, ...type.getValues().map(({ name }) => name)];
    if (isInputObjectType(type)) return [type.name, ...Object.keys(type.getFields())];
    if (!isObjectType(type) && !isInterfaceType(type)) return [type.name];
    const fields = Object.values(type.getFields());
    return [type.name, ...fields.flatMap(({ name, args }) => [name, ...args.map((argument) => argument.name)])];
  }),
]);

const PUNCTUATION = /^[!$&().:=@[\]{|}]+$/;
/** What a token is, and what it says. */
const TOKEN = /\b(Name|String|BlockString|Int|Float|Comment) "[^]*$/;
/** Where a message goes on with a value: to its end, or to what it says of a variable. */
const VALUE =
  /(\bfound|\bvalue:|\bbut got:) (?!Name\b|String\b|BlockString\b|Int\b|Float\b|<EOF>|"[!$&().:=@[\]{|}]+")[^]*$/;

/** A message of GraphQL's own, which quotes what it was about, without any text that is not a name of the schema. */
export function withoutEcho(message: string): string {
  return message
    .replace(TOKEN, '$1.')
    .replace(VALUE, '$1 something else.')
    .replaceAll(/"([^"]*)"/g, (quoted, text: string) => (isOwn(text) ? quoted : '"…"'))
    .slice(0, MESSAGE_LENGTH_MAX);
}

/** Names with what may stand around them: `$input`, `[ID!]!`, `Query.deployment`, `@skip`. */
function isOwn(text: string): boolean {
  return PUNCTUATION.test(text) || text.split(/[^\w]+/).every((name) => name === '' || OWN_NAMES.has(name));
}
