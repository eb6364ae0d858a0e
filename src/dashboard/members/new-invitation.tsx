import { useState, type FormEvent } from 'react';
import { PageCreateInvitationDocument } from '../../generated/gql/graphql.ts';
import { useAction } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Buttons, Dialog } from '../elements/dialog.tsx';
import { TextField } from '../elements/field.tsx';
import formClasses from '../elements/form.module.css';
import { SecretOnce } from '../elements/secret-once.tsx';
import { Refusal } from '../elements/states.tsx';
import { RoleField } from './role-field.tsx';

interface NewInvitationProps {
  organizationId: string;
  onClose: () => void;
}

/** Makes a link, and shows it this once. */
export function NewInvitation({ organizationId, onClose }: NewInvitationProps) {
  const [url, setUrl] = useState<string | null>(null);
  return (
    <Dialog title={url === null ? 'Invite somebody' : 'The link'} isHeld={url !== null} onClose={onClose}>
      {url === null ? (
        <InvitationForm organizationId={organizationId} onMade={setUrl} onClose={onClose} />
      ) : (
        <SecretOnce
          text={url}
          copyLabel="Copy the link"
          about="Give this link to whom you invite: no mail is sent. It works once, for a week, and is not shown again."
          done="Done"
          onDone={onClose}
        />
      )}
    </Dialog>
  );
}

function InvitationForm({ organizationId, onMade, onClose }: NewInvitationProps & { onMade: (url: string) => void }) {
  const { run, isRunning, error } = useAction(PageCreateInvitationDocument);
  const [roleId, setRoleId] = useState<string | null>(null);
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const email = (new FormData(event.currentTarget).get('email') as string).trim();
    const made = await run({ input: { roleId: roleId!, email: email || null } });
    if (made?.createInvitation.url) onMade(made.createInvitation.url);
  }
  return (
    <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
      <RoleField organizationId={organizationId} roleId={roleId} onChoose={setRoleId} />
      <TextField
        label="E-mail (optional)"
        name="email"
        type="email"
        maxLength={254}
        hint="A note, to know the invitation again. Whoever has the link may use it."
      />
      <Refusal error={error} />
      <Buttons>
        <Button onClick={onClose}>Leave it</Button>
        <Button type="submit" look="primary" isRunning={isRunning} disabled={roleId === null}>
          Make the link
        </Button>
      </Buttons>
    </form>
  );
}
