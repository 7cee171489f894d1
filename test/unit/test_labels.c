/*
 * Text that people hand in: annotations, lists and tables, good and bad.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "data/va_labels.h"
#include "data/va_lists.h"
#include "data/va_table.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/va-test-XXXXXX";
static char path[64];

static void put_bytes(const char *bytes, size_t n)
{
    FILE *f;

    snprintf(path, sizeof(path), "%s/a.txt", folder);
    f = fopen(path, "w");
    fwrite(bytes, 1, n, f);
    fclose(f);
}

static void put(const char *text)
{
    put_bytes(text, strlen(text));
}

/* The message without the folder in front; "" when reading succeeded. */
static const char *message(int (*read)(void))
{
    static char line[512];
    size_t n = strlen(folder) + 1;

    va_error_catch_begin(line, sizeof(line));
    if (read() == 0)
        line[0] = 0;
    va_error_catch_end();
    return strncmp(line, folder, n - 1) ? line : line + n;
}

static struct va_labels labels;
static enum va_labels_kind kind;
static int read_labels(void)
{
    int status = va_labels_read(&labels, path, kind);

    va_labels_release(&labels);
    return status;
}

static void refused(const char *text, const char *expected)
{
    const char *said;

    put(text);
    said = message(read_labels);
    if (strcmp(said, expected)) {
        printf("# said:     %s\n# expected: %s\n", said, expected);
        va_test_bad = true;
    }
}

#define HEAD "valence,arousal\n"

static void what_real_files_look_like_is_read(void)
{
    static const char *const good[] = {
        HEAD "0.5,-1\n-5,-5\n0,1\n",
        "valence,arousal\r\n0.5,-1\r\n-5,-5\r\n0,1\r\n",
        HEAD "0.5,-1\n-5.0,-5\n0,1",
        "\xef\xbb\xbfValence, Arousal \n 0.5 ,\t-1\n-5.0,-5.00\n0,1.0\n\n \r\n",
        HEAD "5e-1,-1.\n-5,-5\n+0,1",
    };

    for (size_t i = 0; i < VA_COUNT(good); i++) {
        put(good[i]);
        VA_CHECK_INT(va_labels_read(&labels, path, VA_LABELS_ANNOTATION), 0);
        VA_CHECK_INT(labels.count, 3);
        if (labels.count == 3) {
            VA_CHECK(labels.va[0] == .5 && labels.va[1] == -1);
            VA_CHECK(!va_is_labelled(labels.va + 2) && va_is_labelled(labels.va + 4));
            VA_CHECK(labels.va[4] == 0 && labels.va[5] == 1);
        }
        va_labels_release(&labels);
    }
}

static void half_a_label_is_none(void)
{
    put(HEAD "-5,0.5\n0.5,-5\n");
    VA_CHECK_INT(va_labels_read(&labels, path, VA_LABELS_ANNOTATION), 0);
    VA_CHECK_INT(labels.count, 2);
    VA_CHECK(!va_is_labelled(labels.va) && !va_is_labelled(labels.va + 2));
    va_labels_release(&labels);
}

static void no_rows_are_fine(void)
{
    put(HEAD);
    VA_CHECK_INT(va_labels_read(&labels, path, VA_LABELS_ANNOTATION), 0);
    VA_CHECK_INT(labels.count, 0);
    va_labels_release(&labels);
}

static void bad_labels_are_named_with_their_line(void)
{
    kind = VA_LABELS_ANNOTATION;
    refused("", "a.txt: found an empty file, expected the header valence,arousal");
    refused("0.1,0.2\n", "a.txt: line 1: found '0.1,0.2', expected the header valence,arousal");
    refused("arousal,valence\n0,0\n",
            "a.txt: line 1: found 'arousal,valence', expected the header valence,arousal");
    refused(HEAD "0.1,0.2\n0.1,x\n", "a.txt: line 3: found 'x', expected a number");
    refused(HEAD "0.1,\n", "a.txt: line 2: found '', expected a number");
    refused(HEAD "nan,0\n", "a.txt: line 2: found 'nan', expected a number");
    refused(HEAD "0,-inf\n", "a.txt: line 2: found '-inf', expected a number");
    refused(HEAD "0x1,0\n", "a.txt: line 2: found '0x1', expected a number");
    refused(HEAD "1e999,0\n", "a.txt: line 2: found '1e999', expected a number");
    refused(HEAD "0.1 0.2,0\n", "a.txt: line 2: found '0.1 0.2', expected a number");
    refused(HEAD "0.1\n", "a.txt: line 2: found '0.1', expected two numbers: valence,arousal");
    refused(HEAD "0.1,0.2,0.3\n",
            "a.txt: line 2: found '0.1,0.2,0.3', expected two numbers: valence,arousal");
    refused(HEAD "0.1;0.2\n",
            "a.txt: line 2: found '0.1;0.2', expected two numbers: valence,arousal");
    refused(HEAD "1.01,0\n",
            "a.txt: line 2: found '1.01', expected a number in [-1, 1], or -5");
    refused(HEAD "0,-4.9\n",
            "a.txt: line 2: found '-4.9', expected a number in [-1, 1], or -5");
    refused(HEAD "0,0\n\n0,0\n", "a.txt: line 3: found '', expected valence,arousal: more rows "
                                 "follow the empty line");
}

static void predictions_may_be_any_finite_number(void)
{
    kind = VA_LABELS_PREDICTION;
    refused(HEAD "1.5,-7\n", "");
    refused(HEAD "nan,0\n", "a.txt: line 2: found 'nan', expected a number");
    refused(HEAD "1e39,0\n",
            "a.txt: line 2: found '1e39', expected a number within the range of float32");
}

static void hostile_bytes(void)
{
    static char line[10000];
    char deep[300];

    kind = VA_LABELS_ANNOTATION;
    put_bytes(HEAD "0,0\0\n", strlen(HEAD) + 5);
    VA_CHECK(!strcmp(message(read_labels), "a.txt: line 2: found a NUL byte, expected text"));
    memset(line, '1', sizeof(line));
    put_bytes(line, sizeof(line));
    VA_CHECK(!strcmp(message(read_labels), "a.txt: line 1: longer than 4095 bytes"));
    memset(deep, '\x1b', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = 0;
    put(deep);
    VA_CHECK(strlen(message(read_labels)) < 150); /* quoted in part only */
}

static void a_written_file_reads_back(void)
{
    const float va[] = { .1f, -.2f, 1e-9f, 1, -1, -0.f }; /* 0 is written without a sign */

    snprintf(path, sizeof(path), "%s/a.txt", folder);
    put("");
    va_input_forget(path);
    VA_CHECK_INT(va_labels_write(path, 3, va), 0);
    VA_CHECK_INT(va_labels_read(&labels, path, VA_LABELS_PREDICTION), 0);
    VA_CHECK_INT(labels.count, 3);
    for (int i = 0; i < 6 && labels.count == 3; i++)
        VA_CHECK(labels.va[i] == (double)va[i]);
    VA_CHECK(labels.count < 3 || !signbit(labels.va[5]));
    va_labels_release(&labels);
}

/* ---- lists ----------------------------------------------------------------------------- */

static struct va_name_list list;
static int read_list(void)
{
    int status = va_name_list_read(&list, path);

    va_name_list_release(&list);
    return status;
}

static void lists(void)
{
    put("# training\nvideo2\r\n\n  10-60-1280x720_left  # two people\na#b\nlast");
    VA_CHECK_INT(va_name_list_read(&list, path), 0);
    VA_CHECK_INT(list.count, 4);
    if (list.count == 4) {
        VA_CHECK(!strcmp(list.items[0].name, "video2"));
        VA_CHECK(!strcmp(list.items[1].name, "10-60-1280x720_left"));
        VA_CHECK_INT(list.items[1].line, 4);
        VA_CHECK(!strcmp(list.items[2].name, "a#b"));
        VA_CHECK(!strcmp(list.items[3].name, "last"));
    }
    va_name_list_release(&list);
}

static void bad_lists(void)
{
    put("b\na\nc\na\n");
    VA_CHECK(!strcmp(message(read_list), "a.txt: line 4: 'a' is also in line 2"));
    put("# nobody\n\n");
    VA_CHECK(!strcmp(message(read_list), "a.txt: found no name, expected one per line"));
    put("ok\n../up\n");
    VA_CHECK(!strcmp(message(read_list),
                     "a.txt: line 2: found '../up', expected the name of a video"));
}

static void groups(void)
{
    VA_CHECK_INT(va_group_length("video2_left"), 6);
    VA_CHECK_INT(va_group_length("video2_right"), 6);
    VA_CHECK_INT(va_group_length("video2"), 6);
    VA_CHECK_INT(va_group_length("_left"), 5);
    VA_CHECK_INT(va_group_length("left"), 4);
    VA_CHECK_INT(va_group_compare("video2_left", "video2"), 0);
    VA_CHECK(va_group_compare("video2_left", "video22") < 0);
    VA_CHECK(va_group_compare("b", "a_right") > 0);
}

/* ---- tables ---------------------------------------------------------------------------- */

static struct va_table table;
static int read_table(void)
{
    int status = va_table_read(&table, path);

    va_table_release(&table);
    return status;
}

static void tables(void)
{
    double x = 0;

    put("a\tb\n1\tnan\n2\tx\n");
    VA_CHECK_INT(va_table_read(&table, path), 0);
    VA_CHECK_INT(table.rows, 2);
    VA_CHECK_INT(va_table_column(&table, "b"), 1);
    VA_CHECK_INT(va_table_column(&table, "c"), -1);
    VA_CHECK_INT(va_table_number(&table, 0, 1, &x), 0);
    VA_CHECK(isnan(x));
    VA_CHECK_INT(va_table_number(&table, 1, 0, &x), 0);
    VA_CHECK(x == 2);
    va_table_release(&table);
    put("a\tb\n1\n");
    VA_CHECK(!strcmp(message(read_table),
                     "a.txt: line 2: found 1 columns, expected 2 as in the header"));
    put("a\tb\n");
    VA_CHECK(
        !strcmp(message(read_table), "a.txt: found no rows, expected a header line and rows"));
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    VA_TEST(what_real_files_look_like_is_read);
    VA_TEST(half_a_label_is_none);
    VA_TEST(no_rows_are_fine);
    VA_TEST(bad_labels_are_named_with_their_line);
    VA_TEST(predictions_may_be_any_finite_number);
    VA_TEST(hostile_bytes);
    VA_TEST(a_written_file_reads_back);
    VA_TEST(lists);
    VA_TEST(bad_lists);
    VA_TEST(groups);
    VA_TEST(tables);
    unlink(path);
    rmdir(folder);
    return va_test_finish();
}
