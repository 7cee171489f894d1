/* What is said of cuBLASLt's interface, beside its header: compiled where that is there, and never run. */
#include "cuda/va_lt_facts.h"
#include "test/cuda/alike.h"

#include <cublasLt.h>

static_assert(VA_LT_F32 == (int)CUDA_R_32F && VA_LT_BF16 == (int)CUDA_R_16BF);
static_assert(VA_LT_SUMS_F32 == (int)CUBLAS_COMPUTE_32F && CUBLAS_STATUS_SUCCESS == 0);
static_assert(VA_LT_AS_IT_IS == (int)CUBLAS_OP_N && VA_LT_TRANSPOSED == (int)CUBLAS_OP_T);
static_assert(VA_LT_PLAIN == (int)CUBLASLT_EPILOGUE_DEFAULT &&
              VA_LT_BIAS == (int)CUBLASLT_EPILOGUE_BIAS);
static_assert(VA_LT_GELU == (int)CUBLASLT_EPILOGUE_GELU &&
              VA_LT_GELU_BIAS == (int)CUBLASLT_EPILOGUE_GELU_BIAS);
static_assert(VA_LT_IN_ONE_PIECE == (int)CUBLASLT_REDUCTION_SCHEME_NONE);
static_assert(VA_LT_DESC_TRANSA == (int)CUBLASLT_MATMUL_DESC_TRANSA);
static_assert(VA_LT_DESC_EPILOGUE == (int)CUBLASLT_MATMUL_DESC_EPILOGUE);
static_assert(VA_LT_DESC_BIAS == (int)CUBLASLT_MATMUL_DESC_BIAS_POINTER);
static_assert(VA_LT_LAYOUT_BATCH == (int)CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
static_assert(VA_LT_LAYOUT_STEP == (int)CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
static_assert(VA_LT_PREFER_WORKSPACE == (int)CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
static_assert(VA_LT_PREFER_REDUCTION == (int)CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
static_assert(VA_LT_PREFER_ALIGNMENT == (int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
static_assert(VA_LT_PREFER_ALIGNMENT + 1 == (int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
static_assert(VA_LT_PREFER_ALIGNMENT + 2 == (int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
static_assert(VA_LT_PREFER_ALIGNMENT + 3 == (int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
static_assert(sizeof(va_lt_algorithm) == sizeof(cublasLtMatmulAlgo_t));
static_assert(sizeof(va_lt_choice) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(va_lt_choice, workspace) ==
              offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(va_lt_choice, status) ==
              offsetof(cublasLtMatmulHeuristicResult_t, state));

static constexpr va_lt_functions ours = {};
static_assert(alike(ours.version, decltype (&cublasLtGetVersion)()));
static_assert(alike(ours.create, decltype (&cublasLtCreate)()));
static_assert(alike(ours.desc_create, decltype (&cublasLtMatmulDescCreate)()));
static_assert(alike(ours.desc_set, decltype (&cublasLtMatmulDescSetAttribute)()));
static_assert(alike(ours.desc_destroy, decltype (&cublasLtMatmulDescDestroy)()));
static_assert(alike(ours.layout_create, decltype (&cublasLtMatrixLayoutCreate)()));
static_assert(alike(ours.layout_set, decltype (&cublasLtMatrixLayoutSetAttribute)()));
static_assert(alike(ours.layout_destroy, decltype (&cublasLtMatrixLayoutDestroy)()));
static_assert(alike(ours.prefer_create, decltype (&cublasLtMatmulPreferenceCreate)()));
static_assert(alike(ours.prefer_set, decltype (&cublasLtMatmulPreferenceSetAttribute)()));
static_assert(alike(ours.prefer_destroy, decltype (&cublasLtMatmulPreferenceDestroy)()));
static_assert(alike(ours.choose, decltype (&cublasLtMatmulAlgoGetHeuristic)()));
static_assert(alike(ours.product, decltype (&cublasLtMatmul)()));
