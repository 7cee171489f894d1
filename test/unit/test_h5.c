/*
 * The HDF5 store: what is written comes back, equal contents are equal bytes, what is not whole
 * or not as its schema says is refused. Foreign files are made with the HDF5 library itself.
 */
#include "../va_test.h"
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "io/va_h5.h"
#include <dirent.h>
#include <hdf5.h>
#include <stdlib.h>
#include <unistd.h>

enum { T = 5, D = 3 };

static float features[T][D];
static int32_t numbers[T] = { 1, 2, 4, 5, 9 };
static double times[T];
static char message[512];

static void fill(void)
{
    for (int t = 0; t < T; t++) {
        times[t] = t / 30.0;
        for (int d = 0; d < D; d++)
            features[t][d] = (float)(t * 10 + d) / 7;
    }
}

/* What is wrong in a file made by make(). */
struct flaw {
    int64_t rows, index_rows, frame_count;
    enum va_dtype pts;
    bool no_video, unfinished_rows;
};
static const struct flaw sound = {
    .rows = T, .index_rows = T, .frame_count = 12, .pts = VA_F64
};

static int put_all(struct va_h5_out *out, const struct flaw *f)
{
    const int64_t known[] = { f->rows, D }, unknown[] = { -1, D };
    struct va_h5_rows *rows;

    if (!f->no_video && va_h5_put_string(out, NULL, "video", "a.b c") < 0)
        return -1;
    va_h5_set_seed(out, 42);
    if (va_h5_add_input(out, "/some/where/in.mp4", "0123") < 0 ||
        va_h5_put_real(out, NULL, "fps", 30) < 0 ||
        va_h5_put_int(out, NULL, "frame_count", f->frame_count) < 0 ||
        va_h5_write(out, "/index", VA_I32, 1, &f->index_rows, numbers) < 0 ||
        va_h5_write(out, "/pts", f->pts, 1, known, times) < 0)
        return -1;
    rows = va_h5_rows_begin(out, "/features", VA_F32, 2, f->unfinished_rows ? unknown : known);
    if (!rows || va_h5_rows_append(rows, 2, features) < 0 ||
        va_h5_rows_append(rows, f->rows - 2, features + 2) < 0)
        return -1;
    return f->unfinished_rows ? 0 : va_h5_rows_finish(&rows);
}

static int make(const char *path, const struct flaw *f)
{
    struct va_h5_out *out;
    int result;

    va_input_forget(path); /* tests read a file and make it anew */
    out = va_h5_create(path, "va.features/1");
    result = out ? put_all(out, f) : -1;
    if (result == 0)
        return va_h5_commit(&out);
    va_h5_abort(out);
    return result;
}

/* Expect `path` to be refused with `words` in the message. */
static void refused_as(const char *path, const char *schema, const char *words)
{
    struct va_h5_in *in;
    bool bad = false;

    va_error_catch_begin(message, sizeof(message));
    in = va_h5_open(path, schema);
    if (!in)
        bad = true;
    else if (va_h5_check_values(in) < 0)
        bad = true;
    va_error_catch_end();
    va_h5_close(in);
    VA_CHECK(bad);
    VA_CHECK(strstr(message, words));
    if (!bad || !strstr(message, words))
        printf("# message: %s\n", message);
}

static void round_trip(void)
{
    struct va_h5_in *in;
    enum va_dtype type;
    int rank;
    int64_t shape[VA_RANK_MAX], number, count;
    double fps;
    float row[2][D], *all;
    const float *mapped;
    char *video, **names;

    VA_CHECK_INT(make("a.h5", &sound), 0);
    in = va_h5_open("a.h5", "va.features/1");
    VA_CHECK(in);
    if (!in)
        return;
    VA_CHECK_INT(va_h5_check_values(in), 0);
    VA_CHECK_INT(va_h5_shape(in, "/features", &type, &rank, shape), 0);
    VA_CHECK(type == VA_F32 && rank == 2 && shape[0] == T && shape[1] == D);
    VA_CHECK_INT(va_h5_read_rows(in, "/features", VA_F32, 3, 2, row), 0);
    VA_CHECK(!memcmp(row, features[3], sizeof(row)));
    all = va_h5_read(in, "/features", VA_F32);
    VA_CHECK(all && !memcmp(all, features, sizeof(features)));
    mapped = va_h5_map(in, "/features", VA_F32);
    VA_CHECK(mapped && !memcmp(mapped, features, sizeof(features)));
    VA_CHECK(!va_h5_map(in, "/features", VA_F16));
    VA_CHECK(!va_h5_map(in, "/nothing", VA_F32));
    VA_CHECK_INT(va_h5_get_int(in, NULL, "frame_count", &number), 0);
    VA_CHECK_INT(number, 12);
    VA_CHECK_INT(va_h5_get_real(in, NULL, "fps", &fps), 0);
    VA_CHECK(fps == 30);
    video = va_h5_get_string(in, NULL, "video");
    VA_CHECK(video && !strcmp(video, "a.b c"));
    VA_CHECK_INT(va_h5_list(in, "/", &names, &count), 0);
    VA_CHECK(count == 3 && !strcmp(names[0], "features") && !strcmp(names[2], "pts"));
    va_h5_free_strings(names, count);
    VA_CHECK_INT(va_h5_get_strings(in, NULL, "provenance", &names, &count), 0);
    VA_CHECK(count == 5 && !strcmp(names[3], "seed=42") &&
             !strcmp(names[4], "input=in.mp4 0123"));
    va_h5_free_strings(names, count);
    va_free(video);
    va_free(all);
    va_h5_close(in);
}

static void halves_widen(void)
{
    const int64_t shape[] = { 2, 3 };
    const uint16_t half[] = { 0x3c00, 0x0001, 0xc000, 0x7bff, 0x0000, 0xbc00 };
    const uint16_t brain[] = { 0x3f80, 0x4000, 0xc000, 0x4120, 0x0000, 0xbf80 };
    struct va_h5_out *out = va_h5_create("m.h5", "va.model/1");
    struct va_h5_in *in;
    float *x;

    VA_CHECK(out && va_h5_put_string(out, NULL, "arch", "x") == 0 &&
             va_h5_write(out, "/tensors/a.weight", VA_F16, 2, shape, half) == 0 &&
             va_h5_write(out, "/tensors/b", VA_BF16, 2, shape, brain) == 0 &&
             va_h5_write(out, "/tensors/scalar", VA_F32, 0, NULL, &features[1][1]) == 0);
    VA_CHECK_INT(va_h5_commit(&out), 0);
    in = va_h5_open("m.h5", NULL);
    VA_CHECK(in && va_h5_check_values(in) == 0);
    x = in ? va_h5_read(in, "/tensors/a.weight", VA_F32) : NULL;
    VA_CHECK(x && x[0] == 1 && x[1] == 0x1p-24f && x[2] == -2 && x[3] == 65504 && x[5] == -1);
    va_free(x);
    x = in ? va_h5_read(in, "/tensors/b", VA_F32) : NULL;
    VA_CHECK(x && x[0] == 1 && x[1] == 2 && x[2] == -2 && x[3] == 10 && x[5] == -1);
    va_free(x);
    x = in ? va_h5_read(in, "/tensors/scalar", VA_F32) : NULL;
    VA_CHECK(x && x[0] == features[1][1]);
    va_free(x);
    va_h5_close(in);
}

static char *bytes_of(const char *path, long *size)
{
    FILE *f = fopen(path, "rb");
    char *data = NULL;

    *size = -1;
    if (f && fseek(f, 0, SEEK_END) == 0 && (*size = ftell(f)) >= 0) {
        data = va_new(*size, 1);
        rewind(f);
        if (fread(data, 1, (size_t)*size, f) != (size_t)*size)
            *size = -1;
    }
    if (f)
        fclose(f);
    return data;
}

static bool same_bytes(const char *a, const char *b)
{
    long na, nb;
    char *x = bytes_of(a, &na), *y = bytes_of(b, &nb);
    bool same = na > 0 && na == nb && !memcmp(x, y, (size_t)na);

    va_free(x);
    va_free(y);
    return same;
}

static void equal_contents_are_equal_bytes(void)
{
    VA_CHECK_INT(make("a.h5", &sound), 0);
    sleep(1); /* a time that crept in would be another */
    VA_CHECK_INT(make("b.h5", &sound), 0);
    VA_CHECK(same_bytes("a.h5", "b.h5"));
}

static void rows_of_unknown_number(void)
{
    const int64_t shape[] = { -1, D };
    struct va_h5_out *out = va_h5_create("u.h5", "va.features/1");
    struct va_h5_rows *rows = NULL;
    struct va_h5_in *a, *u;
    const int64_t n = T;

    VA_CHECK(out && (rows = va_h5_rows_begin(out, "/features", VA_F32, 2, shape)));
    for (int t = 0; t < T; t++)
        VA_CHECK_INT(va_h5_rows_append(rows, 1, features[t]), 0);
    VA_CHECK_INT(va_h5_rows_finish(&rows), 0);
    VA_CHECK(!rows);
    VA_CHECK(va_h5_put_string(out, NULL, "video", "a.b c") == 0 &&
             va_h5_put_real(out, NULL, "fps", 30) == 0 &&
             va_h5_put_int(out, NULL, "frame_count", 12) == 0 &&
             va_h5_write(out, "/index", VA_I32, 1, &n, numbers) == 0 &&
             va_h5_write(out, "/pts", VA_F64, 1, &n, times) == 0);
    VA_CHECK_INT(va_h5_commit(&out), 0);
    VA_CHECK_INT(make("a.h5", &sound), 0);
    a = va_h5_open("a.h5", NULL);
    u = va_h5_open("u.h5", NULL);
    VA_CHECK(a && u && va_h5_map(u, "/features", VA_F32)); /* contiguous */
    VA_CHECK(a && u && !strcmp(va_h5_id(a), va_h5_id(u)));
    VA_CHECK(u && !strcmp(va_h5_id(u), va_h5_compute_id(u)));
    va_h5_close(a);
    va_h5_close(u);
}

static void many_strings(void)
{
    enum { N = 2000 };
    static const char *values[N];
    struct va_h5_out *out = va_h5_create("s.h5", "va.predictions/1");
    const int64_t shape[] = { 0, 2 };
    struct va_h5_in *in;
    char **found;
    int64_t count = 0;

    for (int i = 0; i < N; i++)
        values[i] = i % 3 ? "a model with a rather long name" : "";
    VA_CHECK(out && va_h5_put_strings(out, NULL, "models", N, values) == 0 &&
             va_h5_put_strings(out, NULL, "none", 0, values) == 0 &&
             va_h5_write(out, "/videos/a/va", VA_F32, 2, shape, NULL) == 0);
    for (int i = 0; i < 300; i++) /* too many for a line each */
        VA_CHECK_INT(va_h5_add_input(out, "x.h5", "0123456789abcdef0123456789abcdef"), 0);
    VA_CHECK_INT(va_h5_commit(&out), 0);
    in = va_h5_open("s.h5", NULL);
    VA_CHECK(in && va_h5_get_strings(in, NULL, "models", &found, &count) == 0);
    VA_CHECK_INT(count, N);
    for (int i = 0; i < count; i++)
        VA_CHECK(!strcmp(found[i], values[i]));
    va_h5_free_strings(found, count);
    VA_CHECK(in && va_h5_get_strings(in, NULL, "none", &found, &count) == 0 && count == 0);
    va_h5_free_strings(found, count);
    VA_CHECK(in && va_h5_get_strings(in, NULL, "provenance", &found, &count) == 0 &&
             count == 4);
    VA_CHECK(count == 4 && !strncmp(found[3], "inputs=300 ", 11));
    va_h5_free_strings(found, count);
    VA_CHECK(in && !strcmp(va_h5_id(in), va_h5_compute_id(in)));
    va_h5_close(in);
}

static int entries(void)
{
    DIR *dir = opendir(".");
    int n = 0;

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static void nothing_is_left_behind(void)
{
    struct va_h5_out *out;
    int before;
    struct flaw f = sound;

    VA_CHECK_INT(make("kept.h5", &sound), 0);
    VA_CHECK_INT(make("copy.h5", &sound), 0);
    before = entries();
    out = va_h5_create("kept.h5", "va.features/1");
    VA_CHECK(out && entries() == before + 2); /* the part and its lock */
    va_h5_abort(out);
    VA_CHECK_INT(entries(), before);
    va_error_catch_begin(message, sizeof(message));
    f.unfinished_rows = true;
    VA_CHECK_INT(make("kept.h5", &f), -1);
    f = sound;
    f.no_video = true; /* the writer holds itself to the schema */
    VA_CHECK_INT(make("kept.h5", &f), -1);
    va_error_catch_end();
    VA_CHECK_INT(entries(), before);
    VA_CHECK(same_bytes("kept.h5", "copy.h5"));
}

static void rows_are_counted(void)
{
    const int64_t shape[] = { 2, D };
    struct va_h5_out *out = va_h5_create("c.h5", "va.features/1");
    struct va_h5_rows *rows = out ? va_h5_rows_begin(out, "/features", VA_F32, 2, shape) : NULL;

    VA_CHECK(rows);
    va_error_catch_begin(message, sizeof(message));
    VA_CHECK_INT(va_h5_rows_append(rows, 3, features), -1);
    VA_CHECK_INT(va_h5_rows_append(rows, 1, features), 0);
    VA_CHECK_INT(va_h5_rows_finish(&rows), -1);
    VA_CHECK_INT(va_h5_commit(&out), -1);
    va_error_catch_end();
    VA_CHECK(!out && access("c.h5", F_OK) < 0);
}

static void flaws_are_refused(void)
{
    struct flaw f = sound;

    va_error_catch_begin(message, sizeof(message));
    f.index_rows = T - 1;
    VA_CHECK_INT(make("f.h5", &f), -1);
    VA_CHECK(
        strstr(message, "f.h5: /index: found shape 4, expected T with T = 5 of /features"));
    f = sound;
    f.pts = VA_F32;
    message[0] = 0;
    VA_CHECK_INT(make("f.h5", &f), -1);
    VA_CHECK(strstr(message, "f.h5: /pts: found float32, expected float64"));
    va_error_catch_end();
    VA_CHECK(access("f.h5", F_OK) < 0);

    f = sound;
    f.frame_count = 8;
    VA_CHECK_INT(make("f.h5", &f), 0);
    refused_as("f.h5", NULL, "f.h5: /index[4]: found 9, expected a value of at most 8");
    numbers[2] = 2;
    VA_CHECK_INT(make("f.h5", &sound), 0);
    numbers[2] = 4;
    refused_as("f.h5", NULL, "f.h5: /index[2]: found 2, expected more than 2");
    features[3][1] = NAN;
    VA_CHECK_INT(make("f.h5", &sound), 0);
    fill();
    refused_as("f.h5", NULL, "f.h5: /features[3, 1]: found nan, expected a finite value");
    VA_CHECK_INT(make("f.h5", &sound), 0);
    refused_as("f.h5", "va.frames/1", "f.h5: found va.features/1, expected va.frames/1");
    refused_as("missing.h5", NULL, "missing.h5: cannot open: No such file");
}

/* ---- files of other writers ------------------------------------------------------------ */

static hid_t edit(void)
{
    unlink("e.h5"); /* its schema may be another by now */
    VA_CHECK_INT(make("e.h5", &sound), 0);
    return H5Fopen("e.h5", H5F_ACC_RDWR, H5P_DEFAULT);
}

static void attribute(hid_t file, const char *name, hid_t type, const void *data)
{
    hid_t space = H5Screate(H5S_SCALAR), a;

    if (H5Aexists(file, name) > 0)
        H5Adelete(file, name);
    a = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    VA_CHECK(H5Awrite(a, type, data) >= 0);
    H5Aclose(a);
    H5Sclose(space);
}

static hid_t string_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, size);
    return type;
}

static void versions_and_completeness(void)
{
    hid_t file = edit(), type = string_type(16);
    static const int64_t zero;

    attribute(file, "schema", type, "va.features/2\0\0\0");
    H5Fclose(file);
    refused_as("e.h5", "va.features/1", "found another version, va.features/2, expected");
    refused_as("e.h5", NULL, "found another version, va.features/2, expected va.features/1");
    file = edit();
    attribute(file, "schema", type, "va.unheard/1\0\0\0\0");
    H5Fclose(file);
    refused_as("e.h5", NULL, "found schema va.unheard/1");
    file = edit();
    H5Adelete(file, "complete");
    H5Fclose(file);
    refused_as("e.h5", NULL, "e.h5: incomplete");
    file = edit();
    attribute(file, "complete", H5T_NATIVE_INT64, &zero);
    H5Fclose(file);
    refused_as("e.h5", NULL, "@complete: found 0");
    H5Tclose(type);
}

static void id_of(const char *path, char id[64])
{
    struct va_h5_in *in = va_h5_open(path, NULL);
    const char *found = in ? va_h5_compute_id(in) : NULL;

    VA_CHECK(found);
    snprintf(id, 64, "%s", found ? found : "");
    va_h5_close(in);
}

static void spellings_of_one_value(void)
{
    char first[64], other[64];
    const char *text = "a.b c";
    const int8_t count = 12, one = 1;
    hid_t file = edit(), type = string_type(H5T_VARIABLE);

    H5Fclose(file);
    id_of("e.h5", first);
    file = edit();
    attribute(file, "video", type, &text);
    attribute(file, "frame_count", H5T_NATIVE_INT8, &count);
    attribute(file, "complete", H5T_NATIVE_INT8, &one);
    H5Fclose(file);
    H5Tclose(type);
    id_of("e.h5", other);
    VA_CHECK(!strcmp(first, other));
    file = edit();
    type = string_type(9);
    H5Tset_strpad(type, H5T_STR_SPACEPAD);
    attribute(file, "video", type, "a.b c    ");
    H5Fclose(file);
    id_of("e.h5", other);
    VA_CHECK(!strcmp(first, other));
    file = edit();
    attribute(file, "video", type, "a.b d    ");
    H5Fclose(file);
    H5Tclose(type);
    id_of("e.h5", other);
    VA_CHECK(strcmp(first, other));
}

static void damage(const char *path, long keep, const char *words)
{
    long size;
    char *data;
    FILE *f;

    VA_CHECK_INT(make("d.h5", &sound), 0);
    data = bytes_of("d.h5", &size);
    f = fopen(path, "wb");
    VA_CHECK(f && fwrite(data, 1, (size_t)(keep < size ? keep : size), f) > 0);
    if (f)
        fclose(f);
    va_free(data);
    refused_as(path, "va.features/1", words);
}

static void cut_and_foreign_files(void)
{
    FILE *f = fopen("t.h5", "w");

    damage("t.h5", 1000, "t.h5: file ends early, expected va.features/1");
    damage("t.h5", 8, "t.h5: ");
    if (f)
        fclose(f);
    f = fopen("t.h5", "w");
    VA_CHECK(f);
    if (f)
        fclose(f);
    refused_as("t.h5", NULL, "t.h5: empty");
    f = fopen("t.h5", "w");
    VA_CHECK(f && fputs("valence,arousal\n", f) >= 0);
    if (f)
        fclose(f);
    refused_as("t.h5", "va.frames/1", "t.h5: found a text, expected va.frames/1");
    refused_as(
        ".", "va.frames/1",
        ".: found a folder, expected va.frames/1: name a file in it, or several: ./*.h5");
}

int main(void)
{
    char folder[] = "/tmp/va_test_h5_XXXXXX", command[64];

    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 1;
    fill();
    VA_TEST(round_trip);
    VA_TEST(halves_widen);
    VA_TEST(equal_contents_are_equal_bytes);
    VA_TEST(rows_of_unknown_number);
    VA_TEST(many_strings);
    VA_TEST(nothing_is_left_behind);
    VA_TEST(rows_are_counted);
    VA_TEST(flaws_are_refused);
    VA_TEST(versions_and_completeness);
    VA_TEST(spellings_of_one_value);
    VA_TEST(cut_and_foreign_files);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command))
        return 1;
    return va_test_finish();
}
