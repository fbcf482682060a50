import { quoted, usageError } from './errors.js';

/** Alibaba Cloud's two sites: aliyun.com accounts, and alibabacloud.com accounts. */
export const sites = ['china', 'international'] as const;
type Site = (typeof sites)[number];

/** The ENS endpoint that was chosen: an address, a site, or neither. */
export type EndpointSetting =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'site'; readonly site: Site }
  | { readonly kind: 'default' };

/** Where a call goes. */
export interface Endpoint {
  readonly protocol: 'https' | 'http';
  /** Host, with the port where it is not the protocol's own. */
  readonly host: string;
}

const siteHosts: Record<Site, string> = {
  china: 'ens.aliyuncs.com',
  international: 'ens.ap-southeast-1.aliyuncs.com',
};

/** Parses a host, `host:port`, or a URL without a path into one spelling for each endpoint. @throws EckError `usage` */
export function parseEndpoint(text: string, source = '--endpoint'): EndpointSetting & { kind: 'address' } {
  const refuse = (why: string): never => {
    // The text before an @ may be a password, also if the text is not a URL.
    const shown = quoted(text.replace(/^([a-z]+:\/\/)?.*@/is, '$1…@'));
    throw usageError(`${source} ${shown} ${why}`, `Give a host such as ${siteHosts.china}`);
  };
  let url: URL;
  try {
    url = new URL(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
  } catch {
    return refuse('is not a host or a URL');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse('is neither https nor http');
  if (url.username !== '' || url.password !== '') return refuse('must not contain a user or a password');
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '') {
    return refuse('must not contain a path');
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return refuse('is plain http, which is allowed for loopback addresses only');
  }
  return { kind: 'address', address: url.protocol === 'http:' ? `http://${url.host}` : url.host };
}

/** The site of a region, such as a CLI profile's: `cn-…` is China, all others are international. `--site` beats it. */
export function siteOfRegion(region: string): Site {
  return region.startsWith('cn-') ? 'china' : 'international';
}

/** The other site, if the endpoint is the one of a site. */
export function otherSite({ host }: Endpoint): Site | undefined {
  if (host === siteHosts.china) return 'international';
  return host === siteHosts.international ? 'china' : undefined;
}

/** Where to call. Without a setting, it is the China site. */
export function resolveEndpoint(setting: EndpointSetting): Endpoint {
  const site = setting.kind === 'site' ? setting.site : 'china';
  const address = setting.kind === 'address' ? setting.address : siteHosts[site];
  if (!address.startsWith('http://')) return { protocol: 'https', host: address };
  return { protocol: 'http', host: address.slice('http://'.length) };
}

/** The endpoint's part of a cache key: one text for each setting. `default` for no setting. */
export function endpointKey(setting: EndpointSetting): string {
  if (setting.kind === 'address') return setting.address;
  return setting.kind === 'site' ? siteHosts[setting.site] : 'default';
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
