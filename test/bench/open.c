/*
 * From the file of a ViT-L/16 to the features of one picture: opening, checking and packing 1.2 GB, and a
 * forward pass of one picture. The peak of memory is of interest as well, so the file is made by a
 * process of its own. It also tells the features of the model it had in memory, and these must be equal.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "cpu/va_cpu_ops.h"
#include "model/va_embedder.h"
#include "model/va_vit.h"
#include "test/bench/bench.h"
#include "weights/va_model_file.h"
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

enum { D = 1024, PATCHES = 196 * 768 };

struct opening {
    float cut[PATCHES], rows[D], expected[D];
};

static char folder[] = "/tmp/va_bench_XXXXXX";
static char path[64];

static void remove_all(void)
{
    remove(path);
    rmdir(folder);
}

/* A model of random weights to `path`, and its features of the picture to `to`. */
static bool make_model(const float *cut, int to)
{
    struct va_backend *be = va_cpu_backend_new();
    struct va_tensors *set = va_tensors_new();
    struct va_vit_config c;
    struct va_vit *vit;
    float rows[D];
    void *patches = be->ops->alloc(be, PATCHES), *cls = be->ops->alloc(be, D);

    va_vit_config_default(&c);
    vit = va_vit_new(be, &c, VA_VIT_INIT_MAE);
    if (!vit || va_vit_draw(vit, 1) < 0 || va_vit_config_store(&c, set) < 0 ||
        va_params_store(va_vit_params(vit), set) < 0 ||
        va_model_save(path, set, NULL, NULL, 0) < 0 || va_vit_reserve(vit, 1) < 0)
        return false;
    be->ops->put_f32(be, patches, cut, PATCHES);
    va_vit_forward(vit, 1, patches, cls);
    be->ops->get_f32(be, rows, cls, D);
    return va_backend_check(be) == 0 && write(to, rows, sizeof(rows)) == sizeof(rows);
}

static bool start(struct bench *b)
{
    struct opening *o = va_new(1, sizeof(*o));
    int ends[2], status;
    pid_t child;

    b->state = o;
    for (int i = 0; i < PATCHES; i++)
        o->cut[i] = (float)(2 * va_rand_uniform(1, VA_RAND_TEST, 1, (uint64_t)i) - 1);
    if (!mkdtemp(folder) || pipe(ends) < 0)
        return false;
    snprintf(path, sizeof(path), "%s/vit.h5", folder);
    child = fork();
    if (child == 0)
        _exit(!make_model(o->cut, ends[1]));
    atexit(remove_all);
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0 ||
        read(ends[0], o->expected, sizeof(o->expected)) != sizeof(o->expected))
        return false;
    b->work = 1.2e9;
    return true;
}

static void run(struct bench *b)
{
    struct opening *o = b->state;
    struct va_backend *be = va_cpu_backend_new();
    struct va_tensors *set = va_model_open(path, NULL);
    struct va_embedder *e = set ? va_embedder_new(be, set, path, 1) : NULL;

    if (!e || va_embedder_run(e, 1, o->cut, o->rows) < 0)
        o->rows[0] = NAN;
    va_embedder_free(e);
    va_tensors_free(set);
    va_backend_free(be);
}

static double error(struct bench *b)
{
    const struct opening *o = b->state;

    return memcmp(o->rows, o->expected, sizeof(o->rows)) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct bench rows[] = {
        { "open", start, run, error, 0, 0, "byte", 1, 1, NULL },
    };

    return bench_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
