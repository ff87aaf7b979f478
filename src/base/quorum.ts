// Quorum arithmetic, integers only, in one place.
//
// n replicas, of which at most f = floor((n-1)/3) may be faulty. A quorum of q = ceil((n+f+1)/2) is the least size for
// which two quorums share at least f+1 replicas, hence one correct one: 2q - n >= f + 1. It equals 2f+1 only for
// n = 3f+1 (n = 5 needs 4, and 2f+1 = 3 would let two quorums share a single, possibly faulty, replica).
// Source: reference SmartBFT section 0; Castro and Liskov, OSDI 1999, section 4.

/** Faults that `n` replicas tolerate. */
export const faultsTolerated = (n: number): number => Math.floor((n - 1) / 3);
/** Votes, one's own included, that make a quorum among `n` replicas. */
export const quorumSize = (n: number): number => Math.ceil((n + faultsTolerated(n) + 1) / 2);
