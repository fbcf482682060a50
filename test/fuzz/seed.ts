/**
 * `KUBECTL_ECK_FUZZ_SEED` repeats the inputs of a run that failed. CI uses the same inputs each time, so that a commit
 * does not fail by chance. People's own runs and the nightly workflow try new ones, without a seed here.
 */
export const seed = Number(process.env['KUBECTL_ECK_FUZZ_SEED']) || (process.env['CI'] === 'true' ? 1 : undefined);
