import type { Environment, World } from './world.js';

/**
 * The Alibaba Cloud identity that signs a call, as far as flags and environment say: no file, secret or network.
 *
 * - `profile`: a profile of the aliyun CLI.
 * - `access-key`: an AccessKey, permanent or temporary, in the environment; `variable` where its name is not the SDK's.
 * - `oidc`: a RAM role assumed with an OIDC token (RRSA).
 * - `chain`: none of these is named; `resolveIdentity` finds which of the following, or which profile, it is.
 * - `credentials-file`: a profile of `~/.alibabacloud/credentials`, or of `ALIBABA_CLOUD_CREDENTIALS_FILE`.
 * - `ecs-role`: the RAM role of the ECS instance; '' where the environment does not name it.
 * - `credentials-uri`: a local service; only a digest of its URI, which may contain a secret.
 */
export type Identity = BaseIdentity & {
  /** A RAM role that any of them assumes first. */
  readonly assumedRole?: string;
};

type BaseIdentity =
  | { readonly kind: 'profile'; readonly name: string }
  | { readonly kind: 'access-key'; readonly accessKeyId: string; readonly variable?: string }
  | { readonly kind: 'oidc'; readonly roleArn: string }
  | { readonly kind: 'chain' }
  | { readonly kind: 'credentials-file'; readonly file: string; readonly profile: string }
  | { readonly kind: 'ecs-role'; readonly role: string }
  | { readonly kind: 'credentials-uri'; readonly digest: string };

/** Variables that name an identity together: the AccessKey id or the role first. */
export interface IdentityVariables {
  readonly kind: 'access-key' | 'oidc';
  readonly names: readonly string[];
}

function variablesOf(kind: IdentityVariables['kind'], prefix: string): IdentityVariables {
  const oidc = ['ROLE_ARN', 'OIDC_PROVIDER_ARN', 'OIDC_TOKEN_FILE'];
  const words = kind === 'oidc' ? oidc : ['ACCESS_KEY_ID', 'ACCESS_KEY_SECRET'];
  return { kind, names: words.map((word) => prefix + word) };
}

/** The variables of Alibaba Cloud's SDKs, which beat profiles. */
export const sdkVariables = [variablesOf('access-key', 'ALIBABA_CLOUD_'), variablesOf('oidc', 'ALIBABA_CLOUD_')];

/** The variables that only the aliyun CLI reads, where a profile has no AccessKey. */
export const cliVariables = [
  ...['ALIBABACLOUD_', 'ALICLOUD_', ''].map((prefix) => variablesOf('access-key', prefix)),
  variablesOf('oidc', 'ALIBABACLOUD_'),
];

/** The variables that name a profile, in the order of the aliyun CLI. */
export const profileVariables = ['ALIBABACLOUD_PROFILE', 'ALIBABA_CLOUD_PROFILE', 'ALICLOUD_PROFILE'] as const;

/** Whether the SDKs or the aliyun CLI are to read no profile. */
export function ignoresProfiles(environment: Environment): boolean {
  return ['_CLOUD_CLI_PROFILE_DISABLED', '_CLOUD_IGNORE_PROFILE', 'CLOUD_IGNORE_PROFILE'].some(
    (name) => environment[`ALIBABA${name}`]?.toLowerCase() === 'true',
  );
}

/** Whether the metadata service of ECS is not to be asked. */
export function isMetadataDisabled(environment: Environment): boolean {
  return environment['ALIBABA_CLOUD_ECS_METADATA_DISABLED']?.toLowerCase() === 'true';
}

/** The profile that variables name. */
export function namedProfile(environment: Environment): string | undefined {
  return profileVariables.map((name) => environment[name]).find(Boolean);
}

/** The SDK's file of profiles. */
export function credentialsFile(world: World): string {
  const file = world.environment['ALIBABA_CLOUD_CREDENTIALS_FILE'];
  return file || `${world.homeDirectory()}/.alibabacloud/credentials`;
}

/** The identity of the first variables that are all set. */
export function identityOfVariables(
  groups: readonly IdentityVariables[],
  environment: Environment,
): Identity | undefined {
  const found = groups.find(({ names }) => names.every((name) => environment[name]));
  if (found === undefined) return undefined;
  const [variable = ''] = found.names;
  const value = environment[variable] ?? '';
  if (found.kind === 'oidc') return { kind: 'oidc', roleArn: value };
  return { kind: 'access-key', accessKeyId: value, ...(found !== sdkVariables[0] && { variable }) };
}

/** The identity of the settings, else of the SDK's variables. The rest of the default chain depends on files. */
export function identityFromSettings(
  { profile, roleArn }: { readonly profile: string | undefined; readonly roleArn: string | undefined },
  environment: Environment,
): Identity {
  if (profile !== undefined) return withRole({ kind: 'profile', name: profile }, roleArn);
  return withRole(identityOfVariables(sdkVariables, environment) ?? { kind: 'chain' }, roleArn);
}

/** The identity with a RAM role that it assumes first. */
export function withRole(identity: Identity, roleArn: string | undefined): Identity {
  return roleArn === undefined ? identity : { ...identity, assumedRole: roleArn };
}

/** Whether an identity is that of variables, which another shell may not have. */
export function isFromEnvironment({ kind }: Identity): boolean {
  return kind === 'access-key' || kind === 'oidc';
}

/** The identity's part of a cache key: different for any two identities, and without secrets. */
export function identityKey(identity: Identity): string {
  const base = baseKey(identity);
  return identity.assumedRole === undefined ? base : `${base} as ${part(identity.assumedRole)}`;
}

/** The identity for a person: its key, and the variable that it comes from where that is not the SDK's. */
export function identityText(identity: Identity): string {
  const variable = identity.kind === 'access-key' && identity.variable;
  return `${identityKey(identity)}${variable ? ` of ${variable}` : ''}`;
}

/** Encodes a part of a key, so that it cannot contain the separator ` as `. */
function part(text: string): string {
  return text.replaceAll('%', '%25').replaceAll(' ', '%20');
}

function baseKey(identity: Identity): string {
  switch (identity.kind) {
    case 'profile':
      return `profile:${part(identity.name)}`;
    case 'access-key':
      return `access-key:${part(identity.accessKeyId)}`;
    case 'oidc':
      return `oidc:${part(identity.roleArn)}`;
    case 'chain':
      return 'chain';
    case 'credentials-file':
      return `credentials-file:${part(identity.file).replaceAll(':', '%3A')}:${part(identity.profile)}`;
    case 'ecs-role':
      return `ecs-role:${part(identity.role)}`;
    case 'credentials-uri':
      return `credentials-uri:${identity.digest}`;
  }
}
