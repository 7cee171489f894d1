/*
 * float32 in three parts (cpu/va_narrow.h): what the parts are, the order of the sums, and their error. Layers
 * that multiply so are in test_ops_products.
 */
#include "base/va_tensors.h"
#include "cpu/va_cpu_ops.h"
#include "cpu/va_cpu_parts.h"
#include "test/unit/ops_twin.h"
#include <stdlib.h>

enum { ROWS = 50, COLUMNS = 45, K_MOST = 20000, LINE = VA_NARROW_LINE / 2 };

static float number(uint64_t i, uint32_t seed)
{
    double power = va_rand_uniform(seed, VA_RAND_TEST, 1, i) * 24 - 12;

    return (float)ldexp(va_rand_uniform(seed, VA_RAND_TEST, 2, i) - .5, (int)power);
}

/* Part p of number k of a row. */
static float part_of(const uint8_t *row, int64_t k, int p)
{
    uint16_t half;

    memcpy(&half, row + (k / LINE * VA_NARROW_PARTS + p) * VA_NARROW_LINE + k % LINE * 2, 2);
    return va_from_bf16(half);
}

static void parts_sum_to_the_number(void)
{
    static float x[K_MOST];
    static uint8_t row[VA_NARROW_PARTS * 2 * K_MOST + 3 * VA_NARROW_LINE];
    const int64_t end = va_narrow_lines(K_MOST, 2) * LINE;

    for (int i = 0; i < K_MOST; i++)
        x[i] = number((uint64_t)i, 3);
    x[1] = 0, x[2] = -0.f, x[3] = 3.4028235e38f, x[4] = -1.17549435e-30f, x[5] = 1.0000001f;
    for (int isa = 0; isa <= (int)va_cpu_isa(); isa++) {
        va_hot_use((enum va_isa)isa);
        memset(row, 7, sizeof(row));
        va_hot()->parts_row(K_MOST, x, row);
        for (int k = 0; k < end; k++)
            VA_CHECK(part_of(row, k, 0) + (part_of(row, k, 1) + part_of(row, k, 2)) ==
                     (k < K_MOST ? x[k] : 0));
        VA_CHECK_INT(row[end * 2 * VA_NARROW_PARTS], 7); /* and nothing behind the last line */
        x[9] = INFINITY, x[10] = NAN;
        va_hot()->parts_row(K_MOST, x, row);
        for (int k = 9; k < 11; k++)
            VA_CHECK(!isfinite(part_of(row, k, 0) + part_of(row, k, 1)));
        x[9] = x[10] = 1;
    }
    va_hot_use(va_cpu_isa());
}

/* ---- products ---------------------------------------------------------------------------------- */

struct trial {
    int64_t rows, cols, K;
    bool add;
    float x[ROWS * K_MOST], w[K_MOST * COLUMNS], c[ROWS * COLUMNS];
};

static float begin_at(int64_t i)
{
    return 64 * ((float)(i % 17) - 8);
}

static void begin(struct trial *t)
{
    for (int64_t i = 0; i < (int64_t)VA_COUNT(t->c); i++)
        t->c[i] = begin_at(i);
}

/* Columns as rows in parts give what rows do. */
static void check_rows(const struct trial *t)
{
    int64_t lines = va_narrow_lines_of_parts(t->K), ld = va_narrow_ld(lines);
    uint8_t *rows = va_new(VA_NARROW_ROWS * 2 * ld, 1), *row = va_new(ld, 1);
    float *columns = va_new(t->K * ROWS, sizeof(*columns));

    for (int64_t m = 0; m < t->rows; m++)
        for (int64_t k = 0; k < t->K; k++)
            columns[k * ROWS + m] = t->x[m * K_MOST + k];
    va_hot()->parts_turned(t->K, t->rows, ROWS, columns, rows, ld);
    for (int64_t m = 0; m < t->rows; m++) {
        va_hot()->parts_row(t->K, t->x + m * K_MOST, row);
        VA_CHECK(!memcmp(rows + m * ld, row, (size_t)(lines * VA_NARROW_LINE)));
    }
    va_free(columns);
    va_free(row);
    va_free(rows);
}

/* Columns that lie as rows give the same panels as those that lie as columns. */
static void check_panels(const struct trial *t)
{
    int64_t panel = va_narrow_lines_of_parts(t->K) * VA_NARROW_TILE;
    uint8_t *panels = va_new(panel * 3, 1), *again = va_new(panel, 1);
    float *turned = va_new(VA_NARROW_PANEL * t->K, sizeof(*turned));

    va_hot()->parts_rows(t->K, t->cols, COLUMNS, t->w, panels, panel);
    for (int64_t n = 0; n < t->cols; n += VA_NARROW_PANEL) {
        int64_t cols = t->cols - n < VA_NARROW_PANEL ? t->cols - n : VA_NARROW_PANEL;

        for (int64_t c = 0; c < cols; c++)
            for (int64_t k = 0; k < t->K; k++)
                turned[c * t->K + k] = t->w[k * COLUMNS + n + c];
        va_hot()->parts_columns(t->K, cols, t->K, turned, again);
        for (int64_t i = 0; i < panel; i++) /* columns that do not exist may be anything */
            VA_CHECK(i / 4 % VA_NARROW_PANEL >= cols ||
                     again[i] == panels[n / VA_NARROW_PANEL * panel + i]);
    }
    va_free(turned);
    va_free(again);
    va_free(panels);
}

static void multiply(struct trial *t)
{
    struct va_parts p = va_parts_of(va_round_up(t->rows, VA_NARROW_ROWS), t->K);
    const struct va_gemm g = {
        .M = t->rows, .N = t->cols, .K = t->K, .ldb = COLUMNS, .ldc = COLUMNS, .add = t->add
    };
    float *a = va_new(p.floats, sizeof(*a)), *work = va_new(p.work, sizeof(*work));

    memset(a, 0x7f, (size_t)p.floats * sizeof(*a)); /* padding may be anything */
    p.a = (uint8_t *)a;
    for (int64_t m = 0; m < t->rows; m++)
        va_parts_take(&p, m, t->x + m * K_MOST);
    va_parts_multiply(&p, 0, &g, t->w, t->c, work);
    va_free(work);
    va_free(a);
}

/* What va_narrow.h says of a line: a pair of parts of numbers [k, k + LINE), as far as there are. */
static float pair_of(const struct trial *t, int64_t m, int64_t n, int64_t line, int pair)
{
    float sum[2] = { 0, 0 };

    for (int64_t k = line; k < t->K && k < line + LINE; k++) {
        float left[2] = { t->x[m * K_MOST + k], t->w[k * COLUMNS + n] }, of[2] = { 0 };

        for (int side = 0; side < 2; side++)
            for (int p = 0; p <= va_narrow_order[pair][side]; p++) {
                uint32_t bits;

                memcpy(&bits, &left[side], 4);
                bits &= 0xffff0000;
                memcpy(&of[side], &bits, 4);
                left[side] -= of[side];
            }
        sum[k % 2] = fmaf(of[0], of[1], sum[k % 2]);
    }
    return sum[0] + sum[1];
}

/* And of the order of the sums. */
static float sum_of(const struct trial *t, int64_t m, int64_t n)
{
    float sum = t->add ? begin_at(m * COLUMNS + n) : 0;

    for (int64_t k = 0; k < t->K; k += VA_NARROW_STRETCH) {
        float stretch = 0;

        for (int64_t line = k; line < t->K && line < k + VA_NARROW_STRETCH; line += LINE)
            for (int i = 0; i < VA_NARROW_PAIRS; i++)
                stretch += pair_of(t, m, n, line, i);
        sum += stretch;
    }
    return sum;
}

static void check_trial(struct trial *t)
{
    check_rows(t);
    check_panels(t);
    begin(t);
    multiply(t);
    for (int64_t i = 0; i < (int64_t)VA_COUNT(t->c); i++) {
        bool inside = i / COLUMNS < t->rows && i % COLUMNS < t->cols;

        VA_CHECK(t->c[i] == (inside ? sum_of(t, i / COLUMNS, i % COLUMNS) : begin_at(i)));
    }
}

/* With AMX and by vectors. */
static void by_every_means(struct trial *t, void (*fn)(struct trial *))
{
    const bool has_amx = va_cpu_amx();

    for (int isa = 0; isa <= (int)va_cpu_isa(); isa++) {
        va_hot_use((enum va_isa)isa);
        for (int amx = 0; amx <= (isa == VA_ISA_AVX512 && has_amx); amx++) {
            setenv("VA_AMX", va_amx_names[amx], 1);
            setenv("VA_BF16", amx ? "no" : "yes", 1); /* these have another order: not here */
            va_cpu_ask_again();
            fn(t);
            unsetenv("VA_BF16");
            unsetenv("VA_AMX");
            va_cpu_ask_again();
        }
    }
    va_hot_use(va_cpu_isa());
}

static struct trial *trial_new(void)
{
    struct trial *t = va_new(1, sizeof(*t));

    for (size_t i = 0; i < VA_COUNT(t->x); i++)
        t->x[i] = number(i, 4);
    for (size_t i = 0; i < VA_COUNT(t->w); i++)
        t->w[i] = number(i, 5);
    return t;
}

static void sums_have_one_order(void)
{
    static const int64_t shapes[][3] = { { 1, 1, 1 },     { 2, 33, 32 },   { 16, 16, 33 },
                                         { 17, 45, 64 },  { 31, 15, 199 }, { 50, 32, 200 },
                                         { 33, 17, 96 },  { 48, 32, 512 }, { 3, 18, 513 },
                                         { 18, 32, 1100 } };
    struct trial *t = trial_new();

    for (size_t i = 0; i < VA_COUNT(shapes); i++)
        for (int add = 0; add < 2; add++) {
            t->rows = shapes[i][0], t->cols = shapes[i][1], t->K = shapes[i][2], t->add = add;
            by_every_means(t, check_trial);
        }
    va_free(t);
}

/* The root of the mean square of what c is off, as a share of the sum of what was added, each without its sign. */
static double error_of(const struct trial *t)
{
    double sum = 0;

    for (int64_t m = 0; m < t->rows; m++)
        for (int64_t n = 0; n < t->cols; n++) {
            double exact = t->add ? begin_at(m * COLUMNS + n) : 0, size = fabs(exact), off;

            for (int64_t k = 0; k < t->K; k++) {
                double product = (double)t->x[m * K_MOST + k] * t->w[k * COLUMNS + n];

                exact += product;
                size += fabs(product);
            }
            off = (t->c[m * COLUMNS + n] - exact) / size;
            sum += off * off;
        }
    return sqrt(sum / (double)(t->rows * t->cols));
}

/* Not more than that of sums of float32 products. */
static void check_error(struct trial *t)
{
    const struct va_gemm g = { .M = t->rows,
                               .N = t->cols,
                               .K = t->K,
                               .lda = K_MOST,
                               .ldb = COLUMNS,
                               .ldc = COLUMNS,
                               .add = t->add };
    double whole;

    begin(t);
    VA_CHECK_INT(va_gemm(&g, t->x, t->w, t->c), 0);
    whole = error_of(t);
    begin(t);
    multiply(t);
    VA_CHECK(error_of(t) <= whole);
    VA_CHECK(error_of(t) > 0);
}

/* All of one sign, nothing cancels: from `least` to 1 more, where they are not as they were drawn. */
static void errors_of(struct trial *t, float least)
{
    static const int64_t depths[] = { 200, 512, 4096, K_MOST };

    for (size_t i = 0; least >= 0 && i < VA_COUNT(t->x); i++)
        t->x[i] = least + (float)va_rand_uniform(6, VA_RAND_TEST, 1, i);
    for (size_t i = 0; least >= 0 && i < VA_COUNT(t->w); i++)
        t->w[i] = least + (float)va_rand_uniform(7, VA_RAND_TEST, 1, i);
    for (size_t i = 0; i < VA_COUNT(depths); i++)
        for (int add = 0; add < 2; add++) {
            t->rows = ROWS / 2, t->cols = COLUMNS / 2, t->K = depths[i], t->add = add;
            by_every_means(t, check_error);
        }
}

static void errors_are_no_larger(void)
{
    struct trial *t = trial_new();

    errors_of(t, -1);
    errors_of(t, 0);
    errors_of(t, 1);
    va_free(t);
}

int main(void)
{
    VA_TEST(parts_sum_to_the_number);
    VA_TEST(sums_have_one_order);
    VA_TEST(errors_are_no_larger);
    return va_test_finish();
}
