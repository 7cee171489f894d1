/*
 * make_pth CASE OUT - a checkpoint of PyTorch, good or hostile.
 * make_pth list     - the hostile cases: name, and what is to be said of the file.
 * make_pth pickle CASE OUT - the pickle of a case alone.
 * make_pth wrap PICKLE OUT - a pickle from a file in an archive with one storage.
 *
 * Good: zip, zip4 (protocol 4), objects (beside the tensors), module (a whole one), two (dicts), no-sum, deflated, legacy, legacy-view;
 * pickle is that of zip alone.
 */
#include "test/pth_hostile.h"
#include <stdbool.h>
#include <zip.h>

static const float numbers[FLOATS] = { 0, 1, 2, 3, 4, 5 };

/* ---- archives that lie ------------------------------------------------------------------- */

struct entry {
    const char *name, *text; /* NULL: the pickle of a tensor; data/0 gets its numbers */
};

static void write_entries(FILE *f, const struct entry *e)
{
    struct pth_bytes pickle = { 0 };
    struct zip_build zip;

    pickle_of(&pickle, &whole);
    zip_build_begin(&zip, f);
    for (; e->name; e++) {
        const void *data = e->text ? (const void *)e->text : pickle.data;
        size_t size = e->text ? strlen(e->text) : pickle.size;

        if (!e->text && strstr(e->name, "/0")) {
            data = numbers;
            size = sizeof(numbers);
        }
        zip_build_add(&zip, e->name, data, size);
    }
    zip_build_finish(&zip);
    free(pickle.data);
}

static const struct archive_case {
    const char *name, *said;
    struct entry entries[5];
} archives[] = {
    { "no-pickle",
      "zip: found no a/data.pkl, expected a checkpoint of PyTorch",
      { { "a/data/0", NULL } } },
    { "duplicate",
      "zip: found entry 'a/data.pkl' twice",
      { { "a/data.pkl", NULL }, { "a/data/0", NULL }, { "a/data.pkl", "x" } } },
    { "dotdot",
      "zip: found entry ../data.pkl, expected entries in one folder",
      { { "../data.pkl", NULL }, { "../data/0", NULL } } },
    { "absolute",
      "zip: found entry /etc/data.pkl, expected entries in one folder",
      { { "/etc/data.pkl", NULL } } },
    { "climbing",
      "zip: found entry 'a/../../etc/passwd', expected names in folder 'a/'",
      { { "a/data.pkl", NULL }, { "a/data/0", NULL }, { "a/../../etc/passwd", "x" } } },
    { "two-folders",
      "zip: found entry 'b/data/0', expected names in folder 'a/'",
      { { "a/data.pkl", NULL }, { "b/data/0", NULL } } },
    { "no-folder",
      "zip: found entry data.pkl, expected entries in one folder",
      { { "data.pkl", NULL }, { "data/0", NULL } } },
    { "big-endian",
      "byteorder: found big, expected little",
      { { "a/data.pkl", NULL }, { "a/data/0", NULL }, { "a/byteorder", "big" } } },
    { "order-long",
      "byteorder: found another content, expected little",
      { { "a/data.pkl", NULL }, { "a/data/0", NULL }, { "a/byteorder", "little or big" } } },
    { "nothing",
      "data.pkl: byte 0: pickle ends early, expected 1 bytes more",
      { { "a/data.pkl", "" }, { "a/data/0", NULL } } },
};

/* Places in a good archive, from its end: the end record, the directory's line of a/data/0. */
enum { END = -22, LINE = END - 46 - 8 };

/* Bytes of a good archive replaced; one of these is good again. */
static const struct spoiled_case {
    const char *name, *said;
    long at;
    const char *bytes;
    size_t size;
} spoiled[] = {
    { "no-sum", NULL, LINE + 16, "\0\0\0\0", 4 },
    { "sum", "a/data/0: CRC error", LINE + 16, "\x7f", 1 },
    { "method", "zip: entry 'a/data/0' is compressed by method 12, expected stored or deflate",
      LINE + 10, "\x0c", 1 },
    { "encrypted", "zip: entry 'a/data/0' is encrypted", LINE + 8, "\x01", 1 },
    { "stored-size", "zip: entry 'a/data/0' is stored in 24 bytes, expected 2147483647",
      LINE + 24, "\xff\xff\xff\x7f", 4 },
    { "sizes", "zip: entries overlap, or the file is cut short", LINE + 20,
      "\xff\xff\xff\x7f\xff\xff\xff\x7f", 8 },
    { "no-end", "zip: found no end record, expected one: the file is cut short", END, "XX", 2 },
    { "directory",
      "zip: found a directory of 2 entries and 2130706542 bytes, expected at most "
      "131072 and 16777216",
      END + 15, "\x7f", 1 },
    { "directory-place", "zip: Zip archive inconsistent", END + 16, "\1\1\1", 3 },
};

static void write_spoiled(FILE *f, const struct spoiled_case *c)
{
    write_entries(f, (const struct entry[]){
                         { "a/data.pkl", NULL }, { "a/data/0", NULL }, { NULL, NULL } });
    if (fseek(f, c->at, SEEK_END) || fwrite(c->bytes, 1, c->size, f) != c->size)
        abort();
}

/* A directory said to be enormous, by records of zip64, in a file with a hole as large. */
static void directory64(FILE *f, uint64_t where)
{
    const uint64_t hole = (uint64_t)1 << 30;
    struct pth_bytes b = { 0 };

    write_entries(f, (const struct entry[]){
                         { "a/data.pkl", NULL }, { "a/data/0", NULL }, { NULL, NULL } });
    PTH(&b, "PK\6\6");
    pth_little(&b, 44, 8);
    pth_little(&b, 45 | 45 << 16, 4);
    pth_little(&b, 0, 8);
    pth_little(&b, hole / 64, 8);
    pth_little(&b, hole / 64, 8);
    pth_little(&b, hole, 8);
    pth_little(&b, 0, 8);
    PTH(&b, "PK\6\7\0\0\0\0");
    pth_little(&b, where, 8);
    PTH(&b, "\1\0\0\0PK\5\6\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    if (fseek(f, (long)hole, SEEK_SET) || fwrite(b.data, 1, b.size, f) != b.size)
        abort();
    free(b.data);
}

static void huge_directory(FILE *f)
{
    directory64(f, (uint64_t)1 << 30);
}

static void far_directory(FILE *f)
{
    directory64(f, UINT64_MAX - 8);
}

/* A hundred lines of a directory about the same megabyte. */
static void overlapping(FILE *f)
{
    enum { BYTES = 1 << 20, LINES = 100 };
    struct pth_bytes b = { 0 };
    size_t directory;

    PTH(&b, "PK\3\4\x14\0\0\0\0\0\0\0\0\0");
    pth_little(&b, 0, 4);
    pth_little(&b, BYTES, 4);
    pth_little(&b, BYTES, 4);
    pth_little(&b, 4, 4);
    PTH(&b, "a/00");
    for (int i = 0; i < BYTES / 8; i++)
        pth_little(&b, 0, 8);
    directory = b.size;
    for (int i = 0; i < LINES; i++) {
        PTH(&b, "PK\1\2\x14\0\x14\0\0\0\0\0\0\0\0\0");
        pth_little(&b, 0, 4);
        pth_little(&b, BYTES, 4);
        pth_little(&b, BYTES, 4);
        pth_little(&b, 4, 8);
        pth_little(&b, 0, 8);
        pth_little(&b, 0, 2);
        pth_raw(&b, (char[]){ 'a', '/', (char)('0' + i / 10), (char)('0' + i % 10) }, 4);
    }
    PTH(&b, "PK\5\6\0\0\0\0");
    pth_little(&b, LINES | LINES << 16, 4);
    pth_little(&b, LINES * 50, 4);
    pth_little(&b, directory, 4);
    pth_little(&b, 0, 2);
    fwrite(b.data, 1, b.size, f);
    free(b.data);
}

/* An archive with entries that are compressed: a storage of `count` zeros. */
static void write_deflated(const char *path, long long count)
{
    const struct pth_spec spec = { "FloatStorage", "0", count, 0, 1, { count }, { 1 } };
    struct pth_bytes pickle = { 0 };
    float *zeros = calloc((size_t)count, sizeof(*zeros));
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

    pickle_of(&pickle, &spec);
    if (!zip || !zeros ||
        zip_file_add(zip, "a/data.pkl", zip_source_buffer(zip, pickle.data, pickle.size, 0),
                     0) < 0 ||
        zip_file_add(zip, "a/data/0",
                     zip_source_buffer(zip, zeros, (zip_uint64_t)count * sizeof(*zeros), 0),
                     0) < 0 ||
        zip_close(zip) < 0)
        abort();
    free(zeros);
    free(pickle.data);
}

/* ---- the older format -------------------------------------------------------------------- */

struct legacy {
    const char *name, *said;
    char magic; /* its last byte */
    int version, little;
    const char *keys[3];  /* of the list */
    int view, view_count; /* of storage "0"; no view where the count is 0 */
    long long count;      /* said of storage "0" */
    int floats, trailing; /* floats written, bytes after them */
};

#define GOOD_HEAD 0x19, 1001, 1
static const struct legacy legacies[] = {
    { "legacy", NULL, GOOD_HEAD, { "0" }, 0, 0, FLOATS, FLOATS, 0 },
    { "legacy-view", NULL, GOOD_HEAD, { "0" }, 2, 4, FLOATS, FLOATS, 0 },
    { "legacy-magic",
      "found a pickle without PyTorch's magic number, expected a checkpoint of torch.save",
      0x18,
      1001,
      1,
      { "0" },
      0,
      0,
      FLOATS,
      FLOATS,
      0 },
    { "legacy-version",
      "byte 20: found another version of the format, expected 1001",
      0x19,
      1002,
      1,
      { "0" },
      0,
      0,
      FLOATS,
      FLOATS,
      0 },
    { "legacy-big-endian",
      "byte 44: found numbers that are big-endian, expected little_endian",
      0x19,
      1001,
      0,
      { "0" },
      0,
      0,
      FLOATS,
      FLOATS,
      0 },
    { "legacy-no-list",
      "storage 0 is missing, expected it in the list",
      GOOD_HEAD,
      { NULL },
      0,
      0,
      FLOATS,
      0,
      0 },
    { "legacy-more",
      "byte 201: found storage 1 in the list, but in no tensor",
      GOOD_HEAD,
      { "0", "1" },
      0,
      0,
      FLOATS,
      FLOATS,
      0 },
    { "legacy-twice",
      "byte 201: found storage 0 twice in the list",
      GOOD_HEAD,
      { "0", "0" },
      0,
      0,
      FLOATS,
      FLOATS,
      0 },
    { "legacy-count",
      "byte 196: found a storage of 1099511627776 elements, expected 6",
      GOOD_HEAD,
      { "0" },
      0,
      0,
      (long long)1 << 40,
      FLOATS,
      0 },
    { "legacy-negative",
      "byte 196: found a storage of 18446744073709551615 elements, expected 6",
      GOOD_HEAD,
      { "0" },
      0,
      0,
      -1,
      FLOATS,
      0 },
    { "legacy-short",
      "file ends early, expected 24 bytes of storage 1 of 1",
      GOOD_HEAD,
      { "0" },
      0,
      0,
      FLOATS,
      FLOATS - 1,
      0 },
    { "legacy-long",
      "found 5 bytes after the last storage, expected the end",
      GOOD_HEAD,
      { "0" },
      0,
      0,
      FLOATS,
      FLOATS,
      5 },
    { "legacy-view-far",
      "byte 169: found a view that is not inside its storage",
      GOOD_HEAD,
      { "0" },
      3,
      4,
      FLOATS,
      FLOATS,
      0 },
};

static void write_legacy(FILE *f, const struct legacy *c)
{
    struct pth_bytes b = { 0 };

    PTH(&b, PROTO2 "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50");
    pth_raw(&b, &c->magic, 1);
    PTH(&b, "." PROTO2 "M");
    pth_little(&b, (uint64_t)c->version, 2);
    PTH(&b, "." PROTO2 "}");
    pth_text(&b, "little_endian");
    pth_raw(&b, c->little ? "\x88" : "\x89", 1);
    PTH(&b, "s." PROTO2 "}");
    pth_text(&b, "w");
    PTH(&b, GLOBAL_V "((");
    pth_text(&b, "storage");
    PTH(&b, "ctorch\nFloatStorage\n");
    pth_text(&b, "0");
    pth_text(&b, "cpu");
    PTH(&b, "K\6");
    if (c->view_count) {
        PTH(&b, "(");
        pth_text(&b, "view");
        pth_number(&b, c->view);
        pth_number(&b, c->view_count);
        PTH(&b, "t");
    } else {
        PTH(&b, "N");
    }
    PTH(&b, "tQK\0K\2K\2\x86K\2K\1\x86\x89"
            "ccollections\nOrderedDict\n)RtRs." PROTO2 "](");
    for (int i = 0; c->keys[i]; i++)
        pth_text(&b, c->keys[i]);
    PTH(&b, "e.");
    if (c->keys[0])
        pth_little(&b, (uint64_t)c->count, 8);
    pth_raw(&b, numbers, (size_t)c->floats * sizeof(*numbers));
    for (int i = 0; i < c->trailing; i++)
        PTH(&b, "x");
    fwrite(b.data, 1, b.size, f);
    free(b.data);
}

/* ---- by name ----------------------------------------------------------------------------- */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct whole_case {
    const char *name, *said;
    void (*write)(FILE *f);
} wholes[] = {
    { "huge-directory",
      "zip: found a directory of 16777216 entries and 1073741824 bytes, expected at most 131072 "
      "and 16777216",
      huge_directory },
    { "far-directory", "zip: the end record lies outside of the file", far_directory },
    { "overlap", "zip: entries overlap, or the file is cut short", overlapping },
};
static const char bomb_said[] = "zip: entries grow to more than 8 times the file when they are "
                                "uncompressed, expected less";

/* What is said of a byte is said of the pickle in the archive. */
static void said(const char *name, const char *what)
{
    printf("%s\t%s%s\n", name, strncmp(what, "byte ", 5) ? "" : "data.pkl: ", what);
}

static void list(void)
{
    for (size_t i = 0; i < COUNT(pickles); i++)
        said(pickles[i].name, pickles[i].said);
    for (size_t i = 0; i < COUNT(tensors); i++)
        said(tensors[i].name, tensors[i].said);
    for (size_t i = 0; i < COUNT(archives); i++)
        printf("%s\t%s\n", archives[i].name, archives[i].said);
    for (size_t i = 0; i < COUNT(spoiled); i++)
        if (spoiled[i].said)
            printf("%s\t%s\n", spoiled[i].name, spoiled[i].said);
    for (size_t i = 0; i < COUNT(wholes); i++)
        printf("%s\t%s\n", wholes[i].name, wholes[i].said);
    for (size_t i = 0; i < COUNT(legacies); i++)
        if (legacies[i].said)
            printf("%s\t%s\n", legacies[i].name, legacies[i].said);
    printf("bomb\t%s\n", bomb_said);
}

/* The pickle of this name; false where there is none. */
static bool make_pickle(const char *name, struct pth_bytes *b)
{
    if (!strcmp(name, "zip") || !strcmp(name, "pickle"))
        return good_pickle(b), true;
    if (!strcmp(name, "zip4"))
        return good_pickle4(b), true;
    if (!strcmp(name, "objects"))
        return pickle_objects(b), true;
    if (!strcmp(name, "module")) {
        PTH(b, PROTO2);
        pickle_module(b, &whole, A_MODULE);
        return PTH(b, "."), true;
    }
    if (!strcmp(name, "two"))
        return pickle_two(b), true;
    for (size_t i = 0; i < COUNT(pickles); i++)
        if (!strcmp(name, pickles[i].name)) {
            if (pickles[i].make)
                pickles[i].make(b);
            else
                pth_raw(b, pickles[i].code, pickles[i].size);
            return true;
        }
    for (size_t i = 0; i < COUNT(tensors); i++)
        if (!strcmp(name, tensors[i].name))
            return pickle_of(b, &tensors[i].spec), true;
    return false;
}

/* A case that is more than a pickle in a good archive; false where there is none. */
static bool write_file(const char *name, FILE *f)
{
    for (size_t i = 0; i < COUNT(archives); i++)
        if (!strcmp(name, archives[i].name))
            return write_entries(f, archives[i].entries), true;
    for (size_t i = 0; i < COUNT(spoiled); i++)
        if (!strcmp(name, spoiled[i].name))
            return write_spoiled(f, &spoiled[i]), true;
    for (size_t i = 0; i < COUNT(wholes); i++)
        if (!strcmp(name, wholes[i].name))
            return wholes[i].write(f), true;
    for (size_t i = 0; i < COUNT(legacies); i++)
        if (!strcmp(name, legacies[i].name))
            return write_legacy(f, &legacies[i]), true;
    return false;
}

static void read_all(const char *path, struct pth_bytes *b)
{
    FILE *f = fopen(path, "rb");
    char block[4096];
    size_t n;

    while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
        pth_raw(b, block, n);
    if (f)
        fclose(f);
}

int main(int argc, char **argv)
{
    struct pth_bytes b = { 0 };
    bool known = true, raw;
    FILE *f;

    if (argc == 2 && !strcmp(argv[1], "list"))
        return list(), 0;
    if (argc == 3 && (!strcmp(argv[1], "deflated") || !strcmp(argv[1], "bomb")))
        return write_deflated(argv[2], argv[1][0] == 'b' ? 1 << 24 : 1 << 10), 0;
    f = argc >= 3 ? fopen(argv[argc - 1], "w+b") : NULL;
    raw = argc >= 3 && !strcmp(argv[1], "pickle");
    if (argc == 4 && !strcmp(argv[1], "wrap"))
        read_all(argv[2], &b);
    else if (argc == 4 && raw)
        known = make_pickle(argv[2], &b);
    else
        known = argc == 3 && make_pickle(argv[1], &b);
    if (f && known && raw)
        fwrite(b.data, 1, b.size, f);
    else if (f && known)
        pth_write_zip(f, &b, FLOATS);
    else if (f)
        known = write_file(argv[1], f);
    free(b.data);
    if (!f || fclose(f) || !known) {
        fprintf(stderr,
                "usage: make_pth list | CASE OUT | pickle CASE OUT | wrap PICKLE OUT\n");
        return 2;
    }
    return 0;
}
