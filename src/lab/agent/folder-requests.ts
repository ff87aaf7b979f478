// Requests about the lab's folder, answered by the agent to a CLI that cannot see it: it is on the engine's machine.
import { writeWhole } from "../../system/index.js";
import { namesIn, pathIn, readFrom } from "../lab-folder.js";
import type { FolderRequest, LabRequest } from "../protocol.js";

export const isAboutFolder = (request: LabRequest): request is FolderRequest =>
  request.do === "read" || request.do === "list" || request.do === "write";

/** `read` answers with base64: a file may end, or be cut, in the middle of a character. */
export async function answerFromFolder(directory: string, request: FolderRequest): Promise<unknown> {
  switch (request.do) {
    case "read":
      return (await readFrom(directory, request.file, request.fromByte))?.toString("base64");
    case "list":
      return namesIn(directory, request.folder);
    case "write":
      return writeWhole(pathIn(directory, request.file), request.text);
  }
}
