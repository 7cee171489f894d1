/*
 * HDF5 files that are well formed and wrong. The bytes of an input are a list of changes: what to do,
 * to which object, with what. Objects and attributes are numbered as the base file has them.
 */
#include "test/fuzz/fuzz.h"

#include "base/va_attr.h"
#include "io/va_h5.h"
#include <hdf5.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 64, NAME = 64, CHANGES = 16, BYTES = 4096 };

static char names[OBJECTS][NAME]; /* of the base file's objects; 0 is the root */
static int count;

struct input {
    const uint8_t *data;
    size_t size;
};

static unsigned take(struct input *in)
{
    return in->size ? (in->size--, *in->data++) : 0;
}

/* A text of what is left, at most `most` bytes, which end at a 0. */
static void take_text(struct input *in, char *text, size_t most)
{
    size_t n = 0;
    unsigned c;

    while (n + 1 < most && (c = take(in)) != 0)
        text[n++] = (char)c;
    text[n] = 0;
}

/* ---- the base --------------------------------------------------------------------------- */

static herr_t note(hid_t file, const char *name, const H5O_info_t *info, void *arg)
{
    (void)file;
    (void)info;
    (void)arg;
    if (count < OBJECTS)
        snprintf(names[count++], NAME, "/%s", strcmp(name, ".") ? name : "");
    return 0;
}

static herr_t note_attribute(hid_t object, const char *name, const H5A_info_t *info, void *arg)
{
    char(*list)[NAME] = arg;

    (void)object;
    (void)info;
    for (int i = 0; i < OBJECTS; i++)
        if (!*list[i]) {
            snprintf(list[i], NAME, "%s", name);
            return 0;
        }
    return 1;
}

/* The base file in memory, read once. */
static const void *base_file(const char *base, size_t *size)
{
    static uint8_t bytes[1 << 20];
    static size_t length;
    char path[PATH_MAX + NAME];
    FILE *f;

    if (!length) {
        snprintf(path, sizeof(path), "%sbase/%s.h5", fuzz_folder(), base);
        f = fopen(path, "rb");
        length = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
        if (f)
            fclose(f);
        if (!length || length == sizeof(bytes)) {
            fprintf(stderr, "%s: cannot be read, run test/fuzz/seeds.sh\n", path);
            exit(1);
        }
    }
    *size = length;
    return bytes;
}

/* ---- changes ---------------------------------------------------------------------------- */

static hid_t type_of(unsigned which)
{
    const hid_t types[] = { H5T_STD_I8LE,  H5T_STD_U8LE,   H5T_STD_I32LE,  H5T_STD_I64LE,
                            H5T_STD_U64LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_I32BE,
                            H5T_STD_U16LE, H5T_IEEE_F64BE };

    return types[which % VA_COUNT(types)];
}

/* A string type: of a fixed length, padded in one of three ways, or variable. */
static hid_t string_of(unsigned which, size_t length)
{
    hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, which & 8 ? H5T_VARIABLE : length ? length : 1);
    H5Tset_strpad(type, (H5T_str_t)(which % 3));
    if (which & 16)
        H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

/* A shape of up to 8 dimensions and at most BYTES elements of 1 byte in all. */
static hid_t space_of(struct input *in)
{
    unsigned rank = take(in) % 10;
    hsize_t shape[8], elements = 1;

    if (rank == 9)
        return H5Screate(H5S_NULL);
    for (unsigned i = 0; i < rank; i++) {
        shape[i] = take(in) % 24;
        if (shape[i] * elements > BYTES / 8)
            shape[i] = 1;
        elements *= shape[i];
    }
    return rank ? H5Screate_simple((int)rank, shape, NULL) : H5Screate(H5S_SCALAR);
}

static void put_attribute(hid_t object, const char *name, struct input *in, bool text)
{
    static uint8_t bytes[BYTES];
    char string[256];
    const char *strings[1] = { string };
    unsigned which = take(in);
    hid_t space, type, attribute;

    memset(bytes, 0, sizeof(bytes));
    if (text) {
        take_text(in, string, sizeof(string));
        space = H5Screate(H5S_SCALAR);
        type = string_of(which, strlen(string));
    } else {
        space = space_of(in);
        type = type_of(which);
        for (unsigned i = 0, n = take(in); i < n; i++)
            bytes[i] = (uint8_t)take(in);
    }
    H5Adelete(object, name);
    attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0) {
        H5Awrite(attribute, type,
                 text ? H5Tis_variable_str(type) > 0 ? (const void *)strings : string : bytes);
        H5Aclose(attribute);
    }
    if (text)
        H5Tclose(type);
    H5Sclose(space);
}

static void put_dataset(hid_t file, const char *name, struct input *in)
{
    static uint8_t bytes[BYTES];
    unsigned which = take(in);
    hid_t space = space_of(in), type = which & 128 ? string_of(which, 5) : type_of(which), set;

    memset(bytes, 0, sizeof(bytes));
    for (unsigned i = 0, n = take(in); i < n; i++)
        bytes[i] = (uint8_t)take(in);
    H5Ldelete(file, name, H5P_DEFAULT);
    set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (set >= 0) {
        if (H5Tis_variable_str(type) <= 0)
            H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
        H5Dclose(set);
    }
    if (which & 128)
        H5Tclose(type);
    H5Sclose(space);
}

/* One element of a dataset of numbers becomes another: bits that a double has no say in too. */
static void poke(hid_t file, const char *name, struct input *in)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space, type;
    size_t at = take(in) | take(in) << 8, size;
    hssize_t elements;
    uint8_t *bytes;

    if (set < 0)
        return;
    space = H5Dget_space(set);
    type = H5Dget_type(set);
    size = H5Tget_size(type);
    elements = H5Sget_simple_extent_npoints(space);
    bytes = elements > 0 ? calloc((size_t)elements, size) : NULL;
    if (bytes && H5Tget_class(type) != H5T_STRING &&
        H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0) {
        at = at % (size_t)elements * size;
        for (size_t i = 0; i < size; i++)
            bytes[at + i] = (uint8_t)take(in);
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
    }
    free(bytes);
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(set);
}

/* An attribute of the object by its number, or by a name in the input. */
static void change_attribute(hid_t file, const char *object, struct input *in, unsigned how)
{
    char list[OBJECTS][NAME] = { { 0 } }, name[NAME];
    hid_t id = H5Oopen(file, object, H5P_DEFAULT);
    unsigned which = take(in);

    if (id < 0)
        return;
    H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_INC, NULL, note_attribute, list);
    snprintf(name, sizeof(name), "%s", list[which % OBJECTS]);
    if (!*name)
        take_text(in, name, sizeof(name));
    if (how == 2)
        H5Adelete(id, name);
    else if (*name)
        put_attribute(id, name, in, how == 0);
    H5Oclose(id);
}

static void change(hid_t file, struct input *in)
{
    unsigned what = take(in), which = take(in);
    char name[2 * NAME], more[NAME];

    snprintf(name, sizeof(name), "%.*s", NAME, names[which % (unsigned)count]);
    if (which >= 192) { /* a new one beside it or in it */
        take_text(in, more, sizeof(more));
        snprintf(name, sizeof(name), "%.*s/%.*s", NAME - 1, names[which % (unsigned)count],
                 NAME - 1, more);
    }
    switch (what % 8) {
    case 0:
    case 1:
    case 2: change_attribute(file, which < 96 ? "/" : name, in, what % 8); break;
    case 3: H5Ldelete(file, name, H5P_DEFAULT); break;
    case 4: put_dataset(file, name, in); break;
    case 5:
        H5Lcreate_soft(names[take(in) % (unsigned)count], file, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
    default: poke(file, name, in); break;
    }
}

const char *fuzz_h5_file(const char *base, const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    size_t length;
    const void *bytes = base_file(base, &length);
    const char *path = fuzz_file(bytes, length);
    hid_t file;

    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* a change that cannot be made is left out */
    file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0)
        abort();
    if (!count)
        H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, note, NULL, H5O_INFO_BASIC);
    for (int i = 0; i < CHANGES && in.size; i++)
        change(file, &in);
    if (H5Fclose(file) < 0)
        abort();
    return path;
}

int fuzz_h5(const char *schema, const char *base, const uint8_t *data, size_t size,
            void (*read)(const char *path))
{
    const char *path = fuzz_h5_file(base, data, size);
    char damaged[PATH_MAX + 32]; /* with the path, as objects may have the words for a name */
    struct va_h5_in *in;

    snprintf(damaged, sizeof(damaged), "%s: damaged HDF5 file", path);
    fuzz_begin();
    in = va_h5_open(path, schema);
    if (in && va_h5_check_values(in) == 0 && !va_h5_compute_id(in))
        fuzz_found("values, but no id");
    va_h5_close(in);
    if (strstr(fuzz_said(), damaged))
        fuzz_found("the child died of a file that HDF5 wrote");
    read(path);
    fuzz_end();
    return 0;
}
