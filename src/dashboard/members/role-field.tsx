import { PageRolesDocument } from '../../generated/gql/graphql.ts';
import { useData } from '../api/hooks.ts';
import { SelectField } from '../elements/field.tsx';
import { scopesText } from '../elements/scopes.ts';
import { Failed, Loading } from '../elements/states.tsx';

interface RoleFieldProps {
  organizationId: string;
  /** Null: none is chosen yet. */
  roleId: string | null;
  onChoose: (roleId: string) => void;
}

/** Chooses a role, and says what it allows. */
export function RoleField({ organizationId, roleId, onChoose }: RoleFieldProps) {
  const { data, error, reload } = useData(PageRolesDocument, { organizationId });
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading lines={1} />;
  const roles = data.organization?.roles ?? [];
  const chosen = roles.find(({ id }) => id === roleId);
  const options = roles.map(({ id, name }) => [id, name] as const);
  return (
    <SelectField
      label="Role"
      required
      options={roleId === null ? [['', 'Choose a role'], ...options] : options}
      value={roleId ?? ''}
      onChoose={onChoose}
      hint={chosen && `Allows: ${scopesText(chosen.scopes)}.`}
    />
  );
}
