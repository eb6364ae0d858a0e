import { useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import { PageDeleteAppDocument, type PageAppStateFragment } from '../../generated/gql/graphql.ts';
import { useAction } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Buttons, Dialog } from '../elements/dialog.tsx';
import { TextField } from '../elements/field.tsx';
import formClasses from '../elements/form.module.css';
import { Panel } from '../elements/panel.tsx';
import { Refusal } from '../elements/states.tsx';
import { paths } from '../routes.ts';
import { useDraft } from './drafts.tsx';
import classes from './settings-part.module.css';

/** Deletes an app for good, behind its name. */
export function DeleteApp({ app }: { app: PageAppStateFragment }) {
  const [isAsking, setIsAsking] = useState(false);
  return (
    <Panel title="Delete">
      <div className={classes['form']}>
        <p>
          What serves is stopped, open deployments are cancelled, and{' '}
          <strong>its database and files are removed for good</strong>. The history of its deployments stays.
        </p>
        <div className={classes['buttons']}>
          <Button look="danger" onClick={() => setIsAsking(true)}>
            Delete the app
          </Button>
        </div>
      </div>
      {isAsking && <DeleteDialog app={app} onClose={() => setIsAsking(false)} />}
    </Panel>
  );
}

function DeleteDialog({ app: { id, subdomain }, onClose }: { app: PageAppStateFragment; onClose: () => void }) {
  const [, navigate] = useLocation();
  const [, changeDraft] = useDraft(id);
  const [typed, setTyped] = useState('');
  const { run, isRunning, error } = useAction(PageDeleteAppDocument);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!(await run({ input: { id } }))) return;
    changeDraft(() => []);
    navigate(paths.apps, { replace: true });
  }

  return (
    <Dialog title={`Delete ${subdomain}`} onClose={onClose}>
      <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
        <p>Its database and files are removed for good. Nobody can bring them back.</p>
        <TextField
          label={`Type ${subdomain} to delete it`}
          value={typed}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
        />
        <Refusal error={error} />
        <Buttons>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" look="danger" isRunning={isRunning} disabled={typed !== subdomain}>
            Delete for good
          </Button>
        </Buttons>
      </form>
    </Dialog>
  );
}
