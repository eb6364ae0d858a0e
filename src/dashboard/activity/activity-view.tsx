import { useSearchParams } from 'wouter';
import { PageActivityDocument } from '../../generated/gql/graphql.ts';
import { useData } from '../api/hooks.ts';
import { Pages, type PageOfList } from '../elements/pages.tsx';
import { PageHead, Panel } from '../elements/panel.tsx';
import { Empty, Failed, Loading } from '../elements/states.tsx';
import { OrganizationChoice, useOrganization } from '../session/organization.tsx';
import { useHasScope } from '../session/viewer.tsx';
import { auditFilterOf, hasFilters } from './activity-filter.ts';
import { ActivityFilters } from './activity-filters.tsx';
import classes from './activity-view.module.css';
import { EventEntry } from './event-entry.tsx';

/** Who did what in an organization, and what was refused, newest first. The filters are in the URL. */
export function ActivityView() {
  const organization = useOrganization();
  const isAllowed = useHasScope(organization?.id ?? '', 'ORG_SETTINGS');
  const [search] = useSearchParams();
  return (
    <>
      <PageHead
        title="Activity"
        about="Every change, and every attempt that was refused. Nothing here can be changed or removed."
        actions={<OrganizationChoice />}
      />
      {organization && isAllowed ? (
        <>
          <ActivityFilters organizationId={organization.id} />
          <Panel>
            <Pages key={search.toString()} page={ActivityPage} props={{ organizationId: organization.id }} />
          </Panel>
        </>
      ) : (
        <Panel>
          <Empty title={organization ? `You do not see the activity of ${organization.name}` : 'No organization'}>
            It is for members whose role has the scope “See the activity” (<code>org:settings</code>). Whoever manages
            roles there can give it to you.
          </Empty>
        </Panel>
      )}
    </>
  );
}

function ActivityPage({ organizationId, after, more }: PageOfList & { organizationId: string }) {
  const [search] = useSearchParams();
  const { data, error, reload } = useData(PageActivityDocument, {
    organizationId,
    filter: auditFilterOf(search),
    after,
  });
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading lines={8} />;
  const { nodes, pageInfo } = data.auditEvents;
  if (nodes.length === 0) {
    return hasFilters(search) ? (
      <Empty title="Nothing fits">Nothing of the kind was written down.</Empty>
    ) : (
      <Empty title="Nothing yet">Nothing was done here yet.</Empty>
    );
  }
  return (
    <>
      <ol className={classes['events']} aria-label="Events, newest first">
        {nodes.map((event) => (
          <EventEntry key={event.id} event={event} />
        ))}
      </ol>
      {more(pageInfo)}
    </>
  );
}
