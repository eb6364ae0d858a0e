import { useState } from 'react';
import { PageDeleteRoleDocument, PageRolesDocument, type PageRoleFragment } from '../../generated/gql/graphql.ts';
import { useAction, useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Confirmation } from '../elements/confirmation.tsx';
import { Panel } from '../elements/panel.tsx';
import { scopesText } from '../elements/scopes.ts';
import { Failed, Loading } from '../elements/states.tsx';
import { RowActions, Table, TwoLines, type Column } from '../elements/table.tsx';
import { useHasScope } from '../session/viewer.tsx';
import { RoleDialog } from './role-dialog.tsx';
import { Unseen } from './unseen.tsx';

type Asked = { readonly what: 'create' } | { readonly what: 'edit' | 'delete'; readonly role: PageRoleFragment };

/** The sets of scopes that members of the organization have. */
export function RoleList({ organizationId }: { organizationId: string }) {
  const { data, error, reload } = useData(PageRolesDocument, { organizationId });
  const [asked, setAsked] = useState<Asked | null>(null);
  const manages = useHasScope(organizationId, 'MEMBERS_MANAGE_ROLES');
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading />;
  if (!data.organization) return <Unseen what="roles" />;
  const columns: Column<PageRoleFragment>[] = [
    { name: 'Role', cell: ({ name, scopes }) => <TwoLines first={name} second={scopesText(scopes)} /> },
    { name: 'Members', align: 'end', cell: ({ memberCount }) => memberCount },
  ];
  const actions: Column<PageRoleFragment> = {
    name: 'Actions',
    align: 'end',
    cell: (role) => (
      <RowActions>
        <Button look="quiet" aria-label={`Edit ${role.name}`} onClick={() => setAsked({ what: 'edit', role })}>
          Edit
        </Button>
        <Button look="quiet" aria-label={`Delete ${role.name}`} onClick={() => setAsked({ what: 'delete', role })}>
          Delete
        </Button>
      </RowActions>
    ),
  };
  const close = () => setAsked(null);
  return (
    <Panel title="Roles" actions={manages && <Button onClick={() => setAsked({ what: 'create' })}>New role</Button>}>
      <Table
        caption="Roles"
        columns={manages ? [...columns, actions] : columns}
        rows={data.organization.roles}
        keyOf={({ id }) => id}
      />
      {asked?.what === 'create' && <RoleDialog organizationId={organizationId} role={null} onClose={close} />}
      {asked?.what === 'edit' && <RoleDialog organizationId={organizationId} role={asked.role} onClose={close} />}
      {asked?.what === 'delete' && <Deletion role={asked.role} onClose={close} />}
    </Panel>
  );
}

function Deletion({ role: { id, name }, onClose }: { role: PageRoleFragment; onClose: () => void }) {
  const { run, isRunning, error } = useAction(PageDeleteRoleDocument);
  async function remove() {
    if (await run({ input: { roleId: id } })) onClose();
  }
  return (
    <Confirmation
      title={`Delete ${name}?`}
      action="Delete"
      isRunning={isRunning}
      error={error}
      onConfirm={() => void remove()}
      onClose={onClose}
    >
      <p>Only a role that nobody has, and nobody is invited to, can be deleted.</p>
    </Confirmation>
  );
}
