declare const KUBECTL_ECK_VERSION: string | undefined;
declare const KUBECTL_ECK_COMMIT: string | undefined;
declare const KUBECTL_ECK_BUILD_DATE: string | undefined;

/** The release that this is, written in by the build. */
export const version: string =
  typeof KUBECTL_ECK_VERSION === 'undefined' ? '0.0.0-source' : KUBECTL_ECK_VERSION;

/** The commit that this was built from; ends in `-dirty` where the sources had been changed since. */
export const commit: string | undefined =
  typeof KUBECTL_ECK_COMMIT === 'undefined' ? undefined : KUBECTL_ECK_COMMIT;

/** When that commit was made, as RFC 3339: a build of one commit says the same whenever it is made. */
export const buildDate: string | undefined =
  typeof KUBECTL_ECK_BUILD_DATE === 'undefined' ? undefined : KUBECTL_ECK_BUILD_DATE;
