// A note in the folder of a lab that `testbed run` made: which repetition it carries, where its results go, and who runs
// it. From it another shell finishes the repetition when that process was killed (testbed run --resume LAB).
import { processHere, stillThere, textIn, type HostProcess, type RunningLab } from "../lab/index.js";
import { UserError } from "../system/index.js";

const noteFormat = 1;

export interface RunNote {
  readonly format: number;
  /** Absolute path of the results folder. */
  readonly results: string;
  /** Number of the repetition, from 1, and of how many. */
  readonly run: number;
  readonly repetitions: number;
  readonly runner: HostProcess;
}

const noteFile = "run.json";

/** Written when the repetition has begun: a lab with a note has one under way, or done. */
export async function leaveNote(lab: RunningLab, note: Omit<RunNote, "format" | "runner">): Promise<void> {
  const whole: RunNote = { format: noteFormat, ...note, runner: await processHere() };
  await lab.folder.write(noteFile, JSON.stringify(whole, undefined, 2));
}

/** Takes a repetition over; refuses where there is none, and while its runner is alive. */
export async function takeOver(lab: RunningLab): Promise<RunNote> {
  const text = await textIn(lab.folder, noteFile);
  if (text === undefined) {
    throw new UserError(`Lab "${lab.name}" carries no repetition of an experiment`, {
      suggestion: "it was started by testbed up, or its run was killed before it began: end it with testbed down",
    });
  }
  const note = JSON.parse(text) as RunNote; // written by leaveNote into a folder that only its owner may enter
  if (note.format !== noteFormat) {
    throw new UserError(`Another version of testbed runs lab "${lab.name}": expected a note of format ${noteFormat}`);
  }
  if (await stillThere(note.runner)) {
    throw new UserError(
      `Repetition ${note.run} in lab "${lab.name}" is still being run by process ${note.runner.pid}`,
      {
        suggestion: "wait for it, or end that process first",
      },
    );
  }
  await leaveNote(lab, note);
  return note;
}
