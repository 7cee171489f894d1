/*
 * The Makefile writes va_build.h anew when the commit, the compiler, a flag or a library
 * changes; nothing else includes it, so that only this file is compiled again.
 */
#include "base/va_version.h"

#include "base/va_cpu.h"
#include "base/va_error.h"
#include "va_build.h"
#include <stdio.h>

void va_version_print(void)
{
    printf("%s (mamba-va) %s\n", va_error_tool(), VA_VERSION);
    printf("commit     %s\n", VA_BUILD_COMMIT);
    printf("compiler   %s\n", VA_BUILD_COMPILER);
    printf("flags      %s\n", VA_BUILD_FLAGS);
    printf("libraries  %s\n", VA_BUILD_LIBRARIES);
    printf("cuda       %s\n", VA_BUILD_CUDA);
    printf("mpi        %s\n", VA_BUILD_MPI);
    printf("png        %s\n", VA_BUILD_PNG);
    printf("camera     %s\n", VA_BUILD_CAMERA);
    printf("onnx       %s\n", VA_BUILD_ONNX);
    if (va_verbosity() == VA_VERBOSE)
        printf("cpu        %s\n", va_cpu_describe());
}
