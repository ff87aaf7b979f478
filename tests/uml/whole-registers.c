// Preloaded into user-mode-linux, so that it runs on processors with AMX.
//
// Linux sets a traced process's extended registers (NT_X86_XSTATE) only from a buffer of the size that this processor's whole
// state has, 11008 bytes where it ends with AMX's tiles: a shorter one is EFAULT, a longer one is cut to it. User-mode-linux 6.1
// always passes 2696, enough up to AVX-512 and protection keys, and on EFAULT ends the process ("ptrace set fp regs failed"). This
// passes the same bytes, and after them zeros to a length that no processor's state has. Later kernels of it ask for the size;
// Debian has none that runs with Debian 12's C library.
//
// The zeros are never taken for registers: the header among the bytes passed says which parts are in use, and a process uses
// AMX's only after it asked for them (ARCH_REQ_XCOMP_PERM), which user-mode-linux refuses.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long Ptrace(enum __ptrace_request request, pid_t pid, void *address, void *data);

static Ptrace *libraryPtrace;
static char whole[64 * 1024]; // one kernel thread traces every process, so one buffer does

__attribute__((constructor)) static void findLibraryPtrace(void) {
  libraryPtrace = (Ptrace *)dlsym(RTLD_NEXT, "ptrace");
  if (libraryPtrace == NULL) abort();
}

long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  pid_t pid = va_arg(arguments, pid_t);
  void *address = va_arg(arguments, void *);
  void *data = va_arg(arguments, void *);
  va_end(arguments);

  if (request != PTRACE_SETREGSET || (uintptr_t)address != NT_X86_XSTATE)
    return libraryPtrace(request, pid, address, data);
  const struct iovec *given = data;
  if (given->iov_len >= sizeof whole) return libraryPtrace(request, pid, address, data);
  memcpy(whole, given->iov_base, given->iov_len);
  struct iovec longer = {.iov_base = whole, .iov_len = sizeof whole};
  return libraryPtrace(request, pid, address, &longer);
}
