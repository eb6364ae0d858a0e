import {
  getNamedType,
  getNullableType,
  getOperationAST,
  isCompositeType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  valueFromASTUntyped,
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** How many objects a list has that nothing says the size of. */
const LIST_SIZE = 10;
const PAGE_SIZE = 20;
/** Lists with another page when none is asked for. */
const PAGE_SIZE_OF: Readonly<Record<string, number>> = {
  LogLineConnection: 100,
  RuntimeLogLineConnection: 100,
  DeploymentEventConnection: 100,
};
/** No list gives more at a time: whoever asks for more is refused by the list. */
const PAGE_SIZE_MAX = 1_000;
/** What introspection finds, on average. */
const INTROSPECTION_SIZE_OF: Readonly<Record<string, number>> = {
  types: 100,
  fields: 8,
  args: 2,
  inputFields: 5,
  enumValues: 5,
  possibleTypes: 2,
  interfaces: 1,
};

type Operation = Pick<ExecutionArgs, 'schema' | 'document' | 'operationName' | 'variableValues'>;

/**
 * How many objects the answer to an operation can have at most: each field of objects counts as many as its list is long,
 * and what is selected of them counts for each. Pages are as long as `first`, `last`, `pageSize` or `ids` say.
 */
export function costOf({ schema, document, operationName, variableValues }: Operation): number {
  const operation = getOperationAST(document, operationName);
  if (!operation) return 0;
  const variables = { ...defaultsOf(operation), ...variableValues };
  const fragments = fragmentsOf(document);
  const known = new Map<string, number>();

  function ofSet({ selections }: SelectionSetNode, parent: GraphQLNamedType | undefined, page: number): number {
    let cost = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) cost += ofField(selection, parent, page);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) cost += ofSpread(selection.name.value, page);
      else {
        const { typeCondition, selectionSet } = selection;
        cost += ofSet(selectionSet, typeCondition ? schema.getType(typeCondition.name.value) : parent, page);
      }
    }
    return cost;
  }

  function ofSpread(name: string, page: number): number {
    const key = `${page} ${name}`;
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    const { selectionSet, typeCondition } = fragments.get(name)!;
    const cost = ofSet(selectionSet, schema.getType(typeCondition.name.value), page);
    known.set(key, cost);
    return cost;
  }

  function ofField(node: FieldNode, parent: GraphQLNamedType | undefined, page: number): number {
    const field = fieldOf(schema, parent, node.name.value);
    if (!field || !node.selectionSet) return 0;
    const type = getNamedType(field.type);
    if (!isCompositeType(type)) return 0;
    const asked = pageAsked(field, node, variables);
    const isList = isListType(getNullableType(field.type));
    const size = isList ? (asked ?? sizeOfList(field, parent, page)) : 1;
    // What wraps the type of a field is at hand, and the usual introspection asks for nine levels of it.
    const own = isList || !isIntrospectionType(type) ? 1 : 0;
    return size * (own + ofSet(node.selectionSet, type, asked ?? PAGE_SIZE_OF[type.name] ?? PAGE_SIZE));
  }

  return ofSet(operation.selectionSet, schema.getRootType(operation.operation) ?? undefined, PAGE_SIZE);
}

export function fragmentsOf({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

function fieldOf(schema: GraphQLSchema, parent: GraphQLNamedType | undefined, name: string) {
  if (name === SchemaMetaFieldDef.name && parent === schema.getQueryType()) return SchemaMetaFieldDef;
  if (name === TypeMetaFieldDef.name && parent === schema.getQueryType()) return TypeMetaFieldDef;
  return isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
}

function sizeOfList({ name }: GraphQLField<unknown, unknown>, parent: GraphQLNamedType | undefined, page: number) {
  if (name === 'nodes' || name === 'edges') return page;
  return (parent && isIntrospectionType(parent) ? INTROSPECTION_SIZE_OF[name] : undefined) ?? LIST_SIZE;
}

/** What variables are when they are not sent. */
function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): Record<string, unknown> {
  return Object.fromEntries(
    variableDefinitions.flatMap(({ variable, defaultValue }) =>
      defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)]] : [],
    ),
  );
}

/** The page that a field's arguments choose. Null when they choose none. */
function pageAsked(
  { args }: GraphQLField<unknown, unknown>,
  { arguments: given = [] }: FieldNode,
  variables: ExecutionArgs['variableValues'],
): number | null {
  for (const name of ['first', 'last', 'pageSize', 'ids']) {
    const definition = args.find((argument) => argument.name === name);
    if (!definition) continue;
    const node = given.find((argument) => argument.name.value === name)?.value;
    const value: unknown = (node && valueFromASTUntyped(node, variables)) ?? definition.defaultValue;
    if (Array.isArray(value)) return value.length;
    if (typeof value === 'number') return Math.min(Math.max(0, value), PAGE_SIZE_MAX);
  }
  return null;
}
