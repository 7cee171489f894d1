/*
 * va_spectral.h - causal convolutions by products of spectra (overlap-save), as on the CPU (cpu/va_spectral.h), in
 * bfloat16 on tensor cores: for 15 taps 2.7 multiplications per output and pair of channels instead of 15.
 *
 * A row is a tile of one phase of one sequence: `size` = taps + 37 samples, `dilation` frames apart, of which the last 38
 * are outputs (300 frames make 8 rows at dilations of 1, 2, 4 and 8). Frequencies are (k + 1/2) / size for k below
 * size / 2: none of them is real, what wraps round changes its sign, and lands where nobody looks. Time runs
 * from the middle of a tile, of a kernel, and of the outputs, so that what is even in time gives the real parts, what is
 * odd the imaginary ones; cosines of k and of size / 2 - 1 - k differ by their sign at odd times alone.
 *
 * Both parts of a spectrum are planes of their own, rounded to bfloat16: [size / 2][2][rows][channels], and for a
 * kernel [size / 2][2][Cout][Cin], rows of va_half_width. The gradient of the input is the same with time reversed,
 * and kernels across.
 */
#ifndef VA_SPECTRAL_H
#define VA_SPECTRAL_H

#include "cuda/va_prepared.h"

enum {
    VA_OUTPUTS = 38, /* of a tile */
    VA_TAPS_LEAST = 7,
    VA_TAPS_MOST = 15,
    VA_HALF_MOST = (VA_TAPS_MOST + VA_OUTPUTS - 1) / 2, /* frequencies */
    VA_PAIRS = VA_HALF_MOST / 2,                        /* of frequencies, rounded up */
    VA_CHANNELS_LEAST = 64
};

/* cos and sin of 2 pi (k + 1/2) t / size. */
struct va_waves {
    int half, middle; /* size / 2; (taps - 1) / 2 */
    float scale;      /* 2 / size, on the way back */
    float cosine[VA_HALF_MOST + 1][VA_PAIRS], sine[VA_HALF_MOST + 1][VA_PAIRS];
};

/* Whether a kernel can be used in this way, and whether it is for sequences of T frames: by shapes alone, but not by the
 * number of sequences, or by the environment (VA_CONV=direct, or =spectral: wherever it can). */
bool va_cuda_spectral_kernel(int64_t taps, int64_t Cout, int64_t Cin);
bool va_cuda_spectral(int64_t T, int64_t dilation, int64_t taps, int64_t Cout, int64_t Cin);

/* Numbers of the spectra of W [Cout, Cin, taps], and these. */
int64_t va_cuda_spectra_size(int64_t Cout, int64_t Cin, int64_t taps);
void va_cuda_kernel_spectra(const float *w, int64_t Cout, int64_t Cin, int64_t taps,
                            va_bf16 *to);

/* The convolution, and dx and dW; what is NULL is left out. False after reporting. */
bool va_cuda_conv_spectral(struct va_backend *be, const struct va_conv *p);
bool va_cuda_conv_grad_spectral(struct va_backend *be, const struct va_conv_grad *p);

#endif
