import { generateKeyPair, randomBytes, webcrypto, type KeyPairKeyObjectResult } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import './reflect-metadata.js';
import * as x509 from '@peculiar/x509';

/**
 * What a certificate says and how its key is made. By default a client's certificate without groups, for three years
 * from five minutes ago, with a P-256 key as PKCS#8 and without intermediates.
 */
export interface CertificateRequest {
  readonly commonName: string;
  /** The subject's `O`s: a user's groups. */
  readonly organizations?: readonly string[];
  readonly key?: 'p-256' | 'p-384' | 'rsa-2048' | 'rsa-4096' | 'ed25519';
  /** `sec1-with-parameters` is what `openssl ecparam -genkey` writes. */
  readonly encoding?: 'pkcs8' | 'pkcs1' | 'sec1' | 'sec1-with-parameters';
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly usage?: 'client' | 'server';
  /** Host names and addresses: by default 127.0.0.1 and localhost for a server. */
  readonly subjectAltNames?: readonly string[];
  /** The leaf and the intermediates. */
  readonly chainLength?: 1 | 2 | 3;
}

export interface IssuedCertificate {
  /** The leaf first, then the intermediates; without the root. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** As `X509Certificate.serialNumber` spells it. */
  readonly serialNumber: string;
  /** In whole seconds. */
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The root or an intermediate. */
interface Issuer {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

const minuteMs = 60_000;
const yearMs = 365 * 24 * 60 * minuteMs;
const ecdsa = { name: 'ECDSA', hash: 'SHA-256', namedCurve: 'P-256' };

/** `EC PARAMETERS` blocks: a curve's object identifier in DER. */
const ecParameters: ReadonlyMap<string, string> = new Map([
  ['p-256', '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'],
  ['p-384', '-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n'],
]);

/** The certificate authority of a cluster. Its certificates are valid for OpenSSL, Go and Node.js. */
export class CertificateAuthority {
  private constructor(readonly issuers: readonly [Issuer, Issuer, Issuer]) {}

  /** Creates an authority with its own keys and two intermediates. */
  static async create({ name }: { readonly name: string }): Promise<CertificateAuthority> {
    const root = await createIssuer(name);
    const upper = await createIssuer(`${name} intermediate 1`, root);
    return new CertificateAuthority([root, upper, await createIssuer(`${name} intermediate 2`, upper)]);
  }

  /** The root's certificate. */
  get certificatePem(): string {
    return toPem(this.issuers[0].certificate);
  }

  /** Generates a key and issues a certificate for it. */
  async issue(request: CertificateRequest): Promise<IssuedCertificate> {
    const { commonName, organizations = [], usage = 'client', chainLength = 1 } = request;
    const issuers = this.issuers.slice(0, chainLength);
    const issuer = issuers.at(-1) ?? this.issuers[0];
    const { key = 'p-256', encoding = 'pkcs8' } = request;
    const { publicKey, privateKey } = await generateKey(key);
    const isWithParameters = encoding === 'sec1-with-parameters';
    const type = isWithParameters ? 'sec1' : encoding;
    const keyPem = privateKey.export({ format: 'pem', type }).toString();
    const names = request.subjectAltNames ?? (usage === 'server' ? ['127.0.0.1', 'localhost'] : []);
    const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
    const leaf = await x509.X509CertificateGenerator.create({
      ...serialAndAlgorithm(),
      subject: new x509.Name([...organizations.map((O) => ({ O: [O] })), { CN: [commonName] }]),
      issuer: issuer.certificate.subjectName,
      notBefore: wholeSeconds(request.notBefore?.getTime() ?? Date.now() - 5 * minuteMs),
      notAfter: wholeSeconds(request.notAfter?.getTime() ?? Date.now() + 3 * yearMs),
      publicKey: publicKey.export({ format: 'der', type: 'spki' }),
      signingKey: issuer.keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage === 'server' ? serverAuth : clientAuth]),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map(generalName))]),
      ],
    });
    const intermediates = issuers.slice(1).reverse();
    return {
      certificatePem: [leaf, ...intermediates.map(({ certificate }) => certificate)].map(toPem).join(''),
      privateKeyPem: isWithParameters ? (ecParameters.get(key) ?? '') + keyPem : keyPem,
      serialNumber: leaf.serialNumber.toUpperCase(),
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
    };
  }
}

async function createIssuer(name: string, parent?: Issuer): Promise<Issuer> {
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify']);
  const subject = new x509.Name([{ CN: [name] }]);
  const certificate = await x509.X509CertificateGenerator.create({
    ...serialAndAlgorithm(),
    subject,
    issuer: parent?.certificate.subjectName ?? subject,
    // Longer than any certificate that it issues, also one that expired long ago.
    notBefore: wholeSeconds(Date.now() - 10 * yearMs),
    notAfter: wholeSeconds(Date.now() + 20 * yearMs),
    publicKey: keys.publicKey,
    signingKey: (parent?.keys ?? keys).privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificate, keys };
}

const generate = promisify(generateKeyPair);

function generateKey(key: NonNullable<CertificateRequest['key']>): Promise<KeyPairKeyObjectResult> {
  if (key === 'ed25519') return generate('ed25519');
  return key === 'p-256' || key === 'p-384'
    ? generate('ec', { namedCurve: key.toUpperCase() })
    : generate('rsa', { modulusLength: Number(key.slice('rsa-'.length)) });
}

function generalName(name: string): x509.JsonGeneralName {
  return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name };
}

/** The serial number is positive and has no leading zeros (RFC 5280 section 4.1.2.2). */
function serialAndAlgorithm() {
  return { serialNumber: `5${randomBytes(16).toString('hex').slice(1)}`, signingAlgorithm: ecdsa };
}

function wholeSeconds(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}

function toPem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}
