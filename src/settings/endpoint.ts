import { quoted, usageError } from '../errors.js';

/** Alibaba Cloud's two sites: aliyun.com accounts, and alibabacloud.com accounts. */
export const sites = ['china', 'international'] as const;
export type Site = (typeof sites)[number];

/**
 * Which ENS endpoint was asked for: one by its address, one of the two sites, or none, so that it is found out
 * where the call is made.
 */
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

/**
 * Reads `--endpoint`: a host, `host:port`, or a URL without a path.
 *
 * @returns the endpoint in its one canonical spelling
 * @throws EckError `usage`, also for plain `http://` to anything but a loopback address
 */
export function parseEndpoint(text: string): EndpointSetting & { kind: 'address' } {
  const refuse = (why: string): never => {
    // What stands before an @ may be a password, also where the text is no URL.
    const shown = quoted(text.replace(/^([a-z]+:\/\/)?.*@/is, '$1…@'));
    throw usageError(`--endpoint ${shown} ${why}; give a host such as ${siteHosts.china}`);
  };
  let url: URL;
  try {
    url = new URL(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
  } catch {
    return refuse('is not a host or a URL');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse('is neither https nor http');
  if (url.username !== '' || url.password !== '') return refuse('must not hold a user or a password');
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '') {
    return refuse('must not hold a path');
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return refuse('is plain http, which is for loopback addresses only');
  }
  return { kind: 'address', address: url.protocol === 'http:' ? `http://${url.host}` : url.host };
}

/** Reads `--site`. @throws EckError `usage` */
export function parseSite(text: string): Site {
  const site = sites.find((candidate) => candidate === text);
  if (site === undefined) throw usageError(`--site ${quoted(text)} is not one of ${sites.join(', ')}`);
  return site;
}

/**
 * The site that a region suggests, such as the one in a CLI profile: `cn-…` is of the China site, all others of the
 * international one. Hong Kong is sold by both; there as elsewhere, `--site` has the last word.
 */
export function siteOfRegion(region: string): Site {
  return region.startsWith('cn-') ? 'china' : 'international';
}

/** The site that an endpoint is not of, if it is of one. */
export function otherSite({ host }: Endpoint): Site | undefined {
  if (host === siteHosts.china) return 'international';
  return host === siteHosts.international ? 'china' : undefined;
}

/** Where to call. Without a setting, it is the China site. */
export function resolveEndpoint(setting: EndpointSetting): Endpoint {
  switch (setting.kind) {
    case 'address':
      return setting.address.startsWith('http://')
        ? { protocol: 'http', host: setting.address.slice('http://'.length) }
        : { protocol: 'https', host: setting.address };
    case 'site':
      return { protocol: 'https', host: siteHosts[setting.site] };
    case 'default':
      return { protocol: 'https', host: siteHosts.china };
  }
}

/**
 * The endpoint's part of a credential's key: one text for each setting, however it was spelt. What the default turns
 * out to be is not known without asking, so it stands for itself.
 */
export function endpointKey(setting: EndpointSetting): string {
  if (setting.kind === 'default') return 'default';
  const { protocol, host } = resolveEndpoint(setting);
  return protocol === 'http' ? `http://${host}` : host;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
