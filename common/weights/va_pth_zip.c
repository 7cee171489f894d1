/*
 * The zip format: ARCHIVE/data.pkl, ARCHIVE/byteorder, ARCHIVE/data/KEY for each storage. What
 * ARCHIVE is called does not matter; nothing is ever written under the names of entries.
 *
 * libzip reads the archive. It keeps the whole central directory in memory, so that is bounded
 * first, for every end record that libzip might take. Entries must not overlap (all of them
 * together are no longer than the file) nor grow much when they are uncompressed.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "weights/va_pth_priv.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

enum {
    DIRECTORY_MAX = 16 << 20, /* bytes; an entry takes some 60 */
    ENTRIES_MAX = 1 << 17,
    RECORD_BYTES = 46,   /* of an entry in the directory, before its name */
    LOCAL_BYTES = 30,    /* before an entry, and its name there */
    END_BYTES = 22,      /* the end record */
    LOCATOR_BYTES = 20,  /* before it in a large archive */
    END64_BYTES = 56,    /* where the locator points to */
    COMMENT_MAX = 65535, /* behind the end record */
    GROWTH_MAX = 8,      /* uncompressed bytes to bytes of the file */
    GROWTH_FREE = 1 << 20,
};

struct va_pth_zip {
    zip_t *zip;
    const char *archive; /* libzip's: the name of entry 0, of which `prefix` bytes count */
    int prefix;
    uint64_t directory, directory_bytes; /* where the last end record says that it lies */
};

/* ---- the end of the file ----------------------------------------------------------------- */

static uint64_t little(const uint8_t *bytes, int width)
{
    uint64_t n = 0;

    for (int i = width - 1; i >= 0; i--)
        n = n << 8 | bytes[i];
    return n;
}

static int check_directory(const struct va_pth_file *f, uint64_t at, uint64_t bytes,
                           uint64_t entries)
{
    f->zip->directory = at;
    f->zip->directory_bytes = bytes;
    if (bytes > DIRECTORY_MAX || entries > ENTRIES_MAX)
        return va_error(
            "%s: zip: found a directory of %llu entries and %llu bytes, expected at "
            "most %d and %d",
            f->path, (unsigned long long)entries, (unsigned long long)bytes, ENTRIES_MAX,
            DIRECTORY_MAX);
    return 0;
}

/* An end record at tail[at], with what a locator before it leads to. */
static int check_end(const struct va_pth_file *f, const uint8_t *tail, int64_t at)
{
    const uint8_t *end = tail + at, *locator = end - LOCATOR_BYTES;
    uint8_t end64[END64_BYTES];
    uint64_t where;

    if (at < LOCATOR_BYTES || memcmp(locator, "PK\6\7", 4) != 0)
        return check_directory(f, little(end + 16, 4), little(end + 12, 4),
                               little(end + 10, 2));
    where = little(locator + 8, 8);
    if (where > (uint64_t)(f->size - END64_BYTES))
        return va_error("%s: zip: the end record lies outside of the file", f->path);
    if (va_pth_read_at(f, end64, END64_BYTES, (int64_t)where) < 0)
        return -1;
    return check_directory(f, little(end64 + 48, 8), little(end64 + 40, 8),
                           little(end64 + 32, 8));
}

static int check_tail(const struct va_pth_file *f)
{
    int64_t size = COMMENT_MAX + END_BYTES + LOCATOR_BYTES, ends = 0;
    uint8_t *tail;
    int result;

    if (f->size < END64_BYTES)
        return va_error("%s: file ends early, expected a zip archive", f->path);
    if (size > f->size)
        size = f->size;
    tail = va_new(size, 1);
    result = tail ? va_pth_read_at(f, tail, size, f->size - size) : -1;
    for (int64_t at = 0; at + END_BYTES <= size && result == 0; at++)
        if (tail[at] == 'P' && memcmp(tail + at, "PK\5\6", 4) == 0) {
            result = check_end(f, tail, at);
            ends++;
        }
    if (result == 0 && !ends)
        result = va_error("%s: zip: found no end record, expected one: the file is cut short",
                          f->path);
    va_free(tail);
    return result;
}

/* ---- entries ---------------------------------------------------------------------------- */

/* libzip's reason; where it is the system's, the file is not to blame. */
static int zip_failed(const struct va_pth_file *f, const char *place, zip_error_t *e)
{
    errno = 0;
    if (zip_error_code_zip(e) == ZIP_ER_MEMORY)
        errno = ENOMEM;
    else if (zip_error_system_type(e) == ZIP_ET_SYS)
        errno = zip_error_code_system(e);
    if (!errno && va_mem_short()) /* libzip's way of saying so is "not a zip archive" */
        errno = ENOMEM;
    return errno ? va_error_read(f->path, "read")
                 : va_error("%s: %s: %s", f->path, place, zip_error_strerror(e));
}

/* Every entry is ARCHIVE/..., once, in plain, stored or deflated. */
static int check_entry(const struct va_pth_file *f, zip_int64_t i, const zip_stat_t *st)
{
    const zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    const struct va_pth_zip *z = f->zip;
    int prefix = z->prefix;

    if ((st->valid & needed) != needed)
        return va_error("%s: zip: entry %lld is damaged", f->path, (long long)i);
    if (strncmp(st->name, z->archive, (size_t)prefix) != 0 || strstr(st->name, "/../"))
        return va_error("%s: zip: found entry '%.200s', expected names in folder '%.*s'",
                        f->path, st->name, prefix < 100 ? prefix : 100, z->archive);
    if (zip_name_locate(z->zip, st->name, 0) != i)
        return va_error("%s: zip: found entry '%.200s' twice", f->path, st->name);
    if (st->encryption_method != ZIP_EM_NONE)
        return va_error("%s: zip: entry '%.200s' is encrypted", f->path, st->name);
    if (st->comp_method != ZIP_CM_STORE && st->comp_method != ZIP_CM_DEFLATE)
        return va_error(
            "%s: zip: entry '%.200s' is compressed by method %d, expected stored or "
            "deflate",
            f->path, st->name, (int)st->comp_method);
    if (st->comp_method == ZIP_CM_STORE && st->comp_size != st->size)
        return va_error("%s: zip: entry '%.200s' is stored in %llu bytes, expected %llu",
                        f->path, st->name, (unsigned long long)st->comp_size,
                        (unsigned long long)st->size);
    return 0;
}

static int check_entries(struct va_pth_file *f)
{
    struct va_pth_zip *z = f->zip;
    zip_int64_t count = zip_get_num_entries(z->zip, 0);
    uint64_t stored = 0, size = 0, file = (uint64_t)f->size;
    const char *slash;

    z->archive = count > 0 ? zip_get_name(z->zip, 0, 0) : NULL;
    slash = z->archive ? strchr(z->archive, '/') : NULL;
    z->prefix = slash ? (int)(slash - z->archive) + 1 : 0;
    if (z->prefix < 2 || strncmp(z->archive, "./", 2) == 0 ||
        strncmp(z->archive, "../", 3) == 0)
        return va_error("%s: zip: found %s%.200s, expected entries in one folder", f->path,
                        z->archive ? "entry " : "no entry", z->archive ? z->archive : "");
    for (zip_int64_t i = 0; i < count; i++) {
        zip_stat_t st;

        if (zip_stat_index(z->zip, (zip_uint64_t)i, 0, &st) < 0)
            return zip_failed(f, "zip", zip_get_error(z->zip));
        if (check_entry(f, i, &st) < 0)
            return -1;
        if (st.comp_size > file - stored)
            return va_error("%s: zip: entries overlap, or the file is cut short", f->path);
        stored += st.comp_size;
        if (st.size > file * GROWTH_MAX + GROWTH_FREE - size)
            return va_error(
                "%s: zip: entries grow to more than %d times the file when they are "
                "uncompressed, expected less",
                f->path, GROWTH_MAX);
        size += st.size;
    }
    return 0;
}

/* The index of ARCHIVE/NAME; -1 where there is none, not reported. */
static zip_int64_t find(const struct va_pth_zip *z, const char *name, int length)
{
    char *full = va_format("%.*s%.*s", z->prefix, z->archive, length, name);
    zip_int64_t i = full ? zip_name_locate(z->zip, full, 0) : -1;

    va_free(full);
    return i;
}

/* PyTorch can be told to save without checksums; it then writes 0 for them. */
static bool without_sum(const struct va_pth_file *f, zip_int64_t i, zip_file_t *in)
{
    zip_stat_t st;

    return zip_error_code_zip(zip_file_get_error(in)) == ZIP_ER_CRC &&
           zip_stat_index(f->zip->zip, (zip_uint64_t)i, 0, &st) == 0 && st.crc == 0;
}

/* All bytes of an entry, and beyond them its end, where libzip compares the checksum. */
static int read_entry(const struct va_pth_file *f, zip_int64_t i, void *buffer, int64_t size)
{
    zip_t *zip = f->zip->zip;
    zip_file_t *in = zip_fopen_index(zip, (zip_uint64_t)i, 0);
    const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
    uint8_t *to = buffer, beyond;
    zip_int64_t n = 0;
    int result = 0;

    if (!in)
        return zip_failed(f, name, zip_get_error(zip));
    while (size > 0 && (n = zip_fread(in, to, (zip_uint64_t)size)) > 0) {
        to += n;
        size -= n;
    }
    if (size == 0)
        n = zip_fread(in, &beyond, 1);
    if (n < 0 && (size > 0 || !without_sum(f, i, in)))
        result = zip_failed(f, name, zip_file_get_error(in));
    else if (n > 0 || size > 0)
        result = va_error("%s: %s: found %s bytes than the directory says", f->path, name,
                          n > 0 ? "more" : "fewer");
    zip_fclose(in);
    return result;
}

/* ---- what the archive holds --------------------------------------------------------------- */

static int check_order(const struct va_pth_file *f)
{
    zip_int64_t i = find(f->zip, "byteorder", 9);
    zip_stat_t st;
    char order[8] = "";

    if (i < 0)
        return 0; /* before version 2.1, on all machines that matter little-endian */
    if (zip_stat_index(f->zip->zip, (zip_uint64_t)i, 0, &st) < 0 || st.size >= sizeof(order))
        return va_error("%s: byteorder: found another content, expected little", f->path);
    if (read_entry(f, i, order, (int64_t)st.size) < 0)
        return -1;
    if (strcmp(order, "little") != 0)
        return va_error("%s: byteorder: found %s, expected little", f->path, order);
    return 0;
}

static int read_pickle(struct va_pth_file *f)
{
    zip_int64_t i = find(f->zip, "data.pkl", 8);
    struct va_pth_pickle *p = &f->pickle;
    zip_stat_t st;

    if (i < 0 || zip_stat_index(f->zip->zip, (zip_uint64_t)i, 0, &st) < 0)
        return va_error("%s: zip: found no %.*sdata.pkl, expected a checkpoint of PyTorch",
                        f->path, f->zip->prefix < 100 ? f->zip->prefix : 0, f->zip->archive);
    if (st.size >= VA_PTH_PICKLE_MAX)
        return va_error("%s: data.pkl: found %llu bytes, expected fewer than %d", f->path,
                        (unsigned long long)st.size, VA_PTH_PICKLE_MAX);
    p->size = (int64_t)st.size;
    p->part = "data.pkl: ";
    p->bytes = va_new(p->size, 1);
    if (!p->bytes || read_entry(f, i, p->bytes, p->size) < 0)
        return -1;
    f->top = va_pth_unpickle(p);
    if (!f->top)
        return -1;
    if (p->at != p->size)
        return va_error("%s: data.pkl: found %lld bytes after the pickle, expected the end",
                        f->path, (long long)(p->size - p->at));
    return 0;
}

/* The entry of every storage that the pickle names, in the size that it says. */
static int find_storages(struct va_pth_file *f)
{
    struct va_pth_pickle *p = &f->pickle;
    struct va_pth_zip *z = f->zip;
    int64_t entries = zip_get_num_entries(z->zip, 0);

    f->storage_count = entries; /* an id is an index in the archive */
    f->storage_bytes = va_new(entries, sizeof(*f->storage_bytes));
    if (!f->storage_bytes)
        return -1;
    for (int64_t u = 0; u < p->use_count; u++) {
        struct va_pth_use *use = &p->uses[u];
        int length = (int)use->key_length;
        const char *key = (const char *)p->bytes + use->key_at;
        char *name = va_format("data/%.*s", length, key);
        int64_t bytes = use->count * use->type->size;
        zip_stat_t st;

        if (!name)
            return -1;
        use->id = find(z, name, (int)strlen(name));
        va_free(name);
        if (use->id < 0 || zip_stat_index(z->zip, (zip_uint64_t)use->id, 0, &st) < 0)
            return va_error("%s: data/%.*s: storage is missing, expected %lld bytes", f->path,
                            length, key, (long long)bytes);
        if (st.size != (uint64_t)bytes)
            return va_error("%s: data/%.*s: found a storage of %llu bytes, expected %lld",
                            f->path, length, key, (unsigned long long)st.size,
                            (long long)bytes);
        f->storage_bytes[use->id] = bytes;
    }
    return 0;
}

/* Where the bytes of storage i lie, of which this is the record in the directory: -1 where it is not plainly so. */
static int find_bytes(struct va_pth_file *f, int64_t i, const uint8_t *record)
{
    const char *name = zip_get_name(f->zip->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
    uint64_t length = little(record + 28, 2), at = little(record + 42, 4);
    uint64_t bytes = (uint64_t)f->storage_bytes[i];
    uint8_t head[LOCAL_BYTES];

    if (!name || strlen(name) != length || memcmp(name, record + RECORD_BYTES, length) != 0 ||
        little(record + 10, 2) != ZIP_CM_STORE || little(record + 20, 4) != bytes ||
        little(record + 24, 4) != bytes || at > (uint64_t)(f->size - LOCAL_BYTES))
        return 0;
    if (va_pth_read_at(f, head, LOCAL_BYTES, (int64_t)at) < 0)
        return -1;
    at += LOCAL_BYTES + little(head + 26, 2) + little(head + 28, 2);
    if (memcmp(head, "PK\3\4", 4) == 0 && at <= (uint64_t)f->size &&
        bytes <= (uint64_t)f->size - at)
        f->begin[i] = (int64_t)at;
    return 0;
}

/* libzip does not say where an entry lies, so the directory is read once more. */
static int find_data(struct va_pth_file *f)
{
    uint64_t size = f->zip->directory_bytes, at = f->zip->directory, next;
    uint8_t *bytes = NULL;
    int result = 0;

    f->begin = va_new(f->storage_count, sizeof(*f->begin));
    if (!f->begin)
        return -1;
    for (int64_t i = 0; i < f->storage_count; i++)
        f->begin[i] = -1;
    if (at > (uint64_t)f->size || size > (uint64_t)f->size - at)
        return 0;
    bytes = va_new((int64_t)size + 1, 1);
    if (!bytes || va_pth_read_at(f, bytes, (int64_t)size, (int64_t)at) < 0)
        result = -1;
    at = 0;
    for (int64_t i = 0; i < f->storage_count && result == 0; i++, at = next) {
        const uint8_t *record = bytes + at;

        if (size - at < RECORD_BYTES || memcmp(record, "PK\1\2", 4) != 0)
            break;
        next = at + RECORD_BYTES + little(record + 28, 2) + little(record + 30, 2) +
               little(record + 32, 2);
        if (next > size)
            break;
        if (f->storage_bytes[i])
            result = find_bytes(f, i, record);
    }
    va_free(bytes);
    return result;
}

int va_pth_zip_open(struct va_pth_file *f)
{
    zip_error_t error;
    int code = 0, fd;

    f->zip = va_new(1, sizeof(*f->zip));
    if (!f->zip || check_tail(f) < 0)
        return -1;
    fd = dup(f->fd);
    if (fd < 0)
        return va_error_machine("%s: cannot open: %s", f->path, strerror(errno));
    f->zip->zip = zip_fdopen(fd, 0, &code);
    if (!f->zip->zip) {
        zip_error_init_with_code(&error, code); /* takes errno along */
        zip_failed(f, "zip", &error);
        zip_error_fini(&error);
        close(fd);
        return -1;
    }
    return check_entries(f) < 0 || check_order(f) < 0 || read_pickle(f) < 0 ||
                   find_storages(f) < 0 || find_data(f) < 0
               ? -1
               : 0;
}

int va_pth_zip_storage(const struct va_pth_file *f, int64_t id, void *buffer)
{
    return read_entry(f, id, buffer, f->storage_bytes[id]);
}

void va_pth_zip_close(struct va_pth_zip *z)
{
    if (!z)
        return;
    if (z->zip)
        zip_discard(z->zip);
    va_free(z);
}
