import { isScalar, parseDocument, visit } from 'yaml';
import { checkClientCredential, readCertificates } from '../credential/check.js';
import { EckError, isMapping, messageOf, type Mapping } from '../errors.js';

/** What is taken from an issued kubeconfig. Everything else in it is ignored. */
export type IssuedKubeconfig = ReturnType<typeof readIssuedKubeconfig>;

/** The largest issued kubeconfig that is read, in characters. */
const maxLength = 1024 * 1024;

/**
 * Reads the kubeconfig that ENS issued for a cluster, `Config` of the response, as YAML text or an object. It is not
 * trusted. @throws EckError `issued-kubeconfig-invalid`, without quoting from the text
 */
export function readIssuedKubeconfig(config: unknown, clusterId: string, now: Date) {
  try {
    const kubeconfig = asMapping(parse(config), 'it');
    const context = contentOf(kubeconfig, 'context', kubeconfig['current-context']);
    const cluster = readCluster(contentOf(kubeconfig, 'cluster', context['cluster']));
    const user = contentOf(kubeconfig, 'user', context['user']);
    const certificate = base64Text(user, 'client-certificate-data');
    const privateKey = base64Text(user, 'client-key-data');
    return { cluster, credential: checkClientCredential({ certificate, privateKey }, now) };
  } catch (error) {
    const message = `The kubeconfig that ENS issued for ${clusterId} cannot be used: ${messageOf(error)}`;
    throw new EckError('issued-kubeconfig-invalid', message, { fix: 'Check the cluster in the ENS console' });
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

/** The content of the entry of a name, which YAML may read as a number. A context that is the only one is found. */
function contentOf(kubeconfig: Mapping, kind: 'context' | 'cluster' | 'user', name: unknown): Mapping {
  const list = kubeconfig[`${kind}s`];
  if (!Array.isArray(list) || list.length === 0) throw new Error(`it has no ${kind}s`);
  const items = list.map((item) => asMapping(item, `an entry of ${kind}s`));
  const isName = ['string', 'number'].includes(typeof name);
  const named = items.find((item) => isName && String(item['name']) === String(name));
  const found = kind === 'context' && items.length === 1 ? items[0] : named;
  if (found === undefined) throw new Error(`it refers to a ${kind} that is missing`);
  return asMapping(found[kind], `its ${kind}`);
}

function readCluster(cluster: Mapping) {
  const server = cluster['server'];
  // The parser of URLs ignores blanks and control characters, but the text itself is taken.
  if (typeof server !== 'string' || !/^[\x21-\x7e]+$/.test(server) || !URL.canParse(server)) {
    throw new Error('its server is not a URL');
  }
  const url = new URL(server);
  if (url.protocol !== 'https:') throw new Error('its server is not https');
  if (url.username !== '' || url.password !== '') throw new Error('its server contains a password');

  const authorities = readCertificates(base64Text(cluster, 'certificate-authority-data'));
  // The text of a certificate is its PEM.
  const certificateAuthorityPem = authorities.join('');
  const tlsServerName = cluster['tls-server-name'];
  if (tlsServerName === undefined) return { server, certificateAuthorityPem };
  if (typeof tlsServerName !== 'string' || !/^[A-Za-z0-9.:_-]{1,253}$/.test(tlsServerName)) {
    throw new Error('its tls-server-name is not a host name');
  }
  return { server, certificateAuthorityPem, tlsServerName };
}

function base64Text(mapping: Mapping, key: string): string {
  const value = mapping[key];
  if (typeof value !== 'string' || value.trim() === '') throw new Error(`it has no ${key}`);
  if (!/^[A-Za-z0-9+/=\s]+$/.test(value)) throw new Error(`its ${key} is not base64`);
  return Buffer.from(value, 'base64').toString('latin1');
}
