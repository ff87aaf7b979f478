// Which repetition of a results folder is meant by --run.
import { runsIn } from "../run/index.js";
import { UserError } from "../system/index.js";
import { countFrom } from "./count.js";

/** The number that was asked for, or 1; a user's error when the folder has none of it. */
export async function repetitionFrom(folder: string, asked: string | undefined): Promise<number> {
  const number = countFrom(asked, "run", 1);
  const runs = await runsIn(folder);
  if (runs.includes(number)) return number;
  throw new UserError(`There is no repetition ${number} in "${folder}"`, {
    suggestion:
      runs.length === 0 ? "name a folder that `testbed run` wrote" : `those that are there: ${runs.join(", ")}`,
  });
}
