import { isScalar, parseDocument, visit } from 'yaml';
import { checkClientCredential, readCertificates } from '../credential/check.js';
import type { ClientCredential } from '../credential/client-credential.js';
import { EckError, messageOf } from '../errors.js';
import { isMapping, type Mapping } from '../mapping.js';

/** What is taken from a kubeconfig that ENS hands out. Everything else in it is ignored. */
export interface IssuedKubeconfig {
  readonly cluster: IssuedCluster;
  readonly credential: ClientCredential;
}

/** How to reach a cluster's API server, and how to know it. */
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
 * Reads the kubeconfig that ENS hands out for a cluster, as YAML text or as an object.
 *
 * It is not trusted. Taken are: the server, https only; the CA bundle, which must parse; the client certificate and
 * key, which must parse, belong together and not have expired; `tls-server-name`. A context is found by
 * `current-context`, or is the only one. An `exec` entry, a proxy, `insecure-skip-tls-verify` and whatever else may
 * be in it is ignored. YAML aliases are refused, since a small text can stand for an enormous one.
 *
 * @param config the `Config` of an answer
 * @throws EckError `issued-kubeconfig-invalid`, saying what is wrong with it, without quoting from it
 */
export function readIssuedKubeconfig(config: unknown, clusterId: string, now: Date): IssuedKubeconfig {
  try {
    const kubeconfig = asMapping(parse(config), 'it');
    const context = currentContext(kubeconfig);
    const cluster = named(kubeconfig, 'clusters', 'cluster', context.cluster);
    const user = named(kubeconfig, 'users', 'user', context.user);
    return { cluster: readCluster(cluster), credential: readCredential(user, now) };
  } catch (error) {
    throw new EckError(
      'issued-kubeconfig-invalid',
      `The kubeconfig that ENS issued for ${clusterId} cannot be used: ${messageOf(error)}. ` +
        'Nothing was kept or written; have the cluster looked at in the ENS console',
    );
  }
}

function parse(config: unknown): unknown {
  if (config === undefined || config === null || config === '') throw new Error('the answer holds none');
  if (typeof config !== 'string') return config;
  if (config.length > maxLength) throw new Error(`it is larger than ${maxLength / 1024} KiB`);
  // The parser's own messages and warnings quote what it stumbled over, and that may be the key; and looking for the
  // line of each of many errors takes very long. So does its search for keys that occur twice, which is made below.
  const document = parseDocument(config, {
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
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

function currentContext(kubeconfig: Mapping): { cluster: string; user: string } {
  const contexts = list(kubeconfig, 'contexts');
  const current = kubeconfig['current-context'];
  const chosen = contexts.find((context) => context['name'] === current) ?? contexts[0];
  if (chosen === undefined || (chosen['name'] !== current && contexts.length > 1)) {
    const names = contexts.map((context) => shownName(context['name'])).join(', ');
    throw new Error(`its current-context names none of its ${contexts.length} contexts (${names})`);
  }
  const context = asMapping(chosen['context'], 'its context');
  return { cluster: name(context['cluster'], 'cluster'), user: name(context['user'], 'user') };
}

/** A name for a message. What does not look like one is not quoted, since it may be anything, a part of a key among it. */
function shownName(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  const isName = typeof text === 'string' && /^[a-z0-9][a-z0-9.:@_-]{0,62}$/.test(text);
  return isName ? text : 'one with an unusual name';
}

function name(value: unknown, what: string): string {
  // A user that is called by a number is a number to YAML.
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string' || value === '') throw new Error(`its context has no ${what}`);
  return value;
}

function named(kubeconfig: Mapping, listName: string, key: string, wanted: string): Mapping {
  const found = list(kubeconfig, listName).find((item) => String(item['name']) === wanted);
  if (found === undefined) throw new Error(`it has no ${key} of the name that its context gives`);
  return asMapping(found[key], `its ${key}`);
}

function readCluster(cluster: Mapping): IssuedCluster {
  const server = cluster['server'];
  // A URL's parser overlooks blanks and control characters, but what is taken is the text itself.
  if (typeof server !== 'string' || !/^[\x21-\x7e]+$/.test(server) || !URL.canParse(server)) {
    throw new Error('its server is not a URL');
  }
  const url = new URL(server);
  if (url.protocol !== 'https:') throw new Error('its server is not https');
  if (url.username !== '' || url.password !== '') throw new Error('its server holds a password');

  const pem = base64Text(cluster, 'certificate-authority-data');
  const certificateAuthorityPem = readCertificates(pem)
    .map((certificate) => certificate.toString())
    .join('');

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
  return checkClientCredential(
    {
      certificate: base64Text(user, 'client-certificate-data'),
      privateKey: base64Text(user, 'client-key-data'),
    },
    now,
  );
}

/** The text that a field holds in base64. @throws Error if it holds none, naming the field and quoting nothing */
export function base64Text(mapping: Mapping, key: string): string {
  const value = mapping[key];
  if (typeof value !== 'string' || value.trim() === '') throw new Error(`it has no ${key}`);
  if (!/^[A-Za-z0-9+/=\s]+$/.test(value)) throw new Error(`its ${key} is not base64`);
  return Buffer.from(value, 'base64').toString('latin1');
}
