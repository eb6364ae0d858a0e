import { useSearchParams } from 'wouter';
import { PageAppNamesDocument } from '../../generated/gql/graphql.ts';
import { useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { SelectField, TextField } from '../elements/field.tsx';
import { PageHead, Panel } from '../elements/panel.tsx';
import { Empty } from '../elements/states.tsx';
import { deploymentLook } from '../elements/status.tsx';
import { useMemberNames } from '../session/members.ts';
import { OrganizationChoice, useOrganization } from '../session/organization.tsx';
import { DeploymentList } from './deployment-list.tsx';
import classes from './deployments-view.module.css';
import { CHOICES, choicesIn, filterOf, STATUSES, TRIGGER_WORDS, withChoices, type Choice } from './filter.ts';
import { NoDeployments } from './no-deployments.tsx';

/** Everything that was deployed, newest first. What is chosen is in the URL. */
export function DeploymentsView() {
  const organization = useOrganization();
  return (
    <>
      <PageHead title="Deployments" actions={<OrganizationChoice />} />
      {organization ? (
        <Filtered organizationId={organization.id} />
      ) : (
        <Empty title="No organization">You belong to none. Somebody who does can invite you.</Empty>
      )}
    </>
  );
}

function Filtered({ organizationId }: { organizationId: string }) {
  const [search, setSearch] = useSearchParams();
  const choices = choicesIn(search);
  const filter = { organizationId, ...filterOf(choices) };
  const isChosen = Object.keys(choices).length > 0;
  const choose = (chosen: Partial<Record<Choice, string>>, options?: { replace: boolean }) =>
    setSearch((before) => withChoices(before, chosen), options);
  const clear = () => choose(Object.fromEntries(CHOICES.map((choice) => [choice, ''])));
  return (
    <Panel>
      <search className={classes['filter']}>
        <Fields organizationId={organizationId} choices={choices} choose={choose} />
        <Button disabled={!isChosen} onClick={clear}>
          Clear
        </Button>
      </search>
      <DeploymentList
        key={JSON.stringify(filter)}
        filter={filter}
        empty={
          isChosen ? (
            <Empty title="None fits">
              <p>No deployment is as chosen.</p>
              <Button onClick={clear}>Show all</Button>
            </Empty>
          ) : (
            <NoDeployments />
          )
        }
      />
    </Panel>
  );
}

interface FieldsProps {
  organizationId: string;
  choices: Partial<Record<Choice, string>>;
  choose: (chosen: Partial<Record<Choice, string>>, options?: { replace: boolean }) => void;
}

function Fields({ organizationId, choices, choose }: FieldsProps) {
  const { data } = useData(PageAppNamesDocument, { organizationId });
  const members = useMemberNames(organizationId);
  const apps = (data?.productionApps.nodes ?? []).toSorted((one, other) =>
    one.subdomain.localeCompare(other.subdomain),
  );
  const options: Record<Exclude<Choice, 'from' | 'to'>, readonly (readonly [value: string, text: string])[]> = {
    status: [['', 'Any'], ...STATUSES.map((status) => [status, deploymentLook(status).word] as const)],
    app: [['', 'Any'], ...apps.map(({ id, subdomain }) => [id, subdomain] as const)],
    who: [['', 'Anybody'], ...members.map(({ id, name }) => [id, name] as const)],
    trigger: [['', 'Any'], ...Object.entries(TRIGGER_WORDS)],
  };
  const select = (choice: keyof typeof options, label: string) => (
    <SelectField
      label={label}
      value={choices[choice] ?? ''}
      options={withChosen(options[choice], choices[choice])}
      onChoose={(chosen) => choose({ [choice]: chosen })}
    />
  );
  const day = (choice: 'from' | 'to', label: string) => (
    <TextField
      label={label}
      type="date"
      value={choices[choice] ?? ''}
      min={choice === 'to' ? choices.from : undefined}
      max={choice === 'from' ? choices.to : undefined}
      // While a year is typed, each figure makes another date: they are one step back together.
      onChange={(event) => choose({ [choice]: event.target.value }, { replace: choices[choice] !== undefined })}
    />
  );
  return (
    <>
      {select('status', 'Status')}
      {select('app', 'App')}
      {select('who', 'Who')}
      {select('trigger', 'Trigger')}
      {day('from', 'From')}
      {day('to', 'To')}
    </>
  );
}

/** The choice of a link may not be in the list: a deleted app, somebody who has left, or one of too many. */
function withChosen(options: readonly (readonly [string, string])[], chosen: string | undefined) {
  if (chosen === undefined || options.some(([value]) => value === chosen)) return options;
  return [...options, [chosen, chosen] as const];
}
