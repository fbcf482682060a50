import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** The kinds of key that certificates are issued for. */
export const keyTypes = ['p-256', 'p-384', 'rsa-2048', 'rsa-4096'] as const;
export type KeyType = (typeof keyTypes)[number];

/**
 * How a private key is written: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017, RSA only), SEC1 (RFC 5915, elliptic curves only),
 * or SEC1 with the block of parameters before it that `openssl ecparam -genkey` writes.
 */
export type KeyEncoding = 'pkcs8' | 'pkcs1' | 'sec1' | 'sec1-with-parameters';

/** A private key as an issuer hands it out, and its public half. */
export interface GeneratedKey {
  readonly privateKeyPem: string;
  readonly publicKey: KeyObject;
}

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const generate = promisify(generateKeyPair);

/** The named curve as an `EC PARAMETERS` block holds it: an object identifier, in DER. */
const curveParameters = {
  'p-256': Buffer.from('06082a8648ce3d030107', 'hex'),
  'p-384': Buffer.from('06052b81040022', 'hex'),
};

/**
 * Generates a key and writes its private half.
 *
 * @throws TypeError for an encoding that does not exist for the type of key
 */
export async function generateKey(type: KeyType, encoding: KeyEncoding): Promise<GeneratedKey> {
  const { publicKey, privateKey } = await generatePair(type);
  return { publicKey, privateKeyPem: writePrivateKey(privateKey, type, encoding) };
}

function generatePair(type: KeyType): Promise<KeyPair> {
  switch (type) {
    case 'p-256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'p-384':
      return generate('ec', { namedCurve: 'P-384' });
    case 'rsa-2048':
      return generate('rsa', { modulusLength: 2048 });
    case 'rsa-4096':
      return generate('rsa', { modulusLength: 4096 });
  }
}

function writePrivateKey(key: KeyObject, type: KeyType, encoding: KeyEncoding): string {
  if (encoding === 'pkcs8') return key.export({ format: 'pem', type: 'pkcs8' }).toString();
  if (type === 'p-256' || type === 'p-384') {
    if (encoding === 'pkcs1') throw new TypeError(`PKCS#1 holds RSA keys, not ${type}`);
    const sec1 = key.export({ format: 'pem', type: 'sec1' }).toString();
    return encoding === 'sec1' ? sec1 : parametersBlock(type) + sec1;
  }
  if (encoding !== 'pkcs1') throw new TypeError(`SEC1 holds elliptic curve keys, not ${type}`);
  return key.export({ format: 'pem', type: 'pkcs1' }).toString();
}

function parametersBlock(curve: keyof typeof curveParameters): string {
  const base64 = curveParameters[curve].toString('base64');
  return `-----BEGIN EC PARAMETERS-----\n${base64}\n-----END EC PARAMETERS-----\n`;
}
