/**
 * The Alibaba Cloud identity that a call is signed with, as far as the settings tell: flags and environment, no
 * file, no secret, no network.
 *
 * - `profile`: a profile of the aliyun CLI, named by a flag or the environment.
 * - `access-key`: an AccessKey, or a temporary one with its token, in the environment.
 * - `oidc`: a RAM role taken on with an OIDC token, as pods of a cluster with RRSA do.
 * - `chain`: none of these is named, so whatever the default credential chain finds in files and beyond; see
 *   `resolveChain`, which tells which of the following that is.
 * - `credentials-file`: a profile of `~/.alibabacloud/credentials`, or of the file that the environment names.
 * - `ecs-role`: the RAM role of the ECS instance; without a name where the environment gives none.
 * - `credentials-uri`: what a local service hands out; told by a digest, since the URI may hold a secret.
 */
export type Identity = BaseIdentity & {
  /** A RAM role that is taken on first, on top of any of them. */
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

/** The environment, or as much of it as a rule depends on. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Tells the identity from the settings, in the order in which Alibaba Cloud's default credential chain looks:
 * AccessKey, OIDC role, CLI profile. A profile that was named by flag comes before all of them.
 */
export function identityFromSettings(
  { profile, roleArn }: { readonly profile: string | undefined; readonly roleArn: string | undefined },
  environment: Environment,
): Identity {
  return withRole(baseIdentity(profile, environment), roleArn);
}

/** An identity that takes on a RAM role first. */
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

/** The identity's part of a credential's key: different for any two identities. */
export function identityKey(identity: Identity): string {
  const base = baseKey(identity);
  return identity.assumedRole === undefined ? base : `${base} as ${part(identity.assumedRole)}`;
}

/** A part of a key, in which nothing reads like the ` as ` between two of them. */
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
