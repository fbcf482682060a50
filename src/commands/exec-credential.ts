import { Command, Option } from 'commander';
import { answerKubectl } from '../exec-credential/answer.js';
import type { World } from '../world.js';
import { addSettingOptions, execApiVersionOption, textOption, typedSettings } from './options.js';

/** `exec-credential`: what kubectl runs by itself. The usual way to it does not come through here, see main.ts. */
export function execCredentialCommand(world: World): Command {
  const command = new Command('exec-credential')
    .description('print a credential for kubectl; kubectl runs this by itself')
    .addOption(new Option('--cluster-id <ID>', 'the cluster, where the kubeconfig does not say'))
    .addOption(execApiVersionOption())
    .addHelpText('after', '\nExample:\n  kubectl-eck exec-credential --cluster-id eck-0123abcd')
    .action(() =>
      answerKubectl(
        {
          clusterId: textOption(command, 'cluster-id'),
          execApiVersion: textOption(command, 'exec-api-version'),
          settings: typedSettings(command),
        },
        world,
      ),
    );
  return addSettingOptions(command);
}
