import { createHmac, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import type { IssuedCertificate } from './certificate-authority.js';
import type { EnsIdentity } from './ens-account.js';
import { Loopback } from './loopback.js';

/** How an {@link StsServer} is set up. */
export interface StsOptions {
  readonly certificate: IssuedCertificate;
  readonly identityOf: (accessKeyId: string) => EnsIdentity | undefined;
  /** The OIDC tokens that it takes. */
  readonly oidcTokens?: readonly string[];
  /** Told of every temporary identity that is handed out. */
  readonly onIssue: (identity: EnsIdentity) => void;
}

type Form = ReadonlyMap<string, string>;

/**
 * Alibaba Cloud's Security Token Service on this machine: `AssumeRole`, whose signature it checks (RPC style,
 * HMAC-SHA1), and `AssumeRoleWithOIDC`. It hands out temporary identities.
 */
export class StsServer {
  readonly #options: StsOptions;
  readonly #loopback: Loopback;
  readonly #actions: string[] = [];

  private constructor(options: StsOptions) {
    this.#options = options;
    const { certificatePem: cert, privateKeyPem: key } = options.certificate;
    this.#loopback = new Loopback(
      createServer({ cert, key }, (request, response) => {
        void this.#serve(request, response);
      }),
    );
  }

  static async start(options: StsOptions): Promise<StsServer> {
    const server = new StsServer(options);
    await server.#loopback.open();
    return server;
  }

  get port(): number {
    return this.#loopback.port;
  }

  /** The actions that were called, with the role of each. */
  get actions(): readonly string[] {
    return this.#actions;
  }

  stop(): Promise<void> {
    return this.#loopback.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = new Map(new URL(request.url ?? '/', 'https://sts').searchParams);
    const form = new Map(new URLSearchParams(await text(request)));
    const action = query.get('Action') ?? '';
    const role = form.get('RoleArn') ?? '';
    this.#actions.push(`${action} ${role}`);
    const refusal = action === 'AssumeRole' ? this.#checkSignature(query, form) : this.#checkToken(form);
    if (refusal !== undefined) {
      send(response, refusal === 'NoPermission' ? 403 : 400, { Code: refusal, Message: 'It was refused.' });
      return;
    }
    const identity: EnsIdentity = {
      accessKeyId: `STS.${randomUUID()}`,
      accessKeySecret: randomUUID(),
      securityToken: randomUUID(),
      name: role,
    };
    this.#options.onIssue(identity);
    send(response, 200, {
      Credentials: {
        AccessKeyId: identity.accessKeyId,
        AccessKeySecret: identity.accessKeySecret,
        SecurityToken: identity.securityToken,
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      },
    });
  }

  #checkSignature(query: Form, form: Form): string | undefined {
    const identity = this.#options.identityOf(query.get('AccessKeyId') ?? '');
    if (identity === undefined) return 'InvalidAccessKeyId.NotFound';
    if (identity.disabled === true) return 'InvalidAccessKeyId.Inactive';
    if (identity.securityToken !== query.get('SecurityToken')) return 'InvalidSecurityToken.Malformed';
    const signed = [...query, ...form]
      .filter(([name]) => name !== 'Signature')
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const canonical = signed.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
    const expected = createHmac('sha1', `${identity.accessKeySecret}&`)
      .update(`POST&${encode('/')}&${encode(canonical)}`)
      .digest('base64');
    return query.get('Signature') === expected ? undefined : 'SignatureDoesNotMatch';
  }

  #checkToken(form: Form): string | undefined {
    const token = form.get('OIDCToken') ?? '';
    return this.#options.oidcTokens?.includes(token) === true
      ? undefined
      : 'AuthenticationFail.OIDCToken.Invalid';
  }
}

function send(response: ServerResponse, status: number, fields: object): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ RequestId: randomUUID(), ...fields }));
}

/** RFC 3986. */
function encode(value: string): string {
  return encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
