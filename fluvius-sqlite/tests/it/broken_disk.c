/* A disk that fails when it is told to, put before the C library with LD_PRELOAD.
 *
 * The folder in FLUVIUS_BROKEN_DISK says how: while it holds a file `sync`, nothing is synced, while it holds `sync-file`
 * or `sync-folder`, no file or no folder is; while it holds `space`, there is no space left; while it holds `write`,
 * writes fail. `sync-once` fails one sync and goes away. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int is_told(const char *how, int once) {
    char path[4096];
    const char *folder = getenv("FLUVIUS_BROKEN_DISK");
    if (folder == NULL) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, how);
    return once ? unlink(path) == 0 : access(path, F_OK) == 0;
}

static int is_folder(int file) {
    struct stat found;
    return fstat(file, &found) == 0 && S_ISDIR(found.st_mode);
}

static int sync_file(long call, int file) {
    if (is_told("sync", 0) || is_told("sync-once", 1) || is_told(is_folder(file) ? "sync-folder" : "sync-file", 0)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, file);
}

int fsync(int file) { return sync_file(SYS_fsync, file); }

int fdatasync(int file) { return sync_file(SYS_fdatasync, file); }

ssize_t pwrite64(int file, const void *bytes, size_t length, off_t at) {
    if (is_told("space", 0)) {
        errno = ENOSPC;
        return -1;
    }
    if (is_told("write", 0)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pwrite64, file, bytes, length, at);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    return pwrite64(file, bytes, length, at);
}
