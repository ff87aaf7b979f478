// Mutants that a few seeds find: the pool of which each commit's hash picks three for CI.
export const quick: readonly string[] = [
  "quorum-off-by-one",
  "commit-without-prepares",
  "prepare-quorum-one-short",
  "commit-quorum-one-short",
  "prepare-digest-unchecked",
  "second-vote-counts",
  "no-log-before-prepare",
  "no-log-before-commit",
  "prepare-before-log",
  "pool-not-pruned",
  "pool-without-end",
  "view-change-not-logged",
  "two-views-at-once",
];
