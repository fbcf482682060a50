import { printable } from '../../errors.js';
import type { StoreName } from '../../settings.js';
import type { WriteReport } from '../../kubeconfig/user.js';
import { shellWord } from '../../terminal/format.js';
import type { ContextSetUp } from './set-up-context.js';

/** The stores, in words that complete "kept in …". */
export const places: Record<StoreName, string> = {
  keychain: 'the keychain',
  kernel: 'the kernel keyring, until the next reboot',
  file: 'a file that only you can read',
  none: 'nowhere',
};

/**
 * Tells the person, in two or three lines, what works now, as whom, and what to type next.
 *
 * @param written what became of the user kubeconfig, where one was written
 */
export function summary(setUp: ContextSetUp, written?: WriteReport): string[] {
  const { identity, keptIn, notAfter } = setUp;
  const certificate = `The client certificate (${setUp.certificateSubject}; valid until ${notAfter.toISOString().slice(0, 10)})`;
  const kept =
    keptIn === 'none'
      ? `${certificate} is kept nowhere, so every kubectl command fetches one; --store file would keep it.`
      : `${certificate} is kept in ${places[keptIn]}.`;
  const [entry] = written?.entries ?? [];
  if (entry === undefined) return [`This context reaches the cluster as ${identity}.`, kept];

  const context = printable(entry.contextName);
  const isCurrent = written?.currentContext.after === entry.contextName;
  return [
    `Context ${context} in ${printable(entry.file)} reaches the cluster as ${identity}.`,
    kept,
    isCurrent
      ? 'It is the current context. Try: kubectl get nodes'
      : `Try: kubectl --context ${shellWord(context)} get nodes`,
  ];
}
