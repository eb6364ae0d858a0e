import '@fontsource-variable/inter';
import './tokens.css';
import './base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { takeReturn } from './session/issuer-sign-in.ts';
import { Returning } from './session/sign-in-page.tsx';
import { applyTheme } from './shell/theme.ts';

applyTheme();
const root = createRoot(document.getElementById('root')!);
const returning = takeReturn();
if (returning) {
  root.render(<Returning />);
  await returning;
}
root.render(
  <StrictMode>
    <App />
  </StrictMode>,
);
