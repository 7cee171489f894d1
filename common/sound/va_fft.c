#include "sound/va_fft.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <libavutil/tx.h>

struct va_fft {
    AVTXContext *context;
    av_tx_fn run;
    struct va_complex *in, *out; /* [n], aligned */
};

_Static_assert(sizeof(struct va_complex) == sizeof(AVComplexFloat), "the same layout");

struct va_fft *va_fft_new(int n, bool inverse)
{
    struct va_fft *f = va_new(1, sizeof(*f));
    const float scale = 1;

    if (!f)
        return NULL;
    f->in = va_new(n, sizeof(*f->in));
    f->out = va_new(n, sizeof(*f->out));
    if (f->in && f->out &&
        av_tx_init(&f->context, &f->run, AV_TX_FLOAT_FFT, inverse, n, &scale, 0) >= 0)
        return f;
    if (f->in && f->out)
        va_error_memory("cannot prepare a Fourier transform: out of memory");
    va_fft_free(f);
    return NULL;
}

void va_fft_free(struct va_fft *f)
{
    if (!f)
        return;
    av_tx_uninit(&f->context);
    va_free(f->in);
    va_free(f->out);
    va_free(f);
}

struct va_complex *va_fft_input(struct va_fft *f)
{
    return f->in;
}

const struct va_complex *va_fft_run(struct va_fft *f)
{
    f->run(f->context, f->out, f->in, sizeof(AVComplexFloat));
    return f->out;
}
