/*
 * What ranks tell each other, and how they share a batch. Run by itself there is one rank;
 * test/mpi.bats runs it with several (those beyond rank 0 answer by their exit code). VA_SHARERS in
 * the environment: how many ranks this machine's cores are expected to be shared by.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "comm/va_comm.h"
#include "cpu/va_cpu_ops.h"
#include "run/va_share.h"
#include "test/unit/device.h"
#include "test/unit/step.h"
#include "test/va_test.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int rank, size;

/* Number i that rank r gives, in [-0.4, 0.6). */
static float number(int r, int64_t i)
{
    return (float)((r * 7919 + i * 104729 + i % 7 * r) % 1000003) / 1000003.0f - 0.4f;
}

static void gathering(void)
{
    static const int64_t sizes[] = { 1, 7, 4096, 100003 };

    for (size_t k = 0; k < VA_COUNT(sizes); k++) {
        int64_t n = sizes[k];
        unsigned char *mine = va_new(n, 1), *all = va_new(n, (size_t)size);
        bool right = mine && all;

        for (int64_t i = 0; right && i < n; i++)
            mine[i] = (unsigned char)(rank * 41 + i);
        va_comm_gather(mine, (size_t)n, all);
        for (int64_t i = 0; right && i < n * size; i++)
            right = all[i] == (unsigned char)(i / n * 41 + i % n);
        VA_CHECK(right);
        if (rank > 0)
            memset(mine, 0, (size_t)n);
        va_comm_broadcast(mine, (size_t)n);
        for (int64_t i = 0; right && i < n; i++)
            right = mine[i] == (unsigned char)i;
        VA_CHECK(right);
        va_free(mine);
        va_free(all);
    }
}

static void first_value(void)
{
    VA_CHECK_INT(va_comm_first(0), 0);
    VA_CHECK_INT(va_comm_first(rank + 5), 5);
    VA_CHECK_INT(va_comm_first(rank == size - 1 ? 15 : 0), 15);
    VA_CHECK_INT(va_comm_first(rank >= size / 2 ? -rank - 1 : 0), -(size / 2) - 1);
}

/* Sizes below the number of ranks, odd ones, and around the pieces that sums are made in. */
static void sums_in_order(void)
{
    static const int64_t sizes[] = {
        0, 1, 2, 3, 5, 1000, (1 << 20) - 1, (1 << 20) + 1, 2100001
    };

    for (size_t k = 0; k < VA_COUNT(sizes); k++) {
        int64_t n = sizes[k], bad = -1;
        float *x = va_new(n + 1, sizeof(*x));

        for (int64_t i = 0; x && i < n; i++)
            x[i] = number(rank, i);
        x[n] = 77; /* a guard */
        va_comm_sum(x, n);
        for (int64_t i = 0; i < n && bad < 0; i++) {
            float sum = number(0, i);

            for (int r = 1; r < size; r++)
                sum += number(r, i);
            if (memcmp(&sum, &x[i], sizeof(sum)) != 0)
                bad = i;
        }
        VA_CHECK_INT(bad, -1);
        VA_CHECK(x[n] == 77);
        va_free(x);
    }
}

static void shares(void)
{
    for (int64_t n = 0; n < 40; n++) {
        int64_t end = 0, most = 0;

        for (int r = 0; r < size; r++) {
            struct va_share s = va_share_of_rank(n, r);

            VA_CHECK_INT(s.first, end);
            VA_CHECK(s.count == n / size || s.count == n / size + 1);
            most = s.count > most ? s.count : most;
            end = s.first + s.count;
        }
        VA_CHECK_INT(end, n);
        VA_CHECK_INT(va_share_most(n), most);
        VA_CHECK_INT(va_share_of(n).first, va_share_of_rank(n, rank).first);
    }
}

/* A batch of 5 frames per rank, and one of a single frame, which only rank 0 has. */
static void moments_of_all(void)
{
    struct va_backend *be = va_cpu_backend_new();
    int64_t n = 5 * size;
    float *p = va_new(2 * n, sizeof(float)), *y = va_new(2 * n, sizeof(float));
    float *ok = va_new(n, sizeof(float));

    for (int64_t i = 0; i < 2 * n; i++) {
        p[i] = number(100, i);
        y[i] = number(101, i);
        ok[i / 2] = i / 2 % 3 != 1;
    }
    for (; n > 0; n = n > 1 ? 1 : 0) {
        struct va_share s = va_share_of(n);
        struct va_ccc_moments whole, m;

        be->ops->ccc_moments(be, n, p, y, ok, &whole);
        be->ops->ccc_moments(be, s.count, p + 2 * s.first, y + 2 * s.first, ok + s.first, &m);
        va_share_moments(&m);
        VA_CHECK(m.count == whole.count);
        for (int d = 0; d < 2; d++) {
            VA_CHECK_NEAR(m.mean_p[d], whole.mean_p[d], 1e-15);
            VA_CHECK_NEAR(m.mean_y[d], whole.mean_y[d], 1e-15);
            VA_CHECK_NEAR(m.spp[d], whole.spp[d], 1e-13);
            VA_CHECK_NEAR(m.syy[d], whole.syy[d], 1e-13);
            VA_CHECK_NEAR(m.spy[d], whole.spy[d], 1e-13);
        }
    }
    va_free(p);
    va_free(y);
    va_free(ok);
    va_backend_free(be);
}

/* The loss of a batch of which each rank has a part: that of the whole batch, where devices that have joined share moments, too. */
static void loss_of_all(struct va_backend *be)
{
    enum { FRAMES = 5 };
    struct va_backend *cpu = va_cpu_backend_new();
    struct va_share s = va_share_of(FRAMES * size);
    struct va_ccc_moments moments, whole;
    float numbers[3][2 * FRAMES * 16]; /* predictions, labels, validity; for 16 ranks */
    struct va_ccc p = { .n = s.count, .kind = VA_CCC_POPULATION, .share = 1 };
    struct va_ccc_loss expected;
    struct va_ccc_coefficients slope;
    void *x[4];

    for (int64_t i = 0; i < 2 * FRAMES * size; i++) {
        numbers[0][i] = number(100, i);
        numbers[1][i] = number(101, i);
        numbers[2][i / 2] = i / 2 % 3 != 1;
    }
    cpu->ops->ccc_moments(cpu, FRAMES * size, numbers[0], numbers[1], numbers[2], &whole);
    va_ccc_loss(&whole, &p, &expected, &slope);
    for (int i = 0; i < 4; i++) {
        x[i] = be->ops->alloc(be, 2 * FRAMES);
        if (i < 3)
            be->ops->put_f32(be, x[i], numbers[i] + (i < 2 ? 2 : 1) * s.first,
                             (i < 2 ? 2 : 1) * s.count);
    }
    p.pred = x[0], p.label = x[1], p.valid = x[2], p.dpred = x[3];
    for (int again = 0; again < 2; again++) {
        p.step = step_new(be, 0, 0);
        va_share_ccc(be, &p, &moments);
        VA_CHECK(p.joined == be->joined);
        be->ops->ccc_loss(be, &p);
        VA_CHECK(va_share_settle(be) == 0);
        VA_CHECK_NEAR(step_report(be, p.step).loss, expected.loss, 1e-14);
        be->ops->free(be, p.step);
        p.moments = NULL;
    }
    for (int i = 0; i < 4; i++)
        be->ops->free(be, x[i]);
    va_backend_free(cpu);
}

/* Gradient j of entry i, from all ranks: in their order, or near that, where devices add up. */
static bool is_sum(float got, int64_t j, int64_t i, bool exact)
{
    float sum = number(0, j + i);

    for (int r = 1; r < size; r++)
        sum += number(r, j + i);
    return exact ? got == sum : fabsf(got - sum) <= 1e-6f;
}

static void sum_gradients(struct va_params *list, const int64_t *counts, float *room)
{
    struct va_backend *be = list->be;
    struct va_hash h;

    for (int64_t i = 0; i < list->count; i++) {
        float *x = va_new(counts[i], sizeof(*x));

        for (int64_t j = 0; j < counts[i]; j++)
            x[j] = number(rank, j + i);
        if (list->items[i].grad)
            be->ops->put_f32(be, list->items[i].grad, x, counts[i]);
        va_free(x);
    }
    va_share_gradients(list, room);
    VA_CHECK(va_share_settle(be) == 0);
    va_hash_init(&h);
    for (int64_t i = 0; i < list->count; i++) {
        float *x = va_new(counts[i], sizeof(*x));
        int64_t bad = -1;

        if (list->items[i].grad)
            be->ops->get_f32(be, x, list->items[i].grad, counts[i]);
        va_hash_add(&h, x, sizeof(*x) * (size_t)counts[i]);
        for (int64_t j = 0; list->items[i].grad && j < counts[i] && bad < 0; j++)
            bad = is_sum(x[j], j, i, size == 2 || !be->joined) ? -1 : j;
        VA_CHECK_INT(bad, -1);
        va_free(x);
    }
    VA_CHECK(va_share_same(&h, "gradients") == 0);
}

/* Entries smaller and larger than a piece, and a frozen one between them. VA_JOINED: whether devices are expected
 * to make sums themselves. */
static void gradients_and_weights(void)
{
    static const int64_t counts[] = { 3, 7, 1, VA_SHARE_ROOM + 5, 11 };
    struct va_backend *be = va_test_device();
    float *room = va_new(VA_SHARE_ROOM, sizeof(*room));
    struct va_params list;

    if (va_share_join(be) < 0)
        exit(4);
    VA_CHECK(be->joined == (getenv("VA_JOINED") != NULL));
    loss_of_all(be);
    va_params_init(&list, be);
    for (size_t i = 0; i < VA_COUNT(counts); i++)
        VA_CHECK(va_params_add(&list,
                               &(struct va_param){ .rank = 1,
                                                   .shape = { counts[i] },
                                                   .init = VA_INIT_UNIFORM,
                                                   .a = 1,
                                                   .frozen = i == 1 },
                               "entry.%zu", i) == (int64_t)i);
    VA_CHECK(va_params_allocate(&list) == 0 && va_params_allocate_training(&list) == 0);
    VA_CHECK(va_params_draw(&list, 4) == 0);
    for (int again = 0; again < 2; again++)
        sum_gradients(&list, counts, room);
    VA_CHECK(va_share_same_weights(&list, 6, room) == 0);
    if (size > 1) { /* one number, on one rank: all of them hear of it */
        const float other = 2;

        if (rank == size - 1)
            be->ops->put_f32(be, va_at(be, list.items[3].value.data, VA_SHARE_ROOM), &other, 1);
        VA_CHECK(va_share_same_weights(&list, 7, room) == -1);
        VA_CHECK_INT(va_error_status(), VA_EXIT_MACHINE);
    }
    va_params_release(&list);
    va_free(room);
    va_backend_free(be);
}

static void neighbours(void)
{
    const char *expected = getenv("VA_SHARERS");

    for (int r = 0; r < size; r++)
        VA_CHECK(va_comm_pid(r) > 0 && kill(va_comm_pid(r), 0) == 0);
    VA_CHECK_INT(va_comm_pid(rank), getpid());
    VA_CHECK_INT(va_comm_sharers(), expected ? atoi(expected) : 1);
    VA_CHECK_INT(va_comm_local(), rank); /* all are on one machine */
}

/* The last rank gives up, and later the first; the others wait until they hear of it, and only then. */
static void alarms(void)
{
    for (int who = size - 1; who >= 0 && size > 1; who -= size - 1) {
        VA_CHECK(!va_comm_alarmed());
        VA_CHECK(va_comm_agree(0) == 0); /* all have looked */
        if (rank == who)
            va_comm_alarm();
        for (int64_t i = 0; rank != who && !va_comm_alarmed(); i++)
            va_comm_rest(i);
        VA_CHECK(va_comm_agree(0) == 0);
    }
    VA_CHECK(!va_comm_alarmed());
}

/* The others go on only when all have heard of it; the error is that of the last rank. */
static void disagreement(void)
{
    bool mine = rank == size - 1;

    VA_CHECK(va_comm_agree(0) == 0);
    VA_CHECK(va_comm_agree(mine ? va_error("a file: unreadable here") : 0) == -1);
    VA_CHECK(va_comm_agree(va_error("a file: unreadable everywhere")) == -1);
    VA_CHECK(va_comm_agree(0) == 0);
}

int main(void)
{
    int status;

    va_error_set_tool("test_ranks");
    if (va_comm_begin() < 0)
        return 4;
    rank = va_comm_rank();
    size = va_comm_size();
    va_device_spread(va_comm_local());
    VA_TEST(gathering);
    VA_TEST(first_value);
    VA_TEST(sums_in_order);
    VA_TEST(shares);
    VA_TEST(moments_of_all);
    VA_TEST(gradients_and_weights);
    VA_TEST(neighbours);
    VA_TEST(alarms);
    VA_TEST(disagreement);
    status = va_test_finish();
    va_comm_end();
    return status;
}
