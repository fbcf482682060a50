import type { RequestOptions } from 'node:https';
import type { AuthenticationV1Api, V1SelfSubjectReview } from '@kubernetes/client-node';
import { certificatePem, privateKeyPem } from '../../credential/client-credential.js';
import { printable } from '../../errors.js';
import { proxyFor } from '../../ens/proxy.js';
import type { World } from '../../world.js';
import { explainApiFailure, requestTimeoutMs, statusOf } from './api-failure.js';
import { ok, skipped, type Check, type Finding } from './check.js';
import { chooseCredential, type ChosenCredential } from './choose-credential.js';
import { readClusterEntry, type ClusterEntry } from './cluster-entry.js';
import { context } from './context.js';
import { credential } from './credential.js';
import { mayDescribe } from './permissions.js';
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
      return explainApiFailure(error, { entry, chosen, subject, evidence });
    }
  },
};

/** Asks the API server who is asking, and which version it is. */
async function signIn(
  entry: ClusterEntry,
  chosen: ChosenCredential,
  subject: Subject,
  world: World,
): Promise<Finding> {
  const k8s = await import('@kubernetes/client-node');
  const { settings } = subject;
  const config = new k8s.KubeConfig();
  const signal = AbortSignal.timeout(requestTimeoutMs(settings));
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

/** The proxy that kubectl would use: the one that the kubeconfig names, else that of the environment. */
function proxyOf({ server, proxyUrl }: ClusterEntry, { environment }: World): URL | undefined {
  if (proxyUrl !== undefined && URL.canParse(proxyUrl)) return new URL(proxyUrl);
  const url = new URL(server);
  const protocol = url.protocol === 'https:' ? 'https' : 'http';
  const port = Number(url.port) || (protocol === 'https' ? 443 : 80);
  return proxyFor({ protocol, hostname: url.hostname.replace(/^\[|\]$/g, ''), port }, environment);
}

function base64(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64');
}
