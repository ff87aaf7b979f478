// Mutants that some two hundred seeds find: the pool of which each commit's hash picks three for CI.
export const quick: readonly string[] = ["quorum-off-by-one", "commit-without-prepares", "no-log-before-commit"];
