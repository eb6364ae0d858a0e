import { graphql } from './graphql.ts';

export const deploymentRow = graphql`
  fragment deploymentRow_deployment on Deployment {
    number
    status
    stateVersion
    createdAt
    errorMessage
    version {
      version
    }
    triggeredBy {
      userId
      name
    }
    phases {
      name
      status
      durationMs
    }
  }
`;
