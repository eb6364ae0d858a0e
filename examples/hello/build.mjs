// Builds dist/: the style sheet under a name that its content makes, so that it may be cached for ever, and the page.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const style = readFileSync('src/style.css', 'utf8').replace(/\s*\n\s*/g, ' ');
const styleName = `style-${createHash('sha256').update(style).digest('hex').slice(0, 8)}.css`;
const page = readFileSync('src/page.html', 'utf8')
  .replaceAll('{{style}}', styleName)
  .replaceAll('{{version}}', version);

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/assets', { recursive: true });
writeFileSync(`dist/assets/${styleName}`, style);
writeFileSync('dist/page.html', page);
console.log(`Built version ${version}: dist/page.html and dist/assets/${styleName}.`);
