import { describe, expect, test } from '@jest/globals';
import { Argument, Option } from 'commander';
import { formatCompletion } from '../../../src/commands/completion/command.js';
import { complete, type Sources } from '../../../src/commands/completion/complete.js';
import { EckCommand, withChoices } from '../../../src/commands/options.js';

/** Commands with every kind of option and argument. */
function commands(): EckCommand {
  const root = new EckCommand('root').version('1', '-V, --version', 'print the version');
  root.addCommand(
    new EckCommand('fetch')
      .alias('get')
      .description('fetch clusters')
      .argument('[CLUSTER...]', 'clusters')
      .addOption(new Option('--context <NAME>', 'name it [$KUBECTL_ECK_CONTEXT]'))
      .addOption(new Option('--cluster-id <ID>', 'the cluster'))
      .addOption(new Option('--kubeconfig <FILE>', 'the file'))
      .addOption(new Option('--profile <NAME>', 'who'))
      .addOption(withChoices(new Option('-o, --output <FORMAT>', 'format'), ['json', 'yaml', 'name']))
      .addOption(new Option('-w, --wait', 'wait'))
      .addOption(new Option('--secret', 'unseen').hideHelp()),
  );
  root.addCommand(
    new EckCommand('drop')
      .description('drop a cluster, with a long description')
      .summary('drop a cluster')
      .argument('<CLUSTER>')
      .addOption(new Option('--region <ID>', 'where'))
      .addOption(new Option('--name <NAME>', 'only this one')),
  );
  root.addCommand(
    new EckCommand('completion').addArgument(withChoices(new Argument('<SHELL>', 'shell'), ['bash', 'zsh'])),
  );
  root.addCommand(new EckCommand('logout').argument('[CLUSTER...]'));
  root.addCommand(new EckCommand('convert').argument('[CONTEXT...]'));
  root.addCommand(new EckCommand('hidden'), { hidden: true });
  for (const command of root.commands) command.exitOverride().configureOutput({ writeErr: () => undefined });
  return root;
}

const sources: Sources = {
  clusters: () =>
    Promise.resolve([
      { clusterId: 'eck-1', name: 'edge one', region: 'cn-a', contexts: ['eck-1', 'prod'] },
      { clusterId: 'eck-2', name: 'eck-2', region: 'cn-b', contexts: [] },
      { clusterId: 'eck-3', contexts: [] },
      { clusterId: 'eck-4', name: 'edge one', region: 'cn-a', contexts: [] },
    ]),
  contexts: () => Promise.resolve([{ value: 'prod', description: 'current context' }]),
  profiles: () => Promise.resolve([{ value: 'work', description: 'AK' }]),
};

async function valuesOf(...words: string[]): Promise<string[]> {
  const candidates = await complete(commands(), words, () => sources);
  return candidates?.map(({ value }) => value) ?? ['FILE'];
}

describe('the word under the cursor', () => {
  test.each<[string, string[], string[]]>([
    ['a command', [''], ['fetch', 'drop', 'completion', 'logout', 'convert', 'help']],
    ['a command that is typed in part', ['d'], ['drop']],
    ['a command after help', ['help', ''], ['fetch', 'drop', 'completion', 'logout', 'convert', 'help']],
    ['a context as an argument', ['convert', 'p'], ['prod']],
    ['a context instead of a cluster for logout', ['logout', 'p'], ['prod']],
    ['no context instead of a cluster for another command', ['fetch', 'p'], []],
    ['a flag of the program', ['--'], ['--version', '--help']],
    ['a flag', ['fetch', '--c'], ['--context', '--cluster-id']],
    ['a flag of an alias', ['get', '--co'], ['--context']],
    ['a flag after one dash', ['drop', '-'], ['--region', '--name', '--help']],
    ['a cluster after an option', ['drop', '--region', 'x', '--n', ''], ['eck-1', 'eck-2', 'eck-3', 'eck-4']],
    ['no flag twice', ['drop', '--region', 'x', '--re'], []],
    ['no flag twice, given with its value', ['drop', '--region=x', '--re'], []],
    ['no flag twice, given by its short name', ['fetch', '-w', '--w'], []],
    ['no flag twice, given together with its value', ['fetch', '-ojson', '--out'], []],
    ['no flag after two dashes', ['fetch', '--', '-'], []],
    ['a choice', ['fetch', '-o', ''], ['json', 'yaml', 'name']],
    ['a choice after an equals sign', ['fetch', '--output=j'], ['json']],
    ['a choice of an argument', ['completion', ''], ['bash', 'zsh']],
    ['nothing after the last argument', ['completion', 'bash', ''], []],
    ['a context', ['fetch', '--context', ''], ['prod']],
    ['a profile', ['fetch', '--profile=w'], ['work']],
    ['a region, once', ['drop', '--region', 'cn-a'], ['cn-a']],
    ['a name', ['drop', '--name', ''], ['edge one']],
    ['an id, not a name', ['fetch', '--cluster-id', 'e'], ['eck-1', 'eck-2', 'eck-3', 'eck-4']],
    ['a cluster', ['fetch', ''], ['eck-1', 'eck-2', 'eck-3', 'eck-4']],
    ['a cluster by its name', ['fetch', 'ed'], ['edge one']],
    ['another cluster', ['fetch', 'eck-1', 'eck-2', ''], ['eck-3', 'eck-4']],
    ['no cluster of a name on the line', ['fetch', 'edge one', ''], ['eck-2', 'eck-3']],
    ['another cluster after a switch', ['fetch', '-w', 'eck-1', ''], ['eck-2', 'eck-3', 'eck-4']],
    ['one cluster where one is taken', ['drop', 'eck-1', ''], []],
    ['nothing for an unknown flag', ['fetch', '--nonsense=x'], []],
    ['nothing for an unknown command', ['nonsense', ''], []],
    ['no hidden command', ['hid'], []],
    ['a file', ['fetch', '--kubeconfig', 'x'], ['FILE']],
    ['a file after an equals sign', ['fetch', '--kubeconfig='], ['FILE']],
    ['no hidden flag', ['fetch', '--sec'], []],
  ])('is %s', async (_, words, values) => {
    expect(await valuesOf(...words)).toEqual(values);
  });

  test.each<[string[], string]>([
    [['fet'], 'fetch clusters'],
    [['dr'], 'drop a cluster'],
    [['fetch', '--cont'], 'name it'],
    [['fetch', 'eck-1'], 'edge one, cn-a, context prod'],
    [['fetch', 'eck-2'], 'cn-b'],
    [['fetch', 'eck-3'], ''],
    [['fetch', 'edge'], 'eck-1, cn-a'],
  ])('has a description: %j', async (words, description) => {
    const candidates = await complete(commands(), words, () => sources);
    expect(candidates?.[0]?.description).toBe(description);
  });
});

test('the sources get a command with the options before the cursor', async () => {
  const words = ['fetch', '--profile', '--kubeconfig', '--kubeconfig=b', '-ojson', '--context', ''];
  let options = {};
  await complete(commands(), words, (command) => {
    options = command.opts();
    return sources;
  });
  expect(options).toEqual({ profile: '--kubeconfig', kubeconfig: 'b', output: 'json' });
});

function lines(value: string, description = ''): string[] {
  return formatCompletion([{ value, description }]).split('\n');
}

describe('the answer to a shell', () => {
  test('has a line for each candidate, then a directive', () => {
    const candidates = [
      { value: 'eck-1', description: 'edge' },
      { value: 'eck-2', description: '' },
    ];
    expect(formatCompletion(candidates)).toBe('eck-1\tedge\neck-2\n:4\n');
    expect(formatCompletion(undefined)).toBe(':0\n');
  });

  test.each(['eck-1', '杭州 边缘', 'a:b', 'user@host/x', '--site', 'é', '50%', 'a+b=c,d.e_f'])(
    'contains %j',
    (value) => {
      expect(lines(value)).toEqual([value, ':4', '']);
    },
  );

  test.each([
    ...['$(x)', '`x`', 'a;b', 'a|b', 'a&b', '"a', "a'b", 'a\\b', 'a*', '~', '#a', '!a', 'a\nb', 'a\tb'],
    ...['edge --endpoint evil', 'a -n b', '\u202eabc', '\u001b[31m', ''],
  ])('leaves out %j, which a shell could misread', (value) => {
    expect(lines(value)).toEqual([':4', '']);
  });

  test('has descriptions of one line, without control characters', () => {
    expect(lines('eck-1', 'a\n:0\tb\u001b[31m')).toEqual(['eck-1\ta :0 b [31m', ':4', '']);
  });
});
