import { Command } from 'commander';
import stringWidth from 'fast-string-width';
import { printLine } from '../../errors.js';
import { formatDocument, mayColour, shellWord } from '../../terminal/format.js';
import type { World } from '../../world.js';
import { addSettingOptions, kubeconfigOption, outputFormat, outputOption } from '../options.js';
import { apiServer, context, credential } from './cluster.js';
import { ens, identity, permissions } from './ens.js';
import { findFacts, longestName, runCheck, type Facts, type Result } from './facts.js';
import { cache, kubectl, program, store } from './machine.js';

/** In this order: a check uses facts of those before it, and the store `file` repairs the cache directory. */
const checks = [program, kubectl, cache, store, identity, ens, permissions, context, credential, apiServer];

const formats = ['text', 'json'] as const;

/** `doctor`: runs the checks and prints a fix for each that failed. */
export function doctorCommand(world: World): Command {
  const command = new Command('doctor')
    .description('find out why kubectl cannot reach a cluster, and print the fix')
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
    const { stdout } = process;
    const columns = world.isTerminal('stdout') ? stdout.columns : undefined;
    const isColoured = mayColour('stdout', world);
    const results: Result[] = [];
    for (const check of checks) {
      const found = { check: check.name, ...(await runCheck(check, facts, world)) };
      results.push(found);
      if (format === 'text') stdout.write(formatResult(check.name, found, isColoured, columns));
    }
    if (format === 'json') stdout.write(await formatDocument(results, 'json'));
    printLine(closingLine(results, facts));
    if (results.some(({ status }) => status === 'failed')) process.exitCode = 1;
  });
}

const colours = { ok: '\u001b[32m', warning: '\u001b[33m', failed: '\u001b[31m', skipped: '\u001b[2m' };
const noColour = '\u001b[0m';

const statusWidth = 'skipped'.length;
const gap = '   ';
const indent = ' '.repeat(statusWidth + gap.length + longestName + gap.length);

/**
 * A result as text: status, check and detail in columns, wrapped at the terminal's width. The fix has a line of its
 * own, not wrapped, to be copied.
 */
export function formatResult(
  name: string,
  { status, detail, fix, code }: Result,
  isColoured: boolean,
  columns: number | undefined,
): string {
  const shown = status.padEnd(statusWidth);
  const coloured = isColoured ? `${colours[status]}${shown}${noColour}` : shown;
  const head = `${coloured}${gap}${name.padEnd(longestName)}${gap}`;
  const text = code === undefined ? detail : `${detail} [${code}]`;
  const width = columns === undefined ? Infinity : Math.max(30, columns - indent.length);
  const body = wrap(text, width).join(`\n${indent}`);
  return `${head}${body}\n${fix === undefined ? '' : `${indent}→ ${fix}\n`}`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length > 0 && stringWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The last line: how many checks failed, and what to do next. */
export function closingLine(
  results: readonly Result[],
  { clusterId, context: found, isCurrent, setUpCommand }: Facts,
): string {
  const count = (status: Result['status']): number =>
    results.filter((candidate) => candidate.status === status).length;
  const [failures, warnings] = [count('failed'), count('warning')];
  if (failures > 0) {
    const [checksFailed, fixes] = failures === 1 ? ['1 check', 'fix'] : [`${failures} checks`, 'fixes'];
    return `${checksFailed} failed. Apply the ${fixes} and run doctor again.`;
  }
  const also = warnings === 0 ? '' : ` (${warnings === 1 ? '1 warning' : `${warnings} warnings`})`;
  if (clusterId === undefined) return `No check failed${also}. Next: ${setUpCommand()}`;
  const contextFlag = isCurrent || found === undefined ? '' : `--context ${shellWord(found.name)} `;
  return `No check failed${also}. Try: kubectl ${contextFlag}get nodes`;
}
