/* A disk that fails, for the programs that are started with this in LD_PRELOAD.

   CELLAR_FAULTS_IN    the folder whose files it is about, with links resolved
   CELLAR_FAULT_SHM    any value: files that end in -shm cannot be mapped
   CELLAR_FAULT_FULL   so many bytes can be written, and then the disk is full
   CELLAR_FAULT_READ   one read of so many fails, by chance
   CELLAR_FAULT_TIMES  so often at most
   CELLAR_FAULT_SEED   for that chance
   CELLAR_FAULT_TRACE  a file that is told all that is written and made to last

   `cellar_faults` sets them anew, for the forks of a program that began without.
   A full disk takes as many bytes of a write as still fit, as a real one does.
   The trace is read by powercut.py. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(result, name, ...)                                                \
  static result (*real)(__VA_ARGS__);                                          \
  if (!real) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static long long room = -1;
static unsigned odds, seed, times = ~0u;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
  const char *value;
  folder = getenv("CELLAR_FAULTS_IN");
  if (!folder) folder = "/nowhere";
  if ((value = getenv("CELLAR_FAULT_FULL"))) room = atoll(value);
  if ((value = getenv("CELLAR_FAULT_READ"))) odds = (unsigned)atoi(value);
  if ((value = getenv("CELLAR_FAULT_TIMES"))) times = (unsigned)atoi(value);
  if ((value = getenv("CELLAR_FAULT_SEED"))) seed = (unsigned)atoi(value);
  if ((value = getenv("CELLAR_FAULT_TRACE")))
    trace = (int)syscall(SYS_openat, AT_FDCWD, value,
                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void cellar_faults(const char *where, long long full, unsigned read,
                   unsigned so_often, unsigned by) {
  folder = strdup(where);
  room = full;
  odds = read;
  times = so_often;
  seed = by;
}

static int inside(const char *path) {
  size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* The path of what a descriptor is open on; 0 for what is not in the folder. */
static int path_of(int fd, char *path) {
  char link[64];
  ssize_t length;
  if (fd < 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return inside(path);
}

/* kind, length of the path, length of the data, offset: then the path and the data. */
static void tell(char kind, const char *path, long long offset, const void *data,
                 size_t size) {
  struct {
    uint32_t kind, path, data, unused;
    int64_t offset;
  } head = {(uint32_t)kind, (uint32_t)strlen(path), (uint32_t)size, 0, offset};
  struct iovec parts[3] = {{&head, sizeof head},
                           {(void *)path, head.path},
                           {(void *)data, size}};
  if (trace >= 0) syscall(SYS_writev, trace, parts, 3);
}

/* How many bytes of a write still fit: none is an error. */
static size_t fitting(size_t size) {
  size_t fits = size;
  pthread_mutex_lock(&lock);
  if (room >= 0) {
    if ((long long)size > room) fits = (size_t)room;
    room -= (long long)fits;
  }
  pthread_mutex_unlock(&lock);
  return fits;
}

static int unlucky(void) {
  int is;
  pthread_mutex_lock(&lock);
  is = odds && times && rand_r(&seed) % odds == 0;
  if (is) times--;
  pthread_mutex_unlock(&lock);
  return is;
}

static ssize_t put(int fd, const void *data, size_t size, long long offset,
                   ssize_t (*write_some)(int, const void *, size_t, long long)) {
  char path[PATH_MAX];
  ssize_t written;
  size_t fits;
  if (!path_of(fd, path)) return write_some(fd, data, size, offset);
  fits = fitting(size);
  if (fits == 0 && size > 0) {
    errno = ENOSPC;
    return -1;
  }
  if (offset < 0 && trace >= 0) {
    long long at = lseek(fd, 0, SEEK_CUR);
    written = write_some(fd, data, fits, offset);
    if (written > 0) tell('W', path, at, data, (size_t)written);
    return written;
  }
  written = write_some(fd, data, fits, offset);
  if (written > 0) tell('W', path, offset, data, (size_t)written);
  return written;
}

static ssize_t write_on(int fd, const void *data, size_t size, long long offset) {
  (void)offset;
  return syscall(SYS_write, fd, data, size);
}

static ssize_t write_at(int fd, const void *data, size_t size, long long offset) {
  return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size) {
  return put(fd, data, size, -1, write_on);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  return put(fd, data, size, offset, write_at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  return put(fd, data, size, offset, write_at);
}

static int fails_to_read(int fd) {
  char path[PATH_MAX];
  if (!odds || !path_of(fd, path) || !unlucky()) return 0;
  errno = EIO;
  return 1;
}

ssize_t read(int fd, void *data, size_t size) {
  return fails_to_read(fd) ? -1 : syscall(SYS_read, fd, data, size);
}
ssize_t pread(int fd, void *data, size_t size, off_t offset) {
  return fails_to_read(fd) ? -1 : syscall(SYS_pread64, fd, data, size, offset);
}
ssize_t pread64(int fd, void *data, size_t size, off64_t offset) {
  return fails_to_read(fd) ? -1 : syscall(SYS_pread64, fd, data, size, offset);
}

static int is_index(int fd) {
  char path[PATH_MAX];
  size_t length;
  if (!getenv("CELLAR_FAULT_SHM") || !path_of(fd, path)) return 0;
  length = strlen(path);
  return length > 4 && strcmp(path + length - 4, "-shm") == 0;
}

void *mmap(void *at, size_t size, int may, int flags, int fd, off_t offset) {
  REAL(void *, "mmap", void *, size_t, int, int, int, off_t);
  if (is_index(fd)) {
    errno = ENODEV;
    return MAP_FAILED;
  }
  return real(at, size, may, flags, fd, offset);
}
void *mmap64(void *at, size_t size, int may, int flags, int fd, off64_t offset) {
  return mmap(at, size, may, flags, fd, offset);
}

static int cut(int fd, long long size) {
  char path[PATH_MAX];
  int done = (int)syscall(SYS_ftruncate, fd, size);
  if (done == 0 && path_of(fd, path)) tell('T', path, size, 0, 0);
  return done;
}
int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

static int last(long call, int fd) {
  char path[PATH_MAX];
  int done = (int)syscall(call, fd);
  if (done == 0 && path_of(fd, path)) tell('S', path, 0, 0, 0);
  return done;
}
int fsync(int fd) { return last(SYS_fsync, fd); }
int fdatasync(int fd) { return last(SYS_fdatasync, fd); }

int rename(const char *from, const char *to) {
  int done = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  if (done == 0 && inside(to)) tell('R', from, 0, to, strlen(to));
  return done;
}

int unlink(const char *path) {
  int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  if (done == 0 && inside(path)) tell('U', path, 0, 0, 0);
  return done;
}
