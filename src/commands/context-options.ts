import { Option, type Command } from 'commander';
import { quoted, usageError } from '../errors.js';
import type { GetCredentialsRequest } from '../get-credentials/get-credentials.js';
import type { Environment } from '../identity/identity.js';
import { execApiVersion, execApiVersionOption, switchOption, textOption, withVariable } from './options.js';

/** Adds the options that say what a context is like, and how it is written; {@link readContextOptions} reads them. */
export function addContextOptions(command: Command): Command {
  const options = [
    new Option('--private-ip', "use the API server's private address"),
    new Option(
      '--context <NAME>',
      "name the context, its user and its cluster, instead of after the cluster's id",
    ),
    new Option('--namespace <NAMESPACE>', 'the namespace that the context starts in'),
    new Option('--keep-current-context', 'do not switch to the context'),
    new Option('--overwrite', 'replace entries of the same name that something else wrote'),
  ];
  for (const option of options) command.addOption(withVariable(option));
  return command.addOption(execApiVersionOption());
}

/**
 * What contexts are to be like, and how they are to be written.
 *
 * @throws EckError `usage` for a name or a version that cannot be one
 */
export function readContextOptions(
  command: Command,
  environment: Environment,
): Pick<GetCredentialsRequest, 'context' | 'rules'> {
  const text = (flag: string): string | undefined => textOption(command, flag, environment);
  const isOn = (flag: string): boolean => switchOption(command, flag, environment);
  return {
    context: {
      privateIp: isOn('private-ip'),
      context: contextName(text('context')),
      namespace: namespaceName(text('namespace')),
      execApiVersion: execApiVersion(command, environment),
    },
    rules: { overwrite: isOn('overwrite'), setCurrentContext: !isOn('keep-current-context') },
  };
}

/** A context's name may be almost anything; what would break a kubeconfig or a terminal is refused. */
function contextName(text: string | undefined): string | undefined {
  if (text === undefined || /^[^\p{Cc}\p{Cs}]{1,253}$/u.test(text)) return text;
  throw usageError('--context is empty, longer than 253 characters, or holds control characters');
}

/** A namespace is a DNS label (RFC 1123). */
function namespaceName(text: string | undefined): string | undefined {
  if (text === undefined || /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw usageError(`--namespace ${quoted(text)} is not a namespace's name`);
}
