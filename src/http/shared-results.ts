import {
  createSourceEventStream,
  execute,
  getOperationAST,
  Kind,
  visit,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FieldNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { mapStream } from '../events/leavable.ts';

/** Subscriptions whose events are the same objects for all, with nothing in them that depends on who is looking. */
const SHARED_FIELDS: ReadonlySet<string> = new Set(['deploymentLogs', 'deploymentEvents']);

/** What each event came to, by what was selected of it. */
const resultsOfEvents = new WeakMap<object, Map<string, ExecutionResult | Promise<ExecutionResult>>>();
const encodedResults = new WeakMap<ExecutionResult, string>();

/**
 * Computes the answer for one event once for all subscribers with the same selection. Who may subscribe is decided for
 * each of them by itself: it is their source streams that are asked for, and only what those give is looked up here.
 */
export function useSharedResults(): Plugin {
  return {
    onSubscribe({ args, setSubscribeFn }) {
      if (isShareable(args)) setSubscribeFn(subscribeShared);
    },
  };
}

/** The JSON of a result, made once for one that is shared. Null for any other. */
export function encodeShared(result: ExecutionResult): string | null {
  const encoded = encodedResults.get(result);
  if (encoded !== '') return encoded ?? null;
  const json = JSON.stringify(result);
  encodedResults.set(result, json);
  return json;
}

/**
 * Encodes events for one subscriber whose events are the same objects for all, without a stream in between: at once, where
 * somebody else had the same before. Null when they are not the same; and for a result with errors.
 */
export function shareEncoded(args: ExecutionArgs): ((event: object) => string | null | Promise<string | null>) | null {
  if (!isShareable(args)) return null;
  const key = selectionKey(args);
  return (event) => {
    const result = resultOf(event, key, args);
    return 'then' in result ? result.then(encodeShared) : encodeShared(result);
  };
}

function isShareable({ document, operationName }: ExecutionArgs): boolean {
  const operation = getOperationAST(document, operationName);
  const [field, more] = operation?.selectionSet.selections ?? [];
  return field?.kind === Kind.FIELD && more === undefined && SHARED_FIELDS.has(field.name.value);
}

async function subscribeShared(args: ExecutionArgs): Promise<AsyncIterable<ExecutionResult> | ExecutionResult> {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  const key = selectionKey(args);
  return mapStream(source, (event) => resultOf(event as object, key, args));
}

function resultOf(event: object, key: string, args: ExecutionArgs): ExecutionResult | Promise<ExecutionResult> {
  let results = resultsOfEvents.get(event);
  if (!results) resultsOfEvents.set(event, (results = new Map()));
  let result = results.get(key);
  if (!result) results.set(key, (result = computeResult(event, args)));
  return result;
}

/** At once, unless a resolver needs time. */
function computeResult(event: object, args: ExecutionArgs): ExecutionResult | Promise<ExecutionResult> {
  const result = execute({ ...args, rootValue: event });
  return 'then' in result ? result.then(prepareShared) : prepareShared(result);
}

function prepareShared(result: ExecutionResult): ExecutionResult {
  if (result.errors) return result;
  encodedResults.set(result, ''); // Its JSON is made when it is first asked for.
  const stringify = () => encodeShared(result)!;
  // Yoga encodes server-sent events with this.
  return Object.defineProperty(result, 'stringify', { value: stringify, enumerable: false });
}

const documentNumbers = new WeakMap<DocumentNode, number>();
let documents = 0;

/** The same for operations that select the same of each event. What chooses the events themselves does not count. */
function selectionKey({ document, operationName, variableValues = {} }: ExecutionArgs): string {
  let number = documentNumbers.get(document);
  if (number === undefined) documentNumbers.set(document, (number = documents += 1));
  const names = [...variablesOfSelection(document, operationName)].toSorted();
  return JSON.stringify([number, operationName ?? null, names.map((name) => [name, variableValues?.[name]])]);
}

/** All variables but those that are only arguments of the subscription's field. */
function variablesOfSelection(document: DocumentNode, operationName: ExecutionArgs['operationName']): Set<string> {
  const operation = getOperationAST(document, operationName)!;
  const root = operation.selectionSet.selections[0] as FieldNode;
  const names = new Set<string>();
  const noteVariables = {
    VariableDefinition: () => false as const,
    Variable: ({ name }: { name: { value: string } }) => void names.add(name.value),
  };
  for (const definition of document.definitions) {
    if (definition !== operation) visit(definition, noteVariables);
  }
  visit(operation, {
    ...noteVariables,
    Argument: (_node, _key, siblings) => (siblings === root.arguments ? false : undefined),
  });
  return names;
}
