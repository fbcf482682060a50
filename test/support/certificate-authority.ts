import { randomBytes, webcrypto, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import './reflect-metadata.js';
import * as x509 from '@peculiar/x509';
import { generateKey, type KeyEncoding, type KeyType } from './private-key.js';

/** What a certificate is to say, and what its key is to be. Only `commonName` has no default. */
export interface CertificateRequest {
  readonly commonName: string;
  /** The subject's `O`s, which an API server takes for the groups of a user. None by default. */
  readonly organizations?: readonly string[];
  /** `p-256` by default: RSA keys take long to find. */
  readonly key?: KeyType;
  /** `pkcs8` by default. */
  readonly encoding?: KeyEncoding;
  /** Five minutes ago by default, as Kubernetes backdates what it issues. */
  readonly notBefore?: Date;
  /** Three years from now by default. */
  readonly notAfter?: Date;
  /** `client` by default. */
  readonly usage?: 'client' | 'server';
  /** Host names and IP addresses. By default none for a client, and 127.0.0.1 and localhost for a server. */
  readonly subjectAltNames?: readonly string[];
  /** How many certificates are handed out: the leaf, and the intermediates between it and the root. 1 by default. */
  readonly chainLength?: 1 | 2 | 3;
}

/** A certificate and its private key, as PEM. */
export interface IssuedCertificate {
  /** The leaf first, then the intermediates upwards. The root is not in it. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** The leaf's, as `X509Certificate.serialNumber` spells it. */
  readonly serialNumber: string;
  /** The leaf's validity, in whole seconds, as certificates keep it. */
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** One that signs: the root, or an intermediate. */
interface Issuer {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

const minuteMs = 60_000;
const yearMs = 365 * 24 * 60 * minuteMs;
const ecdsa = { name: 'ECDSA', hash: 'SHA-256' };

/**
 * The certificate authority of one cluster. It issues real certificates: OpenSSL, Go and Node.js accept them, as long
 * as their dates and their issuer are right.
 */
export class CertificateAuthority {
  /** The root and the intermediates below it, each signed by the one before. */
  readonly #issuers: readonly [Issuer, Issuer, Issuer];

  private constructor(
    readonly name: string,
    issuers: readonly [Issuer, Issuer, Issuer],
  ) {
    this.#issuers = issuers;
  }

  /** Makes an authority with keys of its own. */
  static async create({ name }: { readonly name: string }): Promise<CertificateAuthority> {
    const root = await createIssuer(name, undefined);
    const upper = await createIssuer(`${name} intermediate 1`, root);
    const lower = await createIssuer(`${name} intermediate 2`, upper);
    return new CertificateAuthority(name, [root, upper, lower]);
  }

  /** The root's certificate, which is what clients and servers trust. */
  get certificatePem(): string {
    return toPem(this.#issuers[0].certificate);
  }

  /** Issues a certificate for a key that is generated for it. Dates in the past and in the future are fine. */
  async issue(request: CertificateRequest): Promise<IssuedCertificate> {
    const { key = 'p-256', encoding = 'pkcs8', usage = 'client', chainLength = 1 } = request;
    const issuers = this.#issuers.slice(0, chainLength);
    const issuer = issuers.at(-1) ?? this.#issuers[0];
    const { publicKey, privateKeyPem } = await generateKey(key, encoding);
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: randomSerialNumber(),
      subject: subject(request.commonName, request.organizations ?? []),
      issuer: issuer.certificate.subjectName,
      notBefore: wholeSeconds(request.notBefore ?? new Date(Date.now() - 5 * minuteMs)),
      notAfter: wholeSeconds(request.notAfter ?? new Date(Date.now() + 3 * yearMs)),
      publicKey: spki(publicKey),
      signingKey: issuer.keys.privateKey,
      signingAlgorithm: ecdsa,
      extensions: await leafExtensions(request, usage, publicKey, issuer),
    });
    const intermediates = issuers.slice(1).reverse();
    return {
      certificatePem: [leaf, ...intermediates.map(({ certificate }) => certificate)].map(toPem).join(''),
      privateKeyPem,
      serialNumber: leaf.serialNumber.toUpperCase(),
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
    };
  }
}

async function createIssuer(name: string, parent: Issuer | undefined): Promise<Issuer> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerialNumber(),
    subject: subject(name, []),
    issuer: parent?.certificate.subjectName ?? subject(name, []),
    // An authority outlives whatever it issues, also what is issued as long expired.
    notBefore: wholeSeconds(new Date(Date.now() - 10 * yearMs)),
    notAfter: wholeSeconds(new Date(Date.now() + 20 * yearMs)),
    publicKey: keys.publicKey,
    signingKey: (parent?.keys ?? keys).privateKey,
    signingAlgorithm: ecdsa,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create((parent?.keys ?? keys).publicKey),
    ],
  });
  return { certificate, keys };
}

async function leafExtensions(
  request: CertificateRequest,
  usage: 'client' | 'server',
  publicKey: KeyObject,
  issuer: Issuer,
): Promise<x509.Extension[]> {
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  const names = request.subjectAltNames ?? (usage === 'server' ? ['127.0.0.1', 'localhost'] : []);
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([usage === 'server' ? serverAuth : clientAuth]),
    await x509.SubjectKeyIdentifierExtension.create(spki(publicKey)),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map(generalName))]),
  ];
}

function generalName(name: string): x509.JsonGeneralName {
  return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name };
}

function subject(commonName: string, organizations: readonly string[]): x509.Name {
  return new x509.Name([...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }]);
}

function spki(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

/** Sixteen bytes, of which the first makes the number positive and keeps all of them significant (RFC 5280 4.1.2.2). */
function randomSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes.toString('hex');
}

function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}

function toPem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}
