import { proxyName } from './proxy.js';

/** Why a request came to nothing. */
export interface TransportFailure {
  /**
   * `unreachable`: what may be different the next time. `untrusted`: the server, or somebody in between, has a
   * certificate that is not trusted. `proxy`: the proxy refuses. `too-large`: the answer is larger than any could be.
   */
  readonly kind: 'unreachable' | 'untrusted' | 'proxy' | 'too-large';
  /** In a few words. */
  readonly message: string;
}

/** Codes of Node.js, Bun and OpenSSL, and what they mean to a person. */
const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'its name is not known to the name servers',
  EAI_AGAIN: 'its name cannot be looked up, since no name server answers',
  ENETUNREACH: 'there is no route to its network',
  EHOSTUNREACH: 'there is no route to it',
  ETIMEDOUT: 'the connection timed out',
};

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

const badCertificates: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired, or the clock of this machine is wrong',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock of this machine is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

/** What went wrong with a connection: to which host, why, and what to do. */
export function connectionFailure(error: Error, host: string, proxy: URL | undefined): TransportFailure {
  const { code = '' } = error as NodeJS.ErrnoException;
  const where = proxy === undefined ? host : `${host} through the proxy ${proxyName(proxy)}`;
  if (untrusted.has(code)) {
    const message =
      `${where}: its certificate is from an authority that this machine does not trust, as behind a proxy that ` +
      "inspects connections; set NODE_EXTRA_CA_CERTS to a file with that authority's certificate";
    return { kind: 'untrusted', message };
  }
  const bad = badCertificates[code];
  if (bad !== undefined) return { kind: 'untrusted', message: `${where}: ${bad}` };
  return { kind: 'unreachable', message: `${where}: ${unreachable[code] ?? error.message}` };
}

/** A proxy that does not let a connection through. */
export class ProxyRefusal implements TransportFailure {
  readonly kind = 'proxy';
  readonly message: string;

  constructor(proxy: URL, statusCode: number) {
    const name = proxyName(proxy);
    const remedy =
      statusCode === 407
        ? 'it wants a user and a password: give them in the URL, such as HTTPS_PROXY=http://user:password@host:port'
        : 'look at its rules, or go around it with NO_PROXY';
    this.message = `the proxy ${name} refuses with status ${statusCode}; ${remedy}`;
  }
}
