import { createContext, useContext, type ReactNode } from 'react';
import type { PageViewerQuery, Scope } from '../../generated/gql/graphql.ts';
import { PageViewerDocument } from '../../generated/gql/graphql.ts';
import { useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Failed, Loading } from '../elements/states.tsx';
import { Card } from '../shell/card.tsx';
import { signOut } from './session.ts';

type Viewer = PageViewerQuery['viewer'];
export type Membership = Viewer['memberships'][number];

const ViewerContext = createContext<Viewer | null>(null);

/** Nothing of the page is shown before it is known who looks at it. */
export function ViewerProvider({ children }: { children: ReactNode }) {
  const { data, error, reload } = useData(PageViewerDocument, {});
  if (data) return <ViewerContext value={data.viewer}>{children}</ViewerContext>;
  if (!error) return <Loading />;
  return (
    <Card>
      <Failed isView error={error} onRetry={reload} />
      <Button look="quiet" onClick={() => signOut()}>
        Sign out
      </Button>
    </Card>
  );
}

export function useViewer(): Viewer {
  return useContext(ViewerContext)!;
}

/** Whether the viewer's role in an organization has a scope. The API decides; this only hides what it would refuse. */
export function useHasScope(organizationId: string, scope: Scope): boolean {
  const { memberships } = useViewer();
  return memberships.some(({ organization, scopes }) => organization.id === organizationId && scopes.includes(scope));
}

/** The same for any of the viewer's organizations. */
export function useHasScopeSomewhere(scope: Scope): boolean {
  return useViewer().memberships.some(({ scopes }) => scopes.includes(scope));
}
