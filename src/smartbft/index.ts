// smartbft: SmartBFT as a deterministic machine. Pure. Start with contract.ts, then replica.ts.
export {
  steps,
  type Application,
  type Component,
  type Decision,
  type Effect,
  type Examination,
  type Fact,
  type Input,
  type MessageType,
  type Proposal,
  type Recovery,
  type RequestInfo,
  type Signature,
  type Step,
  type SubmitOutcome,
  type SubmitRefusal,
  type Trace,
  type VerifyItem,
} from "./contract.js";
export { libraryOptions, optionProblems, type Fidelity, type Options, type ProtocolOptions } from "./options.js";
