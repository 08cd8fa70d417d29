/* Stands between a process and its disk (LD_PRELOAD) and ends the one or the other at a planned call.
 *
 *   POWER_ROOT   the folder that is watched; all else passes through
 *   POWER_PLAN   what happens, at which call that changes the folder (counted from 1), by commas:
 *                  kill@N    SIGKILL before the call; what was written stays, durable or not
 *                  torn@N    the same, after a part of a write
 *                  cut@N     the power goes: what was not synced is lost, all of it or from a point on
 *                  full@N+K  K calls that need room fail with ENOSPC
 *                  eio@N+K   K syncs fail with EIO
 *   POWER_SEED   decides how much of a torn write is written and how much a power cut leaves
 *   POWER_LAX    the end of the names of files whose syncs do nothing and say nothing of it: a store
 *                that forgot one must be found out
 *   POWER_AWAY   a folder beside the root: what was deleted and not synced, and what a killed process
 *                left unsynced, so that a later power cut can still take it away
 *
 * Before each change its opposite is noted. A sync of a file drops the notes of its contents, a sync
 * of a folder those of its names. A power cut plays back what is noted, the last first.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_LONGEST 512
#define FILES_MAX 8192
#define NOTES_MAX 65536

enum kind { BYTES, NAME_MADE, FOLDER_MADE, NAME_MOVED, NAME_GONE };

struct note {
    enum kind kind;
    int file;               /* BYTES: which file */
    off_t at, length, size; /* BYTES: what stood where, and how long the file was */
    char *bytes;
    char path[PATH_LONGEST];  /* the name that was made, moved away, or is gone */
    char other[PATH_LONGEST]; /* NAME_MOVED: where to */
    char away[PATH_LONGEST];  /* where what the name stood for is kept meanwhile */
};

struct file {
    dev_t dev;
    ino_t ino;
    int fd; /* never closed: that would end the process's locks on the file */
    char path[PATH_LONGEST];
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct file files[FILES_MAX];
static int file_count;
static struct note *notes;
static int note_count;
static char root[PATH_LONGEST], away[PATH_LONGEST / 2];
static size_t root_length;
static unsigned long seed, calls, kill_at, torn_at, cut_at, full_at, full_for, eio_at, eio_for;
static unsigned long away_count;
static int ready;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_linkat)(int, const char *, int, const char *, int);
static int (*real_mkdir)(const char *, mode_t);

static unsigned long dice(unsigned long below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return below ? seed % below : 0;
}

static void fail(const char *why) {
    static const char head[] = "power: ";
    (void)!real_write(2, head, sizeof head - 1);
    (void)!real_write(2, why, strlen(why));
    (void)!real_write(2, "\n", 1);
    abort();
}

static void copy_path(char *to, const char *from) {
    if (strlen(from) >= PATH_LONGEST) fail("a path is too long");
    strcpy(to, from);
}

static int is_watched(const char *path) {
    size_t length = path ? strlen(path) : 0;
    if (!ready || length <= root_length || strncmp(path, root, root_length)) return 0;
    if (path[root_length] != '/') return 0;
    /* Locks and shared memory mean nothing after a restart. */
    return !(length > 4 && (!strcmp(path + length - 4, "-shm") || !strcmp(path + length - 5, ".lock")));
}

static int find_file(int fd) {
    struct stat stat;
    if (!file_count || fstat(fd, &stat) || !S_ISREG(stat.st_mode)) return -1;
    for (int i = file_count - 1; i >= 0; i--)
        if (files[i].ino == stat.st_ino && files[i].dev == stat.st_dev) return i;
    return -1;
}

static int add_file(const char *path) {
    int fd = real_open(path, O_RDWR | O_CLOEXEC);
    struct stat stat;
    if (fd < 0 || fstat(fd, &stat)) return -1;
    if (!S_ISREG(stat.st_mode)) return -1;
    int known = find_file(fd);
    if (known >= 0) return known; /* the descriptor stays open, see above */
    if (file_count == FILES_MAX) fail("too many files");
    struct file *file = &files[file_count];
    file->dev = stat.st_dev, file->ino = stat.st_ino, file->fd = fd;
    copy_path(file->path, path);
    return file_count++;
}

static struct note *add_note(enum kind kind, const char *path) {
    if (note_count == NOTES_MAX) fail("too many notes");
    struct note *note = &notes[note_count++];
    memset(note, 0, sizeof *note);
    note->kind = kind;
    if (path) copy_path(note->path, path);
    return note;
}

static void note_bytes(int file, off_t at, off_t length) {
    struct stat stat;
    if (fstat(files[file].fd, &stat)) return;
    struct note *note = add_note(BYTES, NULL);
    note->file = file, note->at = at, note->size = stat.st_size;
    note->length = at >= stat.st_size ? 0 : stat.st_size - at < length ? stat.st_size - at : length;
    note->bytes = malloc(note->length + 1);
    if (pread(files[file].fd, note->bytes, note->length, at) != note->length) fail("cannot look back");
}

static void moved(const char *from, const char *to) {
    for (int i = 0; i < file_count; i++)
        if (!strcmp(files[i].path, from)) copy_path(files[i].path, to);
}

static void put_away(const char *path, char *kept) {
    kept[0] = 0;
    if (access(path, F_OK)) return;
    snprintf(kept, PATH_LONGEST, "%s/%d-%lu", away, getpid(), ++away_count);
    if (real_linkat(AT_FDCWD, path, AT_FDCWD, kept, 0)) fail("cannot put a name away");
}

static void drop(int i) {
    free(notes[i].bytes);
    if (notes[i].away[0]) real_unlink(notes[i].away);
    memmove(&notes[i], &notes[i + 1], (--note_count - i) * sizeof *notes);
}

static void synced_file(int file) {
    for (int i = note_count - 1; i >= 0; i--)
        if (notes[i].kind == BYTES && notes[i].file == file) drop(i);
}

static int stands_in(const char *path, const char *folder) {
    const char *end = strrchr(path, '/');
    size_t length = strlen(folder);
    return end && (size_t)(end - path) == length && !strncmp(path, folder, length);
}

static void synced_folder(const char *folder) {
    for (int i = note_count - 1; i >= 0; i--) {
        struct note *note = &notes[i];
        if (note->kind == BYTES) continue;
        if (stands_in(note->kind == NAME_MOVED ? note->other : note->path, folder)) {
            drop(i);
        } else if (note->kind == NAME_MOVED && stands_in(note->path, folder)) {
            /* That it left is durable, that it arrived is not. */
            note->kind = NAME_MADE;
            copy_path(note->path, note->other);
        }
    }
}

static void undo(struct note *note) {
    char gone[PATH_LONGEST];
    switch (note->kind) {
    case BYTES:
        if (real_ftruncate(files[note->file].fd, note->size)) fail("cannot cut back");
        if (real_pwrite(files[note->file].fd, note->bytes, note->length, note->at) != note->length)
            fail("cannot write back");
        break;
    case NAME_MADE:
        real_unlink(note->path);
        break;
    case FOLDER_MADE: /* with all that is in it, synced or not */
        snprintf(gone, sizeof gone, "%s/%d-%lu", away, getpid(), ++away_count);
        real_rename(note->path, gone);
        break;
    case NAME_MOVED:
        if (real_rename(note->other, note->path)) fail("cannot move back");
        if (note->away[0] && real_rename(note->away, note->other)) fail("cannot bring back");
        break;
    case NAME_GONE:
        if (note->away[0] && real_rename(note->away, note->path)) fail("cannot bring back");
        break;
    }
}

/* What is noted, for the process that comes after this one. */
static void keep_notes(void) {
    char path[PATH_LONGEST];
    snprintf(path, sizeof path, "%s/notes", away);
    int fd = real_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) fail("cannot keep the notes");
    for (int i = 0; i < note_count; i++) {
        struct note note = notes[i];
        if (note.kind == BYTES) {
            copy_path(note.path, files[note.file].path);
            if (access(note.path, F_OK)) continue; /* deleted for good */
        }
        (void)!real_write(fd, &note, sizeof note);
        if (note.kind == BYTES) (void)!real_write(fd, note.bytes, note.length);
    }
    close(fd);
}

static void take_notes(void) {
    char path[PATH_LONGEST];
    struct note note;
    snprintf(path, sizeof path, "%s/notes", away);
    int fd = real_open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && read(fd, &note, sizeof note) == sizeof note) {
        struct note *kept = add_note(note.kind, NULL);
        *kept = note;
        if (note.kind != BYTES) continue;
        kept->bytes = malloc(note.length + 1);
        if (read(fd, kept->bytes, note.length) != note.length) fail("the notes are torn");
        kept->file = add_file(note.path);
        if (kept->file < 0) fail("a noted file is not there");
    }
    if (fd >= 0) close(fd), real_unlink(path);
}

static void die(void) {
    if (cut_at && calls >= cut_at) {
        int left = dice(2) ? (int)dice(note_count + 1) : 0;
        while (note_count > left) undo(&notes[--note_count]);
        note_count = 0;
    } else {
        keep_notes();
    }
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Counts a call; tells whether it fails instead, and how. */
static int counted(int needs_room, int is_sync) {
    calls++;
    if (calls == kill_at || calls == cut_at) die();
    if (needs_room && full_at && calls >= full_at && calls < full_at + full_for) return ENOSPC;
    if (is_sync && eio_at && calls >= eio_at && calls < eio_at + eio_for) return EIO;
    return 0;
}

static unsigned long number(const char *plan, const char *what, unsigned long *lasts) {
    const char *found = plan ? strstr(plan, what) : NULL;
    char *end = NULL;
    unsigned long at = found ? strtoul(found + strlen(what), &end, 10) : 0;
    if (lasts && end && *end == '+') *lasts = strtoul(end + 1, NULL, 10);
    return at;
}

__attribute__((constructor)) static void begin(void) {
    if (real_mkdir) return;
    real_open = dlsym(RTLD_NEXT, "open64");
    real_openat = dlsym(RTLD_NEXT, "openat64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_writev = dlsym(RTLD_NEXT, "writev");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_linkat = dlsym(RTLD_NEXT, "linkat");
    real_mkdir = dlsym(RTLD_NEXT, "mkdir");
    const char *plan = getenv("POWER_PLAN"), *start = getenv("POWER_SEED");
    if (!getenv("POWER_ROOT") || !getenv("POWER_AWAY")) return;
    copy_path(root, getenv("POWER_ROOT"));
    if (strlen(getenv("POWER_AWAY")) >= sizeof away) fail("a path is too long");
    strcpy(away, getenv("POWER_AWAY"));
    root_length = strlen(root);
    seed = start ? strtoul(start, NULL, 10) | 1 : 1;
    kill_at = number(plan, "kill@", NULL);
    torn_at = number(plan, "torn@", NULL);
    cut_at = number(plan, "cut@", NULL);
    full_at = number(plan, "full@", &full_for);
    eio_at = number(plan, "eio@", &eio_for);
    notes = calloc(NOTES_MAX, sizeof *notes);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    take_notes();
    ready = 1;
}

#define LOCKED(body)                                                                               \
    pthread_mutex_lock(&lock);                                                                     \
    body;                                                                                          \
    int kept_errno = errno;                                                                        \
    pthread_mutex_unlock(&lock);                                                                   \
    errno = kept_errno

static int open_watched(const char *path, int flags, mode_t mode) {
    int is_new = (flags & O_CREAT) && access(path, F_OK);
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    if (is_new) {
        int failed = counted(1, 0);
        if (failed) return errno = failed, -1;
    }
    int file = writes && !is_new ? add_file(path) : -1;
    if (file >= 0 && (flags & O_TRUNC)) {
        struct stat stat;
        counted(0, 0);
        if (!fstat(files[file].fd, &stat) && stat.st_size) note_bytes(file, 0, stat.st_size);
    }
    int fd = real_open(path, flags, mode);
    if (fd >= 0 && is_new) {
        add_note(NAME_MADE, path);
        add_file(path);
    }
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (!real_open) begin();
    if (!is_watched(path)) return real_open(path, flags, mode);
    int fd;
    LOCKED(fd = open_watched(path, flags, mode));
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (folder == AT_FDCWD || path[0] == '/') return open(path, flags, mode);
    return real_openat(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat(folder, path, flags, mode);
}

static ssize_t write_watched(int file, int fd, const void *bytes, size_t length, off_t at, int moves) {
    int failed = counted(1, 0);
    if (failed) {
        /* A disk seldom fills up between two calls. */
        size_t part = dice(2) ? dice(length) : 0;
        if (!part) return errno = failed, -1;
        length = part;
    }
    if (calls == torn_at) length = dice(length);
    note_bytes(file, at, length);
    ssize_t written = moves ? real_write(fd, bytes, length) : real_pwrite(fd, bytes, length, at);
    if (calls == torn_at) die();
    return written;
}

static off_t place(int fd) {
    int flags = fcntl(fd, F_GETFL);
    struct stat stat;
    if (flags >= 0 && (flags & O_APPEND)) return fstat(fd, &stat) ? 0 : stat.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!ready) return real_write ? real_write(fd, bytes, length) : -1;
    ssize_t written;
    LOCKED({
        int file = find_file(fd);
        written = file < 0 ? real_write(fd, bytes, length)
                           : write_watched(file, fd, bytes, length, place(fd), 1);
    });
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    ssize_t written;
    LOCKED({
        int file = find_file(fd);
        written = file < 0 ? real_pwrite(fd, bytes, length, at)
                           : write_watched(file, fd, bytes, length, at, 0);
    });
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) {
    return pwrite(fd, bytes, length, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    /* A short write is allowed, and the caller goes on from there. */
    if (find_file(fd) >= 0 && count > 0) return write(fd, parts[0].iov_base, parts[0].iov_len);
    return real_writev(fd, parts, count);
}

int ftruncate(int fd, off_t length) {
    int done;
    LOCKED({
        int file = find_file(fd);
        if (file >= 0) {
            struct stat stat;
            counted(0, 0);
            if (!fstat(fd, &stat)) note_bytes(file, length, stat.st_size > length ? stat.st_size - length : 0);
        }
        done = real_ftruncate(fd, length);
    });
    return done;
}

int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

static int sync_watched(int fd, int (*real)(int)) {
    struct stat stat;
    int file = find_file(fd);
    if (!ready || fstat(fd, &stat)) return real(fd);
    char link[64], path[PATH_LONGEST];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    int is_folder = S_ISDIR(stat.st_mode) && !strncmp(path, root, root_length);
    if (file < 0 && !is_folder) return real(fd);
    int failed = counted(0, 1);
    if (failed) return errno = failed, -1;
    const char *lax = getenv("POWER_LAX");
    size_t lax_length = lax ? strlen(lax) : 0;
    if (lax_length && length >= (ssize_t)lax_length && !strcmp(path + length - lax_length, lax)) return 0;
    /* The disk itself need not do it: no power is cut but here. */
    if (is_folder) synced_folder(path);
    else synced_file(file);
    return 0;
}

int fsync(int fd) {
    int done;
    LOCKED(done = sync_watched(fd, real_fsync));
    return done;
}

int fdatasync(int fd) {
    int done;
    LOCKED(done = sync_watched(fd, real_fdatasync));
    return done;
}

int rename(const char *from, const char *to) {
    if (!is_watched(from) && !is_watched(to)) return real_rename(from, to);
    int done;
    LOCKED({
        int failed = counted(0, 0);
        char kept[PATH_LONGEST];
        put_away(to, kept);
        done = failed ? (errno = failed, -1) : real_rename(from, to);
        if (!done) {
            struct note *note = add_note(NAME_MOVED, from);
            copy_path(note->other, to);
            copy_path(note->away, kept);
            if (kept[0]) moved(to, kept);
            moved(from, to);
        } else if (kept[0]) {
            real_unlink(kept);
        }
    });
    return done;
}

int unlink(const char *path) {
    if (!is_watched(path)) return real_unlink(path);
    int done;
    LOCKED({
        char kept[PATH_LONGEST];
        counted(0, 0);
        put_away(path, kept);
        done = real_unlink(path);
        if (!done) {
            copy_path(add_note(NAME_GONE, path)->away, kept);
            if (kept[0]) moved(path, kept);
        } else if (kept[0]) {
            real_unlink(kept);
        }
    });
    return done;
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    if (!is_watched(to)) return real_linkat(from_folder, from, to_folder, to, flags);
    int done;
    LOCKED({
        int failed = counted(1, 0);
        done = failed ? (errno = failed, -1) : real_linkat(from_folder, from, to_folder, to, flags);
        if (!done) add_note(NAME_MADE, to);
    });
    return done;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int mkdir(const char *path, mode_t mode) {
    if (!is_watched(path)) return real_mkdir(path, mode);
    int done;
    LOCKED({
        int failed = counted(1, 0);
        done = failed ? (errno = failed, -1) : real_mkdir(path, mode);
        if (!done) add_note(FOLDER_MADE, path);
    });
    return done;
}
