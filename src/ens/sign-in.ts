import { EckError, printable, type ErrorCode } from '../errors.js';
import { isMetadataDisabled } from '../identity.js';
import type { Settings } from '../settings.js';
import type { World } from '../world.js';
import { isMetadataServiceThere, notFound, passedOver, searchChain, type Found } from './chain.js';
import type { CliProfile } from './cli-profiles.js';
import { classifyFault } from './errors.js';
import * as providers from './providers.js';
import { withTransport, type TransportFacts } from './transport.js';

/** An identity with which calls can be signed. */
export interface Signer {
  readonly credential: providers.Credential;
  /** The identity and where it comes from, in words that complete "ENS does not allow …". */
  readonly description: string;
  /** The profile of the aliyun CLI that it comes from. */
  readonly profile?: CliProfile | undefined;
  /** Other identities that were found, and what keeps earlier places from having one. */
  readonly passedOver?: readonly string[];
}

/**
 * Finds the identity to sign with: the CLI profile of the settings, else the first one of the default chain. If that
 * one cannot be used, no other is tried, since credentials are cached under its name. @throws EckError `identity-…`
 */
export async function signIn(settings: Settings, world: World): Promise<Signer> {
  const search = await searchChain(world, settings.profile);
  const { used, identity, earlier } = search;
  const logNone = ({ name, problem }: typeof used) => {
    world.debug(`no identity in ${name}${problem ? `: ${problem.message}` : ''}`);
  };
  earlier.forEach(logNone);
  const problem = earlier.find((place) => place.problem)?.problem;
  const isEcs = identity.kind === 'ecs-role';
  const isNone = isEcs && (isMetadataDisabled(world.environment) || !(await isMetadataServiceThere()));
  if (used.found === undefined || isNone) {
    logNone(used);
    throw used.problem ?? problem ?? notFound('No Alibaba Cloud identity was found');
  }
  try {
    return { ...(await signInWith(used.found, settings, world)), passedOver: passedOver(search, world.environment) };
  } catch (error) {
    // An ECS instance without a RAM role has no identity.
    throw isEcs && (error as EckError).code === 'identity-not-found' ? (problem ?? error) : error;
  }
}

/** Signs in, and asks for credentials once, so that an identity without any is found here. */
async function signInWith(found: Found, settings: Settings, { environment }: World): Promise<Signer> {
  const { roleArn, timeoutMs } = settings;
  const assumed = roleArn ? `the RAM role ${printable(roleArn, 120)} assumed by ` : '';
  const description = `${assumed}${found.description}`;
  const facts: TransportFacts = {};
  const start = performance.now();
  try {
    const base = found.provider(providers, timeoutMs);
    const provider = roleArn ? providers.roleProvider(base, { ram_role_arn: roleArn }) : base;
    const rules = {
      // Of all requests together.
      get totalMs() {
        return Math.max(1, start + timeoutMs - performance.now());
      },
      maxBodyBytes: 256 * 1024,
      environment,
    };
    await withTransport(rules, facts, () => provider.getCredentials());
    return { credential: new providers.Credential(null, provider), description, profile: found.profile };
  } catch (error) {
    throw signInError(error, facts, { ...found, description });
  }
}

/**
 * Why an identity cannot be used. The library quotes whole responses and files, secrets included, so that only the
 * `Code` of a response is taken from its messages.
 */
function signInError(error: unknown, { failure, status = 0 }: TransportFacts, found: Found): EckError {
  const correct = found.fix ?? 'Correct it, or choose another identity with --profile';
  const again = 'Try again, or check the network and the proxy';
  const fail = (code: ErrorCode, why: string, fix: string): EckError =>
    new EckError(code, `Cannot sign in with ${found.description}: ${why}`, { fix });
  if (error instanceof EckError) {
    const { code, message, fix = correct } = error;
    // Others are the transport's own: an unusable proxy or certificate file.
    return code === 'identity-unusable' || code === 'identity-unavailable' ? fail(code, message, fix) : error;
  }
  if (failure !== undefined) return fail('identity-unavailable', failure.reason, failure.fix ?? again);
  const apiCode = apiCodeOf(error);
  if (apiCode !== undefined) {
    const refusals = ['ens-unauthenticated', 'ens-not-allowed'];
    const isRefused = refusals.includes(classifyFault({ status, apiCode, message: '' }));
    const why = `refused (${apiCode})`;
    return isRefused ? fail('identity-refused', why, correct) : fail('identity-unavailable', why, again);
  }
  if (status === 404 && found.identity.kind === 'ecs-role')
    return notFound('This ECS instance has no RAM role (HTTP 404)');
  if (status > 0) {
    const why = status < 300 ? 'the response has no usable credentials' : `HTTP ${status}`;
    return fail('identity-unavailable', why, found.fix ? `Try again, or: ${found.fix}` : again);
  }
  return fail('identity-unusable', 'it has no usable credentials', correct);
}

/** The `Code` of the response in a message of the library. */
function apiCodeOf(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : '';
  // What the library says instead of SignatureDoesNotMatch.
  if (message === 'the access key secret is invalid') return 'SignatureDoesNotMatch';
  const code = /"Code"\s*:\s*"([A-Za-z0-9._-]{1,80})"/.exec(message)?.[1];
  return code === 'Success' ? undefined : code;
}
