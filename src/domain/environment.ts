import type { PhaseName } from './deployment.ts';

/** The phases that run something of the app, and that its variables may be given to. */
export const ENVIRONMENT_PHASES = ['build', 'migrate', 'service_deploy'] as const satisfies readonly PhaseName[];
export type EnvironmentPhase = (typeof ENVIRONMENT_PHASES)[number];

/** Where a variable goes unless its owner says otherwise: what a build gets, it may leave in the artifact. */
export function defaultPhases(isSecret: boolean): EnvironmentPhase[] {
  return isSecret ? ['migrate', 'service_deploy'] : [...ENVIRONMENT_PHASES];
}

export const VARIABLES_MAX = 100;
export const VALUE_BYTES_MAX = 32 * 1024;

/** A variable of an app, with its value. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly isSecret: boolean;
  readonly phases: readonly PhaseName[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** What a host sets itself, whatever the app's own environment says. */
const PROVIDED: ReadonlySet<string> = new Set(['DATA_DIR', 'DATABASE_URL', 'HOST', 'PORT']);

/** Why an app can have no variable of this name. Null: it can. */
export function nameProblem(name: string): string | null {
  if (!NAME.test(name)) return 'must be 1 to 128 letters, digits and underscores, and not begin with a digit';
  if (PROVIDED.has(name)) return `must not be ${name}: Windlass sets it`;
  return name.startsWith('WINDLASS_') ? 'must not begin with WINDLASS_' : null;
}

/** Why a variable can have no such value. Null: it can. Says nothing of the value. */
export function valueProblem(value: string): string | null {
  if (value.includes('\0')) return 'must not hold a NUL';
  return Buffer.byteLength(value) > VALUE_BYTES_MAX ? `must be at most ${VALUE_BYTES_MAX} bytes` : null;
}

/** The variables that a phase gets. */
export function environmentOf(variables: readonly Variable[], phase: EnvironmentPhase): Record<string, string> {
  const given = variables.filter(({ phases }) => phases.includes(phase));
  return Object.fromEntries(given.map(({ name, value }) => [name, value]));
}
