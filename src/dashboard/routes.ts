/** The parts of an app's view that have a path of their own; its overview has that of the app. */
export type AppPart = 'deployments' | 'versions' | 'log' | 'environment' | 'settings';

/**
 * The paths of the page. The API serves it at each of them (`src/http/dashboard.ts` knows their first parts), and the
 * command line prints links to them.
 */
export const paths = {
  /** Where issuers send people back to. */
  signInCallback: '/sign-in/callback',
  apps: '/apps',
  app: (subdomain: string, part?: AppPart) => `/apps/${encodeURIComponent(subdomain)}${part ? `/${part}` : ''}`,
  deployments: '/deployments',
  deployment: (id: string) => `/deployments/${encodeURIComponent(id)}`,
  activity: '/activity',
  members: '/members',
  roles: '/members/roles',
  invitations: '/members/invitations',
  tokens: '/tokens',
  system: '/system',
  /** Also for who is not signed in. The secret of the link stands behind a `#`. */
  invitation: '/invitation',
} as const;
