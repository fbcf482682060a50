import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { EckError, printable } from '../errors.js';
import type { Environment } from '../identity/identity.js';

/** Later versions of Node.js and Bun tell what the operating system trusts. */
const { getCACertificates } = tls as typeof tls & {
  readonly getCACertificates?: (kind: 'default' | 'system') => string[];
};

/**
 * The certificate authorities to trust for a TLS connection, as PEM: those of the runtime, those that the operating
 * system trusts where the runtime tells, and those in the files that `NODE_EXTRA_CA_CERTS` and `SSL_CERT_FILE` name.
 *
 * @throws EckError `usage` where such a file cannot be read or holds no certificate
 */
export function trustedAuthorities(environment: Environment): string[] {
  const authorities = new Set(getCACertificates?.('default') ?? tls.rootCertificates);
  for (const certificate of systemAuthorities()) authorities.add(certificate);
  for (const variable of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']) {
    const file = environment[variable];
    if (file) for (const certificate of readBundle(variable, file)) authorities.add(certificate);
  }
  return [...authorities];
}

function systemAuthorities(): string[] {
  try {
    return getCACertificates?.('system') ?? [];
  } catch {
    return [];
  }
}

function readBundle(variable: string, file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new EckError('usage', `${variable} names ${printable(file)}, which cannot be read (${code})`);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g);
  if (certificates === null) {
    throw new EckError('usage', `${variable} names ${printable(file)}, which holds no PEM certificate`);
  }
  return certificates;
}
