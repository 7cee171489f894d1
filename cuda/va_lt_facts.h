/*
 * va_lt_facts.h - what is used of cuBLASLt's interface: functions, structs, and numbers that it gives to things.
 *
 * Statuses are cublasStatus_t, of which 0 is success; handles, descriptions and layouts are pointers that it hands out.
 * Matrices are by columns: `rows` numbers side by side, columns `ld` apart.
 */
#ifndef VA_LT_FACTS_H
#define VA_LT_FACTS_H

#include <stddef.h>
#include <stdint.h>

enum { VA_LT_F32 = 0, VA_LT_BF16 = 14 };           /* cudaDataType_t */
enum { VA_LT_SUMS_F32 = 68 };                      /* cublasComputeType_t */
enum { VA_LT_AS_IT_IS = 0, VA_LT_TRANSPOSED = 1 }; /* cublasOperation_t, an int */
enum {                                             /* cublasLtEpilogue_t, 32 bits */
       VA_LT_PLAIN = 1,
       VA_LT_BIAS = 4,      /* of the type of D */
       VA_LT_GELU = 32,     /* x (1 + tanh(sqrt(2 / pi) (x + .044715 x^3))) / 2 */
       VA_LT_GELU_BIAS = 36 /* of the sum with the bias */
};
enum { VA_LT_IN_ONE_PIECE = 0 }; /* CUBLASLT_REDUCTION_SCHEME_NONE, 32 bits */
enum {                           /* cublasLtMatmulDescAttributes_t */
       VA_LT_DESC_TRANSA = 3,
       VA_LT_DESC_EPILOGUE = 7,
       VA_LT_DESC_BIAS = 8
};
enum { VA_LT_LAYOUT_BATCH = 5, VA_LT_LAYOUT_STEP = 6 }; /* cublasLtMatrixLayoutAttribute_t */
enum { /* cublasLtMatmulPreferenceAttributes_t; alignments of A, B, C and D follow one another */
       VA_LT_PREFER_WORKSPACE = 1,
       VA_LT_PREFER_REDUCTION = 3,
       VA_LT_PREFER_ALIGNMENT = 5
};

struct va_lt_algorithm {
    uint64_t data[8];
};

struct va_lt_choice { /* cublasLtMatmulHeuristicResult_t */
    struct va_lt_algorithm algorithm;
    size_t workspace;
    int status;
    float waves;
    int reserved[4];
};

struct va_lt_functions {
    size_t (*version)(void);       /* cublasLtGetVersion: 120405 is 12.4.5 */
    int (*create)(void **library); /* cublasLtCreate */
    int (*desc_create)(void **desc, int sums, int factors); /* cublasLtMatmulDescCreate */
    int (*desc_set)(void *desc, int what, const void *value,
                    size_t size);    /* cublasLtMatmulDescSetAttribute */
    int (*desc_destroy)(void *desc); /* cublasLtMatmulDescDestroy */
    int (*layout_create)(void **layout, int type, uint64_t rows, uint64_t columns,
                         int64_t ld); /* cublasLtMatrixLayoutCreate */
    int (*layout_set)(void *layout, int what, const void *value,
                      size_t size);      /* cublasLtMatrixLayoutSetAttribute */
    int (*layout_destroy)(void *layout); /* cublasLtMatrixLayoutDestroy */
    int (*prefer_create)(void **prefer); /* cublasLtMatmulPreferenceCreate */
    int (*prefer_set)(void *prefer, int what, const void *value,
                      size_t size);      /* cublasLtMatmulPreferenceSetAttribute */
    int (*prefer_destroy)(void *prefer); /* cublasLtMatmulPreferenceDestroy */
    int (*choose)(void *library, void *desc, void *a, void *b, void *c, void *d, void *prefer,
                  int wanted, struct va_lt_choice *choices,
                  int *found); /* cublasLtMatmulAlgoGetHeuristic */
    int (*product)(void *library, void *desc, const void *alpha, const void *a, void *a_layout,
                   const void *b, void *b_layout, const void *beta, const void *c,
                   void *c_layout, void *d, void *d_layout,
                   const struct va_lt_algorithm *algorithm, void *workspace,
                   size_t workspace_size, void *stream); /* cublasLtMatmul */
};

#endif
