/* Zip archives of pictures: the folders in them, and the bytes of members of up to 1 MiB. */
#include "test/fuzz/fuzz.h"

#include "base/va_mem.h"
#include "media/va_crops.h"
#include "media/va_zip.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMBER_MAX = 1 << 20, FOLDERS_MAX = 64, READ_MAX = 64 };

static void read_member(const struct va_zip *z, const char *folder, const char *name)
{
    static uint8_t data[MEMBER_MAX];
    char *path = va_format("%s/%s", folder, name);
    int64_t member = path ? va_zip_find(z, path) : -1;
    const char *why = NULL;

    if (member < 0)
        fuzz_found("a picture that is listed and not there");
    if (va_zip_size(z, member) <= MEMBER_MAX && va_zip_read(z, member, data, &why) == 1)
        fuzz_use(data, (size_t)va_zip_size(z, member));
    va_free(path);
}

static void read_folder(const char *path)
{
    struct va_crops c = { 0 };

    if (va_crops_read(&c, path, false) == 0)
        for (int64_t i = 0; c.zip && i < c.count && i < READ_MAX; i++)
            read_member(c.zip, path, c.items[i].name);
    va_crops_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct timespec
        times[2]; /* another file each time, within the same tick of the clock, too */
    const char *file = fuzz_file(data, size);
    char *path = va_format("%s.zip", file), **folders = NULL;
    int64_t count = 0, room = 0;

    times[0].tv_sec = ++times[1].tv_sec;
    if (!path || utimensat(AT_FDCWD, file, times, 0) < 0 ||
        (symlink(file, path) < 0 && access(path, R_OK) < 0))
        fuzz_found("no such file");
    fuzz_begin();
    (void)!va_crops_find(path, &folders, &count, &room);
    for (int64_t i = 0; i < count; i++) {
        if (i < FOLDERS_MAX)
            read_folder(folders[i]);
        va_free(folders[i]);
    }
    va_zip_forget();
    fuzz_end();
    unlink(path);
    va_free(folders);
    va_free(path);
    return 0;
}
