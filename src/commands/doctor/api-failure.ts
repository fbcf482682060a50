import { EckError, messageOf, printable } from '../../errors.js';
import { connectTimeoutMs, readTimeoutMs, connectionFailure } from '../../ens/transport.js';
import type { Settings } from '../../settings.js';
import { failed, warning, type Finding } from './check.js';
import type { ChosenCredential } from './choose-credential.js';
import type { ClusterEntry } from './cluster-entry.js';
import type { Evidence } from './evidence.js';
import { isPrivateAddress } from './private-address.js';
import type { Subject } from './subject.js';

/** What was tried, for a message about how it failed. */
export interface ApiAttempt {
  readonly entry: ClusterEntry;
  readonly chosen: ChosenCredential;
  readonly subject: Subject;
  readonly evidence: Evidence;
}

/** Why the API server was not reached, or does not accept the credential, and how that is mended. */
export function explainApiFailure(error: unknown, attempt: ApiAttempt): Finding {
  const { entry, chosen, subject } = attempt;
  const { host } = new URL(entry.server);
  switch (statusOf(error)) {
    case undefined:
      return explainConnection(error, attempt);
    case 401:
      return failed(`${host} does not accept ${chosen.name}`, {
        remedy: chosen.isKept ? subject.setUpCommand() : 'have the cluster looked at in the ENS console',
        code: 'api-server-unauthenticated',
      });
    case 403:
      return warning(`${host} knows ${chosen.name}, and does not let it ask who it is`, {
        remedy: "have the cluster's role system:basic-user bound to system:authenticated again",
        code: 'api-server-not-allowed',
      });
    default:
      return failed(`${host} answers with HTTP ${statusOf(error) ?? 0}`, {
        remedy: 'have the cluster looked at in the ENS console',
        code: 'api-server-answer-invalid',
      });
  }
}

function explainConnection(error: unknown, { entry, subject, evidence }: ApiAttempt): Finding {
  if (error instanceof EckError) throw error;
  const { host, hostname } = new URL(entry.server);
  const cause = causeOf(error);
  if (cause instanceof SyntaxError) {
    return failed(`${host} gives an answer that is not JSON`, {
      remedy: "look at the context's server, and at HTTPS_PROXY and NO_PROXY",
      code: 'api-server-answer-invalid',
    });
  }
  const { kind, message } = connectionFailure(cause, host, undefined);
  const { code = '' } = cause as NodeJS.ErrnoException;
  if (kind === 'untrusted') {
    const isOfAuthority = /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|ALTNAME/.test(code);
    const detail = isOfAuthority ? message : `${host} has a certificate that the context does not trust`;
    return failed(detail, { remedy: subject.setUpCommand(), code: 'api-server-untrusted' });
  }
  const hasTimedOut = cause.name === 'TimeoutError' || cause.name === 'AbortError';
  const limit = `${host}: no answer within ${requestTimeoutMs(subject.settings) / 1000} s`;
  const detail = hasTimedOut ? limit : printable(message);
  const privately = isPrivateAddress(hostname);
  const withoutAccess = evidence.cluster?.publicAccess === false;
  return failed(
    privately || withoutAccess ? `${detail}; it is reached from the cluster's own network only` : detail,
    {
      remedy:
        privately && !withoutAccess
          ? `use the public address: ${subject.setUpCommand()}`
          : `look at the network, HTTPS_PROXY and the cluster's firewall; or, inside of its network, use the private ` +
            `address: ${subject.setUpCommand({ 'private-ip': true })}`,
      code: 'api-server-unreachable',
    },
  );
}

/** The error that says what happened: libraries wrap it. */
function causeOf(error: unknown): Error {
  let cause = error;
  for (let depth = 0; depth < 5; depth += 1) {
    if (!(cause instanceof Error)) break;
    if (typeof (cause as NodeJS.ErrnoException).code === 'string' || !(cause.cause instanceof Error))
      return cause;
    ({ cause } = cause);
  }
  return new Error(messageOf(error));
}

/** The HTTP status of an answer that `@kubernetes/client-node` has thrown. */
export function statusOf(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'number' && code >= 100 ? code : undefined;
}

/** How long a request of the API server may take, to the end of its answer. */
export function requestTimeoutMs({ timeoutMs: totalMs }: Settings): number {
  return Math.min(totalMs, connectTimeoutMs + readTimeoutMs);
}
