import {
  GraphQLError,
  Kind,
  Lexer,
  parse,
  Source,
  TokenKind,
  validate,
  visit,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type ParseOptions,
  type SelectionSetNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import { costOf, fragmentsOf } from './cost.ts';

/** What one operation may be. docs/security.md gives the same figures; a test keeps the two equal. */
export const OPERATION_LIMITS = {
  characters: 65_536,
  tokens: 2_000,
  depth: 16,
  /** With those of each fragment, as often as it is spread. */
  fields: 5_000,
  /** Of two fields that go to one place of the answer. Validation makes each, so they grow with the square. */
  comparisons: 20_000,
  aliases: 50,
  directives: 50,
  rootFields: 20,
  /** How many objects the answer can have at most. */
  cost: 10_000,
} as const;
type Limit = keyof typeof OPERATION_LIMITS;

const LIMIT_TEXT: Record<Limit, string> = {
  characters: 'characters. Send long texts as variables',
  tokens: 'tokens',
  depth: 'levels of fields',
  fields: 'fields, fragments included',
  comparisons: 'pairs of fields that are merged',
  aliases: 'aliases',
  directives: 'directives',
  rootFields: 'fields at its root',
  cost: 'objects in its answer. Ask for smaller pages',
};

/** What is said of a document that has mistakes: so many of them. */
const MISTAKES_MAX = 10;

/**
 * Refuses operations that would take long: by their text before they are parsed, by their shape before they are
 * validated, and by their cost before they are run. The cost of what is run is in `extensions.cost` of its answer.
 */
export function useOperationLimits(): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string | Source, options?: ParseOptions) => {
        assertShort(typeof source === 'string' ? new Source(source) : source);
        return parse(source, options);
      });
    },
    onValidate({ setValidationFn }) {
      setValidationFn((schema, document, rules) => {
        const excess = excessOf(shapeOf(document));
        return excess ? [tooComplex(excess)] : validate(schema, document, rules, { maxErrors: MISTAKES_MAX });
      });
    },
    onExecute({ args, setResultAndStopExecution }) {
      const cost = { requested: costOf(args), maximum: OPERATION_LIMITS.cost };
      if (cost.requested > cost.maximum) {
        setResultAndStopExecution({ errors: [tooComplex('cost', cost)] });
        return undefined;
      }
      return {
        onExecuteDone({ result, setResult }) {
          if (Symbol.asyncIterator in result) return;
          setResult({ ...result, extensions: { ...result.extensions, cost } });
        },
      };
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const cost = { requested: costOf(args), maximum: OPERATION_LIMITS.cost };
      if (cost.requested > cost.maximum) setResultAndStopExecution({ errors: [tooComplex('cost', cost)] });
    },
  };
}

/** Parsed documents and mistakes in them, by their text; bounded by what they hold, not only by their number. */
export function createParserCache() {
  const cache = <Value extends object>() =>
    new LRUCache<string, Value>({
      max: 1_000,
      maxSize: 4 * 1024 * 1024,
      maxEntrySize: OPERATION_LIMITS.characters,
      sizeCalculation: (_value, text) => text.length + 1,
    });
  return { documentCache: cache<DocumentNode>(), errorCache: cache<Error>() };
}

function tooComplex(limit: Limit, details: Readonly<Record<string, unknown>> = {}): GraphQLError {
  const maximum = OPERATION_LIMITS[limit];
  return new GraphQLError(`An operation may have at most ${maximum} ${LIMIT_TEXT[limit]}.`, {
    extensions: { code: 'QUERY_TOO_COMPLEX', details: { limit, maximum, ...details } },
  });
}

/** Counts before anything is built of it: the parser alone would take seconds for a megabyte of tokens. */
function assertShort(source: Source): void {
  if (source.body.length > OPERATION_LIMITS.characters) throw tooComplex('characters');
  const lexer = new Lexer(source);
  for (let tokens = 0; lexer.advance().kind !== TokenKind.EOF; tokens += 1) {
    if (tokens >= OPERATION_LIMITS.tokens) throw tooComplex('tokens');
  }
}

type Shape = Record<Exclude<Limit, 'characters' | 'tokens' | 'cost'>, number>;

function excessOf(shape: Shape): keyof Shape | undefined {
  return (Object.keys(shape) as (keyof Shape)[]).find((limit) => shape[limit] > OPERATION_LIMITS[limit]);
}

/** Once each fragment stands where it is spread. Ends as soon as a limit is passed, which a fragment in itself does. */
function shapeOf(document: DocumentNode) {
  const shape = { depth: 0, fields: 0, comparisons: 0, aliases: 0, directives: 0, rootFields: 0 };
  visit(document, {
    Directive: () => void (shape.directives += 1),
    Field: ({ alias }) => void (shape.aliases += alias ? 1 : 0),
  });
  const fragments = fragmentsOf(document);
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      const roots = [...fieldsOf([definition.selectionSet], fragments).values()];
      shape.rootFields = Math.max(shape.rootFields, roots.flat().length);
    }
    if ('selectionSet' in definition) walk([definition.selectionSet], 1);
  }
  return shape;

  function walk(sets: readonly SelectionSetNode[], depth: number): void {
    shape.depth = Math.max(shape.depth, depth);
    for (const nodes of fieldsOf(sets, fragments).values()) {
      shape.fields += nodes.length;
      shape.comparisons += (nodes.length * (nodes.length - 1)) / 2;
      if (excessOf(shape)) return;
      const inside = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
      if (inside.length > 0) walk(inside, depth + 1);
    }
  }
}

/** The fields that are merged into one place of the answer, by their names there. */
function fieldsOf(
  sets: readonly SelectionSetNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): ReadonlyMap<string, FieldNode[]> {
  const fields = new Map<string, FieldNode[]>();
  const spread = new Set<string>();
  const waiting = [...sets];
  for (let set = waiting.pop(); set; set = waiting.pop()) {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value;
        const nodes = fields.get(name);
        if (nodes) nodes.push(selection);
        else fields.set(name, [selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        waiting.push(selection.selectionSet);
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment) waiting.push(fragment.selectionSet);
      }
    }
  }
  return fields;
}
