// Words for people, one line each. Passed in, never imported as a global; nothing reads a log line of ours.

export interface Logger {
  info(text: string): void;
  /** Only for what must be checked before the numbers are trusted. */
  warn(text: string): void;
  /** Only when the process will exit non-zero. */
  error(text: string): void;
}

/** Lines `LEVEL wall-time text` through `write`; several lines of text stay one entry by indentation. */
export function loggerTo(write: (line: string) => void): Logger {
  const line = (level: string, text: string): void => {
    write(`${new Date().toISOString()} ${level} ${text.replaceAll("\n", "\n    ")}\n`);
  };
  return {
    info: (text) => line("info", text),
    warn: (text) => line("warn", text),
    error: (text) => line("error", text),
  };
}
