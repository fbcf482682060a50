declare const KUBECTL_ECK_VERSION: string | undefined;

/** The release that this is, written in by the build. */
export const version: string =
  typeof KUBECTL_ECK_VERSION === 'undefined' ? '0.0.0-source' : KUBECTL_ECK_VERSION;
