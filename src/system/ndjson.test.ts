// Lines survive any division into chunks; an endless line is refused.
import { expect, test } from "vitest";
import { jsonLine, LineSplitter, LineTooLongError } from "./ndjson.js";

test("lines come out whole whatever the chunks", () => {
  const text = Buffer.from(`${jsonLine({ a: "é\nü" })}\n${jsonLine([1, 2])}rest`);
  for (let size = 1; size <= text.length; size++) {
    const splitter = new LineSplitter();
    const lines: string[] = [];
    for (let start = 0; start < text.length; start += size)
      lines.push(...splitter.push(text.subarray(start, start + size)));
    expect(lines).toEqual(['{"a":"é\\nü"}', "", "[1,2]"]);
    expect(splitter.rest).toBe("rest");
  }
});

test("a line longer than the limit is refused", () => {
  const splitter = new LineSplitter(10);
  splitter.push(Buffer.from("12345"));
  expect(() => splitter.push(Buffer.from("678901"))).toThrow(LineTooLongError);
});
