import { Command } from 'commander';
import { examineAll } from './doctor.js';
import { formatFinding, formatFindings, verdict } from './format.js';
import { findSubject } from './subject.js';
import { printLine } from '../../errors.js';
import { mayColour } from '../../terminal/format.js';
import { shellWord } from '../../terminal/format.js';
import type { World } from '../../world.js';
import {
  addSettingOptions,
  kubeconfigOption,
  kubeconfigPaths,
  outputFormat,
  outputOption,
  textOption,
  typedSettings,
} from '../options.js';

const formats = ['text', 'json'] as const;

/** `doctor`: tries each link of the chain, and says which one is broken and how to mend it. */
export function doctorCommand(world: World): Command {
  const command = new Command('doctor')
    .description('try each link from here to the cluster, and say which one is broken and how to mend it')
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

  return command.action(async (asked: string | undefined) => {
    const format = outputFormat(command, formats);
    const request = {
      asked,
      typed: typedSettings(command),
      paths: kubeconfigPaths(command, world),
      kubeconfigFlag: textOption(command, 'kubeconfig'),
    };
    const subject = await findSubject(request, world);
    // What kubectl would run the plugin with. Alibaba Cloud's library reads it from the process, too.
    Object.assign(process.env, subject.execEnvironment);

    const { stdout } = process;
    const isSeen = world.isTerminal('stdout');
    const layout = {
      colour: mayColour('stdout', world),
      columns: isSeen ? stdout.columns : undefined,
    };
    const findings = [];
    for (const { check, finding } of examineAll(subject, world)) {
      const found = await finding;
      findings.push({ check: check.name, ...found });
      if (format === 'text') stdout.write(formatFinding(check.name, found, layout));
    }
    if (format === 'json') stdout.write(formatFindings(findings));
    const { context, isCurrent, clusterId } = subject;
    const next = {
      setUp: subject.setUpCommand(),
      hasCluster: clusterId !== undefined,
      context: isCurrent || context === undefined ? undefined : shellWord(context.name),
    };
    printLine(verdict(findings, next));
    if (findings.some(({ status }) => status === 'failed')) process.exitCode = 1;
  });
}
