// A file that only grows, whose appends resolve when they are on the disk. Appends that arrive while the disk is busy are
// written and synced together (group commit): one fdatasync carries any number of them.
import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

interface Waiting {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class AppendFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #size: number;
  #failure: unknown;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  /** Opens at its end, creating it with mode 0600; its name is durable when this resolves. Caller disposes. */
  static async open(path: string): Promise<AppendFile> {
    const handle = await open(path, "a+", 0o600);
    await handle.sync();
    await syncFolder(dirname(path));
    return new AppendFile(handle, (await handle.stat()).size);
  }

  /** Bytes including appends that are not durable yet. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when the bytes and all before them are durable. After one failure every append fails: the tail is unknown. */
  append(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** `size` bytes from `position`, which must be durable. */
  async read(position: number, size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await this.#handle.read(bytes, filled, size - filled, position + filled);
      if (bytesRead === 0) throw new Error(`Read ${size} bytes at ${position}: the file ends after ${filled}`);
      filled += bytesRead;
    }
    return bytes;
  }

  /** Waits for appends under way, then closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing;
    await this.#handle.close();
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#failure !== undefined) throw this.#failure;
        await this.#write(Buffer.concat(batch.map(({ bytes }) => bytes)));
        await this.#handle.datasync();
        for (const { resolve } of batch) resolve();
      } catch (error) {
        this.#failure = error;
        for (const { reject } of batch) reject(error);
      }
    }
    this.#flushing = undefined;
  }

  async #write(bytes: Buffer): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, null);
      written += bytesWritten;
    }
  }
}

/** A new or removed name is durable only when its folder is. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
