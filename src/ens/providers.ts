import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as sdk from '@alicloud/credentials';
import type { CredentialsProvider } from '@alicloud/credentials';
import * as oauthModule from '@alicloud/credentials/dist/src/providers/oauth.js';
import { splitProcessCommand } from '@alicloud/credentials/dist/src/utils/command.js';
import { EckError, ifPossible, isMapping, printable, quoted, textOf, type Mapping } from '../errors.js';
import { isMetadataDisabled } from '../identity.js';
import type { Environment } from '../world.js';
import { hasAccessKey, modeOf, parseJson, type CliProfiles } from './cli-profiles.js';

// The SDK calls what Node.js has deprecated, which is no concern of the person who runs kubectl.
process.noDeprecation = true;

/** The `default` of a CommonJS package, which Node.js puts one level deeper than bundlers do. */
export function defaultExport(module: { readonly default: unknown }): unknown {
  const outer = module.default as { readonly default?: unknown };
  return outer.default ?? outer;
}

export const Credential = defaultExport(sdk) as typeof sdk.default.default;
export type Credential = InstanceType<typeof Credential>;

const OAuthCredentialsProvider = defaultExport(oauthModule) as typeof oauthModule.default.default;

/** What providers depend on besides the fields of a profile. */
export interface ProviderContext extends Pick<CliProfiles, 'fieldsOf'> {
  readonly environment: Environment;
  readonly timeoutMs: number;
}

/**
 * An AccessKey, temporary if it comes with a token. `fields` are those of a CLI profile. @throws EckError
 * `identity-unusable` if a part is missing or contains a character that no request can carry
 */
export function accessKeyProvider(fields: Mapping, token?: string): CredentialsProvider {
  const base = token ? sdk.StaticSTSCredentialsProvider.builder() : sdk.StaticAKCredentialsProvider.builder();
  base
    .withAccessKeyId(checkedText('AccessKey id', fields['access_key_id']))
    .withAccessKeySecret(checkedText('AccessKey secret', fields['access_key_secret']));
  if ('withSecurityToken' in base) base.withSecurityToken(checkedText('security token', token));
  return base.build();
}

function checkedText(what: string, value: unknown): string {
  const text = textOf(value);
  if (text === undefined) throw unusable(`it has no ${what}`);
  if (/[\r\n]/.test(text)) throw unusable(`its ${what} contains a line end`);
  if (/[^\x21-\x7e]/.test(text)) throw unusable(`its ${what} contains a space or another wrong character`);
  return text;
}

/** The RAM role of this ECS instance. */
export function ecsProvider(environment: Environment, role = ''): CredentialsProvider {
  if (isMetadataDisabled(environment)) throw unusable('ALIBABA_CLOUD_ECS_METADATA_DISABLED is set');
  return unexpired(sdk.ECSRAMRoleCredentialsProvider.builder().withRoleName(role).build());
}

/** A local service that has a temporary AccessKey. */
export function uriProvider(uri: string, environment: Environment): CredentialsProvider {
  checkExternalSource(environment);
  if (!/^https?:\/\/\S+$/.test(uri)) throw unusable('its URI is not a URL, or contains white space');
  return unexpired(sdk.URICredentialsProvider.builder().withCredentialsURI(uri).build());
}

/** The library returns an expired AccessKey too, which would be refused as if the identity were wrong. */
function unexpired(provider: CredentialsProvider): CredentialsProvider {
  return {
    getProviderName: () => provider.getProviderName(),
    async getCredentials() {
      const credentials = await provider.getCredentials();
      const { expiration = '' } = (provider as unknown as { session: { expiration?: string } }).session;
      if (Date.parse(expiration) > Date.now()) return credentials;
      throw unavailable('its source returned an AccessKey that has expired');
    },
  };
}

/** The CLI's switch against programs and services of a profile. */
function checkExternalSource(environment: Environment): void {
  if (/^(?:1|true)$/i.test(environment['ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS'] ?? '')) {
    throw unusable('ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS is set');
  }
}

/** A RAM role that another identity assumes (STS, AssumeRole). `fields` are those of a CLI profile. */
export function roleProvider(base: CredentialsProvider, fields: Mapping): CredentialsProvider {
  return sdk.RAMRoleARNCredentialsProvider.builder()
    .withCredentialsProvider(base)
    .withRoleArn(required(fields, 'ram_role_arn'))
    .withRoleSessionName(textOf(fields['ram_session_name']) ?? 'kubectl-eck')
    .withExternalId(textOf(fields['external_id']) ?? '')
    .withDurationSeconds(durationOf(fields['expired_seconds']))
    .withStsRegionId(textOf(fields['sts_region']) ?? '')
    .withStsEndpoint(stsEndpointOf(fields))
    .withEnableVpc(fields['enable_vpc'] === true)
    .build();
}

/** A RAM role assumed with an OIDC token. `fields` are those of a CLI profile. */
export function oidcProvider(fields: Mapping): CredentialsProvider {
  return sdk.OIDCRoleArnCredentialsProvider.builder()
    .withOIDCTokenFilePath(required(fields, 'oidc_token_file'))
    .withOIDCProviderArn(required(fields, 'oidc_provider_arn'))
    .withRoleArn(required(fields, 'ram_role_arn'))
    .withRoleSessionName(textOf(fields['ram_session_name']) ?? '')
    .withDurationSeconds(durationOf(fields['duration_seconds']))
    .withStsRegionId(textOf(fields['sts_region']) ?? '')
    .withStsEndpoint(stsEndpointOf(fields))
    .withEnableVpc(fields['enable_vpc'] === true)
    .build();
}

function durationOf(field: unknown): number {
  const seconds = Number(field) || 3600;
  if (seconds < 900) throw unusable('its expired_seconds is less than 900');
  return seconds;
}

/** A host, as the library takes it; the CLI also takes a URL. */
function stsEndpointOf(fields: Mapping): string {
  return (textOf(fields['sts_endpoint']) ?? '').trim().replace(/^https?:\/\/|\/$/g, '');
}

/**
 * The provider of a CLI profile. The library's own reads the file again, lacks modes, and writes new tokens into it.
 * @throws EckError `identity-unusable`, with words that complete "Cannot sign in with profile work: …"
 */
export function profileProvider(name: string, context: ProviderContext, depth = 0): CredentialsProvider {
  const fields = context.fieldsOf(name);
  if (fields === undefined) throw unusable(`its source_profile ${quoted(name, 60)} does not exist`);
  if (depth > 10) throw unusable('its source_profile refers to itself');
  return modeProvider(fields, context, depth);
}

function modeProvider(fields: Mapping, context: ProviderContext, depth = 0): CredentialsProvider {
  const { environment } = context;
  const mode = modeOf(fields);
  switch (mode) {
    case undefined:
      throw unusable('it has no mode');
    case 'AK':
      return accessKeyProvider(fields);
    case 'StsToken':
      return accessKeyProvider(fields, required(fields, 'sts_token'));
    case 'RamRoleArn':
      return roleProvider(accessKeyProvider(fields, textOf(fields['sts_token'])), fields);
    case 'EcsRamRole':
      return ecsProvider(environment, textOf(fields['ram_role_name']));
    case 'RamRoleArnWithRoleName':
      return roleProvider(ecsProvider(environment, textOf(fields['ram_role_name'])), fields);
    case 'ChainableRamRoleArn':
      return roleProvider(profileProvider(required(fields, 'source_profile'), context, depth + 1), fields);
    case 'OIDC':
      return oidcProvider(fields);
    case 'CredentialsURI':
      return uriProvider(required(fields, 'credentials_uri'), environment);
    case 'CloudSSO':
    case 'OAuth':
      // The session that the CLI saved.
      if (Number(fields['sts_expiration']) * 1000 > Date.now() && hasAccessKey(fields)) {
        return accessKeyProvider(fields, required(fields, 'sts_token'));
      }
      if (mode === 'OAuth') return oauthProvider(fields);
      // The library (2.4.7) cannot renew it, since it does not send the account.
      throw unavailable(
        'its CloudSSO session has ended',
        printable(`Run "aliyun sts GetCallerIdentity --profile ${String(fields['name'])}"`),
      );
    case 'External': {
      checkExternalSource(environment);
      const command = required(fields, 'process_command');
      // It runs once, however many calls are signed.
      let printed: Promise<Mapping> | undefined;
      return {
        getProviderName: () => 'external',
        async getCredentials() {
          const more = await (printed ??= runExternal(command, context));
          return modeProvider({ ...fields, ...more }, context, depth).getCredentials();
        },
      };
    }
    default:
      // The mode may be anything, a secret too.
      throw unusable(
        /^[A-Za-z]{1,40}$/.test(mode) ? `its mode ${mode} is not supported` : 'its mode is invalid',
        'Choose another profile with --profile, such as one of mode AK',
      );
  }
}

/** A profile of the SDK's credentials file, whose name the library reads from `process.env`. */
export function credentialsFileProvider(file: string, profile: string): CredentialsProvider {
  // The library takes the mark for a part of the first section's name.
  if (ifPossible(() => readFileSync(file, 'utf8'))?.startsWith('\ufeff')) {
    throw unusable('the file begins with a byte order mark', 'Save the file without one');
  }
  return sdk.ProfileCredentialsProvider.builder().withProfileName(profile).build();
}

/** The sites of OAuth, and the CLI's client ids there. */
const oauthSites: Readonly<Record<string, { readonly url: string; readonly clientId: string }>> = {
  CN: { url: 'https://oauth.aliyun.com', clientId: '4038181954557748008' },
  INTL: { url: 'https://oauth.alibabacloud.com', clientId: '4103531455503354461' },
};

function oauthProvider(fields: Mapping): CredentialsProvider {
  const site = oauthSites[required(fields, 'oauth_site_type').toUpperCase()];
  if (site === undefined) throw unusable('its oauth_site_type is neither CN nor INTL');
  return OAuthCredentialsProvider.builder()
    .withSignInUrl(site.url)
    .withClientId(site.clientId)
    .withRefreshToken(textOf(fields['oauth_refresh_token']) ?? '')
    .withAccessToken(textOf(fields['oauth_access_token']) ?? '')
    .withAccessTokenExpire(Number(fields['oauth_access_token_expire']) || 0)
    .build();
}

/** Runs a command that prints the fields of a profile with an AccessKey as JSON. */
async function runExternal(command: string, context: ProviderContext): Promise<Mapping> {
  const { environment, timeoutMs } = context;
  const [file = '', ...args] = splitProcessCommand(command);
  const name = `its command ${quoted(file)}`;
  const deadline = AbortSignal.timeout(Math.ceil(timeoutMs));
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile(file, args, { env: environment }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else if (deadline.aborted) reject(unavailable(`${name} did not end within ${timeoutMs / 1000} s`));
      else if (typeof error.code === 'string') reject(unusable(`${name} cannot be run (${error.code})`));
      else reject(unavailable(`${name} ended with ${error.signal ?? `exit status ${String(error.code)}`}`));
    });
    deadline.addEventListener('abort', () => {
      child.kill('SIGKILL');
      // A child of its own may still hold the pipes.
      child.stdout?.destroy();
      child.stderr?.destroy();
    });
    child.stdin?.on('error', () => undefined).end();
  });
  const fields = parseJson(output);
  if (!isMapping(fields)) throw unavailable(`${name} printed no JSON object`);
  if (!hasAccessKey(fields)) throw unavailable(`${name} printed no AccessKey`);
  const end = Number(fields['sts_expiration']) * 1000 || Date.parse(textOf(fields['expiration']) ?? '');
  if (end <= Date.now()) throw unavailable(`${name} printed an AccessKey that has expired`);
  const mode = modeOf(fields) ?? (textOf(fields['sts_token']) ? 'StsToken' : 'AK');
  if (mode === 'External') throw unusable(`${name} printed the mode External`);
  return { ...fields, mode };
}

function required(fields: Mapping, field: string): string {
  const text = textOf(fields[field]);
  if (text === undefined) throw unusable(`it has no ${field}`);
  // It would be sent, and refused.
  if (/arn$|^oidc/.test(field) && text !== text.trim()) {
    throw unusable(`its ${field} begins or ends with white space`);
  }
  return text;
}

function unusable(message: string, fix?: string): EckError {
  return new EckError('identity-unusable', printable(message), { fix });
}

function unavailable(message: string, fix?: string): EckError {
  return new EckError('identity-unavailable', message, { fix });
}
