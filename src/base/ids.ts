// Numbers that are easily confused, told apart by type. All are safe integers; larger values on a wire are refused there.

declare const nodeIdBrand: unique symbol;
declare const viewBrand: unique symbol;
declare const sequenceBrand: unique symbol;

/** Identity of a replica in the consensus protocol: an integer from 1 (SmartBFT: uint64, never 0). */
export type NodeId = number & { readonly [nodeIdBrand]: true };
/** Leader epoch, from 0. */
export type View = number & { readonly [viewBrand]: true };
/** Number of a decision; genesis is 0, the first proposal is 1. */
export type Sequence = number & { readonly [sequenceBrand]: true };

export const nodeId = (value: number): NodeId => value as NodeId;
export const view = (value: number): View => value as View;
export const sequence = (value: number): Sequence => value as Sequence;
