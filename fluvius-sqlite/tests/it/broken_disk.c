/* A disk with faults, for LD_PRELOAD.
 *
 * The files in the folder FLUVIUS_BROKEN_DISK select the faults. While it holds `sync`, every sync
 * fails; with `sync-file` or `sync-folder`, those of files or of folders. With `space`, no space is
 * left. With `write`, writes fail. `sync-once` fails one sync and is removed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int is_set(const char *fault, int once) {
    char path[4096];
    const char *folder = getenv("FLUVIUS_BROKEN_DISK");
    if (folder == NULL) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, fault);
    return once ? unlink(path) == 0 : access(path, F_OK) == 0;
}

static int is_folder(int file) {
    struct stat found;
    return fstat(file, &found) == 0 && S_ISDIR(found.st_mode);
}

static int sync_file(long call, int file) {
    const char *kind = is_folder(file) ? "sync-folder" : "sync-file";
    if (is_set("sync", 0) || is_set("sync-once", 1) || is_set(kind, 0)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, file);
}

int fsync(int file) { return sync_file(SYS_fsync, file); }

int fdatasync(int file) { return sync_file(SYS_fdatasync, file); }

ssize_t pwrite64(int file, const void *bytes, size_t length, off_t at) {
    if (is_set("space", 0)) {
        errno = ENOSPC;
        return -1;
    }
    if (is_set("write", 0)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pwrite64, file, bytes, length, at);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    return pwrite64(file, bytes, length, at);
}
