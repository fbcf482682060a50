import type { RequestOptions } from 'node:https';
import type { AuthenticationV1Api, V1SelfSubjectReview } from '@kubernetes/client-node';
import type { ClientCredential } from '../credential/client-credential.js';
import { certificatePem, privateKeyPem } from '../credential/pem.js';
import { EckError, messageOf, printable } from '../errors.js';
import { connectionFailure } from '../network/failure.js';
import { proxyFor } from '../network/proxy.js';
import type { Settings } from '../settings/settings.js';
import type { World } from '../world.js';
import { failed, ok, skipped, warning, type Check, type Finding } from './check.js';
import { readClusterEntry, type ClusterEntry } from './cluster-entry.js';
import { context } from './context.js';
import { credential } from './credential.js';
import type { Evidence } from './evidence.js';
import { mayDescribe } from './permissions.js';
import { isPrivateAddress } from './private-address.js';
import { sendRequest } from './send-request.js';
import type { Subject } from './subject.js';

/** The API server that the context names is reached, and knows who is asking. */
export const apiServer: Check = {
  name: 'api-server',
  needs: [context],
  after: [credential, mayDescribe],
  async examine({ subject, world, evidence }) {
    const entry = subject.connection && (await readClusterEntry(subject.connection));
    if (entry === undefined || 'flaw' in entry) return skipped('no API server to ask');
    const chosen = chooseCredential(evidence);
    if (chosen === undefined) return skipped('there is no credential to sign in with');
    try {
      return await signIn(entry, chosen, subject, world);
    } catch (error) {
      return explain(error, { entry, chosen, subject, evidence });
    }
  },
};

interface Chosen {
  readonly credential: ClientCredential;
  readonly name: string;
  readonly isKept: boolean;
}

/** The credential that kubectl would get: the kept one while it is served, else what ENS issues now. */
function chooseCredential({ kept, issued }: Evidence): Chosen | undefined {
  const isServed = kept?.verdict === 'serve' || (kept?.verdict === 'renew' && issued === undefined);
  if (kept !== undefined && isServed) {
    return { credential: kept.credential, name: 'the kept credential', isKept: true };
  }
  return (
    issued && { credential: issued.credential, name: 'a credential that ENS issued just now', isKept: false }
  );
}

/** Asks the API server who is asking, and which version it is. */
async function signIn(entry: ClusterEntry, chosen: Chosen, subject: Subject, world: World): Promise<Finding> {
  const k8s = await import('@kubernetes/client-node');
  const { settings } = subject;
  const config = new k8s.KubeConfig();
  const signal = AbortSignal.timeout(timeoutMs(settings));
  config.loadFromClusterAndUser(
    {
      name: 'cluster',
      server: entry.server.replace(/\/+$/, ''),
      skipTLSVerify: entry.skipTlsVerify,
      ...(entry.certificateAuthorityPem === undefined
        ? {}
        : { caData: base64(entry.certificateAuthorityPem) }),
      ...(entry.tlsServerName === undefined ? {} : { tlsServerName: entry.tlsServerName }),
    },
    {
      name: 'user',
      certData: base64(certificatePem(chosen.credential)),
      keyData: base64(privateKeyPem(chosen.credential)),
    },
  );
  const configuration = k8s.createConfiguration({
    baseServer: new k8s.ServerConfiguration(entry.server.replace(/\/+$/, ''), {}),
    httpApi: k8s.wrapHttpLibrary({
      async send(request) {
        const identity: RequestOptions = {};
        await config.applyToHTTPSOptions(identity);
        const { status, headers, body } = await sendRequest(request, {
          identity,
          proxy: proxyOf(entry, world),
          environment: world.environment,
          signal,
        });
        const binary = (): Promise<Buffer> => Promise.resolve(body);
        return new k8s.ResponseContext(status, headers, {
          text: () => Promise.resolve(body.toString()),
          binary,
        });
      },
    }),
  });
  const user = await whoAmI(new k8s.AuthenticationV1Api(configuration), new k8s.V1SelfSubjectReview());
  const { gitVersion } = await new k8s.VersionApi(configuration).getCode();
  const where = `${new URL(entry.server).host}, Kubernetes ${printable(gitVersion, 60)}`;
  return ok(`${where}, knows ${chosen.name} as ${user}`);
}

/** The user that the API server sees; servers before 1.28 do not tell. */
async function whoAmI(api: AuthenticationV1Api, body: V1SelfSubjectReview): Promise<string> {
  try {
    const review = await api.createSelfSubjectReview({ body });
    const user = review.status?.userInfo;
    const groups = user?.groups ?? [];
    const inGroups =
      groups.length === 0 ? '' : ` (${groups.map((group) => printable(group, 60)).join(', ')})`;
    return `user ${printable(user?.username ?? '', 120)}${inGroups}`;
  } catch (error) {
    if (statusOf(error) === 404) return 'a user that it does not name, being older than 1.28';
    throw error;
  }
}

interface Failure {
  readonly entry: ClusterEntry;
  readonly chosen: Chosen;
  readonly subject: Subject;
  readonly evidence: Evidence;
}

function explain(error: unknown, failure: Failure): Finding {
  const { entry, chosen, subject } = failure;
  const { host } = new URL(entry.server);
  switch (statusOf(error)) {
    case undefined:
      return explainConnection(error, failure);
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

function explainConnection(error: unknown, { entry, subject, evidence }: Failure): Finding {
  if (error instanceof EckError) throw error;
  const { host, hostname } = new URL(entry.server);
  const cause = causeOf(error);
  const { kind, message } = connectionFailure(cause, host, undefined);
  const { code = '' } = cause as NodeJS.ErrnoException;
  if (kind === 'untrusted') {
    const isOfAuthority = /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|ALTNAME/.test(code);
    const detail = isOfAuthority ? message : `${host} has a certificate that the context does not trust`;
    return failed(detail, { remedy: subject.setUpCommand(), code: 'api-server-untrusted' });
  }
  const hasTimedOut = cause.name === 'TimeoutError' || cause.name === 'AbortError';
  const limit = `${host}: no answer within ${timeoutMs(subject.settings) / 1000} s`;
  const detail = hasTimedOut ? limit : message;
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

function statusOf(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'number' && code >= 100 ? code : undefined;
}

/** The proxy that kubectl would use: the one that the kubeconfig names, else that of the environment. */
function proxyOf({ server, proxyUrl }: ClusterEntry, { environment }: World): URL | undefined {
  if (proxyUrl !== undefined && URL.canParse(proxyUrl)) return new URL(proxyUrl);
  const url = new URL(server);
  const protocol = url.protocol === 'https:' ? 'https' : 'http';
  const port = Number(url.port) || (protocol === 'https' ? 443 : 80);
  return proxyFor({ protocol, hostname: url.hostname.replace(/^\[|\]$/g, ''), port }, environment);
}

function timeoutMs({ timeoutMs: totalMs, connectTimeoutMs, readTimeoutMs }: Settings): number {
  return Math.min(totalMs, connectTimeoutMs + readTimeoutMs);
}

function base64(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64');
}
