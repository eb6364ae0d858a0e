import { useState } from 'react';
import {
  PageInvitationsDocument,
  PageRevokeInvitationDocument,
  type PageInvitationFragment,
} from '../../generated/gql/graphql.ts';
import { useAction, useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Confirmation } from '../elements/confirmation.tsx';
import { Pages, type PageOfList } from '../elements/pages.tsx';
import { Panel } from '../elements/panel.tsx';
import { Empty, Failed, Loading } from '../elements/states.tsx';
import { Badge, INVITATION_LOOK } from '../elements/status.tsx';
import { RowActions, Table, TwoLines, type Column } from '../elements/table.tsx';
import { Age, Until, useNow } from '../elements/time.tsx';
import { useHasScope } from '../session/viewer.tsx';
import { invitationState } from './invitation-state.ts';
import { NewInvitation } from './new-invitation.tsx';
import { Unseen } from './unseen.tsx';

interface OfOrganization {
  organizationId: string;
}

/** Who was let in by a link, and who may still come. */
export function InvitationList({ organizationId }: OfOrganization) {
  const [isMaking, setIsMaking] = useState(false);
  const invites = useHasScope(organizationId, 'MEMBERS_INVITE');
  return (
    <Panel title="Invitations" actions={invites && <Button onClick={() => setIsMaking(true)}>Invite somebody</Button>}>
      <Pages page={InvitationPage} props={{ organizationId }} />
      {isMaking && <NewInvitation organizationId={organizationId} onClose={() => setIsMaking(false)} />}
    </Panel>
  );
}

const COLUMNS: readonly Column<PageInvitationFragment>[] = [
  {
    name: 'For',
    cell: ({ email, role, createdBy }) => (
      <TwoLines
        first={email ?? 'Whoever has the link'}
        second={createdBy ? `${role.name}, by ${createdBy.name}` : role.name}
      />
    ),
  },
  { name: 'State', cell: (invitation) => <State invitation={invitation} /> },
];

function InvitationPage({ organizationId, after, more }: OfOrganization & PageOfList) {
  const { data, error, reload } = useData(PageInvitationsDocument, { organizationId, after });
  const [revoking, setRevoking] = useState<PageInvitationFragment | null>(null);
  const now = useNow();
  const invites = useHasScope(organizationId, 'MEMBERS_INVITE');
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading />;
  if (!data.organization) return <Unseen what="invitations" />;
  const { nodes, pageInfo } = data.organization.invitations;
  if (nodes.length === 0) return <Empty title="No invitations">Nobody was invited by a link yet.</Empty>;
  const actions: Column<PageInvitationFragment> = {
    name: 'Actions',
    align: 'end',
    cell: (invitation) =>
      invitationState(invitation, now) === 'open' && (
        <RowActions>
          <Button
            look="quiet"
            aria-label={`Revoke the invitation of ${nameOf(invitation)}`}
            onClick={() => setRevoking(invitation)}
          >
            Revoke
          </Button>
        </RowActions>
      ),
  };
  return (
    <>
      <Table
        caption="Invitations"
        columns={invites ? [...COLUMNS, actions] : COLUMNS}
        rows={nodes}
        keyOf={({ id }) => id}
      />
      {more(pageInfo)}
      {revoking && <Revocation invitation={revoking} onClose={() => setRevoking(null)} />}
    </>
  );
}

function nameOf({ email, role }: PageInvitationFragment): string {
  return email ?? `whoever has the link to ${role.name}`;
}

function State({ invitation }: { invitation: PageInvitationFragment }) {
  const state = invitationState(invitation, useNow());
  const { expiresAt, acceptedAt, revokedAt } = invitation;
  const since = acceptedAt ?? revokedAt;
  return (
    <TwoLines
      first={<Badge look={INVITATION_LOOK[state]} />}
      second={
        since != null ? (
          <Age at={since} />
        ) : (
          <>
            {state === 'open' && 'Ends '}
            <Until at={expiresAt} />
          </>
        )
      }
    />
  );
}

function Revocation({ invitation, onClose }: { invitation: PageInvitationFragment; onClose: () => void }) {
  const { run, isRunning, error } = useAction(PageRevokeInvitationDocument);
  async function revoke() {
    if (await run({ input: { invitationId: invitation.id } })) onClose();
  }
  return (
    <Confirmation
      title="Revoke the invitation?"
      action="Revoke"
      isRunning={isRunning}
      error={error}
      onConfirm={() => void revoke()}
      onClose={onClose}
    >
      <p>The link of {nameOf(invitation)} works no more. You can always make another one.</p>
    </Confirmation>
  );
}
