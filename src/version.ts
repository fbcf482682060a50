declare const KUBECTL_ECK_VERSION: string | undefined;
declare const KUBECTL_ECK_COMMIT: string | undefined;
declare const KUBECTL_ECK_BUILD_DATE: string | undefined;

/** The release, defined by the build. */
export const version = typeof KUBECTL_ECK_VERSION === 'undefined' ? '0.0.0-source' : KUBECTL_ECK_VERSION;

/** The commit of the build; ends in `-dirty` if the sources had been changed. */
export const commit = typeof KUBECTL_ECK_COMMIT === 'undefined' ? undefined : KUBECTL_ECK_COMMIT;

/** The commit's date, as RFC 3339. */
export const buildDate = typeof KUBECTL_ECK_BUILD_DATE === 'undefined' ? undefined : KUBECTL_ECK_BUILD_DATE;
