import type { Scope } from '../../generated/gql/graphql.ts';
import { useHasScope, useViewer } from '../session/viewer.tsx';

interface Published {
  readonly organization: { readonly id: string };
  readonly publishers: readonly { readonly id: string }[];
}

/** Whether the viewer has a scope and publishes the entity. The API decides; this only hides what it would refuse. */
export function useMayPublish({ organization, publishers }: Published, scope: Scope): boolean {
  const { user } = useViewer();
  return useHasScope(organization.id, scope) && publishers.some(({ id }) => id === user.id);
}
