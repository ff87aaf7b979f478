// What a topology that leaves a key out gets, apart from the profile's settings, each with the reason for its value.
import { milliseconds, seconds } from "../base/index.js";
import type { BfdTimers, OspfTimers, ProfileName } from "./topology.js";

/** The real thing's timers, unless a file says that it wants others. */
export const defaultProfile: ProfileName = "fabric";
export const defaultChannel = "testchannel";
/** Ethernet's; both ends of a link and all of a switch have the same. */
export const defaultMtu = 1_500;

/**
 * Timers that converge fast and never wait for a retransmission: with FRR's own, a line of four takes 11 s from cold,
 * as advertisements that come "too early" are dropped (`lsa min-arrival` 1 s) and repeated only after 5 s.
 */
export const defaultOspf: OspfTimers = {
  helloInterval: seconds(1),
  deadInterval: seconds(4),
  spfDelay: milliseconds(0),
  spfInitialHold: milliseconds(50),
  // FRR's own 5 s would make the third change within a few seconds wait.
  spfMaximumHold: milliseconds(500),
  lsaMinArrival: milliseconds(0),
  // FRR's own 5 s holds back the second advertisement of a link that goes down and up.
  lsaThrottle: milliseconds(0),
  retransmitInterval: seconds(1),
};

/** 0.6 s to notice: below the complain timeout of every profile, above what a busy machine delays a daemon. */
export const defaultBfd: BfdTimers = {
  transmitInterval: milliseconds(200),
  receiveInterval: milliseconds(200),
  detectMultiplier: 3,
};
