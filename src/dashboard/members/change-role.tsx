import { useState, type FormEvent } from 'react';
import { PageChangeMemberRoleDocument, type PageMemberFragment } from '../../generated/gql/graphql.ts';
import { useAction } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Buttons, Dialog } from '../elements/dialog.tsx';
import formClasses from '../elements/form.module.css';
import { Refusal } from '../elements/states.tsx';
import { RoleField } from './role-field.tsx';

interface ChangeRoleProps {
  organizationId: string;
  member: PageMemberFragment;
  onClose: () => void;
}

export function ChangeRole({ organizationId, member: { user, role }, onClose }: ChangeRoleProps) {
  const { run, isRunning, error } = useAction(PageChangeMemberRoleDocument);
  const [roleId, setRoleId] = useState(role.id);
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (await run({ input: { organizationId, userId: user.id, roleId } })) onClose();
  }
  return (
    <Dialog title={`Role of ${user.name}`} onClose={onClose}>
      <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
        <RoleField organizationId={organizationId} roleId={roleId} onChoose={setRoleId} />
        <Refusal error={error} />
        <Buttons>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" look="primary" isRunning={isRunning} disabled={roleId === role.id}>
            Change the role
          </Button>
        </Buttons>
      </form>
    </Dialog>
  );
}
