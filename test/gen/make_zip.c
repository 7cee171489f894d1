/*
 * make_zip [-d] OUT.zip FOLDER - the files below a folder, stored or (-d) deflated, under the names that they have in it.
 * make_zip COUNT OUT.zip FILE  - the same file COUNT times, as v/0000001.jpg, ...
 * make_zip -e OUT.zip FILE     - a file, encrypted
 *
 * libzip writes them, not what reads them in the tools. Entries have one time.
 */
#include "base/va_mem.h"
#include "base/va_tool.h"
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

static zip_t *zip;
static size_t folder; /* bytes of its name, with the slash */
static int method = ZIP_CM_STORE;

static zip_int64_t add(const char *path, const char *name)
{
    zip_source_t *source = zip_source_file(zip, path, 0, -1);
    zip_int64_t i = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;

    if (i >= 0 && (zip_set_file_compression(zip, (zip_uint64_t)i, method, 0) < 0 ||
                   zip_file_set_dostime(zip, (zip_uint64_t)i, 0, 0x21, 0) < 0))
        return -1;
    return i;
}

static int add_found(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)at;
    return kind == FTW_F && add(path, path + folder) < 0 ? -1 : 0;
}

static int add_copies(int64_t count, const char *path)
{
    int result = 0;

    for (int64_t i = 1; i <= count && result == 0; i++) {
        char *name = va_format("v/%07lld.jpg", (long long)i);

        result = name && add(path, name) >= 0 ? 0 : -1;
        va_free(name);
    }
    return result;
}

static int add_all(const char *how, const char *from)
{
    if (atoll(how) > 0)
        return add_copies(atoll(how), from);
    if (!strcmp(how, "-e"))
        return add(from, "1.jpg") == 0
                   ? zip_file_set_encryption(zip, 0, ZIP_EM_TRAD_PKWARE, "x")
                   : -1;
    method = strcmp(how, "-d") ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
    folder = strlen(from) + 1;
    return nftw(from, add_found, 8, FTW_PHYS);
}

int main(int argc, char **argv)
{
    const char *how = argc > 3 ? argv[1] : "-s", *out = argc > 2 ? argv[argc - 2] : NULL;
    int result = -1;

    va_tool_init("make_zip");
    if (argc < 3 || argc > 4)
        return va_tool_finish(VA_EXIT_USAGE);
    zip = zip_open(out, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    if (zip && add_all(how, argv[argc - 1]) == 0)
        result = zip_close(zip);
    if (result < 0)
        va_error_machine("%s: cannot write: %s", out, zip ? zip_strerror(zip) : "");
    return va_tool_finish(va_tool_status(result));
}
