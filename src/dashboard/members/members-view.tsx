import type { ComponentType } from 'react';
import { Empty, NotFound } from '../elements/states.tsx';
import { PageHead, Panel } from '../elements/panel.tsx';
import { Tabs } from '../elements/tabs.tsx';
import { paths } from '../routes.ts';
import { OrganizationChoice, useOrganization, useOrganizationPath } from '../session/organization.tsx';
import { InvitationList } from './invitation-list.tsx';
import { MemberList } from './member-list.tsx';
import { RoleList } from './role-list.tsx';

interface Part {
  readonly to: string;
  readonly name: string;
  readonly view: ComponentType<{ organizationId: string }>;
}

const PARTS: Readonly<Record<string, Part>> = {
  '': { to: paths.members, name: 'Members', view: MemberList },
  roles: { to: paths.roles, name: 'Roles', view: RoleList },
  invitations: { to: paths.invitations, name: 'Invitations', view: InvitationList },
};

/** Who belongs to an organization, what they may do, and who is invited. */
export function MembersView({ part = '' }: { part?: string }) {
  const organization = useOrganization();
  const ofOrganization = useOrganizationPath();
  const shown = Object.hasOwn(PARTS, part) ? PARTS[part] : undefined;
  if (!shown) return <NotFound what="page" />;
  return (
    <>
      <PageHead title="Members" name={shown.name} about={organization?.name} actions={<OrganizationChoice />} />
      {organization ? (
        <>
          <Tabs label="Members" tabs={Object.values(PARTS).map(({ to, name }) => ({ to: ofOrganization(to), name }))} />
          <shown.view key={organization.id} organizationId={organization.id} />
        </>
      ) : (
        <Panel>
          <Empty title="You belong to no organization">Ask a member of one to invite you.</Empty>
        </Panel>
      )}
    </>
  );
}
