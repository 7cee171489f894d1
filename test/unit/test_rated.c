/*
 * Which pictures a batch of fine-tuning holds: as many of each video, spread over its length, in an
 * order that depends on seed and epoch alone; weights of classes; files of expressions.
 */
#include "feed/va_rated.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_expressions.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <unistd.h>

/* Videos of 100, 7 and 1 items. */
static struct va_rated_video videos[] = { { 4, 0, 100 }, { 0, 100, 7 }, { 9, 107, 1 } };
static const struct va_rated set = { .videos = videos, .video_count = 3, .count = 108 };

static void even_over_videos_and_length(void)
{
    struct va_sampler s;
    int64_t differ = 0;

    va_sampler_init(&s, &set, 20, 15, 3);
    VA_CHECK_INT(s.per_epoch, 4); /* of 60 pictures */
    for (int64_t epoch = 0; epoch < 50; epoch++) {
        int64_t count[3] = { 0 }, part[20] = { 0 };

        for (int64_t k = 0; k < 4; k++)
            for (int64_t i = 0; i < 15; i++) {
                int64_t item = va_sampler_at(&s, epoch * 4 + k, i);

                VA_CHECK(item >= 0 && item < 108);
                count[item < 100 ? 0 : item < 107 ? 1 : 2]++;
                if (item < 100)
                    part[item / 5]++;
                differ += epoch && item != va_sampler_at(&s, k, i);
            }
        for (int v = 0; v < 3; v++)
            VA_CHECK_INT(count[v], 20);
        for (int p = 0; p < 20; p++) /* one of every five */
            VA_CHECK_INT(part[p], 1);
    }
    VA_CHECK(differ > 49 * 60 / 2); /* other pictures in another order */
}

/* Every picture of a video has its turn, about equally often. */
static void every_picture_has_its_turn(void)
{
    struct va_sampler s;
    static int64_t count[108];

    va_sampler_init(&s, &set, 20, 60, 3);
    for (int64_t k = 0; k < 400; k++)
        for (int64_t i = 0; i < 60; i++)
            count[va_sampler_at(&s, k, i)]++;
    for (int i = 0; i < 100; i++) /* 80 of 400: five deviations */
        VA_CHECK_NEAR((double)count[i], 80, 40);
    for (int i = 100; i < 107; i++)
        VA_CHECK_NEAR((double)count[i], 20. / 7 * 400, 100);
    VA_CHECK_INT(count[107], 20 * 400);
}

static void seeds_and_small_sets(void)
{
    struct va_sampler a, b;
    int64_t same = 0;

    va_sampler_init(&a, &set, 20, 60, 3);
    va_sampler_init(&b, &set, 20, 60, 4);
    for (int64_t i = 0; i < 60; i++)
        same += va_sampler_at(&a, 0, i) == va_sampler_at(&b, 0, i);
    VA_CHECK(same < 30);
    va_sampler_init(&a, &set, 2, 64, 3); /* a batch is all there is */
    VA_CHECK_INT(a.batch, 6);
    VA_CHECK_INT(a.per_epoch, 1);
    va_sampler_init(&a, &set, 2, 4, 3); /* two are left over */
    VA_CHECK_INT(a.per_epoch, 1);
}

static void balance(void)
{
    static const int classes[] = { 0, 2, 2, -1, 2, 0, 2, 2, 2, -1 };
    struct va_rated_item items[10] = { 0 };
    struct va_rated r = { .items = items, .count = 10 };
    double weight[4];

    for (int i = 0; i < 10; i++)
        items[i].expression = classes[i];
    va_rated_balance(&r, 4, weight);
    VA_CHECK_NEAR(weight[0], 8. / (2 * 2), 0);
    VA_CHECK_NEAR(weight[1], 0, 0);
    VA_CHECK_NEAR(weight[2], 8. / (2 * 6), 0);
    VA_CHECK_NEAR(weight[3], 0, 0);
}

/* What reading this text says, or NULL; the classes in *e. */
static const char *reads(const char *text, struct va_expressions *e)
{
    static char line[512];
    char path[] = "/tmp/va-expr-XXXXXX";
    int fd = mkstemp(path), got;
    const char *said;

    VA_CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    line[0] = 0;
    va_error_catch_begin(line, sizeof(line));
    got = va_expressions_read(e, path, 3);
    va_error_catch_end();
    unlink(path);
    said = strstr(line, ": ");
    VA_CHECK((got < 0) == (line[0] != 0));
    return line[0] && said ? said + 2 : NULL;
}

static void expressions(void)
{
    struct va_expressions e;
    static const int expected[] = { 1, -1, 2, 0 };
    static const char *const wrong[][2] = {
        { "", "found an empty file, expected a header of classes" },
        { "0\n1\n", "line 1: found a number, expected a header of classes" },
        { "a,b\n1\n3\n", "line 3: found '3', expected a class from 0 to 2, or -1" },
        { "a,b\n1.5\n", "line 2: found '1.5', expected a class from 0 to 2, or -1" },
        { "a,b\n-2\n", "line 2: found '-2', expected a class from 0 to 2, or -1" },
        { "a,b\n0,1\n", "line 2: found '0,1', expected a class from 0 to 2, or -1" },
        { "a,b\n\n1\n", "line 3: found '1', expected a class from 0 to 2, or -1" },
    };

    VA_CHECK(reads("Neutral,Anger\r\n1\r\n -1 \n2\n0\n\n", &e) == NULL);
    VA_CHECK_INT(e.count, 4);
    for (int i = 0; i < 4 && e.count == 4; i++)
        VA_CHECK_INT(e.class[i], expected[i]);
    va_expressions_release(&e);
    for (size_t i = 0; i < VA_COUNT(wrong); i++) {
        const char *said = reads(wrong[i][0], &e);

        if (!said || strcmp(said, wrong[i][1])) {
            printf("# said %s, expected %s\n", said ? said : "(nothing)", wrong[i][1]);
            va_test_bad = true;
        }
        VA_CHECK(e.class == NULL);
    }
}

int main(void)
{
    VA_TEST(even_over_videos_and_length);
    VA_TEST(every_picture_has_its_turn);
    VA_TEST(seeds_and_small_sets);
    VA_TEST(balance);
    VA_TEST(expressions);
    return va_test_finish();
}
