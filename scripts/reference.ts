// Makes docs/reference.md from the definitions of the commands. With --check it only says whether it is current.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { renderReference } from './reference/render.js';

const file = fileURLToPath(new URL('../docs/reference.md', import.meta.url));
const current = await format(renderReference(), { ...(await resolveConfig(file)), parser: 'markdown' });
if (!process.argv.includes('--check')) {
  writeFileSync(file, current);
} else if (readFileSync(file, 'utf8') !== current) {
  console.error('docs/reference.md is not what the commands say; run "npm run reference"');
  process.exitCode = 1;
}
