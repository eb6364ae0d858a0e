import { useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import {
  PageSubdomainDocument,
  PageUpdateAppDocument,
  type PageAppStateFragment,
} from '../../generated/gql/graphql.ts';
import { useAction, useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { TextField } from '../elements/field.tsx';
import { Panel } from '../elements/panel.tsx';
import { useSettled } from '../elements/settled.ts';
import { Refusal } from '../elements/states.tsx';
import { paths } from '../routes.ts';
import classes from './settings-part.module.css';

/** Gives the app another address. Whether a name is free is asked while it is typed. */
export function SubdomainForm({ app }: { app: PageAppStateFragment }) {
  const { id, subdomain: current, url } = app;
  const [, navigate] = useLocation();
  const [subdomain, setSubdomain] = useState(current);
  const { run, isRunning, error } = useAction(PageUpdateAppDocument);
  const settled = useSettled(subdomain);
  const isOther = settled !== '' && settled !== current;
  const { data } = useData(PageSubdomainDocument, { subdomain: settled, excludeId: id }, { pause: !isOther });
  const answer = data?.subdomainAvailability;
  // The answer may be about what stood here before.
  const known = isOther && answer?.subdomain === subdomain ? answer : null;
  const next = url.replace(`//${current}.`, `//${subdomain}.`);

  async function submit(event: FormEvent) {
    event.preventDefault();
    const saved = await run({ input: { id, subdomain } });
    if (saved) navigate(paths.app(saved.updateProductionApp.productionApp.subdomain, 'settings'), { replace: true });
  }

  return (
    <Panel title="Address">
      <form className={classes['form']} onSubmit={(event) => void submit(event)}>
        <TextField
          label="Subdomain"
          value={subdomain}
          required
          maxLength={63}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          onChange={(event) => setSubdomain(event.target.value)}
          hint={
            <span role="status">
              {subdomain === current && `The app answers at ${url}`}
              {known?.available && `Free: ${next}. The old address stops answering at once.`}
              {known && !known.available && known.reason}
              {subdomain !== current && subdomain !== '' && !known && 'Checking …'}
            </span>
          }
        />
        <Refusal error={error} />
        <div className={classes['buttons']}>
          <Button type="submit" look="primary" isRunning={isRunning} disabled={!known?.available}>
            Rename
          </Button>
        </div>
      </form>
    </Panel>
  );
}
