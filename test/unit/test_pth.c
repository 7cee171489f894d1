/*
 * Checkpoints of PyTorch: what torch.save wrote is read as it was meant, and what a pickle
 * must not do is refused. Hostile files are in test/va-weights-pth.bats.
 */
#include "base/va_error.h"
#include "test/pth_hostile.h"
#include "test/va_golden.h"
#include "weights/va_pth.h"

static char folder[] = "/tmp/va_pth_XXXXXX";
static char path[64];

static void check_same(const struct va_tensors *found, const struct va_tensors *expected)
{
    VA_CHECK_INT(found->count, expected->count);
    for (int64_t i = 0; i < expected->count; i++) {
        const struct va_tensor *e = &expected->items[i], *t = va_tensors_find(found, e->name);
        bool same = t && t->dtype == e->dtype && t->rank == e->rank && t->count == e->count;

        for (int d = 0; same && d < e->rank; d++)
            same = t->shape[d] == e->shape[d];
        if (!same ||
            memcmp(t->data, e->data, (size_t)e->count * va_dtype_size(e->dtype)) != 0) {
            printf("# %s: not as PyTorch has it\n", e->name);
            va_test_bad = true;
        }
    }
}

static void what_pytorch_saved_is_read(void)
{
    static const char *const files[][2] = {
        { "pth/kinds.pth", "pth/kinds.safetensors" },
        { "pth/kinds-4.pth", "pth/kinds.safetensors" },
        { "pth/kinds-legacy.pth", "pth/kinds.safetensors" },
        { "pth/state.pth", "pth/state.safetensors" },
        { "pth/training.pth", "pth/training.safetensors" },
        { "pth/training-5.pth", "pth/training.safetensors" },
        { "pth/training-legacy.pth", "pth/training.safetensors" },
        { "pth/authors.pth", "pth/authors.safetensors" },
        { "pth/ours.pth", "pth/ours.safetensors" },
    };

    for (size_t i = 0; i < VA_COUNT(files); i++) {
        struct va_tensors *expected = va_golden_load(files[i][1]), *found = NULL;
        char golden[512];

        if (va_golden_path(files[i][0], golden))
            found = va_pth_read(golden, NULL);
        VA_CHECK(found && expected);
        if (found && expected)
            check_same(found, expected);
        va_tensors_free(found);
        va_tensors_free(expected);
    }
}

static void tensors_stand_in_the_order_of_the_dict(void)
{
    static const char *const names[] = { "float32", "float64",   "float16",   "bfloat16",
                                         "scalar",  "empty",     "parameter", "buffer",
                                         "shared",  "transposed" };
    char golden[512];
    struct va_tensors *set = va_golden_path("pth/kinds.pth", golden) ? va_pth_read(golden, NULL)
                                                                     : NULL;

    VA_CHECK(set != NULL);
    for (size_t i = 0; set && i < VA_COUNT(names); i++)
        VA_CHECK(strcmp(set->items[i].name, names[i]) == 0);
    va_tensors_free(set);
}

static void another_part_is_read_by_its_key(void)
{
    char golden[512], line[512] = "";
    struct va_tensors *set;

    if (!va_golden_path("pth/training.pth", golden))
        abort();
    set = va_pth_read(golden, "optimizer");
    VA_CHECK(set && set->count == 12 && va_tensors_find(set, "state.3.exp_avg_sq"));
    va_tensors_free(set);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_pth_read(golden, "mode") == NULL);
    va_error_catch_end();
    VA_CHECK(strstr(line, "training.pth: found no 'mode', expected one of its keys: model, "
                          "optimizer, epoch, scaler, args, random"));
}

/* va-weights wrote checkpoints once, with the settings of the model as an attribute of the dict. */
static void settings_of_our_own_are_read(void)
{
    char golden[512];
    struct va_tensors *set = va_golden_path("pth/ours.pth", golden) ? va_pth_read(golden, NULL)
                                                                    : NULL;
    const char *channels = set ? va_tensors_meta(set, "channels") : NULL;

    VA_CHECK(channels && !strcmp(channels, "5,4"));
    va_tensors_free(set);
}

/* Numbers that lie in the file in one piece stay there until they are taken, and are the same. */
static void values_stay_in_the_file(void)
{
    char golden[512];
    bool found = va_golden_path("pth/ours.pth", golden);
    struct va_tensors *set = found ? va_pth_open(golden, NULL) : NULL;
    struct va_tensors *read = found ? va_pth_read(golden, NULL) : NULL;

    VA_CHECK(set && read && set->count == read->count && set->count > 0);
    for (int64_t i = 0; set && read && i < set->count; i++) {
        struct va_tensor *t = &set->items[i], *u = &read->items[i];

        VA_CHECK(!t->data && va_tensors_take(set, t) == 0 && u->data && t->count == u->count &&
                 !memcmp(t->data, u->data, (size_t)t->count * va_dtype_size(t->dtype)));
    }
    va_tensors_free(set);
    va_tensors_free(read);
}

/* Objects of classes that nobody knows are skipped, wherever they stand, and none is run. */
static void objects_beside_the_tensors_are_skipped(void)
{
    struct pth_bytes b = { 0 };
    struct va_tensors *set;
    FILE *f = fopen(path, "wb");

    if (!f)
        abort();
    pickle_objects(&b);
    pth_write_zip(f, &b, FLOATS);
    fclose(f);
    free(b.data);
    set = va_pth_read(path, NULL);
    VA_CHECK(set && set->count == 1 && !strcmp(set->items[0].name, "w") &&
             set->items[0].count == 6);
    va_tensors_free(set);
}

/* A part is a key, what stands before names, or both. */
static void parts_are_taken_by_key_and_by_name(void)
{
    static const struct {
        const char *from, *name;
        int64_t count;
    } parts[] = {
        { "model", "w", 3 },        { "inner", "b", 1 },   { "model.inner", "b", 1 },
        { "model.inner.b", "", 0 }, { "model.in", "", 0 }, { "args", "", 0 },
    };
    char line[512];

    for (size_t i = 0; i < VA_COUNT(parts); i++) {
        struct pth_bytes b = { 0 };
        struct va_tensors *set;
        FILE *f = fopen(path, "wb");

        if (!f)
            abort();
        good_pickle(&b);
        pth_write_zip(f, &b, FLOATS);
        fclose(f);
        free(b.data);
        va_error_catch_begin(line, sizeof(line));
        set = va_pth_read(path, parts[i].from);
        va_error_catch_end();
        VA_CHECK_INT(set ? set->count : 0, parts[i].count);
        if (set && parts[i].count)
            VA_CHECK(!strcmp(set->items[0].name, parts[i].name));
        va_tensors_free(set);
    }
    VA_CHECK(strstr(line, "args: found an object of argparse.Namespace, expected a dict") !=
             NULL);
}

static struct va_tensors *read_module(enum inner inner, const char *end, char *line,
                                      size_t size)
{
    struct pth_bytes b = { 0 };
    struct va_tensors *set;
    FILE *f = fopen(path, "wb");

    if (!f)
        abort();
    PTH(&b, PROTO2);
    pickle_module(&b, &whole, inner);
    pth_raw(&b, end, strlen(end));
    pth_write_zip(f, &b, FLOATS);
    fclose(f);
    free(b.data);
    va_error_catch_begin(line, size);
    set = va_pth_read(path, NULL);
    va_error_catch_end();
    return set;
}

/* torch.save(model): the names are those of its state_dict(). */
static void a_whole_module_gives_its_tensors(void)
{
    static const char *const names[] = { "w", "b", "inner.w", "inner.b" };
    char line[512];
    struct va_tensors *set = read_module(A_MODULE, ".", line, sizeof(line));

    VA_CHECK(set && set->count == VA_COUNT(names));
    for (size_t i = 0; set && i < VA_COUNT(names); i++)
        VA_CHECK(va_tensors_find(set, names[i]) != NULL);
    va_tensors_free(set);
    VA_CHECK(!read_module(ITSELF, ".", line, sizeof(line)));
    VA_CHECK(strstr(line, "contains itself") != NULL);
    /* other attributes later: no module any more */
    VA_CHECK(!read_module(NOTHING, "}b.", line, sizeof(line)));
    VA_CHECK(strstr(line, "found an object of nets.Net, expected a dict of tensors") != NULL);
}

/* A size of 0 hides others, whose product is beyond all numbers. */
static void an_empty_tensor_has_no_elements(void)
{
    static const struct pth_spec empty = { "FloatStorage",  "0",        FLOATS, 0, 3,
                                           { 0, FAR, FAR }, { 1, 1, 1 } };
    struct pth_bytes b = { 0 };
    struct va_tensors *set;
    FILE *f = fopen(path, "wb");

    if (!f)
        abort();
    pickle_of(&b, &empty);
    pth_write_zip(f, &b, FLOATS);
    fclose(f);
    free(b.data);
    set = va_pth_read(path, NULL);
    VA_CHECK(set && set->count == 1 && set->items[0].count == 0);
    va_tensors_free(set);
}

/* Sizes and offsets in zip64 records, as they are beyond 4 GiB. */
static void archives_beyond_4_gib_have_other_records(void)
{
    static const float numbers[FLOATS] = { 1, 2, 3, 4, 5, 6 };
    static const uint64_t limits[] = { 1, 30, 100, 500 };

    for (size_t i = 0; i < VA_COUNT(limits); i++) {
        struct pth_bytes pickle = { 0 };
        struct va_tensors *set;
        struct zip_build zip;
        FILE *f = fopen(path, "wb");

        if (!f)
            abort();
        pickle_of(&pickle, &turned);
        zip_build_begin(&zip, f);
        zip.large = limits[i];
        zip_build_add(&zip, "a/data.pkl", pickle.data, pickle.size);
        zip_build_add(&zip, "a/data/0", numbers, sizeof(numbers));
        zip_build_finish(&zip);
        fclose(f);
        free(pickle.data);
        set = va_pth_read(path, NULL);
        VA_CHECK(set && set->count == 1 && set->items[0].shape[0] == 3 &&
                 ((float *)set->items[0].data)[1] == 4);
        va_tensors_free(set);
    }
}

static void a_checkpoint_is_known_by_its_beginning(void)
{
    VA_CHECK(va_pth_begins((const uint8_t *)"PK\3\4\0\0\0\0"));
    VA_CHECK(va_pth_begins((const uint8_t *)"\x80\2\x8a\x0a\x6c\xfc\x9c\x46"));
    VA_CHECK(va_pth_begins((const uint8_t *)"\x80\4\x95\x0d\0\0\0\0"));
    VA_CHECK(!va_pth_begins((const uint8_t *)"\x80\2\0\0\0\0\0\0")); /* safetensors */
    VA_CHECK(!va_pth_begins((const uint8_t *)"\x89HDF\r\n\x1a\n"));
    VA_CHECK(!va_pth_begins((const uint8_t *)"\0\0\0\0\0\0\0\0"));
}

/* A pickle in a good archive is refused, and the one line holds `what`. */
static void check_refused(const char *name, struct pth_bytes *pickle, const char *what)
{
    struct va_tensors *set;
    char line[1200] = "";
    FILE *f = fopen(path, "wb");

    if (!f)
        abort();
    pth_write_zip(f, pickle, FLOATS);
    fclose(f);
    free(pickle->data);
    va_error_catch_begin(line, sizeof(line));
    set = va_pth_read(path, NULL);
    va_error_catch_end();
    if (set || !strstr(line, what)) {
        printf("# %s: said \"%s\", expected \"%s\"\n", name, line, what);
        va_test_bad = true;
    }
    va_tensors_free(set);
}

static void hostile_pickles_are_refused(void)
{
    for (size_t i = 0; i < VA_COUNT(pickles); i++) {
        struct pth_bytes b = { 0 };

        if (pickles[i].make)
            pickles[i].make(&b);
        else
            pth_raw(&b, pickles[i].code, pickles[i].size);
        check_refused(pickles[i].name, &b, pickles[i].said);
    }
}

static void tensors_outside_of_their_storage_are_refused(void)
{
    for (size_t i = 0; i < VA_COUNT(tensors); i++) {
        struct pth_bytes b = { 0 };

        pickle_of(&b, &tensors[i].spec);
        check_refused(tensors[i].name, &b, tensors[i].said);
    }
}

/* Every beginning of a good pickle but the whole is refused. */
static void a_pickle_cut_anywhere_is_refused(void)
{
    struct pth_bytes whole_pickle = { 0 };

    good_pickle4(&whole_pickle);
    for (size_t n = 0; n < whole_pickle.size; n++) {
        struct pth_bytes b = { 0 };

        pth_raw(&b, whole_pickle.data, n);
        check_refused("cut", &b, "data.pkl: byte ");
    }
    free(whole_pickle.data);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/x.pth", folder);
    va_set_verbosity(VA_QUIET); /* what is taken and left out is said */
    VA_TEST(what_pytorch_saved_is_read);
    VA_TEST(tensors_stand_in_the_order_of_the_dict);
    VA_TEST(another_part_is_read_by_its_key);
    VA_TEST(objects_beside_the_tensors_are_skipped);
    VA_TEST(parts_are_taken_by_key_and_by_name);
    VA_TEST(settings_of_our_own_are_read);
    VA_TEST(values_stay_in_the_file);
    VA_TEST(a_whole_module_gives_its_tensors);
    VA_TEST(an_empty_tensor_has_no_elements);
    VA_TEST(archives_beyond_4_gib_have_other_records);
    VA_TEST(a_checkpoint_is_known_by_its_beginning);
    VA_TEST(hostile_pickles_are_refused);
    VA_TEST(tensors_outside_of_their_storage_are_refused);
    VA_TEST(a_pickle_cut_anywhere_is_refused);
    remove(path);
    rmdir(folder);
    return va_test_finish();
}
