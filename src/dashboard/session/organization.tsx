import { useCallback } from 'react';
import { useSearchParams } from 'wouter';
import { SelectField } from '../elements/field.tsx';
import { useViewer, type Membership } from './viewer.tsx';

const PARAMETER = 'organization';

/** The organization that a view is about: the one in the URL, else the first. Null for who belongs to none. */
export function useOrganization(): Membership['organization'] | null {
  const [search] = useSearchParams();
  const { memberships } = useViewer();
  const slug = search.get(PARAMETER);
  const chosen = memberships.find(({ organization }) => organization.slug === slug) ?? memberships[0];
  return chosen?.organization ?? null;
}

/** Makes a path to another view about an organization keep the one that is chosen. */
export function useOrganizationPath(): (path: string) => string {
  const [search] = useSearchParams();
  const slug = search.get(PARAMETER);
  return useCallback((path) => (slug === null ? path : `${path}?${PARAMETER}=${encodeURIComponent(slug)}`), [slug]);
}

/** Chooses it. Nothing where there is no choice. */
export function OrganizationChoice() {
  const [, setSearch] = useSearchParams();
  const { memberships } = useViewer();
  const current = useOrganization();
  if (memberships.length < 2) return null;
  return (
    <SelectField
      label="Organization"
      isLabelHidden
      value={current?.slug}
      options={memberships.map(({ organization: { slug, name } }) => [slug, name] as const)}
      onChoose={(slug) => setSearch({ [PARAMETER]: slug })}
    />
  );
}
