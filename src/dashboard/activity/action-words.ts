/** What is written down, in words, and in groups of what belongs together: each mutation of the API. */
export const ACTION_GROUPS = {
  Deployments: {
    triggerDeployment: 'Deploy',
    cancelDeployment: 'Cancel a deployment',
    retryDeployment: 'Retry a deployment',
    redeployDeployment: 'Redeploy a deployment',
    rollbackDeployment: 'Roll back',
  },
  Apps: {
    createEntity: 'Create an entity',
    createProductionApp: 'Create an app',
    updateProductionApp: 'Change an app',
    deleteProductionApp: 'Delete an app',
    addPublisher: 'Add a publisher',
    removePublisher: 'Remove a publisher',
  },
  Versions: {
    requestVersionUpload: 'Request an upload',
    confirmVersionUpload: 'Push a version',
    createVersionFromUrl: 'Fetch a version',
    activateVersion: 'Activate a version',
  },
  Members: {
    createInvitation: 'Invite somebody',
    revokeInvitation: 'Revoke an invitation',
    acceptInvitation: 'Accept an invitation',
    changeMemberRole: "Change a member's role",
    removeMember: 'Remove a member',
    leaveOrganization: 'Leave the organization',
    createRole: 'Create a role',
    updateRole: 'Edit a role',
    deleteRole: 'Delete a role',
  },
  Tokens: {
    createApiToken: 'Make a token',
    revokeApiToken: 'Revoke a token',
    createStreamTicket: 'Make a stream ticket',
  },
} as const;

const WORDS: Readonly<Record<string, string>> = Object.assign({}, ...Object.values(ACTION_GROUPS));

/** One that is not known here has its own name. */
export function actionText(action: string): string {
  return WORDS[action] ?? action;
}
