import { useState, type FormEvent } from 'react';
import {
  PageAddPublisherDocument,
  PageRemovePublisherDocument,
  type PageAppStateFragment,
} from '../../generated/gql/graphql.ts';
import { useAction } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Buttons, Dialog } from '../elements/dialog.tsx';
import { SelectField } from '../elements/field.tsx';
import formClasses from '../elements/form.module.css';
import { Panel } from '../elements/panel.tsx';
import { Refusal } from '../elements/states.tsx';
import { useMemberNames, type MemberName } from '../session/members.ts';
import { useViewer } from '../session/viewer.tsx';
import { useMayPublish } from './permission.ts';
import classes from './publishers.module.css';

type Entity = PageAppStateFragment['entity'];

/** Who may push versions of an app and deploy it, as far as their roles allow it. */
export function Publishers({ entity }: { entity: Entity }) {
  const isAllowed = useMayPublish(entity, 'ENTITIES_SHARE');
  const { user } = useViewer();
  const [removed, setRemoved] = useState<MemberName | null>(null);
  const isLast = entity.publishers.length < 2;
  return (
    <Panel title="Who may deploy">
      <ul className={classes['publishers']}>
        {entity.publishers.map((publisher) => (
          <li key={publisher.id}>
            <span>
              {publisher.name}
              {publisher.id === user.id && ' (you)'}
            </span>
            {isAllowed && (
              <Button
                look="quiet"
                disabled={isLast}
                title={isLast ? 'One must stay.' : undefined}
                aria-label={`Remove ${publisher.name}`}
                onClick={() => setRemoved(publisher)}
              >
                Remove
              </Button>
            )}
          </li>
        ))}
      </ul>
      {isAllowed && <AddPublisher entity={entity} />}
      {removed && <RemovePublisher entity={entity} publisher={removed} onClose={() => setRemoved(null)} />}
    </Panel>
  );
}

function AddPublisher({ entity: { id: entityId, organization, publishers } }: { entity: Entity }) {
  const members = useMemberNames(organization.id);
  const [chosen, setChosen] = useState('');
  const { run, isRunning, error } = useAction(PageAddPublisherDocument);
  const others = members.filter(({ id }) => publishers.every((publisher) => publisher.id !== id));

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (await run({ input: { entityId, userId: chosen } })) setChosen('');
  }

  if (others.length === 0) return null;
  return (
    <form className={classes['add']} onSubmit={(event) => void submit(event)}>
      <SelectField
        label="Add a member"
        value={chosen}
        options={[['', 'Choose a member'], ...others.map(({ id, name }) => [id, name] as const)]}
        onChoose={setChosen}
      />
      <Button type="submit" isRunning={isRunning} disabled={!chosen}>
        Add
      </Button>
      <Refusal error={error} />
    </form>
  );
}

function RemovePublisher({
  entity,
  publisher,
  onClose,
}: {
  entity: Entity;
  publisher: MemberName;
  onClose: () => void;
}) {
  const { user } = useViewer();
  const { run, isRunning, error } = useAction(PageRemovePublisherDocument);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (await run({ input: { entityId: entity.id, userId: publisher.id } })) onClose();
  }

  return (
    <Dialog title={`Remove ${publisher.name}`} onClose={onClose}>
      <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
        <p>
          {publisher.id === user.id
            ? `You will not be able to push or deploy ${entity.name} any more, or to add yourself again.`
            : `${publisher.name} will not be able to push or deploy ${entity.name} any more.`}
        </p>
        <Refusal error={error} />
        <Buttons>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" look="danger" isRunning={isRunning}>
            Remove
          </Button>
        </Buttons>
      </form>
    </Dialog>
  );
}
