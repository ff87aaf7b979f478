// --profile: one of the shipped profiles, in place of what the files say.
import { Option } from "@commander-js/extra-typings";
import { profileNames, type ProfileName } from "../spec/index.js";

export const profileOption = (): Option<
  "-p, --profile <profile>",
  undefined,
  undefined,
  undefined,
  false,
  ProfileName
> =>
  new Option("-p, --profile <profile>", "timers and transport settings, in place of the file's").choices(profileNames);
