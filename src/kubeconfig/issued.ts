import { isScalar, parseDocument, visit } from 'yaml';
import { checkClientCredential, readCertificates } from '../credential/check.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { EckError, messageOf } from '../errors.js';
import { isMapping, type Mapping } from '../mapping.js';

/** What is taken from an issued kubeconfig. Everything else in it is ignored. */
export interface IssuedKubeconfig {
  readonly cluster: IssuedCluster;
  readonly credential: ClientCredential;
}

/** How to reach a cluster's API server and verify it. */
export interface IssuedCluster {
  /** An https URL. */
  readonly server: string;
  /** PEM, one certificate or more, each of which parses. */
  readonly certificateAuthorityPem: string;
  readonly tlsServerName?: string;
}

/** The largest issued kubeconfig that is read, in characters. */
const maxLength = 1024 * 1024;

/**
 * Reads the kubeconfig that ENS issued for a cluster, as YAML text or as an object. It is not trusted: the server must
 * be https, the CA bundle must parse, and the client certificate and key must parse, belong together and not have
 * expired. YAML aliases are refused.
 *
 * @param config `Config` of the response
 * @throws EckError `issued-kubeconfig-invalid`, without quoting from the text
 */
export function readIssuedKubeconfig(config: unknown, clusterId: string, now: Date): IssuedKubeconfig {
  try {
    const kubeconfig = asMapping(parse(config), 'it');
    const context = currentContext(kubeconfig);
    return {
      cluster: readCluster(referred(kubeconfig, 'cluster', context)),
      credential: readCredential(referred(kubeconfig, 'user', context), now),
    };
  } catch (error) {
    throw new EckError(
      'issued-kubeconfig-invalid',
      `The kubeconfig that ENS issued for ${clusterId} cannot be used: ${messageOf(error)}`,
      { fix: 'Check the cluster in the ENS console' },
    );
  }
}

function parse(config: unknown): unknown {
  if (config === undefined || config === null || config === '') throw new Error('it is empty');
  if (typeof config !== 'string') return config;
  if (config.length > maxLength) throw new Error(`it is larger than ${maxLength / 1024} KiB`);
  // Pretty errors and warnings quote the text, which may be the key, and are slow for many errors. So is the library's
  // search for duplicate keys.
  const options = { schema: 'core', uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const;
  const document = parseDocument(config, options);
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`it is not YAML (${error.code})`);
  visit(document, {
    Alias() {
      throw new Error('it uses YAML aliases');
    },
    Map(_, map) {
      const keys = map.items.map(({ key }) => (isScalar(key) ? key.value : undefined));
      if (new Set(keys).size < keys.length) throw new Error('it has a key twice');
    },
  });
  return document.toJS({ maxAliasCount: 0 }) as unknown;
}

function asMapping(value: unknown, what: string): Mapping {
  if (!isMapping(value)) throw new Error(`${what} is not a mapping`);
  return value;
}

/** The items of a list of named entries, such as `clusters`. */
function list(kubeconfig: Mapping, name: string): Mapping[] {
  const value = kubeconfig[name];
  if (!Array.isArray(value) || value.length === 0) throw new Error(`it has no ${name}`);
  return value.map((item) => asMapping(item, `an entry of ${name}`));
}

function currentContext(kubeconfig: Mapping): Mapping {
  const contexts = list(kubeconfig, 'contexts');
  const current = kubeconfig['current-context'];
  const chosen =
    contexts.find(({ name }) => name === current) ?? (contexts.length === 1 ? contexts[0] : undefined);
  if (chosen === undefined) {
    const names = contexts.map(({ name }) => shownName(name)).join(', ');
    throw new Error(`its current-context names none of its ${contexts.length} contexts (${names})`);
  }
  return asMapping(chosen['context'], 'its context');
}

/** A name for a message. A text that does not look like one is not quoted: it may be a part of a key. */
function shownName(name: unknown): string {
  const isUsual =
    ['string', 'number'].includes(typeof name) && /^[a-z0-9][a-z0-9.:@_-]{0,62}$/.test(String(name));
  return isUsual ? String(name) : 'one with an unusual name';
}

/** The content of the cluster or user that a context refers to. A name of digits is a number to YAML. */
function referred(kubeconfig: Mapping, kind: 'cluster' | 'user', context: Mapping): Mapping {
  const name = context[kind];
  if (typeof name !== 'number' && (typeof name !== 'string' || name === '')) {
    throw new Error(`its context has no ${kind}`);
  }
  const found = list(kubeconfig, `${kind}s`).find((item) => String(item['name']) === String(name));
  if (found === undefined) throw new Error(`it has no ${kind} of the name that its context gives`);
  return asMapping(found[kind], `its ${kind}`);
}

function readCluster(cluster: Mapping): IssuedCluster {
  const server = cluster['server'];
  // The parser of URLs ignores blanks and control characters, but the text itself is taken.
  if (typeof server !== 'string' || !/^[\x21-\x7e]+$/.test(server) || !URL.canParse(server)) {
    throw new Error('its server is not a URL');
  }
  const url = new URL(server);
  if (url.protocol !== 'https:') throw new Error('its server is not https');
  if (url.username !== '' || url.password !== '') throw new Error('its server contains a password');

  // The text of a certificate is its PEM.
  const certificateAuthorityPem = readCertificates(base64Text(cluster, 'certificate-authority-data')).join(
    '',
  );
  const tlsServerName = cluster['tls-server-name'];
  if (tlsServerName === undefined) return { server, certificateAuthorityPem };
  if (typeof tlsServerName !== 'string' || !/^[A-Za-z0-9.:_-]{1,253}$/.test(tlsServerName)) {
    throw new Error('its tls-server-name is not a host name');
  }
  return { server, certificateAuthorityPem, tlsServerName };
}

function readCredential(user: Mapping, now: Date): ClientCredential {
  if (user['client-key-data'] === undefined && 'exec' in user) {
    throw new Error('its user has an exec entry instead of a client certificate and key');
  }
  const certificate = base64Text(user, 'client-certificate-data');
  return checkClientCredential({ certificate, privateKey: base64Text(user, 'client-key-data') }, now);
}

/** The text of a field in base64. Errors quote nothing of it. */
function base64Text(mapping: Mapping, key: string): string {
  const value = mapping[key];
  if (typeof value !== 'string' || value.trim() === '') throw new Error(`it has no ${key}`);
  if (!/^[A-Za-z0-9+/=\s]+$/.test(value)) throw new Error(`its ${key} is not base64`);
  return Buffer.from(value, 'base64').toString('latin1');
}
