export interface LiveDeployment {
  readonly number: number;
  readonly version: { readonly version: string };
}

/** What serves, whatever becomes of another deployment. */
export function stillServing(live: LiveDeployment | null | undefined): string {
  return live ? `Version ${live.version.version} (#${live.number}) is still serving.` : 'Nothing serves this app.';
}
