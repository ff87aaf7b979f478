// run: one run, a repetition or a sweep, from up to down; owns the results folder.
export type { Execute, ExecuteOptions } from "./port.js";
