import { describe, expect, test } from '@jest/globals';
import { examplesOf } from '../scripts/reference/help-after.js';
import { readErrorCodes } from '../scripts/reference/error-codes.js';
import { renderReference } from '../scripts/reference/render.js';
import { visibleCommands, visibleOptions } from '../src/commands/completion/line.js';
import { repository, runProgram } from './support/sandbox.js';
import { definitions, parses } from './commands/definitions.js';

test('docs/reference.md is current', async () => {
  const check = await runProgram(process.execPath, ['--import', 'tsx', 'scripts/reference.ts', '--check'], {
    env: { PATH: process.env['PATH'] },
    cwd: repository,
    timeoutMs: 60_000,
  });
  expect(check).toEqual({ status: 0, stdout: '', stderr: '' });
});

describe('the reference', () => {
  const sections = new Map(
    renderReference()
      .split(/^### /m)
      .slice(1)
      .map((section) => [section.split('\n')[0] ?? '', section.split(/^## /m)[0] ?? '']),
  );

  test.each(visibleCommands(definitions()).map((command) => [command.name(), command] as const))(
    'tells of %s what its help tells',
    (name, command) => {
      const section = sections.get(name) ?? '';
      for (const { flags, long } of visibleOptions(command)) {
        if (long !== '--help') expect(section).toContain(`| \`${flags}\` |`);
      }
      for (const example of examplesOf(command)) expect(section).toContain(example);
    },
  );

  test('has every error code, with its meaning', () => {
    const codes = readErrorCodes();
    expect(codes.length).toBeGreaterThan(20);
    expect(codes).toContainEqual({
      code: 'usage',
      meaning: 'The command line or an environment variable cannot be understood.',
    });
    expect(new Set(codes.map(({ code }) => code)).size).toBe(codes.length);
    for (const { meaning } of codes) expect(meaning).toMatch(/^\S.*\.$/);
  });
});

test('what cannot be parsed is told from what can', () => {
  expect(parses(['list', '-o', 'json'])).toBe(true);
  expect(parses(['list', '-o', 'xml'])).toBe(false);
  expect(parses(['list', '--nonsense'])).toBe(false);
  expect(parses(['list', '--help'])).toBe(true);
});
