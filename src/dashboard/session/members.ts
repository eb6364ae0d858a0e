import { PageMemberNamesDocument, type PageMemberNamesQuery } from '../../generated/gql/graphql.ts';
import { useData } from '../api/hooks.ts';

export type MemberName = NonNullable<PageMemberNamesQuery['organization']>['members']['nodes'][number]['user'];

/** The hundred members who were made users last, by name. Nobody for a token that is for some apps only. */
export function useMemberNames(organizationId: string | undefined): readonly MemberName[] {
  const { data } = useData(
    PageMemberNamesDocument,
    { organizationId: organizationId ?? '' },
    { pause: organizationId === undefined },
  );
  const users = data?.organization?.members.nodes.map(({ user }) => user) ?? [];
  return users.toSorted((one, other) => one.name.localeCompare(other.name));
}
