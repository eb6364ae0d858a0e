import { useEffect, useState } from 'react';
import { useSearchParams } from 'wouter';
import { PageActorsDocument } from '../../generated/gql/graphql.ts';
import { useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { SelectField, TextField } from '../elements/field.tsx';
import { ACTION_GROUPS } from './action-words.ts';
import { hasFilters, withFilter, withoutFilters, type FilterName } from './activity-filter.ts';
import classes from './activity-view.module.css';

type Option = readonly [value: string, text: string];

const ACTIONS: readonly Option[] = Object.values(ACTION_GROUPS).flatMap((group) => Object.entries(group));

const OUTCOMES: readonly Option[] = [
  ['DONE', 'Done'],
  ['REFUSED', 'Refused'],
];

/** What is shown of the activity. Each choice is in the URL at once. */
export function ActivityFilters({ organizationId }: { organizationId: string }) {
  const [search, setSearch] = useSearchParams();
  const { data } = useData(PageActorsDocument, { organizationId });
  const members = data?.organization?.members.nodes.map(({ user }): Option => [user.id, user.name]) ?? [];
  const valueOf = (name: FilterName) => search.get(name) ?? '';
  const choose = (name: FilterName, value: string) => setSearch(withFilter(search, name, value));
  // While a year is typed, each figure makes another date: they are one step back together.
  const chooseDay = (name: FilterName, day: string) =>
    setSearch(withFilter(search, name, day), { replace: search.has(name) });
  return (
    <search className={classes['filters']}>
      <SelectField
        label="Action"
        value={valueOf('action')}
        options={withAny('Any', ACTIONS, valueOf('action'))}
        onChoose={(value) => choose('action', value)}
      />
      <SelectField
        label="Who"
        value={valueOf('actor')}
        options={withAny('Anyone', members, valueOf('actor'))}
        onChoose={(value) => choose('actor', value)}
      />
      <SelectField
        label="Outcome"
        value={valueOf('outcome')}
        options={withAny('Any', OUTCOMES, valueOf('outcome'))}
        onChoose={(value) => choose('outcome', value)}
      />
      <SubjectField value={valueOf('subject')} onChoose={(value) => choose('subject', value)} />
      <TextField
        label="From"
        type="date"
        value={valueOf('from')}
        onChange={({ target }) => chooseDay('from', target.value)}
      />
      <TextField
        label="To"
        type="date"
        value={valueOf('to')}
        onChange={({ target }) => chooseDay('to', target.value)}
      />
      {hasFilters(search) && (
        <Button look="quiet" onClick={() => setSearch(withoutFilters(search))}>
          Show everything
        </Button>
      )}
    </search>
  );
}

/** What is typed is applied by Enter, or when it is left; what comes from elsewhere replaces it. */
function SubjectField({ value, onChoose }: { value: string; onChoose: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const apply = () => typed.trim() !== value && onChoose(typed.trim());
  return (
    <TextField
      label="To what"
      placeholder="An id, such as dep_…"
      value={typed}
      spellCheck={false}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={apply}
      onKeyDown={(event) => event.key === 'Enter' && apply()}
    />
  );
}

/** What is chosen is among the options, also when it is none of those that are known: a member who has left. */
function withAny(any: string, options: readonly Option[], chosen: string): readonly Option[] {
  const isKnown = chosen === '' || options.some(([value]) => value === chosen);
  return [['', any], ...options, ...(isKnown ? [] : [[chosen, chosen] as const])];
}
