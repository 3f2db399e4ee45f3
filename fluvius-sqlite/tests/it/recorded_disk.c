/* A disk that records all writes, for LD_PRELOAD. Tests derive from the record the files that a
 * loss of power may leave.
 *
 * FLUVIUS_RECORD is the file of the record; writes to other files in its folder are recorded. An
 * entry is a line with the kind (w, t or s for written, truncated or synced), the offset or length,
 * the number of bytes and the path; then the bytes. A sync of a file whose path ends in
 * FLUVIUS_LYING reports success without a sync. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Gives the record the order of the writes. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record = -1;

/* Tells if a file is in the folder of the record, and stores its path. */
static int is_recorded(int file, char *path, size_t size) {
    char link[64];
    const char *name = getenv("FLUVIUS_RECORD");
    const char *end = name == NULL ? NULL : strrchr(name, '/');
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, size - 1);
    if (end == NULL || length < 0) return 0;
    path[length] = 0;
    const int flags = O_WRONLY | O_CREAT | O_APPEND;
    if (record < 0) record = (int)syscall(SYS_openat, AT_FDCWD, name, flags, 0600);
    return strncmp(path, name, (size_t)(end - name) + 1) == 0;
}

static void put(const void *bytes, size_t length) {
    if (syscall(SYS_write, record, bytes, length) != (long)length) abort();
}

static void note(char kind, long long at, size_t length, const char *path, const void *bytes) {
    char line[4200];
    int count = snprintf(line, sizeof line, "%c %lld %zu %s\n", kind, at, length, path);
    put(line, (size_t)count);
    if (bytes != NULL) put(bytes, length);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off_t at) {
    char path[4096];
    pthread_mutex_lock(&lock);
    ssize_t written = syscall(SYS_pwrite64, file, bytes, length, at);
    if (written > 0 && is_recorded(file, path, sizeof path)) {
        note('w', at, (size_t)written, path, bytes);
    }
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    return pwrite64(file, bytes, length, at);
}

int ftruncate64(int file, off_t length) {
    char path[4096];
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_ftruncate, file, length);
    if (done == 0 && is_recorded(file, path, sizeof path)) note('t', length, 0, path, NULL);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

static int sync_file(int file) {
    char path[4096];
    const char *lying = getenv("FLUVIUS_LYING");
    pthread_mutex_lock(&lock);
    if (is_recorded(file, path, sizeof path)) {
        size_t length = strlen(path), end = lying == NULL ? 0 : strlen(lying);
        int lies = lying != NULL && length >= end && strcmp(path + length - end, lying) == 0;
        /* The disk of the test need not do it. */
        if (!lies) note('s', 0, 0, path, NULL);
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int file) { return sync_file(file); }

int fdatasync(int file) { return sync_file(file); }
