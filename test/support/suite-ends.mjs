import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tsImport } from 'tsx/esm/api';

/** After the last test: no private key that was issued in the whole suite has leaked. */
export default async function suiteEnds() {
  const { journalVariable, leaksIn } = await tsImport('./journal.ts', import.meta.url);
  const journal = process.env[journalVariable];
  const left = readdirSync(tmpdir())
    .filter((name) => /^kubectl.eck/.test(name))
    .map((name) => join(tmpdir(), name))
    .filter((path) => path !== journal);
  try {
    const leaks = await leaksIn(journal, left, process.env.CI === 'true');
    if (leaks.length > 0) throw new Error(`Private keys have leaked to:\n${leaks.join('\n')}`);
  } finally {
    rmSync(journal, { recursive: true, force: true });
  }
}
