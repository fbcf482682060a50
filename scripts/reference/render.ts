import type { Argument, Command, Option } from 'commander';
import { groupOf, groupHeadings } from '../../src/commands/groups.js';
import { program } from '../../src/commands/program.js';
import { visibleCommands, visibleOptions } from '../../src/commands/completion/line.js';
import { variableOf } from '../../src/settings.js';
import { readErrorCodes } from './error-codes.js';
import { helpAfter } from './help-after.js';

/** The reference as Markdown: every command with its arguments, options and examples, exit statuses, and error codes. */
export function renderReference(): string {
  const root = program(nowhere);
  const commands = visibleCommands(root);
  return [
    '# Reference of kubectl-eck',
    '<!-- Made from the definitions of the commands by "npm run reference". -->',
    'Every command can be called as `kubectl eck COMMAND` and as `kubectl-eck COMMAND`, and prints its help with `-h` or `--help`. Data goes to standard output, ' +
      'everything else to standard error.',
    '## Commands',
    ...groupHeadings.flatMap((heading) => {
      const group = commands.filter((command) => groupOf(command.name()) === heading);
      return group.length === 0
        ? []
        : [`**${heading.replace(/:$/, '')}**`, group.map((command) => `- ${linkTo(command)}`).join('\n')];
    }),
    ...commands.flatMap(renderCommand),
    '## Options of the program itself',
    renderOptions(visibleOptions(root)),
    environmentSection,
    exitStatusSection,
    '## Error codes',
    'An error is one line on standard error that ends with a code in brackets. The code stays the same from release ' +
      'to release; the message may change.',
    table(
      ['code', 'what is wrong'],
      readErrorCodes().map(({ code, meaning }) => [`\`${code}\``, meaning]),
    ),
  ].join('\n\n');
}

const environmentSection = `## Environment variables

Every option has a variable, named in the tables above; an option that is typed comes before its variable, and an empty
variable counts as none. The variable of an option without a value is \`true\` or \`false\`. Besides those:

${table(
  ['variable', 'what it does'],
  [
    ['`KUBECTL_ECK_LOG`', '`debug` tells what is done, how long it takes, and where an error comes from'],
    ['`KUBECONFIG`', 'the user kubeconfig, a list of files as for kubectl'],
    ['`KUBECACHEDIR`', 'where what is remembered lies, in `kubectl-eck`, instead of `~/.kube/cache`'],
    ['`KUBERNETES_EXEC_INFO`', 'set by kubectl: what it asks a credential plugin for'],
    ['`ALIBABA_CLOUD_…`', "the identity, as Alibaba Cloud's SDKs take it"],
    ['`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`', 'the way to ENS'],
    ['`NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`', 'certificates to trust besides the usual ones'],
  ],
)}`;

const exitStatusSection = `## Exit status

${table(
  ['status', 'meaning'],
  [
    ['0', 'done'],
    ['1', 'failed'],
    ['2', 'wrong usage; nothing was called or changed'],
  ],
)}`;

/** What the commands are defined in: no machine in particular. */
const nowhere = {
  environment: {},
  platform: 'linux',
  homeDirectory: () => '/',
  now: () => new Date(0),
  isTerminal: () => false,
  warn: () => undefined,
  debug: () => undefined,
} as const;

function linkTo(command: Command): string {
  return `[${command.name()}](#${command.name()}): ${escape(command.summary() || command.description())}`;
}

function renderCommand(command: Command): string[] {
  const options = visibleOptions(command).filter(({ long }) => long !== '--help');
  const groups = new Map<string, Option[]>();
  for (const option of options) {
    const heading = option.helpGroupHeading ?? 'Options:';
    groups.set(heading, [...(groups.get(heading) ?? []), option]);
  }
  const described = command.registeredArguments.filter(({ description }) => description !== '');
  return [
    `### ${command.name()}`,
    `${capitalised(escape(command.description()))}.`,
    ['```', `kubectl eck ${command.name()} ${command.usage()}`.trim(), '```'].join('\n'),
    ...(described.length === 0 ? [] : [table(['argument', 'what it is'], described.map(argumentRow))]),
    ...[...groups].flatMap(([heading, members]) => [heading, renderOptions(members)]),
    ...helpTexts(command),
  ];
}

function argumentRow(argument: Argument): string[] {
  return [`\`${argument.name()}\``, withChoices(argument.description, argument.argChoices)];
}

function renderOptions(options: readonly Option[]): string {
  return table(
    ['option', 'variable', 'what it does', 'default'],
    options.map((option) => {
      const variable = /\[\$(\w+)\]$/.exec(option.description)?.[1];
      if (variable !== undefined && variable !== variableOf(option.long?.slice(2) ?? '')) {
        throw new Error(`${option.flags} names ${variable}`);
      }
      return [
        `\`${option.flags}\``,
        variable === undefined ? '' : `\`${variable}\``,
        withChoices(option.description.replace(/ \[\$\w+\]$/, ''), option.argChoices),
        typeof option.defaultValue === 'string' ? `\`${option.defaultValue}\`` : '',
      ];
    }),
  );
}

function withChoices(description: string, choices: readonly string[] | undefined): string {
  const text = escape(description);
  return choices === undefined ? text : `${text}: ${choices.map((choice) => `\`${choice}\``).join(', ')}`;
}

/** What help shows after the options: examples, above all. */
function helpTexts(command: Command): string[] {
  return helpAfter(command)
    .split(/\n{2,}/)
    .filter((paragraph) => paragraph.trim() !== '')
    .map((paragraph) => {
      const [heading = '', ...lines] = paragraph.trim().split('\n');
      // Lines that are set in from their heading are commands, or a table of words and what they mean.
      const isSetIn = lines.length > 0 && lines.every((line) => line.startsWith('  '));
      return isSetIn
        ? [heading, '', '```', ...lines.map((line) => line.replace(/^ {2}/, '')), '```'].join('\n')
        : escape(paragraph);
    });
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text as Markdown that reads like it. */
function escape(text: string): string {
  return text.replace(/[\\*_<>[\]]/g, '\\$&');
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
