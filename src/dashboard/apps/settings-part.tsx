import { useState, type FormEvent } from 'react';
import {
  PageUpdateAppDocument,
  type OverlapPolicy,
  type PageAppStateFragment,
  type UpdateProductionAppInput,
} from '../../generated/gql/graphql.ts';
import { useAction } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { CopyButton } from '../elements/copy-button.tsx';
import { CheckField, SelectField } from '../elements/field.tsx';
import { Facts } from '../elements/facts.tsx';
import { Panel } from '../elements/panel.tsx';
import { Refusal } from '../elements/states.tsx';
import { Age } from '../elements/time.tsx';
import { DeleteApp } from './delete-app.tsx';
import { OVERLAP_WORDS, overlapOptions } from './overlap.ts';
import { useMayPublish } from './permission.ts';
import { Publishers } from './publishers.tsx';
import classes from './settings-part.module.css';
import { SubdomainForm } from './subdomain-form.tsx';

/** How an app is set, and who may deploy it. Who may not change it reads it. */
export function SettingsPart({ app }: { app: PageAppStateFragment }) {
  const isAllowed = useMayPublish(app.entity, 'ENTITIES_DEPLOY');
  return (
    <div className={classes['settings']}>
      {isAllowed && <SubdomainForm app={app} />}
      {isAllowed && <DeploymentSettings app={app} />}
      <Publishers entity={app.entity} />
      <About app={app} isAllowed={isAllowed} />
      {isAllowed && <DeleteApp app={app} />}
    </div>
  );
}

function DeploymentSettings({ app }: { app: PageAppStateFragment }) {
  const [changed, setChanged] = useState<Pick<UpdateProductionAppInput, 'overlap' | 'buildNetwork'>>({});
  const [isSaved, setIsSaved] = useState(false);
  const { run, isRunning, error } = useAction(PageUpdateAppDocument);
  const overlap = changed.overlap ?? app.overlap;
  const buildNetwork = changed.buildNetwork ?? app.buildNetwork;
  const isChanged = overlap !== app.overlap || buildNetwork !== app.buildNetwork;

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!(await run({ input: { id: app.id, ...changed } }))) return;
    setChanged({});
    setIsSaved(true);
  }

  return (
    <Panel title="Deployments">
      <form className={classes['form']} onSubmit={(event) => void submit(event)}>
        <SelectField
          label="If another deployment is open"
          value={overlap}
          options={overlapOptions()}
          onChoose={(chosen) => setChanged({ ...changed, overlap: chosen as OverlapPolicy })}
          hint="What a new deployment does, unless whoever asks for it says otherwise."
        />
        <CheckField
          label="Builds and migrations reach the network"
          hint="Never private addresses, and never this machine."
          checked={buildNetwork}
          onChange={(event) => setChanged({ ...changed, buildNetwork: event.target.checked })}
        />
        <Refusal error={error} />
        <div className={classes['buttons']}>
          <Button type="submit" look="primary" isRunning={isRunning} disabled={!isChanged}>
            Save
          </Button>
          <span role="status">{isSaved && !isChanged && 'Saved.'}</span>
        </div>
      </form>
    </Panel>
  );
}

function About({ app, isAllowed }: { app: PageAppStateFragment; isAllowed: boolean }) {
  const { id, url, overlap, buildNetwork, createdAt, entity } = app;
  const settings = [
    ['Address', url],
    ['If another deployment is open', OVERLAP_WORDS[overlap]],
    ['Builds reach the network', buildNetwork ? 'Yes' : 'No'],
  ] as const;
  return (
    <Panel title="About">
      <Facts
        facts={[
          ...(isAllowed ? [] : settings),
          ['Created', <Age key="created" at={createdAt} />],
          ['Entity', entity.slug],
          ['Id of the app', <Id key="app" id={id} of="app" />],
          ['Id of the entity', <Id key="entity" id={entity.id} of="entity" />],
        ]}
      />
    </Panel>
  );
}

function Id({ id, of }: { id: string; of: string }) {
  return (
    <span className={classes['id']}>
      <code>{id}</code>
      <CopyButton text={id} label={`Copy the id of the ${of}`} />
    </span>
  );
}
