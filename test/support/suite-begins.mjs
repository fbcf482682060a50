import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tsImport } from 'tsx/esm/api';

/** Before the first test: creates the journal for the search for leaked keys. */
export default async function suiteBegins() {
  const { journalVariable } = await tsImport('./journal.ts', import.meta.url);
  process.env[journalVariable] = mkdtempSync(join(tmpdir(), 'kubectl-eck-journal-'));
}
