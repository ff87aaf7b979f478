// Scripts refuse words that they do not know: one that goes on all the same runs for an hour.
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");

it.each([
  ["test", ["--nope"], 'test: cannot use "--nope"; it takes one of --fast, --interop, --docker, or nothing'],
  [
    "test",
    ["--fast", "more"],
    'test: cannot use "--fast more"; it takes one of --fast, --interop, --docker, or nothing',
  ],
  ["setup", ["--nope"], 'setup: cannot use "--nope"; it takes one of --tests, --bench, or nothing'],
  [
    "clean-seeds",
    [],
    "clean-seeds: expected a journal's path first: scripts/clean-seeds JOURNAL [--from 1] [--seeds 100000]",
  ],
  ["mutants", ["--chosen-by", "abc"], 'mutants: expected a commit\'s whole hash after --chosen-by, found "abc"'],
  ["dockerd", [], "usage: scripts/dockerd start|stop FOLDER (an absolute path)"],
])("scripts/%s %j", async (script, words, said) => {
  const { exitCode, stdout, stderr } = await execa(join(root, "scripts", script), words, { reject: false });
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 2, stdout: "", stderr: said });
});
