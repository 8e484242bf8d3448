/* Preloaded into a process: of its calls that change files under $FAIL_UNDER, number $FAIL_CALL fails with
   $FAIL_ERRNO, or ends the process at once where that is 0. $FAIL_COUNT names a file for the number of calls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int calls;

static int under(const char *path) {
    const char *folder = getenv("FAIL_UNDER");
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int open_under(int fd) {
    char link[40], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return under(path);
}

static int fails(void) {
    const char *when = getenv("FAIL_CALL"), *how = getenv("FAIL_ERRNO");
    if (++calls != (when ? atoi(when) : -1)) return 0;
    if (atoi(how) == 0) kill(getpid(), SIGKILL);
    errno = atoi(how);
    return 1;
}

__attribute__((destructor)) static void tell(void) {
    const char *path = getenv("FAIL_COUNT");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (out) { fprintf(out, "%d", calls); fclose(out); }
}

#define NEXT(name) dlsym(RTLD_NEXT, name)
#define BY_FD(type, name, fd, params, args)                 \
    type name params {                                      \
        type(*next) params = NEXT(#name);                   \
        return open_under(fd) && fails() ? -1 : next args;  \
    }
BY_FD(ssize_t, write, fd, (int fd, const void *data, size_t n), (fd, data, n))
BY_FD(ssize_t, writev, fd, (int fd, const struct iovec *data, int n), (fd, data, n))
BY_FD(ssize_t, pwrite64, fd, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
BY_FD(int, ftruncate64, fd, (int fd, off64_t n), (fd, n))
BY_FD(int, fchmod, fd, (int fd, mode_t mode), (fd, mode))
BY_FD(int, fsync, fd, (int fd), (fd))
BY_FD(int, fdatasync, fd, (int fd), (fd))

int rename(const char *from, const char *to) {
    int (*next)(const char *, const char *) = NEXT("rename");
    return (under(from) || under(to)) && fails() ? -1 : next(from, to);
}

#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...) {                                       \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        mode_t mode = va_arg(rest, mode_t);                                            \
        va_end(rest);                                                                  \
        int (*next)(const char *, int, ...) = NEXT(#name);                             \
        return (flags & O_ACCMODE) && under(path) && fails() ? -1 : next(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
