/*
 * libcublasLt.so without a GPU: what cuda/va_lt.cc uses of cuBLASLt, for the host executor, whose device memory is the
 * host's.
 *
 * A product is made from what was described of it and from nothing else: layouts by columns, transposed or not, batches,
 * bias. What does not fit together, and an operand less aligned than was promised when the algorithm was chosen, are
 * errors, and so is an algorithm that was chosen for other layouts.
 *
 * VA_LT_FAIL=FUNCTION makes a function fail; VA_LT_VERSION is the version it says it is.
 */
#include "cuda/va_lt_facts.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_INITIALIZED = 1, INVALID = 7, NOT_SUPPORTED = 15 };

struct desc {
    int32_t transa;
    uint32_t epilogue;
    const void *bias; /* of the type of D */
};
struct layout {
    int type;
    int64_t rows, columns, ld, step;
    int32_t batch;
};
struct prefer {
    size_t workspace;
    uint32_t reduction, aligned[4];
};
/* What an algorithm was chosen for; it fits into the 64 bytes of one. */
struct chosen {
    uint32_t aligned[4], check;
};

size_t cublasLtGetVersion(void);
int cublasLtCreate(void **library);
int cublasLtMatmulDescCreate(void **desc, int sums, int factors);
int cublasLtMatmulDescSetAttribute(void *desc, int what, const void *value, size_t size);
int cublasLtMatmulDescDestroy(void *desc);
int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns,
                               int64_t ld);
int cublasLtMatrixLayoutSetAttribute(void *layout, int what, const void *value, size_t size);
int cublasLtMatrixLayoutDestroy(void *layout);
int cublasLtMatmulPreferenceCreate(void **prefer);
int cublasLtMatmulPreferenceSetAttribute(void *prefer, int what, const void *value,
                                         size_t size);
int cublasLtMatmulPreferenceDestroy(void *prefer);
int cublasLtMatmulAlgoGetHeuristic(void *library, void *desc, void *a, void *b, void *c,
                                   void *d, void *prefer, int wanted,
                                   struct va_lt_choice *choices, int *found);
int cublasLtMatmul(void *library, void *desc, const void *alpha, const void *a, void *a_layout,
                   const void *b, void *b_layout, const void *beta, const void *c,
                   void *c_layout, void *d, void *d_layout,
                   const struct va_lt_algorithm *algorithm, void *workspace,
                   size_t workspace_size, void *stream);

static bool fails(const char *function)
{
    const char *fail = getenv("VA_LT_FAIL");

    return fail && !strcmp(fail, function);
}

/* A value of `room` bytes, if it is of this size. */
static int set(void *to, size_t room, const void *value, size_t size)
{
    if (size != room)
        return INVALID;
    memcpy(to, value, size);
    return 0;
}

static int new (void **to, size_t size)
{
    *to = calloc(1, size);
    return *to ? 0 : INVALID;
}

size_t cublasLtGetVersion(void)
{
    const char *text = getenv("VA_LT_VERSION");

    return text ? strtoull(text, NULL, 10) : 130100;
}

int cublasLtCreate(void **library)
{
    *library = &cublasLtCreate;
    return fails("cublasLtCreate") ? NOT_INITIALIZED : 0;
}

int cublasLtMatmulDescCreate(void **desc, int sums, int factors)
{
    int status = sums == VA_LT_SUMS_F32 && factors == VA_LT_F32
                     ? new (desc, sizeof(struct desc))
                     : NOT_SUPPORTED;

    if (status == 0)
        ((struct desc *)*desc)->epilogue = VA_LT_PLAIN;
    return status;
}

int cublasLtMatmulDescSetAttribute(void *desc, int what, const void *value, size_t size)
{
    struct desc *d = desc;

    switch (what) {
    case VA_LT_DESC_TRANSA: return set(&d->transa, sizeof(d->transa), value, size);
    case VA_LT_DESC_EPILOGUE: return set(&d->epilogue, sizeof(d->epilogue), value, size);
    case VA_LT_DESC_BIAS: return set(&d->bias, sizeof(d->bias), value, size);
    default: return INVALID;
    }
}

int cublasLtMatmulDescDestroy(void *desc)
{
    free(desc);
    return 0;
}

int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns,
                               int64_t ld)
{
    int status = rows < 1 || columns < 1 || ld < (int64_t)rows
                     ? INVALID
                     : new (layout, sizeof(struct layout));

    if (status == 0)
        *(struct layout *)*layout =
            (struct layout){ type, (int64_t)rows, (int64_t)columns, ld, 0, 1 };
    return status;
}

int cublasLtMatrixLayoutSetAttribute(void *layout, int what, const void *value, size_t size)
{
    struct layout *l = layout;

    switch (what) {
    case VA_LT_LAYOUT_BATCH: return set(&l->batch, sizeof(l->batch), value, size);
    case VA_LT_LAYOUT_STEP: return set(&l->step, sizeof(l->step), value, size);
    default: return INVALID;
    }
}

int cublasLtMatrixLayoutDestroy(void *layout)
{
    free(layout);
    return 0;
}

int cublasLtMatmulPreferenceCreate(void **prefer)
{
    int status = new (prefer, sizeof(struct prefer));

    if (status == 0)
        *(struct prefer *)*prefer = (struct prefer){ 0, 7, { 256, 256, 256, 256 } };
    return status;
}

int cublasLtMatmulPreferenceSetAttribute(void *prefer, int what, const void *value, size_t size)
{
    struct prefer *p = prefer;

    switch (what) {
    case VA_LT_PREFER_WORKSPACE: return set(&p->workspace, sizeof(p->workspace), value, size);
    case VA_LT_PREFER_REDUCTION: return set(&p->reduction, sizeof(p->reduction), value, size);
    default:
        return what < VA_LT_PREFER_ALIGNMENT || what >= VA_LT_PREFER_ALIGNMENT + 4
                   ? INVALID
                   : set(&p->aligned[what - VA_LT_PREFER_ALIGNMENT], 4, value, size);
    }
}

int cublasLtMatmulPreferenceDestroy(void *prefer)
{
    free(prefer);
    return 0;
}

/* ---- products ---------------------------------------------------------------------------------- */

/* A number that says which layouts they are. */
static uint32_t check_of(const struct desc *desc, const struct layout *const l[4])
{
    uint32_t check = (uint32_t)desc->transa * 7 + desc->epilogue;

    for (int i = 0; i < 4; i++) {
        const int64_t numbers[] = { l[i]->type, l[i]->rows, l[i]->columns,
                                    l[i]->ld,   l[i]->step, l[i]->batch };

        for (int j = 0; j < 6; j++)
            check = check * 31 + (uint32_t)numbers[j];
    }
    return check;
}

/* A [K, N] transposed times B [K, M] is C and D [N, M]. */
static bool fit(const struct desc *desc, const struct layout *const l[4])
{
    for (int i = 0; i < 4; i++)
        if (l[i]->batch != l[0]->batch || l[i]->batch < 1 ||
            (l[i]->type != VA_LT_BF16 && (i < 2 || l[i]->type != VA_LT_F32)))
            return false;
    return desc->transa == VA_LT_TRANSPOSED && l[2]->type == l[3]->type &&
           l[0]->rows == l[1]->rows && l[0]->columns == l[3]->rows &&
           l[1]->columns == l[3]->columns && l[2]->rows == l[3]->rows &&
           l[2]->columns == l[3]->columns;
}

int cublasLtMatmulAlgoGetHeuristic(void *library, void *desc, void *a, void *b, void *c,
                                   void *d, void *prefer, int wanted,
                                   struct va_lt_choice *choices, int *found)
{
    const struct layout *const l[4] = { a, b, c, d };
    const struct prefer *p = prefer;
    struct chosen chosen;

    *found = 0;
    if (library != &cublasLtCreate || wanted < 1 || !fit(desc, l) ||
        p->reduction != VA_LT_IN_ONE_PIECE || p->workspace != 32 << 20 ||
        fails("cublasLtMatmulAlgoGetHeuristic"))
        return NOT_SUPPORTED;
    memcpy(chosen.aligned, p->aligned, sizeof(chosen.aligned));
    chosen.check = check_of(desc, l);
    memset(choices, 0, sizeof(*choices));
    memcpy(&choices->algorithm, &chosen, sizeof(chosen));
    *found = 1;
    return 0;
}

static float from_bf16(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

static int64_t size_of(const struct layout *l)
{
    return l->type == VA_LT_BF16 ? 2 : 4;
}

/* Number i of a matrix. */
static float get(const struct layout *l, const void *matrix, int64_t i)
{
    return l->type == VA_LT_BF16 ? from_bf16(((const uint16_t *)matrix)[i])
                                 : ((const float *)matrix)[i];
}

static void put(const struct layout *l, void *matrix, int64_t i, float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    if (l->type == VA_LT_F32)
        ((float *)matrix)[i] = x;
    else /* to nearest even; a NaN stays one */
        ((uint16_t *)matrix)[i] = (uint16_t)(x == x ? (bits + 0x7fff + (bits >> 16 & 1)) >> 16
                                                    : bits >> 16 | 0x40);
}

static double finished(const struct desc *desc, const struct layout *d, double sum, int64_t n)
{
    if (desc->epilogue & VA_LT_BIAS)
        sum += (double)get(d, desc->bias, n);
    if (desc->epilogue & VA_LT_GELU)
        sum *= (1 + tanh(0.7978845608028654 * (sum + 0.044715 * sum * sum * sum))) / 2;
    return sum;
}

static void multiply(const struct desc *desc, const struct layout *const l[4],
                     const uint16_t *a, const uint16_t *b, float beta, const void *c, void *d)
{
    for (int64_t m = 0; m < l[3]->columns; m++)
        for (int64_t n = 0; n < l[3]->rows; n++) {
            double sum = 0;

            for (int64_t k = 0; k < l[0]->rows; k++)
                sum += (double)from_bf16(a[n * l[0]->ld + k]) * from_bf16(b[m * l[1]->ld + k]);
            if (beta != 0)
                sum += (double)beta * (double)get(l[2], c, m * l[2]->ld + n);
            put(l[3], d, m * l[3]->ld + n, (float)finished(desc, l[3], sum, n));
        }
}

int cublasLtMatmul(void *library, void *desc, const void *alpha, const void *a, void *a_layout,
                   const void *b, void *b_layout, const void *beta, const void *c,
                   void *c_layout, void *d, void *d_layout,
                   const struct va_lt_algorithm *algorithm, void *workspace,
                   size_t workspace_size, void *stream)
{
    const struct layout *const l[4] = { a_layout, b_layout, c_layout, d_layout };
    const void *const at[4] = { a, b, c, d };
    struct chosen chosen;

    memcpy(&chosen, algorithm, sizeof(chosen));
    if (library != &cublasLtCreate || !workspace || workspace_size != 32 << 20 || stream ||
        *(const float *)alpha != 1 || chosen.check != check_of(desc, l) ||
        fails("cublasLtMatmul"))
        return INVALID;
    for (int i = 0; i < 4; i++)
        if ((uintptr_t)at[i] % chosen.aligned[i] != 0)
            return INVALID;
    for (int32_t i = 0; i < l[3]->batch; i++)
        multiply(desc, l, (const uint16_t *)a + i * l[0]->step,
                 (const uint16_t *)b + i * l[1]->step, *(const float *)beta,
                 (const char *)c + i * l[2]->step * size_of(l[2]),
                 (char *)d + i * l[3]->step * size_of(l[3]));
    return 0;
}
