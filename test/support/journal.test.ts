import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from './certificate-authority.js';
import { journalVariable, leaksIn, noteKey, noteLeak, noteOutput } from './journal.js';

describe('the check at the end of the suite', () => {
  const suite = process.env[journalVariable];
  let directory: string;
  let place: string;
  let key: string;

  beforeEach(async () => {
    // Not by the name that the suite's own check looks for: the leaks in here are made on purpose.
    directory = mkdtempSync(join(tmpdir(), 'leak-on-purpose-'));
    place = join(directory, 'place');
    mkdirSync(place);
    process.env[journalVariable] = directory;
    const authority = await CertificateAuthority.create({ name: 'a' });
    key = (await authority.issue({ commonName: 'someone' })).privateKeyPem;
    noteKey(key);
    noteOutput('kubectl-eck: all is well\n');
  });

  afterEach(() => {
    process.env[journalVariable] = suite;
    rmSync(directory, { recursive: true });
  });

  test('finds nothing where nothing has leaked', async () => {
    writeFileSync(join(place, 'file'), 'harmless');
    expect(await leaksIn(directory, [place], true)).toEqual([]);
  });

  const bytes = (): Buffer => Buffer.from(key.replace(/-----[^-]+-----|\n/g, ''), 'base64');
  const forms: [string, () => string | Buffer][] = [
    ['PEM', () => key],
    ['the base64 of PEM', () => Buffer.from(key).toString('base64')],
    ['DER', bytes],
    ['JSON', () => JSON.stringify({ clientKeyData: key })],
  ];

  test.each(forms)('finds a key in a file as %s', async (_, leak) => {
    writeFileSync(join(place, 'file'), leak());
    expect(await leaksIn(directory, [place], true)).toEqual([join(place, 'file')]);
  });

  test('finds a key on standard error', async () => {
    noteOutput(`Error: bad key ${Buffer.from(key).toString('base64')}\n    at somewhere\n`);
    expect(await leaksIn(directory, [place], true)).toHaveLength(1);
  });

  test('tells of the leaks that a sandbox has found', async () => {
    noteLeak('/home/someone/leak');
    expect(await leaksIn(directory, [place], true)).toEqual(['/home/someone/leak']);
  });

  test('does not pass a suite in which no key was issued', async () => {
    rmSync(join(directory, 'keys'));
    await expect(leaksIn(directory, [place], true)).rejects.toThrow('no key was issued');
  });
});
