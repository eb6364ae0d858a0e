import type { CodegenConfig } from '@graphql-codegen/cli';

/** Typed documents for whoever calls the API: the REST shim, the client kit, the command line and the tests. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: ['src/**/*.graphql', 'test/**/*.graphql'],
  emitLegacyCommonJSImports: false,
  importExtension: '.ts',
  generates: {
    'src/generated/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        documentMode: 'string',
        scalars: { DateTime: 'string' },
      },
    },
  },
};

export default config;
