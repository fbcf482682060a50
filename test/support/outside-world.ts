import { createServer, type RequestListener } from 'node:http';
import { CertificateAuthority } from './certificate-authority.js';
import { Loopback } from './loopback.js';
import { ProxyServer } from './proxy-server.js';
import type { Sandbox } from './sandbox.js';
import { StsServer } from './sts-server.js';
import { TlsFront } from './tls-front.js';

/** The OIDC token that STS accepts. */
export const oidcToken = 'an.oidc.token';

/** What sign-ins call: STS and OAuth, whose hosts a proxy leads to loopback, and a service for credentials URIs. */
export class OutsideWorld {
  /** The answers of OAuth and of the service for credentials URIs. */
  answer: RequestListener = (_, response) => response.writeHead(404).end();

  private constructor(
    readonly sts: StsServer,
    /** Of the service for credentials URIs. */
    readonly uri: string,
    /** The variables that lead here. */
    readonly environment: Readonly<Record<string, string>>,
    private readonly servers: readonly Loopback[],
  ) {}

  static async start(sandbox: Sandbox): Promise<OutsideWorld> {
    const authority = await CertificateAuthority.create({ name: 'outside world CA' });
    const subjectAltNames = ['sts.aliyuncs.com', 'oauth.aliyun.com'];
    const certificate = await authority.issue({ commonName: 'outside', usage: 'server', subjectAltNames });
    const sts = await StsServer.start({
      certificate,
      identityOf: (accessKeyId) => sandbox.ens.identityOf(accessKeyId),
      oidcTokens: [oidcToken],
      onIssue: (identity) => {
        sandbox.ens.putIdentity(identity);
      },
    });
    const local = await new Loopback(
      createServer((request, response) => {
        world.answer(request, response);
      }),
    ).opened();
    const uri = `http://${local.host}`;
    const oauth = await TlsFront.start(certificate, uri);
    const hosts = { 'sts.aliyuncs.com:443': sts.port, 'oauth.aliyun.com:443': oauth.port };
    const proxy = await ProxyServer.start({ hosts });
    const environment = {
      HTTPS_PROXY: `http://${proxy.host}`,
      NODE_EXTRA_CA_CERTS: await sandbox.writeHome('authority.pem', authority.certificatePem),
    };
    const world = new OutsideWorld(sts, uri, environment, [local, proxy, oauth, sts]);
    return world;
  }

  /** Makes all of it unreachable. */
  async stop(): Promise<void> {
    for (const server of this.servers) await server.stop();
  }
}
