import type { EnvironmentVariableInput, PhaseName } from '../../generated/gql/graphql.ts';

/** A variable as it is stored. */
export interface StoredVariable {
  readonly name: string;
  /** Null of a secret: nobody reads it again. */
  readonly value?: string | null;
  readonly isSecret: boolean;
  readonly phases: readonly PhaseName[];
}

/** What a variable is to become. */
export interface VariableChange {
  readonly name: string;
  /** Null: the variable is removed. */
  readonly value: string | null;
  readonly isSecret: boolean;
  readonly phases: readonly PhaseName[];
}

/** What is to be saved together: one change for a name. */
export type EnvironmentDraft = readonly VariableChange[];

/** The phases that a variable can be given to, and what they do with it. */
export const VARIABLE_PHASES = [
  ['BUILD', 'Build'],
  ['MIGRATE', 'Migrate'],
  ['SERVICE_DEPLOY', 'Run'],
] as const satisfies readonly (readonly [PhaseName, string])[];

/** Where a new variable goes at first: what a build gets, it may leave in the artifact. */
export function phasesOfNew(isSecret: boolean): readonly PhaseName[] {
  return isSecret ? ['MIGRATE', 'SERVICE_DEPLOY'] : ['BUILD', 'MIGRATE', 'SERVICE_DEPLOY'];
}

/** The draft with a change in place of the one of its name. One that changes nothing is left out. */
export function withChange(
  draft: EnvironmentDraft,
  change: VariableChange,
  stored: readonly StoredVariable[],
): EnvironmentDraft {
  const others = withoutChange(draft, change.name);
  const before = stored.find(({ name }) => name === change.name);
  return isSame(change, before) ? others : [...others, change];
}

export function withoutChange(draft: EnvironmentDraft, name: string): EnvironmentDraft {
  return draft.filter((each) => each.name !== name);
}

/** To remove what is not there changes nothing, and neither does a plain value that stays. A secret is always set anew. */
function isSame(change: VariableChange, before: StoredVariable | undefined): boolean {
  if (before === undefined) return change.value === null;
  return (
    !before.isSecret &&
    !change.isSecret &&
    before.value === change.value &&
    VARIABLE_PHASES.every(([phase]) => before.phases.includes(phase) === change.phases.includes(phase))
  );
}

export type RowState = 'stored' | 'added' | 'changed' | 'removed';

/** A variable as it would be after the draft is saved; one that would be removed as it is. */
export interface VariableRow<Stored extends StoredVariable> {
  readonly name: string;
  readonly value: string | null;
  readonly isSecret: boolean;
  readonly phases: readonly PhaseName[];
  readonly state: RowState;
  readonly stored: Stored | null;
}

/** Every variable that is stored or would be, by name. */
export function rowsOf<Stored extends StoredVariable>(
  stored: readonly Stored[],
  draft: EnvironmentDraft,
): VariableRow<Stored>[] {
  const byName = new Map<string, VariableRow<Stored>>();
  for (const variable of stored) {
    const { name, value, isSecret, phases } = variable;
    byName.set(name, { name, value: value ?? null, isSecret, phases, state: 'stored', stored: variable });
  }
  for (const change of draft) {
    const before = byName.get(change.name);
    if (change.value !== null) {
      byName.set(change.name, { ...change, state: before ? 'changed' : 'added', stored: before?.stored ?? null });
    } else if (before) byName.set(change.name, { ...before, state: 'removed' });
  }
  return [...byName.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * What to send for a draft. A variable without a value is removed by it, so that a change always has its value, also when
 * only its phases are other ones.
 */
export function inputOf(draft: EnvironmentDraft): EnvironmentVariableInput[] {
  return draft.map(({ name, value, isSecret, phases }) =>
    value === null ? { name, value } : { name, value, isSecret, phases: [...phases] },
  );
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** Why a new variable cannot be called so. Null: it can, or the API will say. */
export function nameProblem(name: string, taken: readonly string[]): string | null {
  if (taken.includes(name)) return `There is a variable ${name} already.`;
  return NAME.test(name) ? null : 'Letters, digits and underscores, and no digit first.';
}
