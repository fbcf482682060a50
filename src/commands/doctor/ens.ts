import { probeEns } from './probe.js';
import { EckError } from '../../errors.js';
import { resolveEndpoint } from '../../endpoint.js';
import { failedBy, ok, type Check } from './check.js';
import { identity } from './identity.js';

/** The endpoint of ENS can be reached. */
export const ens: Check = {
  name: 'ens',
  // A profile's region may say where ENS is.
  after: [identity],
  async examine({ subject, world, evidence }) {
    const endpoint = resolveEndpoint(evidence.account?.endpoint ?? subject.settings.endpoint);
    try {
      const probe = await probeEns(endpoint, subject.settings, world);
      evidence.ens = probe;
      const through = probe.proxy === undefined ? '' : ` through the proxy ${probe.proxy}`;
      return ok(`${probe.host} answers in ${Math.round(probe.elapsedMs)} ms${through}`);
    } catch (error) {
      if (error instanceof EckError) return failedBy(error, remedies[error.code] ?? otherwise);
      throw error;
    }
  },
};

const otherwise =
  'look at the network, HTTPS_PROXY and NO_PROXY; name another endpoint with --endpoint or --site';
const remedies: { readonly [code in EckError['code']]?: string } = {
  'network-untrusted': 'export NODE_EXTRA_CA_CERTS=FILE, with the certificate of the authority',
  'proxy-refused': "mend the user and the password in HTTPS_PROXY, or the proxy's rules, or set NO_PROXY",
};
