// Builds dist/: what a page refers to gets a name that its content makes, so that browsers may keep it for ever.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/assets', { recursive: true });

let page = readFileSync('src/index.html', 'utf8');
for (const name of ['style.css', 'harbour.svg']) {
  const content = readFileSync(`src/${name}`);
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const hashed = name.replace('.', `-${hash}.`);
  writeFileSync(`dist/assets/${hashed}`, content);
  page = page.replaceAll(`{{${name}}}`, `/assets/${hashed}`);
}
writeFileSync('dist/index.html', page);
writeFileSync('dist/404.html', readFileSync('src/404.html'));
console.log('Built dist/ with its page, its style sheet and its picture.');
