import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { CertificateAuthority, type CertificateRequest } from './certificate-authority.js';

/** Every certificate of a PEM text, in its order. */
function certificatesIn(pem: string): X509Certificate[] {
  return pem
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter((block) => block !== '')
    .map((block) => new X509Certificate(block));
}

/** Whether each certificate is signed by the next one, and the last by the root, which is its own issuer. */
function isChain(certificates: readonly X509Certificate[], root: X509Certificate): boolean {
  return certificates.every((certificate, index) => {
    const issuer = certificates[index + 1] ?? root;
    return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  });
}

let authority: CertificateAuthority;
let root: X509Certificate;

beforeAll(async () => {
  authority = await CertificateAuthority.create({ name: 'eck-test' });
  root = new X509Certificate(authority.certificatePem);
});

describe('a certificate authority', () => {
  test('is a root of its own', () => {
    expect(root.subject).toBe('CN=eck-test');
    expect(root.checkIssued(root)).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
  });

  test.each<[Pick<CertificateRequest, 'key' | 'encoding'>, string, Record<string, unknown>]>([
    [{}, 'PRIVATE KEY', { namedCurve: 'prime256v1' }],
    [{ key: 'p-256', encoding: 'pkcs8' }, 'PRIVATE KEY', { namedCurve: 'prime256v1' }],
    [{ key: 'p-256', encoding: 'sec1' }, 'EC PRIVATE KEY', { namedCurve: 'prime256v1' }],
    [{ key: 'p-256', encoding: 'sec1-with-parameters' }, 'EC PARAMETERS', { namedCurve: 'prime256v1' }],
    [{ key: 'p-384', encoding: 'pkcs8' }, 'PRIVATE KEY', { namedCurve: 'secp384r1' }],
    [{ key: 'p-384', encoding: 'sec1' }, 'EC PRIVATE KEY', { namedCurve: 'secp384r1' }],
    [{ key: 'p-384', encoding: 'sec1-with-parameters' }, 'EC PARAMETERS', { namedCurve: 'secp384r1' }],
    [{ key: 'rsa-2048', encoding: 'pkcs8' }, 'PRIVATE KEY', { modulusLength: 2048 }],
    [{ key: 'rsa-2048', encoding: 'pkcs1' }, 'RSA PRIVATE KEY', { modulusLength: 2048 }],
    [{ key: 'rsa-4096', encoding: 'pkcs1' }, 'RSA PRIVATE KEY', { modulusLength: 4096 }],
  ])('issues a certificate that pairs with its key: %j', async (request, firstLabel, details) => {
    const issued = await authority.issue({ commonName: 'someone', ...request });
    const key = createPrivateKey(issued.privateKeyPem);
    const [leaf] = certificatesIn(issued.certificatePem);

    expect(issued.privateKeyPem.startsWith(`-----BEGIN ${firstLabel}-----\n`)).toBe(true);
    expect(key.asymmetricKeyDetails).toMatchObject(details);
    expect(leaf?.checkPrivateKey(key)).toBe(true);
    expect(isChain(certificatesIn(issued.certificatePem), root)).toBe(true);
  });

  test.each([
    ['p-256', 'pkcs1'],
    ['rsa-2048', 'sec1'],
  ] as const)('refuses an encoding that %s keys do not have: %s', async (key, encoding) => {
    await expect(authority.issue({ commonName: 'someone', key, encoding })).rejects.toThrow(TypeError);
  });

  test.each([1, 2, 3] as const)('issues a chain of %d, up to the root', async (chainLength) => {
    const issued = await authority.issue({ commonName: 'someone', chainLength });
    const certificates = certificatesIn(issued.certificatePem);

    expect(certificates).toHaveLength(chainLength);
    expect(certificates.map(({ ca }) => ca)).toEqual([false, true, true].slice(0, chainLength));
    expect(isChain(certificates, root)).toBe(true);
  });

  test('says who a client is', async () => {
    const issued = await authority.issue({ commonName: 'a, b+c', organizations: ['system:masters', 'ops'] });
    const leaf = new X509Certificate(issued.certificatePem);

    expect(leaf.subject).toBe('O=system:masters\nO=ops\nCN=a\\, b\\+c');
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(leaf.subjectAltName).toBeUndefined();
  });

  test('names this machine in a server certificate, or what it is asked to name', async () => {
    const server = await authority.issue({ commonName: 'kube-apiserver', usage: 'server' });
    const named = await authority.issue({
      commonName: 'kube-apiserver',
      usage: 'server',
      subjectAltNames: ['api.example', '::1'],
    });

    expect(new X509Certificate(server.certificatePem).subjectAltName).toBe(
      'IP Address:127.0.0.1, DNS:localhost',
    );
    expect(new X509Certificate(server.certificatePem).keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(new X509Certificate(named.certificatePem).checkHost('api.example')).toBe('api.example');
    expect(new X509Certificate(named.certificatePem).checkIP('::1')).toBe('::1');
  });

  test('reports the dates and the serial number that the certificate holds', async () => {
    const notBefore = new Date('2020-01-01T00:00:00.700Z');
    const notAfter = new Date('2020-01-02T00:00:00Z');
    const issued = await authority.issue({ commonName: 'someone', notBefore, notAfter });
    const leaf = new X509Certificate(issued.certificatePem);

    expect(issued.notBefore).toEqual(new Date('2020-01-01T00:00:00Z'));
    expect(issued.notAfter).toEqual(notAfter);
    expect(new Date(leaf.validFrom)).toEqual(issued.notBefore);
    expect(new Date(leaf.validTo)).toEqual(issued.notAfter);
    expect(leaf.serialNumber).toBe(issued.serialNumber);
  });

  test('never issues the same key or serial number twice', async () => {
    const first = await authority.issue({ commonName: 'someone' });
    const second = await authority.issue({ commonName: 'someone' });

    expect(second.privateKeyPem).not.toBe(first.privateKeyPem);
    expect(second.serialNumber).not.toBe(first.serialNumber);
  });

  test('does not vouch for what another one of the same name issued', async () => {
    const namesake = await CertificateAuthority.create({ name: 'eck-test' });
    const issued = await namesake.issue({ commonName: 'someone' });

    expect(isChain(certificatesIn(issued.certificatePem), root)).toBe(false);
  });
});
