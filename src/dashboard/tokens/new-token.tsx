import { useState, type FormEvent } from 'react';
import { PageCreateTokenDocument, PageTokenAppsDocument, type Scope } from '../../generated/gql/graphql.ts';
import { useAction, useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Choices, OneOf } from '../elements/choices.tsx';
import { Buttons, Dialog } from '../elements/dialog.tsx';
import { SelectField, TextField } from '../elements/field.tsx';
import formClasses from '../elements/form.module.css';
import { Pages, type PageOfList } from '../elements/pages.tsx';
import { SCOPE_WORDS, SCOPES } from '../elements/scopes.ts';
import { SecretOnce } from '../elements/secret-once.tsx';
import { Failed, Loading, Refusal } from '../elements/states.tsx';
import { useViewer } from '../session/viewer.tsx';
import { expiryAfter, LIFETIMES } from './token.ts';

/** Makes a token with what it may do, for what, and for how long, and shows its secret. */
export function NewToken({ onClose }: { onClose: () => void }) {
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <Dialog title={secret === null ? 'New token' : 'Your new token'} isHeld={secret !== null} onClose={onClose}>
      {secret === null ? (
        <TokenForm onMade={setSecret} onClose={onClose} />
      ) : (
        <SecretOnce
          text={secret}
          copyLabel="Copy the token"
          about="Store it now, where your other secrets are. It is not shown again."
          done="Done"
          onDone={onClose}
        />
      )}
    </Dialog>
  );
}

function TokenForm({ onMade, onClose }: { onMade: (secret: string) => void; onClose: () => void }) {
  const { memberships } = useViewer();
  const { run, isRunning, error } = useAction(PageCreateTokenDocument);
  const [limit, setLimit] = useState<'all' | 'some'>('all');
  const [scopes, setScopes] = useState<ReadonlySet<string>>(new Set());
  const [reach, setReach] = useState<'all' | 'some'>('all');
  const [appIds, setAppIds] = useState<ReadonlySet<string>>(new Set());
  const [days, setDays] = useState('90');
  const held = SCOPES.filter((scope) => memberships.some((membership) => membership.scopes.includes(scope)));

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const made = await run({
      input: {
        name: new FormData(event.currentTarget).get('name') as string,
        scopes: limit === 'all' ? null : held.filter((scope: Scope) => scopes.has(scope)),
        productionAppIds: reach === 'all' ? null : [...appIds],
        expiresAt: expiryAfter(Number(days), Date.now()),
      },
    });
    if (made?.createApiToken.secret) onMade(made.createApiToken.secret);
  }

  return (
    <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
      <TextField label="Name" name="name" required maxLength={100} autoFocus hint="What it is for, to know it again." />
      <OneOf
        legend="What it may do"
        options={[
          ['all', 'Everything you may'],
          ['some', 'Only what you choose'],
        ]}
        chosen={limit}
        onChoose={setLimit}
      />
      {limit === 'some' && (
        <Choices
          legend="Scopes"
          hint="With none, it reads."
          choices={held.map((value) => ({ value, label: SCOPE_WORDS[value].name, hint: SCOPE_WORDS[value].about }))}
          chosen={scopes}
          onChoose={setScopes}
        />
      )}
      <OneOf
        legend="What it is for"
        options={[
          ['all', 'All apps, also later ones'],
          ['some', 'Only apps that you choose'],
        ]}
        chosen={reach}
        onChoose={setReach}
      />
      {reach === 'some' && <Pages page={AppChoices} props={{ chosen: appIds, onChoose: setAppIds }} />}
      <SelectField label="Works for" options={LIFETIMES} value={days} onChoose={setDays} />
      <Refusal error={error} />
      <Buttons>
        <Button onClick={onClose}>Leave it</Button>
        <Button
          type="submit"
          look="primary"
          isRunning={isRunning}
          disabled={reach === 'some' && appIds.size === 0}
          title={reach === 'some' && appIds.size === 0 ? 'Choose an app first.' : undefined}
        >
          Make the token
        </Button>
      </Buttons>
    </form>
  );
}

interface AppChoicesProps extends PageOfList {
  chosen: ReadonlySet<string>;
  onChoose: (chosen: ReadonlySet<string>) => void;
}

function AppChoices({ after, more, chosen, onChoose }: AppChoicesProps) {
  const { data, error, reload } = useData(PageTokenAppsDocument, { after });
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading lines={2} />;
  const { nodes, pageInfo } = data.productionApps;
  return (
    <>
      <Choices
        legend="Apps"
        hint={nodes.length === 0 ? 'There are none yet.' : 'Nothing else exists for it.'}
        choices={nodes.map(({ id, subdomain, entity }) => ({
          value: id,
          label: subdomain,
          hint: entity.name === subdomain ? undefined : entity.name,
        }))}
        chosen={chosen}
        onChoose={onChoose}
      />
      {more(pageInfo)}
    </>
  );
}
