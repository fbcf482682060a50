import { createHmac, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { canonicalQuery, percentEncode } from './acs3.js';
import type { IssuedCertificate } from './certificate-authority.js';
import type { EnsIdentity } from './ens-account.js';
import { Loopback } from './loopback.js';

interface StsOptions {
  readonly certificate: IssuedCertificate;
  readonly identityOf: (accessKeyId: string) => EnsIdentity | undefined;
  /** The valid OIDC tokens. */
  readonly oidcTokens: readonly string[];
  /** Called with every temporary identity that is issued. */
  readonly onIssue: (identity: EnsIdentity) => void;
}

/** The Security Token Service: `AssumeRole`, whose RPC signature (HMAC-SHA1) it checks, and `AssumeRoleWithOIDC`. */
export class StsServer extends Loopback {
  /** The parameters of every call. */
  readonly calls: ReadonlyMap<string, string>[] = [];
  /** The code with which every call is refused, or `hangs`. */
  fault: string | undefined;
  readonly #options: StsOptions;

  private constructor(options: StsOptions) {
    const { certificatePem: cert, privateKeyPem: key } = options.certificate;
    const server = createServer({ cert, key });
    super(server);
    this.#options = options;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  static start(options: StsOptions): Promise<StsServer> {
    return new StsServer(options).opened();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { searchParams } = new URL(request.url ?? '/', 'https://sts');
    const params = new Map([...searchParams, ...new URLSearchParams(await text(request))]);
    const action = params.get('Action') ?? '';
    const role = params.get('RoleArn') ?? '';
    this.calls.push(params);
    if (this.fault === 'hangs') return;
    const isValid = this.#options.oidcTokens.includes(params.get('OIDCToken') ?? '');
    const oidcRefusal = isValid ? undefined : 'AuthenticationFail.OIDCToken.Invalid';
    const refusal = this.fault ?? (action === 'AssumeRole' ? this.#checkSignature(params) : oidcRefusal);
    response.writeHead(refusal === undefined ? 200 : 400, { 'content-type': 'application/json' });
    if (refusal !== undefined) {
      response.end(JSON.stringify({ Code: refusal, Message: 'It was refused.' }));
      return;
    }
    const [accessKeyId, accessKeySecret, securityToken] = [`STS.${randomUUID()}`, randomUUID(), randomUUID()];
    this.#options.onIssue({ accessKeyId, accessKeySecret, securityToken, name: role });
    const Credentials = {
      AccessKeyId: accessKeyId,
      AccessKeySecret: accessKeySecret,
      SecurityToken: securityToken,
      Expiration: new Date(Date.now() + 3_600_000).toISOString(),
    };
    response.end(JSON.stringify({ Credentials }));
  }

  #checkSignature(params: ReadonlyMap<string, string>): string | undefined {
    const identity = this.#options.identityOf(params.get('AccessKeyId') ?? '');
    if (identity === undefined) return 'InvalidAccessKeyId.NotFound';
    if (identity.securityToken !== params.get('SecurityToken')) return 'InvalidSecurityToken.Malformed';
    const canonical = canonicalQuery([...params].filter(([name]) => name !== 'Signature'));
    const expected = createHmac('sha1', `${identity.accessKeySecret}&`)
      .update(`POST&%2F&${percentEncode(canonical)}`)
      .digest('base64');
    return params.get('Signature') === expected ? undefined : 'SignatureDoesNotMatch';
  }
}
