/*
 * Windows: all plans of the reference, exactly.
 */
#include "data/va_window_index.h"
#include "test/va_golden.h"

struct plan {
    char text[8192]; /* "start:length:valid ..." as in the golden file */
    size_t n;
    int64_t W, count;
};

static int add(void *arg, int64_t start, int64_t length)
{
    struct plan *p = arg;

    p->n += (size_t)snprintf(p->text + p->n, sizeof(p->text) - p->n, "%s%lld:%lld:%lld",
                             p->count ? " " : "", (long long)start, (long long)p->W,
                             (long long)length);
    p->count++;
    return 0;
}

/* One line of the golden table against our plan. */
static bool agrees(char *line)
{
    char *field[6], *save = NULL;
    struct plan p = { .n = 0 };
    int tail = -1;

    for (int i = 0; i < 6; i++)
        field[i] = strtok_r(i ? NULL : line, "\t\n", &save);
    if (!field[5])
        return false;
    for (int i = 0; va_tail_names[i]; i++)
        if (!strcmp(va_tail_names[i], field[3]))
            tail = i;
    p.W = atoll(field[1]);
    if (tail < 0 ||
        va_window_plan(atoll(field[0]), p.W, atoll(field[2]), (enum va_tail)tail, add, &p) < 0)
        return false;
    return p.count == atoll(field[4]) && !strcmp(p.count ? p.text : "-", field[5]);
}

static void plans_of_the_reference(void)
{
    char path[512], line[8192];
    FILE *f = va_golden_path("windows/windows.tsv", path) ? fopen(path, "r") : NULL;
    int lines = 0, good = 0;

    if (!f)
        VA_SKIP("no golden windows.tsv");
    VA_CHECK(fgets(line, sizeof(line), f) != NULL); /* the header */
    while (fgets(line, sizeof(line), f)) {
        lines++;
        good += agrees(line);
    }
    fclose(f);
    VA_CHECK_INT(lines, 297);
    VA_CHECK_INT(good, lines);
}

static int refuse(void *arg, int64_t start, int64_t length)
{
    (void)start;
    (void)length;
    return --*(int *)arg < 0 ? -1 : 0;
}

static void a_refused_window_ends_the_plan(void)
{
    for (int allowed = 0; allowed < 3; allowed++) {
        int left = allowed;

        VA_CHECK_INT(va_window_plan(500, 100, 100, VA_TAIL_PAD, refuse, &left), -1);
        VA_CHECK_INT(left, -1);
    }
}

int main(void)
{
    VA_TEST(plans_of_the_reference);
    VA_TEST(a_refused_window_ends_the_plan);
    return va_test_finish();
}
