import { useState, type FormEvent } from 'react';
import {
  PageCreateRoleDocument,
  PageUpdateRoleDocument,
  type PageRoleFragment,
  type Scope,
} from '../../generated/gql/graphql.ts';
import { useAction } from '../api/hooks.ts';
import { useIdempotencyKey } from '../api/idempotency-key.ts';
import { Button } from '../elements/button.tsx';
import { Choices } from '../elements/choices.tsx';
import { Buttons, Dialog } from '../elements/dialog.tsx';
import { TextField } from '../elements/field.tsx';
import formClasses from '../elements/form.module.css';
import { SCOPE_WORDS, SCOPES } from '../elements/scopes.ts';
import { Refusal } from '../elements/states.tsx';
import { useViewer } from '../session/viewer.tsx';

interface RoleDialogProps {
  organizationId: string;
  /** Null: a new one. */
  role: PageRoleFragment | null;
  onClose: () => void;
}

/** A name, and the scopes. Nobody gives or takes one that he does not have himself. */
export function RoleDialog({ organizationId, role, onClose }: RoleDialogProps) {
  const { memberships } = useViewer();
  const create = useAction(PageCreateRoleDocument);
  const update = useAction(PageUpdateRoleDocument);
  const idempotencyKey = useIdempotencyKey();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(role?.scopes));
  const mine = memberships.find(({ organization }) => organization.id === organizationId)?.scopes ?? [];

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const name = new FormData(event.currentTarget).get('name') as string;
    const scopes = SCOPES.filter((scope: Scope) => chosen.has(scope));
    const done = role
      ? await update.run({ input: { roleId: role.id, name, scopes } })
      : await create.run({ input: { organizationId, name, scopes, idempotencyKey } });
    if (done) onClose();
  }

  return (
    <Dialog title={role ? `Edit ${role.name}` : 'New role'} onClose={onClose}>
      <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
        <TextField label="Name" name="name" required maxLength={60} defaultValue={role?.name} autoFocus />
        <Choices
          legend="What its members may do"
          hint={
            role && role.memberCount > 0
              ? `A change holds at once for ${memberText(role.memberCount)}.`
              : 'With none, they read.'
          }
          choices={SCOPES.map((value) => ({
            value,
            label: SCOPE_WORDS[value].name,
            hint: mine.includes(value) ? SCOPE_WORDS[value].about : `${SCOPE_WORDS[value].about} You do not have it.`,
            isFixed: !mine.includes(value),
          }))}
          chosen={chosen}
          onChoose={setChosen}
        />
        <Refusal error={create.error ?? update.error} />
        <Buttons>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" look="primary" isRunning={create.isRunning || update.isRunning}>
            {role ? 'Save' : 'Make the role'}
          </Button>
        </Buttons>
      </form>
    </Dialog>
  );
}

function memberText(count: number): string {
  return count === 1 ? 'the one member who has it' : `the ${count} members who have it`;
}
