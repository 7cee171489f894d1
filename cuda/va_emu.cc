/*
 * Fibers of one block, one scheduler. A fiber that waits goes to the next one in the queue itself,
 * so a wait costs one switch. This file is compiled without -fsanitize=thread (what it hands from
 * lane to lane is no shared memory), but calls that sanitizer when the kernels are (VA_EMU_RACE).
 */
#include "cuda/va_kernel.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#if !defined(__x86_64__)
#define VA_EMU_UCONTEXT 1 /* the switch below is for x86-64; this one takes two system calls */
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define VA_EMU_ASAN 1
extern "C" void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size);
extern "C" void __sanitizer_finish_switch_fiber(void *save, const void **bottom, size_t *size);
extern "C" void __asan_unpoison_memory_region(const volatile void *at, size_t size);
#endif
#ifdef VA_EMU_RACE
extern "C" void *__tsan_get_current_fiber(void);
extern "C" void *__tsan_create_fiber(unsigned flags);
extern "C" void __tsan_switch_to_fiber(void *fiber, unsigned flags);
extern "C" void __tsan_acquire(void *addr);
extern "C" void __tsan_release(void *addr);
enum {
    NO_SYNC = 1,
    POOLS = 2
}; /* neighbouring blocks are different threads to the sanitizer */
#else
enum { POOLS = 1 };
#endif

enum { MAX_THREADS = 1024, STACK = 128 << 10, COPIES = 256 };
enum {
    MAX_SHARED = 99 << 10
}; /* bytes of a block that every GPU since sm_80 gives; sm_90 has 227 KiB */

struct copy {
    void *to;
    const void *from;
    int bytes, group;
};

struct fiber {
    struct va_emu_place place; /* first: va_emu_now is one of these */
#ifdef VA_EMU_UCONTEXT
    ucontext_t context;
#else
    void *sp;
#endif
    unsigned char *stack;
    int number, line;
    enum va_emu_op op;
    bool ended, waiting;
    uint32_t mask, result;
    /* a warp operation's operands; the fiber waits, so they stay */
    uint32_t value;
    int from;
    float *d;
    const uint32_t *a, *b;
    /* copies under way, oldest first */
    struct copy *copies;
    int copy_first, copy_count, group, due;
    void *asan, *tsan;
    /* addresses for the thread sanitizer: one block after the other on this stack, and its last two
     * __syncwarp */
    char tag, warp_tag[2];
    unsigned syncs;
};

struct warp {
    uint32_t waiting, gone; /* lanes in a warp operation; lanes that have ended or never were */
    enum va_emu_op op;      /* of the last lane that came to wait */
    int line;
    uint32_t mask;
};

enum order { FORWARD, REVERSE, RANDOM };

struct va_emu_place *va_emu_now;
void (*va_emu_watch)(const struct va_emu_launch *l);

static struct {
    struct fiber pools[POOLS][MAX_THREADS], *fibers, *now, home;
    struct warp warps[MAX_THREADS / 32];
    int count, live, at_barrier, barrier_line;
    int queue[MAX_THREADS], head, queued; /* a ring of runnable fibers */
    const struct va_emu_launch *launch;
    size_t shared_size;
    uint64_t blocks; /* that have run */
    enum order order;
    uint64_t random;
    bool order_known;
    /* Addresses for the thread sanitizer. A thread that goes on may reach the next barrier before
     * others have left this one, so two take turns. */
    char barrier_tag[2], start_tag, end_tag;
    int phase;
    bool from_home; /* the last switch left the caller's stack, whose bounds follow */
    const void *home_bottom;
    size_t home_size;
} e;

/* ---- reports ----------------------------------------------------------------------------------- */

static void say_where(const struct fiber *f)
{
    fprintf(stderr, "emu: %s, block (%u, %u, %u), thread (%u, %u, %u)", e.launch->name,
            f->place.block.x, f->place.block.y, f->place.block.z, f->place.thread.x,
            f->place.thread.y, f->place.thread.z);
}

[[noreturn]] static void stop(void)
{
    fflush(NULL);
    _exit(70);
}

static const char *const op_names[] = { "__syncthreads", "shuffle",  "ballot",  "__syncwarp",
                                        "mma",           "ldmatrix", "ldmatrix" };

/* Nobody can run. */
[[noreturn]] static void stuck(void)
{
    int told = 0;

    fprintf(stderr,
            "emu: %s: no thread can go on: %d of %d have ended, %d wait at __syncthreads\n",
            e.launch->name, e.count - e.live, e.count, e.at_barrier);
    for (int i = 0; i < e.count && told < 6; i++) {
        const struct fiber *f = &e.fibers[i];

        if (f->ended || (i && !e.fibers[i - 1].ended && f->line == e.fibers[i - 1].line &&
                         f->op == e.fibers[i - 1].op))
            continue;
        say_where(f);
        fprintf(stderr, " and on: wait at line %d in %s\n", f->line, op_names[f->op]);
        told++;
    }
    stop();
}

/* ---- switching --------------------------------------------------------------------------------- */

#ifndef VA_EMU_UCONTEXT
extern "C" void va_emu_switch(void **from, void *to);
asm(".text\n.p2align 4\n.globl va_emu_switch\n.type va_emu_switch, @function\nva_emu_switch:\n"
    "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
    "movq %rsp, (%rdi)\nmovq %rsi, %rsp\n"
    "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n"
    ".size va_emu_switch, .-va_emu_switch\n");
#endif

static void go(struct fiber *to, bool for_good)
{
    struct fiber *from = e.now;

    e.now = to;
    va_emu_now = &to->place;
#ifdef VA_EMU_ASAN
    e.from_home = from == &e.home;
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->asan,
                                   to == &e.home ? e.home_bottom : to->stack,
                                   to == &e.home ? e.home_size : (size_t)STACK);
#endif
#ifdef VA_EMU_RACE
    __tsan_switch_to_fiber(to->tsan, NO_SYNC);
#endif
#ifdef VA_EMU_UCONTEXT
    swapcontext(&from->context, &to->context);
#else
    va_emu_switch(&from->sp, to->sp);
#endif
#ifdef VA_EMU_ASAN
    __sanitizer_finish_switch_fiber(from->asan, NULL, NULL);
#endif
    (void)for_good;
}

static uint64_t draw(uint64_t n)
{
    e.random = e.random * 6364136223846793005u + 1442695040888963407u;
    return (e.random >> 33) % n;
}

static void enqueue(int fiber)
{
    e.queue[(e.head + e.queued++) % MAX_THREADS] = fiber;
}

static int dequeue(void)
{
    int at = e.head, fiber;

    if (e.order == RANDOM && e.queued > 1) { /* any of the next 64 */
        int other = (e.head + (int)draw(e.queued < 64 ? (uint64_t)e.queued : 64)) % MAX_THREADS;

        fiber = e.queue[other];
        e.queue[other] = e.queue[at];
    } else {
        fiber = e.queue[at];
    }
    e.head = (e.head + 1) % MAX_THREADS;
    e.queued--;
    return fiber;
}

/* From the running fiber, which waits or has ended, to the next. */
static void next(bool for_good)
{
    if (e.queued > 0) {
        struct fiber *f = &e.fibers[dequeue()];

        if (f != e.now)
            go(f, for_good);
    } else if (e.live == 0) {
        go(&e.home, for_good);
    } else {
        stuck();
    }
}

/* Lanes [first, first + 32) of the mask become runnable, in the order that is tried. */
static void wake(int first, uint32_t mask)
{
    for (int i = 0; i < 32; i++) {
        int lane = e.order == REVERSE ? 31 - i : i;

        if (mask >> lane & 1)
            enqueue(first + lane);
    }
}

static void wake_all(void)
{
    int warps = (e.count + 31) / 32;

    e.at_barrier = 0;
    for (int i = 0; i < warps; i++) {
        int w = e.order == REVERSE ? warps - 1 - i : i;
        uint32_t mask = 0;

        for (int lane = 0; lane < 32 && 32 * w + lane < e.count; lane++)
            if (!e.fibers[32 * w + lane].ended)
                mask |= 1u << lane;
        wake(32 * w, mask);
    }
}

static void fiber_main(void)
{
#ifdef VA_EMU_ASAN
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(NULL, &bottom, &size);
    if (e.from_home) {
        e.home_bottom = bottom;
        e.home_size = size;
    }
#endif
#ifdef VA_EMU_RACE
    __tsan_acquire(&e.now->tag);
    __tsan_acquire(&e.start_tag); /* after the launch */
#endif
    e.launch->body(e.launch->arg);
    if (e.now->copy_count > 0) {
        say_where(e.now);
        fprintf(stderr, ": ended with %d copies not waited for\n", e.now->copy_count);
        stop();
    }
#ifdef VA_EMU_RACE
    __tsan_release(&e.now->tag);
    __tsan_release(&e.end_tag); /* before what follows the launch */
#endif
    e.now->ended = true;
    e.warps[e.now->number / 32].gone |= 1u << e.now->number % 32;
    e.live--;
    if (e.at_barrier > 0 && e.live > 0 && e.queued == 0 && e.at_barrier == e.live)
        stuck(); /* others wait for this one; a GPU would let them go, but nobody means it */
    next(true);
    abort();
}

static void prepare(struct fiber *f)
{
#ifdef VA_EMU_ASAN
    __asan_unpoison_memory_region(f->stack,
                                  STACK); /* the last fiber's outermost frame never returned */
#endif
#ifdef VA_EMU_UCONTEXT
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK;
    makecontext(&f->context, fiber_main, 0);
#else
    void **sp = (void **)(f->stack + STACK);

    *--sp = NULL; /* keeps the stack aligned as after a call */
    *--sp = (void *)fiber_main;
    for (int i = 0; i < 6; i++)
        *--sp = NULL;
    f->sp = sp;
#endif
#ifdef VA_EMU_RACE
    if (!f->tsan)
        f->tsan = __tsan_create_fiber(0);
#endif
}

/* ---- barriers and warps ------------------------------------------------------------------------ */

void va_emu_barrier(int line)
{
    struct fiber *f = e.now;

    f->op = VA_EMU_SYNC;
    f->line = line;
    if (e.at_barrier == 0) {
        e.barrier_line = line;
    } else if (line != e.barrier_line) {
        say_where(f);
        fprintf(stderr, ": __syncthreads at line %d, others wait at line %d\n", line,
                e.barrier_line);
        stop();
    }
#ifdef VA_EMU_RACE
    char *tag = &e.barrier_tag[e.phase % 2];

    __tsan_release(tag);
#endif
    if (++e.at_barrier == e.count) {
        e.phase++;
        wake_all();
    } else if (e.at_barrier == e.live && e.queued == 0)
        stuck(); /* some have ended */
    next(false);
#ifdef VA_EMU_RACE
    __tsan_acquire(tag);
#endif
}

/* The lanes of the mask are all here: what each gets. */
static void mma(struct fiber *lanes)
{
    float A[16][16], B[16][8];

    for (int lane = 0; lane < 32;
         lane++) { /* PTX: fragments of m16n8k16 with 16-bit operands */
        int g = lane / 4, t = lane % 4;

        for (int i = 0; i < 8; i++)
            A[g + 8 * (i / 2 % 2)][2 * t + i % 2 + 8 * (i / 4)] = va_f32_of(
                { (uint16_t)(lanes[lane].a[i / 2] >> 16 * (i % 2)) });
        for (int i = 0; i < 4; i++)
            B[2 * t + i % 2 + 8 * (i / 2)][g] = va_f32_of(
                { (uint16_t)(lanes[lane].b[i / 2] >> 16 * (i % 2)) });
    }
    for (int lane = 0; lane < 32; lane++)
        for (int i = 0; i < 4; i++) {
            int row = lane / 4 + 8 * (i / 2), col = 2 * (lane % 4) + i % 2;
            float sum = lanes[lane].d[i];

            for (int k = 0; k < 16; k++)
                sum += A[row][k] * B[k][col];
            lanes[lane].d[i] = sum;
        }
}

static void ldmatrix(struct fiber *lanes)
{
    uint32_t out[32][4];

    for (int lane = 0; lane < 32; lane++)
        for (int m = 0; m < 4; m++)
            out[lane][m] = lanes[8 * m + lane / 4].a[lane % 4];
    for (int lane = 0; lane < 32; lane++)
        memcpy(lanes[lane].d, out[lane], sizeof(out[lane]));
}

/* Of matrices that lie the other way: a lane gets two numbers of a column. */
static void ldmatrix_across(struct fiber *lanes)
{
    uint32_t out[32][4];

    for (int lane = 0; lane < 32; lane++)
        for (int m = 0; m < 4; m++) {
            const struct fiber *rows = &lanes[8 * m + 2 * (lane % 4)];
            int word = lane / 8, shift = 16 * (lane / 4 % 2);

            out[lane][m] = (rows[0].a[word] >> shift & 0xffff) | rows[1].a[word] >> shift << 16;
        }
    for (int lane = 0; lane < 32; lane++)
        memcpy(lanes[lane].d, out[lane], sizeof(out[lane]));
}

static void complete(struct fiber *lanes, const struct fiber *f)
{
    uint32_t votes = 0;

    switch (f->op) {
    case VA_EMU_MMA: mma(lanes); break;
    case VA_EMU_LDMATRIX: ldmatrix(lanes); break;
    case VA_EMU_LDMATRIX_ACROSS: ldmatrix_across(lanes); break;
    case VA_EMU_SYNCWARP:
    case VA_EMU_BALLOT:
        for (int i = 0; i < 32; i++)
            if (f->mask >> i & 1 && lanes[i].value)
                votes |= 1u << i;
        for (int i = 0; i < 32; i++)
            if (f->mask >> i & 1)
                lanes[i].result = votes;
        break;
    default:
        for (int i = 0; i < 32; i++)
            if (f->mask >> i & 1) {
                if (!(f->mask >> lanes[i].from & 1)) {
                    say_where(&lanes[i]);
                    fprintf(stderr,
                            ": line %d: %s reads lane %d, which the mask %08x leaves out\n",
                            f->line, op_names[f->op], lanes[i].from, f->mask);
                    stop();
                }
                lanes[i].result = lanes[lanes[i].from].value;
            }
    }
}

static void meet(struct fiber *f)
{
    int first = f->number & ~31, lane = f->number & 31;
    struct warp *w = &e.warps[f->number / 32];
    struct fiber *lanes = &e.fibers[first];

    if (!(f->mask >> lane & 1)) {
        say_where(f);
        fprintf(stderr, ": line %d: %s with a mask %08x that leaves out its own lane %d\n",
                f->line, op_names[f->op], f->mask, lane);
        stop();
    }
    /* all is well in nearly every case: no lane is gone, and those that wait came for the same */
    bool look = (f->mask & w->gone) != 0 ||
                ((w->waiting & f->mask) != 0 &&
                 (w->op != f->op || w->line != f->line || w->mask != f->mask));

    for (uint32_t left = look ? f->mask : 0; left; left &= left - 1) {
        int i = __builtin_ctz(left);

        if (first + i >= e.count || lanes[i].ended ||
            (w->waiting >> i & 1 &&
             (lanes[i].op != f->op || lanes[i].line != f->line || lanes[i].mask != f->mask))) {
            say_where(f);
            fprintf(stderr, ": line %d: %s with mask %08x, but lane %d %s", f->line,
                    op_names[f->op], f->mask, i,
                    first + i >= e.count ? "is none of the block\n"
                    : lanes[i].ended     ? "has ended\n"
                                         : "");
            if (first + i < e.count && !lanes[i].ended)
                fprintf(stderr, "is at line %d in %s with mask %08x\n", lanes[i].line,
                        op_names[lanes[i].op], lanes[i].mask);
            stop();
        }
    }
    w->waiting |= 1u << lane;
    w->op = f->op;
    w->line = f->line;
    w->mask = f->mask;
#ifdef VA_EMU_RACE
    if (f->op == VA_EMU_SYNCWARP) {
        f->value = f->syncs++ % 2;
        __tsan_release(&f->warp_tag[f->value]);
    }
#endif
    if ((w->waiting & f->mask) == f->mask) {
        w->waiting &= ~f->mask;
        complete(lanes, f);
        wake(first, f->mask);
    }
    next(false);
#ifdef VA_EMU_RACE
    for (int i = 0; f->op == VA_EMU_SYNCWARP && i < 32; i++)
        if (f->mask >> i & 1)
            __tsan_acquire(&lanes[i].warp_tag[f->result >> i & 1]);
#endif
}

uint32_t va_emu_exchange(enum va_emu_op op, uint32_t mask, uint32_t value, int from, int line)
{
    struct fiber *f = e.now;

    f->op = op;
    f->mask = mask;
    f->value = value;
    f->from = from;
    f->line = line;
    meet(f);
    return f->result;
}

void va_emu_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2], int line)
{
    struct fiber *f = e.now;

    f->op = VA_EMU_MMA;
    f->mask = 0xffffffff;
    f->line = line;
    f->d = d;
    f->a = a;
    f->b = b;
    meet(f);
}

void va_emu_ldmatrix(enum va_emu_op op, uint32_t r[4], const uint32_t row[4], int line)
{
    struct fiber *f = e.now;

    f->op = op;
    f->mask = 0xffffffff;
    f->line = line;
    f->d = (float *)r;
    f->a = row;
    meet(f);
}

/* ---- copies ------------------------------------------------------------------------------------ */

void va_emu_copy(void *shared, const void *global, int bytes)
{
    struct fiber *f = e.now;

    if (!f->copies)
        f->copies = (struct copy *)malloc(sizeof(struct copy) * COPIES);
    if (f->copy_count == COPIES) {
        say_where(f);
        fprintf(stderr, ": more than %d copies under way\n", COPIES);
        stop();
    }
    f->copies[(f->copy_first + f->copy_count++) % COPIES] = { shared, global, bytes, f->group };
}

void va_emu_copy_commit(void)
{
    e.now->group++;
}

void va_emu_copy_due(int pending, int line)
{
    e.now->due = e.now->group - pending; /* groups before this one */
    e.now->line = line;
}

bool va_emu_copy_next(void **to, const void **from, int *bytes)
{
    struct fiber *f = e.now;
    const struct copy *c;

    if (f->copy_count == 0 || (c = &f->copies[f->copy_first])->group >= f->due)
        return false;
    *to = c->to;
    *from = c->from;
    *bytes = c->bytes;
    f->copy_first = (f->copy_first + 1) % COPIES;
    f->copy_count--;
    return true;
}

/* ---- blocks ------------------------------------------------------------------------------------ */

/*
 * Shared memory of a block that has ended. For the thread sanitizer the blocks of a launch are
 * unordered, so this thread may not come "after" one before the next starts: freeing waits.
 */
static void forget_shared(void *shared, bool all)
{
    enum { KEPT = 256 };
    static void *kept[KEPT];
    static int count;

#ifdef VA_EMU_RACE
    if (shared)
        kept[count++] = shared;
    if (!all && count < KEPT)
        return;
    __tsan_acquire(&e.end_tag);
    while (count > 0)
        free(kept[--count]);
#else
    (void)all;
    (void)kept;
    (void)count;
    free(shared);
#endif
}

void *va_emu_shared(size_t bytes, size_t align)
{
    if (bytes > e.shared_size || align > 128) {
        say_where(e.now);
        fprintf(stderr, ": wants %zu bytes of shared memory, launched with %zu\n", bytes,
                e.shared_size);
        stop();
    }
    return e.now->place.shared;
}

static void set_order(enum order order, uint64_t seed)
{
    e.order = order;
    e.random = seed * 2 + 1;
    e.order_known = true;
}

static void order_from_environment(void)
{
    const char *s = getenv("VA_EMU_ORDER");

    e.order_known = true;
    if (s && !strcmp(s, "reverse"))
        set_order(REVERSE, 0);
    else if (s && !strncmp(s, "random:", 7))
        set_order(RANDOM, strtoull(s + 7, NULL, 10));
}

static void run_block(const struct va_emu_launch *l, uint3 block)
{
    void *shared = NULL;

    if (l->shared > 0) { /* of the exact size, so that the address sanitizer knows its end */
        if (posix_memalign(&shared, 128, l->shared) != 0)
            abort();
        memset(shared, 0xff, l->shared);
    }
    e.fibers = e.pools[e.blocks % POOLS];
    e.live = e.count = (int)(l->block.x * l->block.y * l->block.z);
    e.at_barrier = e.head = e.queued = 0;
    memset(e.warps, 0, sizeof(e.warps));
    if (e.count % 32)
        e.warps[e.count / 32].gone = ~0u << e.count % 32;
    for (int i = 0; i < e.count; i++) {
        struct fiber *f = &e.fibers[i];

        if (!f->stack) {
            f->stack = (unsigned char *)mmap(NULL, STACK + 4096, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                                             0);
            if (f->stack == MAP_FAILED)
                abort();
            mprotect(f->stack, 4096, PROT_NONE); /* an overflow ends here */
            f->stack += 4096;
        }
        f->number = i;
        f->ended = false;
        f->copy_first = f->copy_count = f->group = 0;
        f->place.thread = { (unsigned)i % l->block.x, (unsigned)i / l->block.x % l->block.y,
                            (unsigned)i / (l->block.x * l->block.y) };
        f->place.block = block;
        f->place.block_size = l->block;
        f->place.grid_size = l->grid;
        f->place.shared = (unsigned char *)shared;
        prepare(f);
    }
#ifdef VA_EMU_RACE
    __tsan_release(&e.start_tag); /* what came before the launch, and the fill */
#endif
    wake_all();
    e.now = &e.home;
    next(false);
    e.blocks++;
    forget_shared(shared, false);
}

static void run_blocks(const struct va_emu_launch *l)
{
    uint64_t threads = (uint64_t)l->block.x * l->block.y * l->block.z;
    uint64_t blocks = (uint64_t)l->grid.x * l->grid.y * l->grid.z;

    if (!e.order_known)
        order_from_environment();
    if (threads < 1 || threads > MAX_THREADS || blocks < 1 || l->grid.y > 65535 ||
        l->grid.z > 65535 || l->grid.x > 0x7fffffff || l->shared > MAX_SHARED) {
        fprintf(
            stderr,
            "emu: %s: grid (%u, %u, %u) of (%u, %u, %u) with %zu bytes: no GPU takes this\n",
            l->name, l->grid.x, l->grid.y, l->grid.z, l->block.x, l->block.y, l->block.z,
            l->shared);
        stop();
    }
    e.launch = l;
    e.shared_size = l->shared;
#ifdef VA_EMU_RACE
    e.home.tsan = __tsan_get_current_fiber();
#endif
    for (uint64_t i = 0; i < blocks; i++) { /* blocks in the same order as threads */
        uint64_t b = e.order == REVERSE ? blocks - 1 - i : i;

        run_block(l, { (unsigned)(b % l->grid.x), (unsigned)(b / l->grid.x % l->grid.y),
                       (unsigned)(b / ((uint64_t)l->grid.x * l->grid.y)) });
    }
    forget_shared(NULL, true);
}

static void note_launch(const struct va_emu_launch *l)
{
    static const char *path = getenv("VA_EMU_LAUNCHES");
    static struct va_emu_launch last;
    unsigned threads = l->block.x * l->block.y * l->block.z;
    Dl_info library;
    FILE *f;

    if (!path || (last.kernel == l->kernel && last.shared == l->shared &&
                  last.block.x * last.block.y * last.block.z == threads))
        return;
    last = *l;
    f = fopen(path, "a");
    if (!f || !dladdr((void *)l->kernel, &library)) {
        fprintf(stderr, "emu: %s: cannot be written\n", path);
        exit(70);
    }
    fprintf(f, "%zx %u %zu\n", (size_t)((char *)l->kernel - (char *)library.dli_fbase), threads,
            l->shared);
    fclose(f);
}

void va_emu_run(const struct va_emu_launch *l)
{
    static pthread_mutex_t lock =
        PTHREAD_MUTEX_INITIALIZER; /* one launch at a time in a process */

    pthread_mutex_lock(&lock);
    note_launch(l);
    run_blocks(l);
    pthread_mutex_unlock(&lock);
}
