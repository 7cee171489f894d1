#include "tools/decode/va_crop_folders.h"

#include "base/va_error.h"
#include "base/va_lock.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "media/va_encode.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUALITY = 95 };

struct folder {
    char *path, *part;
    struct va_lock *lock;
    int64_t crops;
    bool begun; /* the part exists */
};

struct va_crop_folders {
    struct folder *items; /* [count] */
    int64_t count;
};

static int begin(struct folder *f, const char *dir, const char *name)
{
    f->path = va_format("%s/%s", dir, name);
    f->part = f->path ? va_format("%s/.%s.part", dir, name) : NULL;
    if (!f->part || !(f->lock = va_lock_take(f->path)))
        return -1;
    if (rmdir(f->path) < 0 && errno != ENOENT)
        return va_error("%s: exists, expected no such folder: remove it or choose another "
                        "--crops DIR",
                        f->path);
    if (mkdir(f->part, 0777) < 0 && errno != EEXIST)
        return va_error_write(f->part, "create");
    f->begun = true;
    return va_clear_folder(f->part); /* of a run that was killed */
}

struct va_crop_folders *va_crop_folders_new(const char *dir, const struct va_cropper *c)
{
    struct va_crop_folders *f = va_new(1, sizeof(*f));
    int64_t count = va_cropper_count(c);
    int result = f && va_make_folder(dir) == 0 ? 0 : -1;

    if (result == 0 && !(f->items = va_new(count, sizeof(*f->items))))
        result = -1;
    while (result == 0 && f->count < count) {
        result = begin(&f->items[f->count], dir, va_cropper_name(c, f->count));
        f->count++;
    }
    if (result == 0)
        return f;
    va_crop_folders_free(f);
    return NULL;
}

static int write_bytes(const char *path, const uint8_t *bytes, int64_t size)
{
    FILE *f = fopen(path, "wb");
    size_t done = f ? fwrite(bytes, 1, (size_t)size, f) : 0;
    int why = errno; /* of the write: closing would forget it */

    if (f && fclose(f) == 0 && done == (size_t)size)
        return 0;
    if (done < (size_t)size)
        errno = why;
    return va_error_write(path, "write");
}

int va_crop_folders_put(struct va_crop_folders *f, int64_t i, const struct va_frame *crop)
{
    struct folder *to = &f->items[i];
    char *path = va_format("%s/%05lld.jpg", to->part, (long long)crop->index);
    uint8_t *bytes = NULL;
    int64_t size = 0;
    int result = -1;

    if (path && va_jpeg_bytes(path, crop->pixels, crop->width, crop->height, QUALITY, &bytes,
                              &size) == 0)
        result = write_bytes(path, bytes, size);
    to->crops++;
    va_free(bytes);
    va_free(path);
    return result;
}

int va_crop_folders_commit(struct va_crop_folders *f)
{
    for (int64_t i = 0; i < f->count; i++) {
        struct folder *to = &f->items[i];

        if (to->crops == 0)
            continue;
        if (rename(to->part, to->path) < 0)
            return va_error_write(to->path, "write");
        to->begun = false;
    }
    return 0;
}

void va_crop_folders_free(struct va_crop_folders *f)
{
    if (!f)
        return;
    for (int64_t i = 0; i < f->count; i++) {
        struct folder *to = &f->items[i];

        if (to->begun && (va_clear_folder(to->part) < 0 || rmdir(to->part) < 0))
            va_warn("%s: cannot be removed", to->part);
        va_lock_release(to->lock);
        va_free(to->part);
        va_free(to->path);
    }
    va_free(f->items);
    va_free(f);
}
