import type { ReactNode } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { SessionProvider } from './api/session-provider.tsx';
import { DraftsProvider } from './apps/drafts.tsx';
import { NotFound } from './elements/states.tsx';
import { lateView } from './late-view.tsx';
import { paths } from './routes.ts';
import { ShownOrganizationProvider } from './session/organization.tsx';
import { useSession } from './session/session.ts';
import { SignInPage } from './session/sign-in-page.tsx';
import { ViewerProvider } from './session/viewer.tsx';
import { Shell } from './shell/shell.tsx';
import { ViewBoundary } from './shell/view-boundary.tsx';

const AppsView = lateView(async () => (await import('./apps/apps-view.tsx')).AppsView);
const AppView = lateView(async () => (await import('./apps/app-view.tsx')).AppView);
const DeploymentsView = lateView(async () => (await import('./deployments/deployments-view.tsx')).DeploymentsView);
const DeploymentView = lateView(async () => (await import('./deployment/deployment-view.tsx')).DeploymentView);
const ActivityView = lateView(async () => (await import('./activity/activity-view.tsx')).ActivityView);
const MembersView = lateView(async () => (await import('./members/members-view.tsx')).MembersView);
const TokensView = lateView(async () => (await import('./tokens/tokens-view.tsx')).TokensView);
const SystemView = lateView(async () => (await import('./system/system-view.tsx')).SystemView);
const InvitationPage = lateView(async () => (await import('./invitation/invitation-page.tsx')).InvitationPage);

// Most links lead to a deployment: its code is asked for before it is known who looks.
if (location.pathname.startsWith(`${paths.deployments}/`)) DeploymentView.load();

export function App() {
  const session = useSession();
  const [location] = useLocation();
  if (location === paths.invitation) return <InvitationPage />;
  if (!session) return <SignInPage />;
  return (
    <SessionProvider session={session}>
      <ViewerProvider>
        <DraftsProvider>
          <ShownOrganizationProvider>
            <Shell>
              <ViewBoundary location={location}>
                <Views />
              </ViewBoundary>
            </Shell>
          </ShownOrganizationProvider>
        </DraftsProvider>
      </ViewerProvider>
    </SessionProvider>
  );
}

function Views(): ReactNode {
  return (
    <Switch>
      <Route path="/">
        <Redirect to={paths.apps} replace />
      </Route>
      <Route path={paths.apps} component={AppsView} />
      <Route path="/apps/:subdomain/:part?">
        {({ subdomain, part }) => <AppView key={subdomain} subdomain={subdomain} part={part} />}
      </Route>
      <Route path={paths.deployments} component={DeploymentsView} />
      <Route path="/deployments/:id">{({ id }) => <DeploymentView key={id} id={id} />}</Route>
      <Route path={paths.activity} component={ActivityView} />
      <Route path="/members/:part?">{({ part }) => <MembersView part={part} />}</Route>
      <Route path={paths.tokens} component={TokensView} />
      <Route path={paths.system} component={SystemView} />
      <Route>
        <NotFound what="page" />
      </Route>
    </Switch>
  );
}
