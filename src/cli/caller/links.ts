interface Linked {
  readonly id: string;
  readonly failure?: {
    readonly phase?: string | null;
    readonly firstSeq?: number | null;
    readonly lastSeq?: number | null;
  } | null;
}

/** Where the page shows a deployment; of a failed one, at the lines that say why. */
export function deploymentPage(url: string, { id, failure }: Linked): string {
  const phase = failure?.phase ? `?phase=${failure.phase.toLowerCase()}` : '';
  const first = failure?.firstSeq ?? null;
  const last = failure?.lastSeq ?? first;
  const lines = first === null ? '' : `#L${first}${last === first ? '' : `-L${last}`}`;
  return `${url}/deployments/${id}${phase}${lines}`;
}

export function appPage(url: string, subdomain: string): string {
  return `${url}/apps/${subdomain}`;
}
