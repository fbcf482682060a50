import { Command } from 'commander';
import stringWidth from 'fast-string-width';
import { EckError, printLine, printOutput } from '../../errors.js';
import { formatDocument, mayColour, shellWord } from '../../terminal/format.js';
import type { World } from '../../world.js';
import { addSettingOptions, kubeconfigOption, outputFormat, outputOption } from '../options.js';
import { findFacts, type Check, type Facts, type Result } from './facts.js';
import { cache, context, credential, kubectl, program, store } from './machine.js';
import { apiServer, ens, identity, permissions } from './network.js';

/** In this order: a check uses facts of those before it, and the store `file` repairs the cache directory. */
const checks: Readonly<Record<string, Check>> = {
  program,
  kubectl,
  cache,
  store,
  identity,
  ens,
  permissions,
  context,
  credential,
  'api-server': apiServer,
};

const formats = ['text', 'json'] as const;

/** `doctor`: runs the checks and prints a fix for each that failed. */
export function doctorCommand(world: World): Command {
  const command = new Command('doctor')
    .description('find the problem and print the fix')
    .argument('[CLUSTER]', 'the id of a cluster or the name of a context, instead of the current context')
    .addOption(outputOption(formats))
    .addOption(kubeconfigOption());
  addSettingOptions(command).addHelpText(
    'after',
    [
      '',
      'Examples:',
      '  kubectl eck doctor',
      '  kubectl eck doctor eck-0123abcd',
      '  kubectl eck doctor -o json | jq \'.[] | select(.status == "failed")\'',
    ].join('\n'),
  );

  return command.action(async (name: string | undefined) => {
    const format = outputFormat(command, formats);
    const facts = await findFacts(name, command, world);
    const columns = world.isTerminal('stdout') ? process.stdout.columns : undefined;
    const isColoured = mayColour('stdout', world);
    const results: Result[] = [];
    for (const [check, run] of Object.entries(checks)) {
      const result = { check, ...(await runCheck(run, facts, world)) };
      results.push(result);
      if (format === 'text') printOutput(formatResult(check, result, isColoured, columns));
    }
    if (format === 'json') printOutput(await formatDocument(results, 'json'));
    printLine(closingLine(results, facts));
    if (results.some(({ status }) => status === 'failed')) process.exitCode = 1;
  });
}

async function runCheck(run: Check, facts: Facts, world: World): Promise<Result> {
  try {
    return await run(facts, world);
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    return { status: 'failed', detail: error.message, fix: error.fix, code: error.code };
  }
}

const colours = { ok: '\u001b[32m', warning: '\u001b[33m', failed: '\u001b[31m', skipped: '\u001b[2m' };
const noColour = '\u001b[0m';
const statusWidth = 'skipped   '.length;
const nameWidth = 'permissions   '.length;
const indent = ' '.repeat(statusWidth + nameWidth);

/**
 * A result as text: status, check and detail in columns, wrapped at the terminal's width. The fix has a line of its
 * own, not wrapped, to be copied.
 */
export function formatResult(
  name: string,
  { status, detail, fix, code }: Result,
  isColoured: boolean,
  columns = Infinity,
): string {
  const shown = status.padEnd(statusWidth);
  const head = (isColoured ? `${colours[status]}${shown}${noColour}` : shown) + name.padEnd(nameWidth);
  const text = code === undefined ? detail : `${detail} [${code}]`;
  const body = wrap(text, Math.max(30, columns - indent.length)).join(`\n${indent}`);
  return `${head}${body}\n${fix === undefined ? '' : `${indent}→ ${fix}\n`}`;
}

function wrap(text: string, width: number): string[] {
  const [first = '', ...words] = text.split(' ');
  const lines: string[] = [];
  let line = first;
  for (const word of words) {
    const longer = `${line} ${word}`;
    if (stringWidth(longer) > width) lines.push(line);
    line = stringWidth(longer) > width ? word : longer;
  }
  return [...lines, line];
}

/** The last line: how many checks failed, and what to do next. */
export function closingLine(
  results: readonly Result[],
  { clusterId, context: found, isCurrent, setUpCommand }: Facts,
): string {
  const count = (status: Result['status']): number =>
    results.filter((candidate) => candidate.status === status).length;
  const [failures, warnings] = [count('failed'), count('warning')];
  if (failures === 1) return '1 check failed. Apply the fix and run doctor again.';
  if (failures > 1) return `${failures} checks failed. Apply the fixes and run doctor again.`;
  const also = warnings === 0 ? '' : ` (${warnings === 1 ? '1 warning' : `${warnings} warnings`})`;
  if (clusterId === undefined) return `No check failed${also}. Next: ${setUpCommand()}`;
  const contextFlag = isCurrent || found === undefined ? '' : `--context ${shellWord(found.name)} `;
  return `No check failed${also}. Try: kubectl ${contextFlag}get nodes`;
}
