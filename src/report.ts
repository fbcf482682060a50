import { EckError, messageOf, printable } from './errors.js';
import type { Environment } from './identity/identity.js';
import { tell } from './tell.js';

/**
 * Tells the person, in one line on standard error, why a command failed, and sets the exit status, see
 * {@link EckError.exitStatus}. The code in brackets is for scripts and for searching; a stack trace is shown only with
 * `KUBECTL_ECK_LOG=debug`.
 */
export function report(error: unknown, environment: Environment): void {
  const known = error instanceof EckError;
  const message = known
    ? error.message
    : `This is a defect of kubectl-eck (${messageOf(error)}); please report it with the output of KUBECTL_ECK_LOG=debug`;
  tell(`kubectl-eck: ${message} [${known ? error.code : 'internal'}]`);
  if (environment['KUBECTL_ECK_LOG'] === 'debug' && error instanceof Error) {
    for (const line of (error.stack ?? '').split('\n')) tell(printable(line, 1000));
  }
  process.exitCode = known ? error.exitStatus : 1;
}
