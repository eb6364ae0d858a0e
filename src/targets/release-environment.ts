import { z } from 'zod';
import type { Variable } from '../domain/environment.ts';
import type { KeyRing } from '../domain/sealing.ts';

const variables = z.array(z.tuple([z.string(), z.string(), z.boolean()]));

/** What a release gets of its app's environment: as it was when it was deployed, however often it is started again. */
export function sealEnvironment(keyRing: KeyRing, deploymentId: string, given: readonly Variable[]) {
  const rows = given.map(({ name, value, isSecret }) => [name, value, isSecret]);
  return keyRing.seal(JSON.stringify(rows), deploymentId);
}

/** Throws SealError. A release of before there were environments has none. */
export function openEnvironment(
  keyRing: KeyRing,
  release: { readonly deploymentId: string; readonly sealedEnvironment: Uint8Array | null },
): Pick<Variable, 'name' | 'value' | 'isSecret'>[] {
  if (release.sealedEnvironment === null) return [];
  const rows = variables.parse(JSON.parse(keyRing.open(release.sealedEnvironment, release.deploymentId)));
  return rows.map(([name, value, isSecret]) => ({ name, value, isSecret }));
}
