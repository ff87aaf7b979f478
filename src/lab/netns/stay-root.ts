// Runs a program that gives up root's rights where nobody else is there to become: `node stay-root.mjs PROGRAM ARGUMENT…`. In an
// ordinary user's namespace setgroups(2) is forbidden and no other user is known, and Debian's tcpdump, which becomes the user tcpdump
// before it captures, ends there. A filter of system calls (seccomp(2), SECCOMP_SET_MODE_FILTER) answers those by which it would
// change who it is with success, and lets all others through; it needs no rights, and gives none. The program takes this process's place.
//
// Exit code 126 where that cannot be done (another processor, a kernel without seccomp), 127 where there is no such program.
import koffi from "koffi";

const notAllowed = 126;
const notFound = 127;

/** AUDIT_ARCH_* (linux/audit.h), and the numbers of setgroups, setgid and setuid (asm/unistd.h). */
const processors: Readonly<
  Partial<Record<NodeJS.Architecture, { readonly audit: number; readonly calls: readonly number[] }>>
> = {
  x64: { audit: 0xc000_003e, calls: [116, 106, 105] },
  arm64: { audit: 0xc000_00b7, calls: [159, 144, 146] },
};

/** Instructions of classic BPF (linux/filter.h), each with where to go on when it holds and when not. */
const [load, jumpIfEqual, answer] = [0x20, 0x15, 0x06];
/** Offsets in struct seccomp_data. */
const [numberOfCall, processor] = [0, 4];
/** SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with error 0: not made, and said to have been. */
const [allowed, pretended] = [0x7fff_0000, 0x0005_0000];

function filter(audit: number, calls: readonly number[]): Buffer {
  const instructions: [code: number, whenTrue: number, whenFalse: number, operand: number][] = [
    [load, 0, 0, processor],
    [jumpIfEqual, 0, calls.length + 1, audit],
    [load, 0, 0, numberOfCall],
    ...calls.map((call, index): [number, number, number, number] => [jumpIfEqual, calls.length - index, 0, call]),
    [answer, 0, 0, allowed],
    [answer, 0, 0, pretended],
  ];
  const bytes = Buffer.alloc(8 * instructions.length);
  for (const [index, [code, whenTrue, whenFalse, operand]] of instructions.entries()) {
    bytes.writeUInt16LE(code, 8 * index);
    bytes.writeUInt8(whenTrue, 8 * index + 2);
    bytes.writeUInt8(whenFalse, 8 * index + 3);
    bytes.writeUInt32LE(operand, 8 * index + 4);
  }
  return bytes;
}

/** prctl(2). */
const [noNewPrivileges, setFilter, byFilter] = [38, 22, 2];
const [sigpipe, defaultAction] = [13, 0];
/** fcntl(2), F_SETFD. */
const setFlags = 2;

/** Does not come back when all goes well. */
function main([program = "", ...words]: readonly string[]): number {
  const known = processors[process.arch];
  if (known === undefined) return notAllowed;
  const libc = koffi.load(null);
  koffi.struct("Filter", { count: "uint16_t", instructions: "const uint8_t *" });
  const prctl = libc.func("prctl", "int", ["int", "unsigned long", "unsigned long", "unsigned long", "unsigned long"]);
  const prctlFilter = libc.func("int prctl(int what, unsigned long mode, const Filter *filter)");
  const fcntl = libc.func("int fcntl(int descriptor, int command, ...)");
  const signal = libc.func("void *signal(int number, intptr_t action)");
  const execvp = libc.func("int execvp(const char *file, const char **words)");
  const instructions = filter(known.audit, known.calls);
  if (prctl(noNewPrivileges, 1, 0, 0, 0) !== 0) return notAllowed;
  if (prctlFilter(setFilter, byFilter, { count: instructions.length / 8, instructions }) !== 0) return notAllowed;
  // Node ignores it, and what is ignored stays so: the program would not notice that its reader has left.
  signal(sigpipe, defaultAction);
  // Node closes all others for who comes after it, and these too.
  for (const descriptor of [0, 1, 2]) fcntl(descriptor, setFlags, "int", 0);
  execvp(program, [program, ...words, null]);
  return notFound;
}

process.exitCode = main(process.argv.slice(2));
