/**
 * What can go wrong, by a name that stays the same from release to release.
 * The name is what tests, scripts and bug reports match on; the message is for people and may change.
 */
export type ErrorCode =
  /** The command line or an environment variable cannot be understood. */
  | 'usage'
  /** `KUBERNETES_EXEC_INFO` is not a request that this plugin can answer. */
  | 'exec-info-invalid'
  /** No Alibaba Cloud identity was found in any of the places where one can be. */
  | 'identity-not-found'
  /** An identity is configured, and could not be used: an unknown profile, a file that cannot be read. */
  | 'identity-unusable'
  /** Alibaba Cloud's sign-in (STS, …) does not accept the identity that is configured. */
  | 'identity-refused'
  /** What an identity comes from (STS, the metadata service, …) cannot be reached, or fails on its own side. */
  | 'identity-unavailable'
  /** ENS does not know who is asking: wrong, disabled or expired AccessKey or token. */
  | 'ens-unauthenticated'
  /** ENS knows who is asking, and does not allow it. */
  | 'ens-not-allowed'
  /** ENS does not know the cluster. */
  | 'ens-cluster-not-found'
  /** This machine's clock is too far from the clock of ENS. */
  | 'ens-clock-skew'
  /** ENS asks to slow down. */
  | 'ens-throttled'
  /** ENS cannot be reached, or fails on its own side. */
  | 'ens-unavailable'
  /** The answer of ENS is none that can be read: larger than any could be. */
  | 'ens-answer-invalid'
  /** A proxy on the way to ENS does not let the call through. */
  | 'proxy-refused'
  /** Whoever answers in the place of ENS, or of the proxy, has a certificate that is not trusted. */
  | 'network-untrusted'
  /** ENS refused the call for another reason. */
  | 'ens-refused'
  /** What ENS handed out is not a kubeconfig that can be trusted and used. */
  | 'issued-kubeconfig-invalid'
  /** The user kubeconfig cannot be read, understood or written. */
  | 'kubeconfig-unusable'
  /** Another process holds kubectl's lock on the user kubeconfig. */
  | 'kubeconfig-locked'
  /** An entry of the same name, which this plugin did not write, is in the way. */
  | 'kubeconfig-conflict'
  /** The user kubeconfig has no context of the name that was given, or for the cluster. */
  | 'context-not-found'
  /** A context has no client key that could be moved into a store, or nothing says which cluster it is of. */
  | 'context-not-convertible'
  /** Some client keys were moved into a store, and others stay in the user kubeconfig. */
  | 'conversion-incomplete'
  /** The context is none that kubectl and this plugin can use: no `exec` entry of ours, or one that is not understood. */
  | 'context-unusable'
  /** The program that the context names is not on `PATH`, or is another one. */
  | 'program-not-found'
  /** kubectl is older than the version of the `exec` entry. */
  | 'kubectl-too-old'
  /** The API server of the cluster cannot be reached, or does not answer. */
  | 'api-server-unreachable'
  /** Whoever answers in the place of the API server has a certificate that the context does not trust. */
  | 'api-server-untrusted'
  /** The API server does not accept the client certificate: revoked, expired, or of another cluster. */
  | 'api-server-unauthenticated'
  /** The API server knows who is asking, and does not allow it. */
  | 'api-server-not-allowed'
  /** The API server answers something else than the API of Kubernetes. */
  | 'api-server-answer-invalid'
  /** The keychain is locked and nobody unlocked it. */
  | 'keychain-locked'
  /** There is no such keychain here. */
  | 'keychain-absent'
  /** The keychain is there, and refuses. */
  | 'keychain-refused'
  /** The keychain did not answer in time. */
  | 'keychain-timeout'
  /** No credential of the cluster that was named is known on this machine. */
  | 'not-kept'
  /** The person ended the command before it was done. */
  | 'interrupted'
  /** A defect of this program. */
  | 'internal';

/**
 * An error that is meant to be read by the person who ran the command.
 *
 * `message` is one line: what happened, to what, and what to do next. It holds no secret and no control
 * character; text from outside goes through {@link printable} first.
 */
export class EckError extends Error {
  override readonly name = 'EckError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** 2 for wrong usage, 130 for what the person ended (as shells say it of SIGINT), 1 for everything else. */
  get exitStatus(): 1 | 2 | 130 {
    if (this.code === 'interrupted') return 130;
    return this.code === 'usage' ? 2 : 1;
  }
}

/** Wrong usage: exit status 2, before anything was called or changed. */
export function usageError(message: string): EckError {
  return new EckError('usage', message);
}

/** The message of whatever was thrown, on one line. */
export function messageOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}

/** Text that was typed, in quotes, for the message that refuses it: safe to print, and cut where it is long. */
export function quoted(text: string, maxLength = 70): string {
  const characters = Array.from(text);
  const cut = characters.length > maxLength ? `${characters.slice(0, maxLength).join('')}…` : text;
  return printable(JSON.stringify(cut), Infinity);
}

/**
 * Text from outside (an API's message, a certificate's subject, a file's name) made safe to print: on one line,
 * without control characters, without the marks that reorder text, and not longer than `maxLength` characters.
 */
export function printable(text: string, maxLength = 300): string {
  const clean = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
  const characters = Array.from(clean);
  return characters.length > maxLength ? `${characters.slice(0, maxLength).join('')}…` : clean;
}
