import { EckError, printLine, printOutput } from '../../errors.js';
import { formatDocument, shellWord } from '../../terminal/format.js';
import { mayColour, type World } from '../../world.js';
import { EckCommand } from '../options.js';
import { findFacts, type Check, type Facts, type Result } from './facts.js';
import { context, kubeconfig, kubectl } from './kubeconfig.js';
import { cache, credential, program, store } from './machine.js';
import { apiServer, ens, identity } from './network.js';

/** In this order: a check uses facts of those before it, and the store `file` repairs the cache directory. */
const checks: Readonly<Record<string, Check>> = {
  program,
  kubectl,
  kubeconfig,
  cache,
  store,
  identity,
  ens,
  context,
  credential,
  'api-server': apiServer,
};

const formats = ['text', 'json'] as const;

/** `doctor`: runs the checks and prints a fix for each that failed. */
export function doctorCommand(world: World): EckCommand {
  const command = new EckCommand('doctor')
    .description('find the problem and print the fix')
    .argument('[CLUSTER]', 'the id of a cluster or the name of a context, instead of the current context')
    .addOutputOption(formats)
    .addKubeconfigOption()
    .addSettingOptions()
    .addExamples('', 'eck-0123abcd', '-o json | jq \'.[] | select(.status == "failed")\'');
  return command.action(async (name: string | undefined) => {
    const format = command.outputFormat(formats);
    const facts = await findFacts(name, command, world);
    const isColoured = mayColour('stdout', world);
    const results: NamedResult[] = [];
    for (const [check, run] of Object.entries(checks)) {
      const result = { check, ...(await runCheck(run, facts, world)) };
      results.push(result);
      if (format === 'text') printOutput(formatResult(result, isColoured));
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

/** A result as it is printed. */
export type NamedResult = Result & { readonly check: string };

const colours = { ok: '\u001b[32m', warning: '\u001b[33m', failed: '\u001b[31m', skipped: '\u001b[2m' };
const noColour = '\u001b[0m';

/** A result as text: status, check and detail in columns, and the fix on a line of its own, to be copied. */
export function formatResult({ check, status, detail, fix, code }: NamedResult, isColoured: boolean): string {
  const shown = status.padEnd(10);
  const head = isColoured ? `${colours[status]}${shown}${noColour}` : shown;
  const lines = [`${head}${check.padEnd(13)}${detail}${code === undefined ? '' : ` [${code}]`}`];
  if (fix !== undefined) lines.push(`${' '.repeat(23)}→ ${fix}`);
  return `${lines.join('\n')}\n`;
}

/** The last line: how many checks failed, and what to do next. */
export function closingLine(results: readonly Result[], facts: Facts): string {
  const { clusterId, context: found, isCurrent, setUpCommand } = facts;
  const failures = results.filter(({ status }) => status === 'failed').length;
  if (failures === 1) return '1 check failed. Apply the fix and run doctor again.';
  if (failures > 1) return `${failures} checks failed. Apply the fixes and run doctor again.`;
  if (clusterId === undefined) return `No check failed. Next: ${setUpCommand()}`;
  const contextFlag = isCurrent || found === undefined ? '' : `--context ${shellWord(found.name)} `;
  return `No check failed. Try: kubectl ${contextFlag}get nodes`;
}
