import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

/** The page gets the documents that it sends, and not those of REST and of the command line, which come in one file. */
const onlyOwnDocuments: Plugin = {
  name: 'only-own-documents',
  transform: {
    filter: { id: /\/generated\/gql\/graphql\.ts$/ },
    handler: (code) => ({
      code: code.replaceAll('= new TypedDocumentString(', '= /* @__PURE__ */ new TypedDocumentString('),
      map: null,
    }),
  },
};

/** Builds the page into `dist/dashboard`, from where the API serves it. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [onlyOwnDocuments, react()],
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2023',
    // An inlined icon or font would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    // Each import is a script of this origin: the polyfill would be an inline one.
    modulePreload: { polyfill: false },
  },
});
