/*
 * h5edit - change one thing in an HDF5 file, to see what readers say to it.
 *
 *   h5edit FILE string WHERE TEXT          attribute, fixed length: @name or /object@name
 *   h5edit FILE vstring WHERE TEXT         attribute, variable length
 *   h5edit FILE int WHERE N                attribute, int32
 *   h5edit FILE real WHERE X               attribute, float64
 *   h5edit FILE delete WHERE               attribute, dataset or group
 *   h5edit FILE dataset /PATH TYPE DIMxDIM VALUE    new dataset, all elements VALUE; "-" scalar
 *   h5edit FILE strings /PATH A,B,C        new dataset of strings
 *   h5edit FILE poke /PATH I X             element I of a dataset of numbers, counted flat
 *   h5edit FILE soft /PATH TARGET          a soft link
 *   h5edit FILE pack /PATH DIMxDIM FILTER  store a dataset anew in chunks, FILTER gzip, none,
 *                                          the number of one that readers do not have, or
 *                                          empty: gzip, but the data are not written
 * A file that does not exist is created empty.
 */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static hid_t file;

static const char *split(char *where)
{
    char *at = strchr(where, '@');

    if (!at)
        return NULL;
    *at = 0;
    return at + 1;
}

static int put(char *where, hid_t type, const void *data)
{
    const char *name = split(where), *object = *where ? where : "/";
    hid_t space = H5Screate(H5S_SCALAR), a;

    if (!name)
        return -1;
    if (H5Aexists_by_name(file, object, name, H5P_DEFAULT) > 0)
        H5Adelete_by_name(file, object, name, H5P_DEFAULT);
    a = H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT,
                          H5P_DEFAULT);
    return a < 0 || H5Awrite(a, type, data) < 0 || H5Aclose(a) < 0 ? -1 : 0;
}

static int put_string(char *where, const char *text, int variable)
{
    hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, variable ? H5T_VARIABLE : strlen(text) + 1);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return put(where, type, variable ? (const void *)&text : text);
}

static int delete_it(char *where)
{
    const char *name = split(where);

    return name ? H5Adelete_by_name(file, *where ? where : "/", name, H5P_DEFAULT)
                : H5Ldelete(file, where, H5P_DEFAULT);
}

static hid_t type_of(const char *name)
{
    const struct {
        const char *name;
        hid_t type;
    } known[] = {
        { "float32", H5T_IEEE_F32LE }, { "float64", H5T_IEEE_F64LE },
        { "uint8", H5T_STD_U8LE },     { "int32", H5T_STD_I32LE },
        { "int64", H5T_STD_I64LE },    { "uint16", H5T_STD_U16LE },
        { "be32", H5T_IEEE_F32BE },    { "longdouble", H5T_NATIVE_LDOUBLE },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcmp(known[i].name, name))
            return known[i].type;
    return H5I_INVALID_HID;
}

static int dataset(const char *path, const char *type, const char *shape, double value)
{
    hsize_t dims[H5S_MAX_RANK], count = 1;
    int rank = 0;
    char *rest = (char *)shape;
    hid_t links = H5Pcreate(H5P_LINK_CREATE), space, d;
    herr_t failed = 0;
    double *data;

    for (; strcmp(shape, "-") && *rest; rest += *rest == 'x') {
        dims[rank] = strtoull(rest, &rest, 10);
        count *= dims[rank++];
    }
    H5Pset_create_intermediate_group(links, 1);
    space = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* the groups above it may not be there yet */
    if (H5Lexists(file, path, H5P_DEFAULT) > 0)
        H5Ldelete(file, path, H5P_DEFAULT);
    d = H5Dcreate2(file, path, type_of(type), space, links, H5P_DEFAULT, H5P_DEFAULT);
    data = calloc((size_t)count + 1, sizeof(*data));
    if (!data)
        return -1;
    for (hsize_t i = 0; i < count; i++)
        data[i] = value;
    if (count)
        failed = H5Dwrite(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    free(data);
    return d < 0 || failed < 0 ? -1 : 0;
}

static int poke(const char *path, long i, double value)
{
    hid_t d = H5Dopen2(file, path, H5P_DEFAULT), space = H5Dget_space(d);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    herr_t failed;
    double *data;

    if (count <= 0 || i < 0 || i >= count || !(data = calloc((size_t)count, sizeof(*data))))
        return -1;
    failed = H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    data[i] = value;
    if (failed >= 0)
        failed = H5Dwrite(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    free(data);
    return failed;
}

/* DIMxDIM... to dims; the rank. */
static int parse_shape(const char *shape, hsize_t *dims)
{
    char *rest = (char *)shape;
    int rank = 0;

    for (; *rest && rank < H5S_MAX_RANK; rest += *rest == 'x')
        dims[rank++] = strtoull(rest, &rest, 10);
    return rank;
}

static size_t leave_as_it_is(unsigned flags, size_t count, const unsigned values[],
                             size_t bytes, size_t *room, void **data)
{
    (void)flags, (void)count, (void)values, (void)room, (void)data;
    return bytes;
}

static int set_filter(hid_t list, const char *name)
{
    const H5Z_class2_t class = { .version = H5Z_CLASS_T_VERS,
                                 .id = atoi(name),
                                 .encoder_present = 1,
                                 .decoder_present = 1,
                                 .name = "unheard of",
                                 .filter = leave_as_it_is };

    if (!strcmp(name, "none"))
        return 0;
    if (!strcmp(name, "gzip") || !strcmp(name, "empty"))
        return H5Pset_deflate(list, 6);
    return H5Zregister(&class) < 0 ? -1 : H5Pset_filter(list, class.id, 0, 0, NULL);
}

static int pack(const char *path, const char *chunk, const char *filter)
{
    hid_t d = H5Dopen2(file, path, H5P_DEFAULT), space = H5Dget_space(d), type = H5Dget_type(d);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    hsize_t dims[H5S_MAX_RANK], now[H5S_MAX_RANK], most[H5S_MAX_RANK];
    int rank = parse_shape(chunk, dims), failed = -1;
    void *data = count > 0 ? calloc((size_t)count, H5Tget_size(type)) : NULL;

    H5Sget_simple_extent_dims(space, now, NULL);
    for (int i = 0; i < rank; i++)
        most[i] = H5S_UNLIMITED; /* a chunk may then be longer than the dataset */
    if (data && H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0 &&
        H5Pset_chunk(list, rank, dims) >= 0 && set_filter(list, filter) >= 0 &&
        H5Ldelete(file, path, H5P_DEFAULT) >= 0 &&
        H5Sset_extent_simple(space, rank, now, most) >= 0) {
        d = H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
        failed = d < 0 ? -1
                 : !strcmp(filter, "empty")
                     ? 0
                     : H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    }
    free(data);
    return failed;
}

static int strings(const char *path, char *list)
{
    enum { MOST = 64 };
    hid_t type = H5Tcopy(H5T_C_S1), space, d;
    const char *items[MOST];
    hsize_t count = 0;

    for (char *item = strtok(list, ","); item && count < MOST; item = strtok(NULL, ","))
        items[count++] = item;
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    space = H5Screate_simple(1, &count, NULL);
    if (H5Lexists(file, path, H5P_DEFAULT) > 0)
        H5Ldelete(file, path, H5P_DEFAULT);
    d = H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    return d < 0 || H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, items) < 0 ? -1 : 0;
}

static int run(int argc, char **argv)
{
    const char *verb = argc > 3 ? argv[2] : "";

    if (!strcmp(verb, "delete"))
        return delete_it(argv[3]);
    if (argc == 5 && !strcmp(verb, "string"))
        return put_string(argv[3], argv[4], 0);
    if (argc == 5 && !strcmp(verb, "vstring"))
        return put_string(argv[3], argv[4], 1);
    if (argc == 5 && !strcmp(verb, "int"))
        return put(argv[3], H5T_NATIVE_INT, &(int){ atoi(argv[4]) });
    if (argc == 5 && !strcmp(verb, "real"))
        return put(argv[3], H5T_NATIVE_DOUBLE, &(double){ strtod(argv[4], NULL) });
    if (argc == 5 && !strcmp(verb, "soft"))
        return H5Lcreate_soft(argv[4], file, argv[3], H5P_DEFAULT, H5P_DEFAULT);
    if (argc == 5 && !strcmp(verb, "strings"))
        return strings(argv[3], argv[4]);
    if (argc == 6 && !strcmp(verb, "pack"))
        return pack(argv[3], argv[4], argv[5]);
    if (argc == 7 && !strcmp(verb, "dataset"))
        return dataset(argv[3], argv[4], argv[5], strtod(argv[6], NULL));
    if (argc == 6 && !strcmp(verb, "poke"))
        return poke(argv[3], atol(argv[4]), strtod(argv[5], NULL));
    return -1;
}

int main(int argc, char **argv)
{
    int failed;

    if (argc < 4) {
        fprintf(stderr, "h5edit: see the head of test/gen/h5edit.c\n");
        return 2;
    }
    file = access(argv[1], F_OK) == 0
               ? H5Fopen(argv[1], H5F_ACC_RDWR, H5P_DEFAULT)
               : H5Fcreate(argv[1], H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
    failed = file < 0 || run(argc, argv) < 0;
    return H5Fclose(file) < 0 || failed;
}
