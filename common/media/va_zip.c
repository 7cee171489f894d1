/*
 * The directory is read by this file, not by libzip: libzip says nowhere at which offset a member lies, its handle is
 * for one thread, and it takes some 300 bytes a member in each handle, where collections have millions. zlib, on which
 * libzip stands, inflates.
 */
#include "media/va_zip.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_name_map.h"
#include "media/va_image.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
    DIRECTORY_MAX = 1 << 30, /* bytes; a member takes some 100 */
    RECORD_BYTES = 46,       /* of a member in the directory, before its name */
    LOCAL_BYTES = 30,        /* before a member, and its name there */
    END_BYTES = 22,          /* the end record */
    LOCATOR_BYTES = 20,      /* before it in an archive of zip64 */
    END64_BYTES = 56,        /* where the locator points to */
    COMMENT_MAX = 65535,     /* after the end record */
    BUFFER = 1 << 18,        /* more than a record with three texts of 65,535 bytes */
    PIECE = 1 << 15,         /* inflated at a time */
    STORED = 0,
    DEFLATED = 8,
    NAME_MAX_BYTES = 4095,
};

struct member {
    uint64_t at; /* of its local header */
    const char *name;
    uint32_t packed, size,
        crc; /* size: UINT32_MAX stands for all that is more than a picture */
    uint32_t method;
};

struct directory {
    struct directory *next; /* of those that are open */
    int users;
    struct stat file;
    uint64_t end;           /* where the directory begins, and members end */
    struct member *members; /* [count], by name */
    char *names;            /* [size], each with its end */
    int64_t count, room, size, names_room;
};

/* An archive of this run, which stays the file that it was when it was opened first. */
struct archive {
    char *path; /* as it was given */
    struct stat file;
    bool told; /* that it has changed */
};

struct va_zip {
    char *path;  /* of the archive, as it was given, */
    size_t part; /* and its length */
    struct directory *directory;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static struct directory *directories;                    /* at most one of them has no users */
static struct archive *archives;                         /* [archive_count] */
static int64_t archive_count, archive_room;
static struct va_name_map by_path;

static uint64_t little(const uint8_t *bytes, int width)
{
    uint64_t n = 0;

    for (int i = width - 1; i >= 0; i--)
        n = n << 8 | bytes[i];
    return n;
}

/* ---- the end of the file ------------------------------------------------------------------------- */

/* An archive while its directory is read. */
struct walk {
    const char *path;
    int fd;
    uint64_t file;        /* bytes */
    uint64_t at, left;    /* of the directory, what is not in the buffer yet */
    uint64_t count, most; /* of members, as the end record tells; the largest that fits there */
    uint8_t *buffer;      /* [BUFFER] */
    int64_t first, filled; /* what is there of it */
};

/* What an end record at tail[at] says, `where` in the file, or what a locator before it leads to. */
static int read_end(struct walk *w, const uint8_t *tail, int64_t at, uint64_t where)
{
    const uint8_t *end = tail + at, *locator = end - LOCATOR_BYTES;
    uint64_t disk = little(end + 4, 2);
    uint8_t end64[END64_BYTES];

    w->most = UINT16_MAX;
    w->count = little(end + 10, 2);
    w->left = little(end + 12, 4);
    w->at = little(end + 16, 4);
    if (at >= LOCATOR_BYTES && !memcmp(locator, "PK\6\7", 4)) {
        where = little(locator + 8, 8);
        if (w->file < END64_BYTES || where > w->file - END64_BYTES)
            return va_error("%s: zip: the end record lies outside of the file", w->path);
        if (va_input_read_all(w->fd, w->path, "a zip archive", end64, END64_BYTES,
                              (int64_t)where) < 0)
            return -1;
        disk = little(end64 + 16, 4);
        w->most = UINT64_MAX;
        w->count = little(end64 + 32, 8);
        w->left = little(end64 + 40, 8);
        w->at = little(end64 + 48, 8);
    }
    if (disk)
        return va_error("%s: zip: is a part of an archive: join the parts", w->path);
    if (w->left > DIRECTORY_MAX)
        return va_error("%s: zip: found a directory of %llu bytes, expected at most %d",
                        w->path, (unsigned long long)w->left, DIRECTORY_MAX);
    if (w->at > where || w->left > where - w->at)
        return va_error("%s: zip: the directory lies outside of the file: it is damaged",
                        w->path);
    if (w->left < where - w->at)
        return va_error("%s: zip: the directory ends %llu bytes before the end record: it is "
                        "damaged",
                        w->path, (unsigned long long)(where - w->at - w->left));
    return 0;
}

/* The last record that is one, with a comment that fits after it. */
static int find_end(struct walk *w)
{
    int64_t size = COMMENT_MAX + END_BYTES + LOCATOR_BYTES, at;
    uint8_t *tail;
    int result;

    if ((uint64_t)size > w->file)
        size = (int64_t)w->file;
    tail = va_new(size, 1);
    result = !tail ? -1
                   : va_input_read_all(w->fd, w->path, "a zip archive", tail, size,
                                       (int64_t)w->file - size);
    for (at = size - END_BYTES; result == 0 && at >= 0; at--)
        if (!memcmp(tail + at, "PK\5\6", 4) &&
            (int64_t)little(tail + at + 20, 2) <= size - END_BYTES - at)
            break;
    if (result == 0)
        result = at >= 0 ? read_end(w, tail, at, w->file - (uint64_t)(size - at))
                         : va_error(
                               "%s: zip: found no end record, expected a zip archive: the file "
                               "is cut short, or is none",
                               w->path);
    va_free(tail);
    return result;
}

/* ---- the directory ------------------------------------------------------------------------------- */

static int damaged(const struct walk *w)
{
    return va_error("%s: zip: the directory is damaged", w->path);
}

/* The next `size` bytes of the directory, which stay to be taken. NULL after reporting. */
static const uint8_t *look(struct walk *w, int64_t size)
{
    int64_t kept = w->filled - w->first, more = BUFFER - kept;

    if (kept >= size)
        return w->buffer + w->first;
    memmove(w->buffer, w->buffer + w->first, (size_t)kept);
    if ((uint64_t)more > w->left)
        more = (int64_t)w->left;
    if (va_input_read_all(w->fd, w->path, "a zip archive", w->buffer + kept, more,
                          (int64_t)w->at) < 0)
        return NULL;
    w->first = 0;
    w->filled = kept + more;
    w->at += (uint64_t)more;
    w->left -= (uint64_t)more;
    if (w->filled >= size)
        return w->buffer;
    damaged(w);
    return NULL;
}

/* A record of the directory. */
struct record {
    const char *name; /* [length], no end */
    int length;
    uint64_t flags, method, crc, packed, size, at;
};

/* Numbers that do not fit into 32 bits stand in a field of their own. -1: it is missing. */
static int find_large(struct record *r, const uint8_t *extra, int64_t bytes)
{
    uint64_t *const numbers[] = { &r->size, &r->packed, &r->at };
    int64_t i = 0, end = 0;

    for (int64_t at = 0; bytes - at >= 4 && !end; at += 4 + (int64_t)little(extra + at + 2, 2))
        if (little(extra + at, 2) == 1) {
            i = at + 4;
            end = i + (int64_t)little(extra + at + 2, 2);
        }
    if (end > bytes)
        return -1;
    for (size_t n = 0; n < VA_COUNT(numbers); n++) {
        if (*numbers[n] != UINT32_MAX)
            continue;
        if (end - i < 8)
            return -1;
        *numbers[n] = little(extra + i, 8);
        i += 8;
    }
    return 0;
}

/* 1; 0 at the end; -1 after reporting. */
static int read_record(struct walk *w, struct record *r)
{
    const uint8_t *head;
    int64_t extra, all;

    if (w->filled == w->first && !w->left)
        return 0;
    if (!(head = look(w, RECORD_BYTES)))
        return -1;
    if (memcmp(head, "PK\1\2", 4) != 0)
        return damaged(w);
    *r = (struct record){ .length = (int)little(head + 28, 2),
                          .flags = little(head + 8, 2),
                          .method = little(head + 10, 2),
                          .crc = little(head + 16, 4),
                          .packed = little(head + 20, 4),
                          .size = little(head + 24, 4),
                          .at = little(head + 42, 4) };
    extra = (int64_t)little(head + 30, 2);
    all = RECORD_BYTES + r->length + extra + (int64_t)little(head + 32, 2);
    if (!(head = look(w, all)))
        return -1;
    r->name = (const char *)head + RECORD_BYTES;
    w->first += all;
    if (memchr(r->name, 0, (size_t)r->length) ||
        find_large(r, head + RECORD_BYTES + r->length, extra) < 0)
        return damaged(w);
    return 1;
}

/* Whether a name has a part that is "..", or begins with a slash. */
static bool leads_out(const char *name)
{
    for (const char *at = name; (at = strstr(at, "..")); at++)
        if ((at == name || at[-1] == '/') && (at[2] == '/' || !at[2]))
            return true;
    return *name == '/';
}

/* As in folders: not what is hidden, and what is no picture. */
static bool is_wanted(const char *name)
{
    const char *last = strrchr(name, '/');

    return *name != '.' && !strstr(name, "/.") && !strstr(name, "//") &&
           va_image_name(last ? last + 1 : name);
}

/* `used`: the bytes of the members so far. */
static int check_member(const struct walk *w, const struct record *r, const char *name,
                        uint64_t end, uint64_t *used)
{
    if (r->flags & 1)
        return va_error("%s/%s: is encrypted, expected an archive without a password", w->path,
                        name);
    if (r->method != STORED && r->method != DEFLATED)
        return va_error("%s/%s: is compressed by method %llu, expected stored or deflated",
                        w->path, name, (unsigned long long)r->method);
    if ((r->method == STORED && r->packed != r->size) || r->packed > UINT32_MAX)
        return va_error("%s/%s: has %llu bytes in the archive and %llu outside, expected a "
                        "picture",
                        w->path, name, (unsigned long long)r->packed,
                        (unsigned long long)r->size);
    if (r->at > end || end - r->at < LOCAL_BYTES || r->packed > end - r->at - LOCAL_BYTES)
        return va_error("%s/%s: lies outside of the file: the archive is damaged", w->path,
                        name);
    *used += LOCAL_BYTES + r->packed;
    if (*used > end)
        return va_error("%s/%s: shares its bytes with others: the archive is damaged", w->path,
                        name);
    return 0;
}

/* Keep a record of which name[] is the name. */
static int add_member(struct directory *d, const struct record *r, const char *name)
{
    int64_t length = (int64_t)strlen(name) + 1;

    if (va_grow(&d->members, &d->room, d->count + 1, sizeof(*d->members)) < 0 ||
        va_grow(&d->names, &d->names_room, d->size + length, 1) < 0)
        return -1;
    memcpy(d->names + d->size, name, (size_t)length);
    d->size += length;
    d->members[d->count++] = (struct member){ .at = r->at,
                                              .packed = (uint32_t)r->packed,
                                              .size = r->size < UINT32_MAX ? (uint32_t)r->size
                                                                           : UINT32_MAX,
                                              .crc = (uint32_t)r->crc,
                                              .method = (uint32_t)r->method };
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int read_members(struct walk *w, struct directory *d)
{
    char text[NAME_MAX_BYTES + 1], *name;
    struct record r;
    uint64_t used = 0, count = 0;
    int got;

    d->end = w->at;
    for (; (got = read_record(w, &r)) > 0; count++) {
        if (r.length > NAME_MAX_BYTES)
            return va_error("%s: zip: found a name of %d bytes, expected at most %d", w->path,
                            r.length, NAME_MAX_BYTES);
        memcpy(text, r.name, (size_t)r.length);
        text[r.length] = 0;
        for (name = text; name[0] == '.' && name[1] == '/'; name += 2)
            ;
        if (leads_out(name))
            return va_error("%s: zip: found the name %s, expected names in the archive",
                            w->path, text);
        if (is_wanted(name) &&
            (check_member(w, &r, name, d->end, &used) < 0 || add_member(d, &r, name) < 0))
            return -1;
    }
    if (got == 0 && (count & w->most) != w->count)
        return va_error("%s: zip: found %llu members in the directory, expected %llu as in the "
                        "end record: it is damaged",
                        w->path, (unsigned long long)count, (unsigned long long)w->count);
    return got;
}

/* Names in their order, each once. */
static int sort_members(const char *path, struct directory *d)
{
    const char *name = d->names;

    for (int64_t i = 0; i < d->count; i++, name += strlen(name) + 1)
        d->members[i].name = name;
    if (d->count)
        qsort(d->members, (size_t)d->count, sizeof(*d->members), by_name);
    for (int64_t i = 1; i < d->count; i++)
        if (!strcmp(d->members[i - 1].name, d->members[i].name))
            return va_error("%s/%s: is there twice", path, d->members[i].name);
    return 0;
}

static void free_directory(struct directory *d)
{
    if (!d)
        return;
    va_free(d->members);
    va_free(d->names);
    va_free(d);
}

static struct directory *read_directory(const char *path, int fd, const struct stat *file)
{
    struct walk w = { .path = path, .fd = fd, .file = (uint64_t)file->st_size };
    struct directory *d = va_new(1, sizeof(*d));
    bool done;

    if (!d)
        return NULL;
    d->file = *file;
    done = (w.buffer = va_new_unset(BUFFER, 1)) && find_end(&w) == 0 &&
           read_members(&w, d) == 0 && sort_members(path, d) == 0;
    va_free(w.buffer);
    if (done)
        return d;
    free_directory(d);
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Under the lock: whether a file is the one that this run knows by the path. 0, or -1; that it has changed is said
 * once, not by each video and thread. */
static int check_same(const char *path, const struct stat *file)
{
    int64_t i = va_name_map_find(&by_path, path);
    struct archive new = { .file = *file };

    if (i >= 0 && is_same(&archives[i].file, file))
        return 0;
    if (i >= 0) {
        if (!archives[i].told || va_error_keeping())
            va_error("%s: has changed since it was opened: start again", path);
        archives[i].told = true;
        return -1;
    }
    if (va_grow(&archives, &archive_room, archive_count + 1, sizeof(new)) < 0 ||
        !(new.path = va_strdup(path)))
        return -1;
    if (va_name_map_add(&by_path, new.path, archive_count) < 0) {
        va_free(new.path);
        return -1;
    }
    archives[archive_count++] = new;
    return 0;
}

void va_zip_forget(void)
{
    pthread_mutex_lock(&lock);
    va_name_map_release(&by_path);
    while (archive_count)
        va_free(archives[--archive_count].path);
    va_free(archives);
    archives = NULL;
    archive_room = 0;
    pthread_mutex_unlock(&lock);
}

/* Under the lock. NULL after reporting. */
static struct directory *share(const char *path, int fd, const struct stat *file)
{
    struct directory *d = directories;

    if (check_same(path, file) < 0)
        return NULL;
    while (d && !is_same(&d->file, file))
        d = d->next;
    if (!d && (d = read_directory(path, fd, file))) {
        d->next = directories;
        directories = d;
    }
    if (d)
        d->users++;
    return d;
}

int va_zip_open(const char *path, struct va_zip **zip)
{
    size_t part = strcmp(path, "-") != 0 ? va_zip_part(path) : 0;
    struct va_zip *z = part ? va_new(1, sizeof(*z)) : NULL;
    struct stat file;
    int64_t size;
    int fd = -1;

    if (!part)
        return 0;
    if (z) {
        z->part = part;
        z->path = va_format("%.*s", (int)part, path);
        fd = z->path ? va_input_open(z->path, "a zip archive", &size) : -1;
    }
    if (fd >= 0 && fstat(fd, &file) == 0) {
        pthread_mutex_lock(&lock);
        z->directory = share(z->path, fd, &file);
        pthread_mutex_unlock(&lock);
    }
    if (fd >= 0)
        close(fd);
    if (z && z->directory) {
        *zip = z;
        return 1;
    }
    va_zip_close(z);
    return -1;
}

/* Under the lock: forget directories without users, but for `kept`. */
static void forget_others(const struct directory *kept)
{
    struct directory **at = &directories, *d;

    while ((d = *at)) {
        if (d->users || d == kept) {
            at = &d->next;
        } else {
            *at = d->next;
            free_directory(d);
        }
    }
}

void va_zip_close(struct va_zip *z)
{
    if (!z)
        return;
    pthread_mutex_lock(&lock);
    if (z->directory && --z->directory->users == 0)
        forget_others(z->directory);
    pthread_mutex_unlock(&lock);
    va_free(z->path);
    va_free(z);
}

/* ---- names --------------------------------------------------------------------------------------- */

/* The first member whose name is not below `name`. */
static int64_t not_below(const struct directory *d, const char *name)
{
    int64_t low = 0, high = d->count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (strcmp(d->members[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first member after the folder that begins with a name of `length` bytes: '0' follows '/'. */
static int64_t after_folder(const struct directory *d, const char *name, int length)
{
    char *end = va_format("%.*s%c", length, name, '/' + 1);
    int64_t i = end ? not_below(d, end) : -1;

    va_free(end);
    return i;
}

int va_zip_list(const struct va_zip *z, const char *path,
                int (*add)(void *arg, const char *name, bool folder), void *arg)
{
    const struct directory *d = z->directory;
    size_t begin = z->part + strspn(path + z->part, "/"), length = strlen(path);
    char *folder;
    int64_t i, first;
    int result = 0;

    while (length > begin && path[length - 1] == '/')
        length--;
    folder = va_format("%.*s%s", (int)(length - begin), path + begin,
                       length > begin ? "/" : "");
    if (!folder)
        return -1;
    length = strlen(folder);
    for (i = first = not_below(d, folder);
         result == 0 && i < d->count && !strncmp(d->members[i].name, folder, length);) {
        const char *name = d->members[i].name, *slash = strchr(name + length, '/');
        char *part = slash
                         ? va_format("%.*s", (int)(slash - name - (long)length), name + length)
                         : va_strdup(name + length);

        i = slash ? after_folder(d, name, (int)(slash - name)) : i + 1;
        result = part && i > 0 ? add(arg, part, slash) : -1;
        va_free(part);
    }
    if (result == 0 && i == first && length)
        result = va_error("%s: found no picture in such a folder of the archive", path);
    va_free(folder);
    return result;
}

int64_t va_zip_find(const struct va_zip *z, const char *path)
{
    const struct directory *d = z->directory;
    const char *name = path + z->part + strspn(path + z->part, "/");
    int64_t i = not_below(d, name);

    if (i < d->count && !strcmp(d->members[i].name, name))
        return i;
    return va_error("%s: found no such picture in the archive", path);
}

int64_t va_zip_size(const struct va_zip *z, int64_t member)
{
    return z->directory->members[member].size;
}

/* ---- bytes --------------------------------------------------------------------------------------- */

static const char damage[] = "broken image: its bytes in the archive are damaged";

/* Where the bytes of a member begin; 0: nothing like a member is there; -1 with errno. */
static int64_t find_bytes(const struct directory *d, const struct member *m, int fd)
{
    uint8_t head[LOCAL_BYTES];
    int64_t n = va_input_read(fd, head, LOCAL_BYTES, (int64_t)m->at);
    uint64_t at;

    if (n < 0)
        return -1;
    at = m->at + LOCAL_BYTES + little(head + 26, 2) + little(head + 28, 2);
    return n == LOCAL_BYTES && !memcmp(head, "PK\3\4", 4) && at <= d->end &&
                   m->packed <= d->end - at
               ? (int64_t)at
               : 0;
}

/* All of a member that is `deflated`: 1, 0 when it is damaged, -1 with errno. */
static int inflate_all(const struct member *m, int fd, int64_t at, uint8_t *data)
{
    z_stream z = { .next_out = data, .avail_out = m->size };
    uint8_t piece[PIECE];
    int64_t left = m->packed, n = 0;
    int state = inflateInit2(&z, -MAX_WBITS); /* no header */

    if (state != Z_OK) {
        errno = ENOMEM;
        return -1;
    }
    for (; state == Z_OK && left > 0; left -= n, at += n) {
        n = va_input_read(fd, piece, left < PIECE ? left : PIECE, at);
        if (n <= 0)
            break;
        z.next_in = piece;
        z.avail_in = (uInt)n;
        state = inflate(&z, n == left ? Z_FINISH : Z_NO_FLUSH);
    }
    inflateEnd(&z);
    errno = state == Z_MEM_ERROR ? ENOMEM : errno;
    return n < 0 || state == Z_MEM_ERROR ? -1 : state == Z_STREAM_END && z.avail_out == 0;
}

static int read_bytes(const struct directory *d, const struct member *m, int fd, uint8_t *data,
                      const char **why)
{
    int64_t at = find_bytes(d, m, fd), n;
    int got = at < 0 ? -1 : at > 0;

    if (got > 0 && m->method == DEFLATED) {
        got = inflate_all(m, fd, at, data);
    } else if (got > 0) {
        n = va_input_read(fd, data, m->size, at);
        got = n < 0 ? -1 : n == m->size;
    }
    if (got == 0)
        *why = damage;
    if (got > 0 && crc32_z(0, data, m->size) != m->crc) {
        *why = "broken image: its checksum is not the one in the archive";
        return 0;
    }
    return got;
}

int va_zip_read(const struct va_zip *z, int64_t member, uint8_t *data, const char **why)
{
    const struct directory *d = z->directory;
    struct stat file;
    int64_t size;
    int fd = va_input_open(z->path, "a zip archive", &size), got = -1, same = -1;

    if (fd < 0)
        return -1;
    if (fstat(fd, &file) < 0) {
        va_error_read(z->path, "open");
    } else {
        pthread_mutex_lock(&lock);
        same = check_same(z->path, &file);
        pthread_mutex_unlock(&lock);
    }
    if (same == 0 && (got = read_bytes(d, &d->members[member], fd, data, why)) < 0)
        va_error_read(z->path, "read");
    close(fd);
    return got;
}
