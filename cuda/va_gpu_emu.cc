/* The device of the host executor: its memory is the host's, and whatever is called has happened. */
#include "cuda/va_gpu.h"

#include "cuda/va_kernel.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

/* Something that was recorded: a launch, or (without `body`) a copy, or (nor `from`) zeros. */
struct alignas(16) call { /* as arguments are, at most */
    struct call *next;
    struct va_emu_launch launch; /* its arguments lie behind the call */
    void *to;
    const void *from;
    size_t bytes;
};

static struct {
    bool on;
    struct call *first, **last;
} tape;

static size_t held, most = SIZE_MAX; /* bytes: now, and VA_EMU_MEMORY */
static const char *fails;            /* VA_EMU_FAIL */
static char error[100];
static unsigned char opened; /* number of the device */

/* VA_EMU_DEVICES, else 1. */
int va_gpu_count(char *why, size_t room)
{
    const char *devices = getenv("VA_EMU_DEVICES");

    (void)why, (void)room;
    return devices ? atoi(devices) : 1;
}

bool va_gpu_open(int number)
{
    const char *memory = getenv("VA_EMU_MEMORY");

    fails = getenv("VA_EMU_FAIL");
    if (memory)
        most = strtoull(memory, NULL, 10);
    opened = (unsigned char)number;
    return true;
}

/* Whether it is time for VA_EMU_FAIL. */
static void called(const char *name)
{
    static int left = -1;
    size_t length = fails ? strcspn(fails, ":") : 0;

    if (!length || strlen(name) != length || memcmp(name, fails, length) != 0)
        return;
    if (left < 0)
        left = fails[length] ? atoi(fails + length + 1) : 1;
    if (--left == 0)
        snprintf(error, sizeof(error), "%s: VA_EMU_FAIL=%s", name, fails);
}

void *va_gpu_stream(void)
{
    return NULL;
}

/* Of the exact size, so that sanitizers know its end. What is read before it is written is a NaN. */
void *va_gpu_new(size_t bytes)
{
    void *memory;

    va_gpu_give_up();
    if (bytes > most || held > most - bytes || bytes > PTRDIFF_MAX ||
        posix_memalign(&memory, 256, bytes + !bytes) != 0)
        return NULL;
    held += malloc_usable_size(memory);
    return memory;
}

size_t va_gpu_spare(void)
{
    return (most - held) / 2;
}

void va_gpu_free(void *memory)
{
    if (memory)
        va_gpu_give_up();
    held -= malloc_usable_size(memory);
    free(memory);
}

/* At the end of what is recorded, if something is. */
static void keep(const struct call &one)
{
    struct call *c;

    if (!tape.on)
        return;
    c = (struct call *)malloc(sizeof(*c) + one.launch.size);
    if (!c)
        abort();
    *c = one;
    if (one.launch.size)
        memcpy(c + 1, one.launch.arg, one.launch.size);
    c->launch.arg = c + 1;
    *tape.last = c;
    tape.last = &c->next;
}

static void keep_launch(const struct va_emu_launch *l)
{
    keep((struct call){ .launch = *l });
}

void va_gpu_zero(void *to, size_t bytes)
{
    called("zero");
    keep((struct call){ .to = to, .bytes = bytes });
    memset(to, 0, bytes);
}

void va_gpu_copy(void *to, const void *from, size_t bytes)
{
    called("copy");
    keep((struct call){ .to = to, .from = from, .bytes = bytes });
    memmove(to, from, bytes);
}

void va_gpu_put(void *to, const void *from, size_t bytes)
{
    va_gpu_give_up();
    called("put");
    memcpy(to, from, bytes);
}

void va_gpu_get(void *to, const void *from, size_t bytes)
{
    va_gpu_give_up();
    called("get");
    memcpy(to, from, bytes);
}

void va_gpu_foreign(void)
{
    va_gpu_give_up();
}

bool va_gpu_takes(const char *variable)
{
    return getenv(variable) != NULL;
}

void va_gpu_launched(const char *name)
{
    called(name);
}

void va_gpu_wait(void)
{
    va_gpu_give_up();
    called("waiting");
}

bool va_gpu_idle(void)
{
    va_gpu_wait();
    return true;
}

bool va_gpu_identity(unsigned char *id)
{
    memset(id, 0, 16);
    *id = opened;
    return true;
}

void va_gpu_record(void)
{
    tape = { true, NULL, &tape.first };
    va_emu_watch = keep_launch;
}

void *va_gpu_recorded(void)
{
    struct call *calls = tape.first;

    tape = {};
    va_emu_watch = NULL;
    return calls;
}

void va_gpu_give_up(void)
{
    if (tape.on)
        va_gpu_forget(va_gpu_recorded());
}

void va_gpu_replay(void *calls)
{
    for (const struct call *c = (const struct call *)calls; c; c = c->next)
        if (c->launch.body)
            va_emu_run(&c->launch);
        else if (c->from)
            memmove(c->to, c->from, c->bytes);
        else
            memset(c->to, 0, c->bytes);
}

void va_gpu_forget(void *calls)
{
    struct call *next;

    for (struct call *c = (struct call *)calls; c; c = next) {
        next = c->next;
        free(c);
    }
}

const char *va_gpu_error(void)
{
    return error[0] ? error : NULL;
}
