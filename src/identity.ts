import type { Environment } from './world.js';

/**
 * The Alibaba Cloud identity that signs a call, as far as flags and environment say: no file, secret or network.
 *
 * - `profile`: a profile of the aliyun CLI.
 * - `access-key`: an AccessKey, permanent or temporary, in the environment.
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
  | { readonly kind: 'access-key'; readonly accessKeyId: string }
  | { readonly kind: 'oidc'; readonly roleArn: string }
  | { readonly kind: 'chain' }
  | { readonly kind: 'credentials-file'; readonly file: string; readonly profile: string }
  | { readonly kind: 'ecs-role'; readonly role: string }
  | { readonly kind: 'credentials-uri'; readonly digest: string };

/**
 * The identity of the settings, in the order of Alibaba Cloud's default credential chain: AccessKey, OIDC role, CLI
 * profile. A profile given as a setting beats all of them.
 */
export function identityFromSettings(
  { profile, roleArn }: { readonly profile: string | undefined; readonly roleArn: string | undefined },
  environment: Environment,
): Identity {
  return withRole(baseIdentity(profile, environment), roleArn);
}

/** The identity with a RAM role that it assumes first. */
export function withRole(identity: Identity, roleArn: string | undefined): Identity {
  return roleArn === undefined ? identity : { ...identity, assumedRole: roleArn };
}

function baseIdentity(profile: string | undefined, environment: Environment): Identity {
  if (profile !== undefined) return { kind: 'profile', name: profile };
  const accessKeyId = environment['ALIBABA_CLOUD_ACCESS_KEY_ID'];
  if (accessKeyId && environment['ALIBABA_CLOUD_ACCESS_KEY_SECRET'])
    return { kind: 'access-key', accessKeyId };
  const roleArn = environment['ALIBABA_CLOUD_ROLE_ARN'];
  if (
    roleArn &&
    environment['ALIBABA_CLOUD_OIDC_PROVIDER_ARN'] &&
    environment['ALIBABA_CLOUD_OIDC_TOKEN_FILE']
  ) {
    return { kind: 'oidc', roleArn };
  }
  const named = environment['ALIBABA_CLOUD_PROFILE'];
  if (named) return { kind: 'profile', name: named };
  return { kind: 'chain' };
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

/** Encodes a part of a key, so that it cannot contain the separator ` as `. */
function part(text: string): string {
  return text.replace(/[% ]/g, encodeURIComponent);
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
