import { writeSync } from 'node:fs';
import { mayColour, type World } from './world.js';

/**
 * What can go wrong. Codes stay the same from release to release: scripts, tests and bug reports match on them.
 * The reference in docs/ is made from this table.
 */
export const errorCodes = {
  usage: 'The command line or an environment variable cannot be understood.',
  'exec-info-invalid': '`KUBERNETES_EXEC_INFO` is not a request that this plugin can answer.',
  'identity-not-found': 'No Alibaba Cloud identity was found.',
  'identity-unusable': 'An identity is configured and cannot be used: an unknown profile, a file that cannot be read.',
  'identity-refused': 'Alibaba Cloud (STS, …) does not accept the configured identity.',
  'identity-unavailable': 'The source of the identity (STS, the metadata service, …) cannot be reached or fails.',
  'ens-unauthenticated': 'ENS does not accept the AccessKey or token: wrong, disabled or expired.',
  'ens-not-allowed': 'The identity is not allowed to make this call.',
  'ens-cluster-not-found': 'ENS has no such cluster.',
  'ens-clock-skew': "This machine's clock is too far from the clock of ENS.",
  'ens-throttled': 'ENS received too many calls.',
  'ens-unavailable': 'ENS cannot be reached or fails.',
  'ens-answer-invalid': 'ENS sent a response that is invalid or too large.',
  'ens-refused': 'ENS refused the call for another reason.',
  'proxy-refused': 'A proxy refuses the connection.',
  'network-untrusted': 'The certificate of ENS, or of the proxy, is not trusted.',
  'issued-kubeconfig-invalid': 'The kubeconfig that ENS issued is invalid.',
  'kubeconfig-unusable': 'The user kubeconfig cannot be read, understood or written.',
  'kubeconfig-locked': "Another process holds kubectl's lock on the user kubeconfig.",
  'kubeconfig-conflict': 'An entry of the same name exists that this plugin would not write.',
  'context-not-found': 'The user kubeconfig has no such context.',
  'context-not-convertible': 'The user of a context cannot be converted.',
  'context-unusable': 'The context has no `exec` entry of this plugin, or an invalid one.',
  'conversion-incomplete': 'Some client keys are still in the user kubeconfig.',
  'program-not-found': 'The program that the context names is not on `PATH`, or is another one.',
  'kubectl-refuses': 'kubectl fails, or its preferences (kuberc) do not allow it to run this plugin.',
  'kubectl-too-old': 'kubectl is older than the version of the `exec` entry.',
  'api-server-unreachable': 'The API server of the cluster cannot be reached.',
  'api-server-untrusted': 'The context does not trust the certificate of the API server.',
  'api-server-unauthenticated': 'The API server does not accept the client certificate.',
  'api-server-answer-invalid': 'The response is not one of a Kubernetes API server.',
  'keychain-locked': 'The keychain is locked.',
  'keychain-absent': 'There is no such store on this machine.',
  'keychain-refused': 'The store refuses.',
  'keychain-full': "The store's quota is used up.",
  'keychain-unreachable': 'A store that cannot be reached from here still has the credential.',
  'keychain-timeout': 'The keychain did not answer in time.',
  'output-failed': 'Standard output cannot be written.',
  'logged-out': '"kubectl eck logout" ended the access to this cluster.',
  'not-cached': 'No cached credential, and no context, of that name exists.',
  interrupted: 'The command was interrupted.',
  internal: 'A defect of this program.',
} as const;
export type ErrorCode = keyof typeof errorCodes;

/**
 * An error for the person who ran the command. `message` says what failed and `fix` what to do, each on one line
 * without secrets and control characters: text from outside goes through {@link printable} first.
 */
export class EckError extends Error {
  override readonly name = 'EckError';
  readonly fix: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    { fix, cause }: { readonly fix?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.fix = fix;
  }

  /** 2 for wrong usage, 130 for an interruption (as shells report SIGINT), 1 for everything else. */
  get exitStatus(): 1 | 2 | 130 {
    if (this.code === 'interrupted') return 130;
    return this.code === 'usage' ? 2 : 1;
  }
}

/** Wrong usage: exit status 2, before anything was called or changed. */
export function usageError(message: string, fix?: string): EckError {
  return new EckError('usage', message, { fix });
}

/** The message of anything that was thrown, on one line. */
export function messageOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}

/** Typed text in quotes for a message: safe to print, and cut to `maxLength` characters. */
export function quoted(text: string, maxLength = 70): string {
  const characters = Array.from(text);
  const cut = characters.length > maxLength ? `${characters.slice(0, maxLength).join('')}…` : text;
  return printable(JSON.stringify(cut), Infinity);
}

/** Text from outside made safe to print: on one line, without characters that control or reorder text, and cut. */
export function printable(text: string, maxLength = 300): string {
  const clean = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
  const characters = Array.from(clean);
  return characters.length > maxLength ? `${characters.slice(0, maxLength).join('')}…` : clean;
}

/** A date and time such as `2026-11-25 15:04`, in local time. */
export function formatDateTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Compares texts so that `m10` comes after `m9`, the same on every machine. */
export function compareNaturally(one: string, other: string): number {
  const collator = (numbers ??= new Intl.Collator('en', { numeric: true }));
  return collator.compare(one, other) || (one < other ? -1 : one > other ? 1 : 0);
}

let numbers: Intl.Collator | undefined;

/** The code of an error of the operating system, such as `ENOENT`; `unknown` without one. */
export function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

/** A mapping that was read from YAML or JSON. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Whether a value is a mapping: neither a list nor a plain value. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value that is a text and not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The result, or `undefined` if it fails. */
export function ifPossible<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

let outputHook: (() => void) | undefined;

/** Has something done before each output, such as erasing a spinner. @returns the hook before */
export function setOutputHook(hook: (() => void) | undefined): (() => void) | undefined {
  const before = outputHook;
  outputHook = hook;
  return before;
}

/** Prints one line on standard error, synchronously. Bun's `console.error` would be red at a terminal. */
export function printLine(line: string): void {
  outputHook?.();
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // The reader is gone, or a full pipe does not block.
    console.error(line);
  }
}

/** Writes data on standard output. `console.log` does not notice a full disk. @throws EckError `output-failed` */
export function printOutput(text: string): void {
  outputHook?.();
  const bytes = Buffer.from(text);
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(1, bytes, offset);
    } catch (error) {
      const code = errorCode(error);
      // The reader has read enough, as `head` does.
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') {
        throw new EckError('output-failed', `standard output cannot be written (${code})`, { cause: error });
      }
      // A full pipe that does not block: wait for the reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/**
 * Prints an error on standard error: what failed with its code, then the fix on its own line; a stack trace only with
 * `KUBECTL_ECK_LOG=debug`. Sets the exit status. The prefix is `kubectl-eck` among the output of kubectl.
 */
export function printError(
  error: unknown,
  world: Pick<World, 'environment' | 'isTerminal'>,
  prefix: 'error' | 'kubectl-eck' = 'error',
): void {
  const known =
    error instanceof EckError
      ? error
      : new EckError('internal', `Internal error: ${messageOf(error)}`, {
          fix: 'Report it with the output of KUBECTL_ECK_LOG=debug',
        });
  const start = mayColour('stderr', world) ? `\u001b[31m${prefix}:\u001b[0m` : `${prefix}:`;
  printLine(`${start} ${known.message} [${known.code}]`);
  if (known.fix !== undefined) printLine(known.fix);
  if (world.environment['KUBECTL_ECK_LOG'] === 'debug' && error instanceof Error) {
    for (const line of (error.stack ?? '').split('\n')) printLine(printable(line, 1000));
  }
  process.exitCode = known.exitStatus;
}
