// Prints what CHANGELOG.md says about the release that a tag names, and fails unless that is the one of package.json.
//
// Usage: npm run --silent release-notes -- TAG
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBuildFacts } from './release/build-facts.js';
import { releaseNotes } from './release/release-notes.js';

const [tag] = process.argv.slice(2);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = readBuildFacts(root, process.env);
if (tag !== `v${version}`) {
  throw new Error(`the tag is ${tag ?? 'missing'}, and package.json has version ${version}`);
}
console.log(releaseNotes(await readFile(join(root, 'CHANGELOG.md'), 'utf8'), version));
