// What the packages give by themselves: a plain Yoga with graphql-ws, one shared pub/sub, the same payloads. What arrives
// over IPC is published.
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';

const pubSub = createPubSub();
const schema = createSchema({
  typeDefs: /* GraphQL */ `
    type Query {
      ok: Boolean
    }
    type LogLine {
      seq: Int!
      at: String!
      phase: String
      stream: String!
      level: String!
      message: String!
    }
    type DeploymentLogBatch {
      cursor: String!
      lines: [LogLine!]!
    }
    union DeploymentLogEvent = DeploymentLogBatch
    type Subscription {
      deploymentLogs(deploymentId: ID!, after: String): DeploymentLogEvent!
    }
  `,
  resolvers: {
    DeploymentLogEvent: { __resolveType: () => 'DeploymentLogBatch' },
    Subscription: { deploymentLogs: { subscribe: () => pubSub.subscribe('logs'), resolve: (batch) => batch } },
  },
});
const yoga = createYoga({ schema, logging: false });
const server = createServer((request, response) => void yoga(request, response));
const sockets = new WebSocketServer({ server, path: '/graphql' });
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (context, _id, params) => {
      const { schema: enveloped, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped(context);
      const args = {
        schema: enveloped,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  sockets,
);
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.on('message', (batch) => pubSub.publish('logs', batch));
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
