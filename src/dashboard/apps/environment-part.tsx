import { Plus } from 'lucide-react';
import { useState } from 'react';
import {
  PageEnvironmentDocument,
  PageSaveEnvironmentDocument,
  type PageAppStateFragment,
  type PageVariableFragment,
} from '../../generated/gql/graphql.ts';
import { useAction, useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Panel } from '../elements/panel.tsx';
import { Empty, Failed, Loading, Refusal } from '../elements/states.tsx';
import { Table, type Column } from '../elements/table.tsx';
import { Age } from '../elements/time.tsx';
import { useDraft } from './drafts.tsx';
import {
  inputOf,
  rowsOf,
  VARIABLE_PHASES,
  withChange,
  withoutChange,
  type RowState,
  type VariableRow,
} from './environment-draft.ts';
import classes from './environment-part.module.css';
import { useMayPublish } from './permission.ts';
import { VariableDialog } from './variable-dialog.tsx';

type Row = VariableRow<PageVariableFragment>;

const STATE_WORDS: Record<RowState, string | null> = {
  stored: null,
  added: 'new',
  changed: 'changed',
  removed: 'removed',
};

/** The variables of an app. What is changed here is saved together. */
export function EnvironmentPart({ app }: { app: PageAppStateFragment }) {
  const [draft, changeDraft] = useDraft(app.id);
  const { data, error, reload } = useData(PageEnvironmentDocument, { id: app.id });
  const isAllowed = useMayPublish(app.entity, 'ENTITIES_DEPLOY');
  const [edited, setEdited] = useState<Row | 'new' | null>(null);
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading />;
  const stored = data.productionApp?.environment ?? [];
  const rows = rowsOf(stored, draft);
  const actions = actionsOf({
    edit: setEdited,
    remove: ({ name, isSecret, phases }) =>
      changeDraft((kept) => withChange(kept, { name, isSecret, phases, value: null }, stored)),
    undo: ({ name }) => changeDraft((kept) => withoutChange(kept, name)),
  });
  return (
    <Panel
      title="Variables"
      actions={
        isAllowed && (
          <Button onClick={() => setEdited('new')}>
            <Plus aria-hidden="true" /> Add a variable
          </Button>
        )
      }
    >
      {rows.length === 0 ? (
        <Empty title="No variables">
          What is set here is in the environment of builds, migrations and of what runs. Secrets can be replaced, and
          are never shown again.
        </Empty>
      ) : (
        <Table
          caption="Variables"
          columns={isAllowed ? [...COLUMNS, actions] : COLUMNS}
          rows={rows}
          keyOf={({ name }) => name}
        />
      )}
      {isAllowed && <Foot app={app} />}
      {edited && (
        <VariableDialog
          variable={edited === 'new' ? null : edited}
          taken={rows.map(({ name }) => name)}
          onApply={(change) => changeDraft((kept) => withChange(kept, change, stored))}
          onClose={() => setEdited(null)}
        />
      )}
    </Panel>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  {
    name: 'Name',
    cell: ({ name, state }) => (
      <span className={classes['name']}>
        <code className={state === 'removed' ? classes['removed'] : ''}>{name}</code>
        {STATE_WORDS[state] && <span className={classes['state']}>{STATE_WORDS[state]}, not saved</span>}
      </span>
    ),
  },
  {
    name: 'Value',
    cell: ({ value, isSecret, state }) =>
      isSecret ? (
        <span className={classes['quiet']}>{state === 'added' || state === 'changed' ? 'a new secret' : 'secret'}</span>
      ) : (
        <code className={classes['value']} title={value ?? ''}>
          {value}
        </code>
      ),
  },
  {
    name: 'Given to',
    isExtra: true,
    cell: ({ phases }) =>
      VARIABLE_PHASES.filter(([phase]) => phases.includes(phase))
        .map(([, word]) => word)
        .join(', '),
  },
  {
    name: 'Changed',
    isExtra: true,
    cell: ({ stored }) =>
      stored && (
        <span className={classes['quiet']}>
          {stored.updatedBy && `${stored.updatedBy.name}, `}
          <Age at={stored.updatedAt} />
        </span>
      ),
  },
];

function actionsOf({ edit, remove, undo }: Record<'edit' | 'remove' | 'undo', (row: Row) => void>): Column<Row> {
  return {
    name: 'Actions',
    align: 'end',
    cell: (row) => (
      <span className={classes['actions']}>
        {row.state !== 'removed' && (
          <Button
            look="quiet"
            aria-label={`${row.isSecret ? 'Replace' : 'Edit'} ${row.name}`}
            onClick={() => edit(row)}
          >
            {row.isSecret ? 'Replace' : 'Edit'}
          </Button>
        )}
        {row.state === 'stored' ? (
          <Button look="quiet" aria-label={`Remove ${row.name}`} onClick={() => remove(row)}>
            Remove
          </Button>
        ) : (
          <Button look="quiet" aria-label={`Undo the change of ${row.name}`} onClick={() => undo(row)}>
            Undo
          </Button>
        )}
      </span>
    ),
  };
}

function Foot({ app }: { app: PageAppStateFragment }) {
  const [draft, changeDraft] = useDraft(app.id);
  const { run, isRunning, error } = useAction(PageSaveEnvironmentDocument);
  const [isSaved, setIsSaved] = useState(false);
  async function save() {
    if (!(await run({ input: { id: app.id, environment: inputOf(draft) } }))) return;
    // What was changed meanwhile is not saved yet.
    changeDraft((kept) => kept.filter((change) => !draft.includes(change)));
    setIsSaved(true);
  }
  function discard() {
    changeDraft(() => []);
    setIsSaved(false);
  }
  if (draft.length === 0 && !isSaved) return null;
  return (
    <div className={classes['foot']}>
      <Refusal error={error} />
      <p role="status">
        {draft.length > 0
          ? `${draft.length} ${draft.length === 1 ? 'change is' : 'changes are'} not saved.`
          : isSaved && 'Saved. The next deployment gets them.'}
      </p>
      {draft.length > 0 && (
        <span className={classes['actions']}>
          <Button onClick={discard}>Discard</Button>
          <Button look="primary" isRunning={isRunning} onClick={() => void save()}>
            Save
          </Button>
        </span>
      )}
    </div>
  );
}
