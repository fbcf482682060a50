// Makes docs/reference.md from the help of the commands. With --check it only fails if the file is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { format, resolveConfig } from 'prettier';
import { program } from '../src/commands/program.js';
import { errorCodes } from '../src/errors.js';
import type { World } from '../src/world.js';

const file = join(import.meta.dirname, '../docs/reference.md');
const root = program({ environment: {} } as World);
const commands = root.createHelp().visibleCommands(root);

const sections = [
  '# Reference of kubectl-eck',
  '<!-- "npm run reference" makes this file from the help of the commands. -->',
  `Data goes to standard output, everything else to standard error.
The exit status is 0 when done, 1 when failed, 2 for wrong usage, 130 when interrupted.`,
  help(root),
  ...commands
    .filter((command) => command.name() !== 'help')
    .flatMap((command) => [`## ${command.name()}`, help(command)]),
  '## Environment variables',
  'A flag beats its variable. An empty variable counts as not set.',
  table('variable', 'meaning', {
    '`KUBECTL_ECK_…`': 'the settings above',
    '`KUBECTL_ECK_LOG`': '`debug` prints each step with its time, and the stack trace of an error',
    '`KUBECONFIG`': 'the user kubeconfig: a list of files, as for kubectl',
    '`KUBECACHEDIR`': 'the parent directory of records and locks (`kubectl-eck/`), instead of `~/.kube/cache`',
    '`KUBERNETES_EXEC_INFO`': 'set by kubectl: the request to a credential plugin',
    '`ALIBABA_CLOUD_…`': 'the identity, as for the SDKs of Alibaba Cloud',
    '`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`': 'the proxy to ENS',
    '`NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`': 'more certificates to trust',
  }),
  '## Error codes',
  'Each error ends with a code in brackets. A code stays the same from release to release; the message may change.',
  table('code', 'meaning', Object.fromEntries(Object.entries(errorCodes).map(([code, text]) => [`\`${code}\``, text]))),
];
const text = await format(sections.join('\n\n'), { ...(await resolveConfig(file)), parser: 'markdown' });
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/reference.md is out of date: run "npm run reference"');
  process.exitCode = 1;
}

/** The help of a command, as for a terminal of 80 columns. */
function help(command: Command): string {
  let text = '';
  command.configureOutput({ getOutHelpWidth: () => 80, writeOut: (part) => (text += part) });
  command.outputHelp();
  return ['```', text.trimEnd(), '```'].join('\n');
}

function table(left: string, right: string, rows: Readonly<Record<string, string>>): string {
  const lines = Object.entries(rows).map((cells) => `| ${cells.join(' | ')} |`);
  return [`| ${left} | ${right} |`, '| --- | --- |', ...lines].join('\n');
}
