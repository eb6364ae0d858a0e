import { useState } from 'react';
import {
  PageLeaveDocument,
  PageMembersDocument,
  PageRemoveMemberDocument,
  type PageMemberFragment,
} from '../../generated/gql/graphql.ts';
import { useAction, useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Confirmation } from '../elements/confirmation.tsx';
import { Pages, type PageOfList } from '../elements/pages.tsx';
import { Panel } from '../elements/panel.tsx';
import { Failed, Loading } from '../elements/states.tsx';
import { RowActions, Table, TwoLines, type Column } from '../elements/table.tsx';
import { Age } from '../elements/time.tsx';
import { useHasScope, useViewer } from '../session/viewer.tsx';
import { ChangeRole } from './change-role.tsx';
import { Unseen } from './unseen.tsx';

interface OfOrganization {
  organizationId: string;
}

/** Who belongs to the organization. */
export function MemberList({ organizationId }: OfOrganization) {
  const [isLeaving, setIsLeaving] = useState(false);
  const { data } = useData(PageMembersDocument, { organizationId, after: null });
  return (
    <Panel
      title="Members"
      actions={
        data?.organization && (
          <Button look="quiet" onClick={() => setIsLeaving(true)}>
            Leave the organization
          </Button>
        )
      }
    >
      <Pages page={MemberPage} props={{ organizationId }} />
      {isLeaving && <Leaving organizationId={organizationId} onClose={() => setIsLeaving(false)} />}
    </Panel>
  );
}

interface Asked {
  readonly what: 'change' | 'remove';
  readonly member: PageMemberFragment;
}

function MemberPage({ organizationId, after, more }: OfOrganization & PageOfList) {
  const { data, error, reload } = useData(PageMembersDocument, { organizationId, after });
  const [asked, setAsked] = useState<Asked | null>(null);
  const { user: me } = useViewer();
  const managesRoles = useHasScope(organizationId, 'MEMBERS_MANAGE_ROLES');
  const removes = useHasScope(organizationId, 'MEMBERS_REMOVE');
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading />;
  if (!data.organization) return <Unseen what="members" />;
  const { nodes, pageInfo } = data.organization.members;
  const columns: Column<PageMemberFragment>[] = [
    {
      name: 'Member',
      cell: ({ user }) => <TwoLines first={user.name} second={user.id === me.id ? 'You' : null} />,
    },
    { name: 'Role', cell: ({ role }) => role.name },
    { name: 'Joined', isExtra: true, cell: ({ joinedAt }) => <Age at={joinedAt} /> },
  ];
  const actions: Column<PageMemberFragment> = {
    name: 'Actions',
    align: 'end',
    cell: (member) => (
      <RowActions>
        {managesRoles && (
          <Button
            look="quiet"
            aria-label={`Change role of ${member.user.name}`}
            onClick={() => setAsked({ what: 'change', member })}
          >
            Change role
          </Button>
        )}
        {removes && member.user.id !== me.id && (
          <Button
            look="quiet"
            aria-label={`Remove ${member.user.name}`}
            onClick={() => setAsked({ what: 'remove', member })}
          >
            Remove
          </Button>
        )}
      </RowActions>
    ),
  };
  const close = () => setAsked(null);
  return (
    <>
      <Table
        caption="Members"
        columns={managesRoles || removes ? [...columns, actions] : columns}
        rows={nodes}
        keyOf={({ user }) => user.id}
      />
      {more(pageInfo)}
      {asked?.what === 'change' && <ChangeRole organizationId={organizationId} member={asked.member} onClose={close} />}
      {asked?.what === 'remove' && <Removal organizationId={organizationId} member={asked.member} onClose={close} />}
    </>
  );
}

function Removal({
  organizationId,
  member: { user },
  onClose,
}: OfOrganization & { member: PageMemberFragment; onClose: () => void }) {
  const { run, isRunning, error } = useAction(PageRemoveMemberDocument);
  async function remove() {
    if (await run({ input: { organizationId, userId: user.id } })) onClose();
  }
  return (
    <Confirmation
      title={`Remove ${user.name}?`}
      action="Remove"
      isRunning={isRunning}
      error={error}
      onConfirm={() => void remove()}
      onClose={onClose}
    >
      <p>
        {user.name} sees nothing of the organization any more, and what is open ends. Of what nobody else publishes, you
        become the publisher.
      </p>
    </Confirmation>
  );
}

function Leaving({ organizationId, onClose }: OfOrganization & { onClose: () => void }) {
  const { run, isRunning, error } = useAction(PageLeaveDocument);
  async function leave() {
    if (await run({ input: { organizationId } })) onClose();
  }
  return (
    <Confirmation
      title="Leave the organization?"
      action="Leave"
      isRunning={isRunning}
      error={error}
      onConfirm={() => void leave()}
      onClose={onClose}
    >
      <p>You see nothing of it any more. To come back, you must be invited again.</p>
    </Confirmation>
  );
}
