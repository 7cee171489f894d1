/*
 * Single operations and their gradients against recorded values, with ref and cpu: scan,
 * weight-normed convolution, layer norm, PReLU. The loss is in test_ccc.c.
 */

#include "ref/va_ref_ops.h"
#include "test/unit/device.h"
#include "test/va_golden.h"

enum { HELD = 32 };

/* A golden file on a backend; buffers are freed with it. */
static struct {
    struct va_backend *be;
    struct va_tensors *set;
    const char *file;
    void *held[HELD];
    int count;
} now;

static bool begin(struct va_backend *be, const char *file)
{
    now.be = be;
    now.file = file;
    now.count = 0;
    now.set = va_golden_load(file);
    VA_CHECK(be && now.set);
    return be && now.set;
}

static void end(void)
{
    VA_CHECK(va_backend_check(now.be) == 0);
    for (int i = 0; i < now.count; i++)
        now.be->ops->free(now.be, now.held[i]);
    va_tensors_free(now.set);
    va_backend_free(now.be);
}

static void *keep(void *buffer)
{
    if (!buffer || now.count == HELD)
        exit(4);
    return now.held[now.count++] = buffer;
}

static void *input(const char *tensor)
{
    return keep(va_golden_upload(now.be, now.set, tensor));
}

static int64_t size(const char *tensor, int dimension)
{
    const struct va_tensor *t = va_tensors_find(now.set, tensor);

    return t ? t->shape[dimension] : -1;
}

/* Zeros in the shape of an expected tensor, to be compared with it by check(). */
static void *output(const char *tensor)
{
    const struct va_tensor *t = va_tensors_find(now.set, tensor);

    return keep(t ? now.be->ops->alloc(now.be, t->count) : NULL);
}

static void check(const char *tensor, const void *buffer)
{
    const struct va_tensor *t = va_tensors_find(now.set, tensor);

    va_golden_check_buffer(now.be, now.file, now.set, tensor, buffer, t ? t->count : 0, 1);
}

static void scan_case(struct va_backend *be, const char *file)
{
    struct va_scan p = { 0 };
    struct va_scan_grad q;

    if (!begin(be, file))
        return;
    p.B = size("u", 0), p.T = size("u", 1), p.E = size("A", 0), p.N = size("A", 1);
    p.u = input("u"), p.delta = input("dt"), p.A = input("A"), p.Bm = input("B");
    p.Cm = input("C"), p.skip = input("D"), p.z = input("z");
    p.ldu = p.lddelta = p.ldz = p.E;
    p.ldB = p.ldC = p.N;
    p.y = output("y"), p.h_last = output("h_last");
    p.marks = keep(be->ops->alloc(be, va_scan_marks(be, p.B, p.T) * p.E * p.N));
    be->ops->scan(be, &p);
    check("y", p.y);
    check("h_last", p.h_last);
    q = (struct va_scan_grad){ .B = p.B,
                               .T = p.T,
                               .E = p.E,
                               .N = p.N,
                               .dy = input("dy"),
                               .marks = p.marks,
                               .u = p.u,
                               .delta = p.delta,
                               .A = p.A,
                               .Bm = p.Bm,
                               .Cm = p.Cm,
                               .skip = p.skip,
                               .z = p.z,
                               .ldu = p.E,
                               .lddelta = p.E,
                               .ldB = p.N,
                               .ldC = p.N,
                               .ldz = p.E,
                               .du = output("grad.u"),
                               .ddelta = output("grad.dt"),
                               .dBm = output("grad.B"),
                               .dCm = output("grad.C"),
                               .dz = output("grad.z"),
                               .lddu = p.E,
                               .ldddelta = p.E,
                               .lddB = p.N,
                               .lddC = p.N,
                               .lddz = p.E,
                               .dA = output("grad.A"),
                               .dskip = output("grad.D") };
    be->ops->scan_grad(be, &q);
    check("grad.u", q.du);
    check("grad.dt", q.ddelta);
    check("grad.A", q.dA);
    check("grad.B", q.dBm);
    check("grad.C", q.dCm);
    check("grad.D", q.dskip);
    check("grad.z", q.dz);
    end();
}

static void scan(void)
{
    for (int i = 0; i < 3; i++) {
        char file[64];

        snprintf(file, sizeof(file), "scan/scan_%d.safetensors", i);
        scan_case(va_ref_backend_new(), file);
        scan_case(va_test_device(), file);
    }
}

static void long_scan(void) /* 301 frames; its file is not kept in the repository */
{
    char path[512];

    if (!va_golden_path("scan/scan_3.safetensors", path))
        VA_SKIP("scan_3 is not at hand");
    scan_case(va_ref_backend_new(), "scan/scan_3.safetensors");
    scan_case(va_test_device(), "scan/scan_3.safetensors");
}

static void conv_case(struct va_backend *be, const char *file)
{
    const char *dilation;
    struct va_conv p = { 0 };
    struct va_conv_grad q;
    struct va_derived d;
    void *v, *g, *dv, *dg;

    if (!begin(be, file))
        return;
    dilation = va_tensors_meta(now.set, "dilation");
    VA_CHECK(dilation);
    p.B = size("x", 0), p.T = size("x", 1), p.Cin = size("x", 2);
    p.Cout = size("v", 0), p.K = size("v", 2), p.dilation = dilation ? atoi(dilation) : 1;
    v = input("v"), g = input("g");
    dv = output("grad.v"), dg = output("grad.g");
    d = (struct va_derived){ VA_LAW_WEIGHT_NORM, p.Cout, p.Cin * p.K, v, g,
                             { .stale = true },  dv,     dg };
    d.w.data = output("v");
    be->ops->derive(be, &d, 1);
    p.x = input("x"), p.w = &d.w, p.bias = input("b"), p.y = output("y");
    be->ops->conv(be, &p);
    check("y", p.y);
    q = (struct va_conv_grad){
        p.B,         p.T, p.Cin, p.Cout,           p.K, p.dilation,
        input("dy"), p.x, &d.w,  output("grad.x"), dv,  output("grad.b")
    };
    be->ops->conv_grad(be, &q);
    be->ops->derive_grad(be, &d, 1);
    check("grad.x", q.dx);
    check("grad.v", dv);
    check("grad.g", dg);
    check("grad.b", q.dbias);
    be->ops->weight_release(be, &d.w);
    end();
}

static void conv(void)
{
    for (int i = 0; i < 8; i++) {
        char file[64];

        snprintf(file, sizeof(file), "conv/conv_%d.safetensors", i);
        conv_case(va_ref_backend_new(), file);
        conv_case(va_test_device(), file);
    }
}

static void norm_case(struct va_backend *be, const char *file)
{
    const char *eps;
    struct va_norm p = { 0 };
    struct va_norm_grad q = { 0 };
    bool affine;

    if (!begin(be, file))
        return;
    eps = va_tensors_meta(now.set, "eps");
    affine = va_tensors_find(now.set, "weight");
    VA_CHECK(eps);
    p.M = q.M = size("x", 0), p.C = q.C = size("x", 1), p.eps = eps ? strtod(eps, NULL) : 0;
    p.x = q.x = input("x"), p.y = output("y");
    p.stats = keep(be->ops->alloc(be, 2 * p.M));
    q.stats = p.stats, q.dy = input("dy"), q.dx = output("grad.x");
    if (affine) {
        p.gamma = q.gamma = input("weight"), p.beta = input("bias");
        q.dgamma = output("grad.weight"), q.dbeta = output("grad.bias");
    }
    be->ops->norm(be, &p);
    be->ops->norm_grad(be, &q);
    check("y", p.y);
    check("grad.x", q.dx);
    if (affine) {
        check("grad.weight", q.dgamma);
        check("grad.bias", q.dbeta);
    }
    end();
}

static void norm(void)
{
    for (int i = 0; i < 5; i++) {
        char file[64];

        snprintf(file, sizeof(file), "blocks/layernorm_%d.safetensors", i);
        norm_case(va_ref_backend_new(), file);
        norm_case(va_test_device(), file);
    }
}

static void prelu_case(struct va_backend *be, const char *file)
{
    void *x, *slope, *y, *dy, *dx, *dslope;
    int64_t n;

    if (!begin(be, file))
        return;
    n = size("x", 0);
    x = input("x"), slope = input("slope"), dy = input("dy");
    y = output("y"), dx = output("grad.x"), dslope = output("grad.slope");
    be->ops->prelu(be, &(struct va_prelu){ .n = n, .x = x, .slope = slope, .y = y });
    be->ops->prelu_grad(be,
                        &(struct va_prelu_grad){ n, x, slope, dy, dx, dslope, { 0, 0, 0, 0 } });
    check("y", y);
    check("grad.x", dx);
    check("grad.slope", dslope);
    end();
}

static void prelu(void)
{
    prelu_case(va_ref_backend_new(), "blocks/prelu.safetensors");
    prelu_case(va_test_device(), "blocks/prelu.safetensors");
}

int main(void)
{
    VA_TEST(scan);
    VA_TEST(long_scan);
    VA_TEST(conv);
    VA_TEST(norm);
    VA_TEST(prelu);
    return va_test_finish();
}
