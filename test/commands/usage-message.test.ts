import { describe, expect, test } from '@jest/globals';
import { run } from '../../src/commands/program.js';
import { usageMessage } from '../../src/commands/usage-message.js';
import { world } from './definitions.js';

test.each([
  ["error: unknown command 'x'", `unknown command 'x'; see "help"`],
  ["error: unknown command 'x'\n(Did you mean y?)", `unknown command 'x'; did you mean y? See "help"`],
  [
    "error: unknown option '--x'\n(Did you mean one of --y, --z?)",
    `unknown option '--x'; did you mean one of --y, --z? See "help"`,
  ],
  [
    "error: too many arguments for 'list'. Expected 0 arguments but got 1.",
    `too many arguments for 'list', expected 0 arguments but got 1; see "help"`,
  ],
  ["error: unknown command '\u001b[31m\nx'", `unknown command ' [31m x'; see "help"`],
])('%j is told as %j', (message, told) => {
  expect(usageMessage(message, 'help')).toBe(told);
});

describe('a command line that is wrong', () => {
  test.each([
    [['lsit'], `unknown command 'lsit'; did you mean list? See "kubectl eck --help"`],
    [
      ['list', '--reigon', 'x'],
      `unknown option '--reigon'; did you mean --region? See "kubectl eck list --help"`,
    ],
    [['help', 'lsit'], `unknown command 'lsit'; did you mean list? See "kubectl eck --help"`],
    [['help', 'nonsense'], `unknown command 'nonsense'; see "kubectl eck --help"`],
    [['--nonsense'], `unknown option '--nonsense'; see "kubectl eck --help"`],
    [['list', '-o'], `option '-o, --output <FORMAT>' argument missing; see "kubectl eck list --help"`],
    [['completion'], `missing required argument 'SHELL'; see "kubectl eck completion --help"`],
  ])('such as %j names what was meant, and the help', async (args, message) => {
    await expect(run(args, world)).rejects.toMatchObject({ code: 'usage', message, exitStatus: 2 });
  });
});
