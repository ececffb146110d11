/* Makes each open and stat under $SLOW_SHARE take half a millisecond more, as on a slow share. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static void wait_for(const char *path) {
    const char *share = getenv("SLOW_SHARE");
    if (share && path && strncmp(path, share, strlen(share)) == 0) {
        struct timespec half_ms = {0, 500000};
        nanosleep(&half_ms, NULL);
    }
}

#define REAL(name) __typeof__(&name) real = dlsym(RTLD_NEXT, #name)
#define MODE(flags) \
    va_list rest; va_start(rest, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; va_end(rest)

int open(const char *path, int flags, ...) { MODE(flags); REAL(open); wait_for(path); return real(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags); REAL(open64); wait_for(path); return real(path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags); REAL(openat); wait_for(path); return real(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags); REAL(openat64); wait_for(path); return real(at, path, flags, mode); }
int stat(const char *path, struct stat *to) { REAL(stat); wait_for(path); return real(path, to); }
int stat64(const char *path, struct stat64 *to) { REAL(stat64); wait_for(path); return real(path, to); }
int lstat(const char *path, struct stat *to) { REAL(lstat); wait_for(path); return real(path, to); }
int lstat64(const char *path, struct stat64 *to) { REAL(lstat64); wait_for(path); return real(path, to); }
int fstatat(int at, const char *path, struct stat *to, int flags) { REAL(fstatat); wait_for(path); return real(at, path, to, flags); }
int fstatat64(int at, const char *path, struct stat64 *to, int flags) { REAL(fstatat64); wait_for(path); return real(at, path, to, flags); }
DIR *opendir(const char *path) { REAL(opendir); wait_for(path); return real(path); }
