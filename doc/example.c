/*
 * example.c - valence and arousal of what comes on standard input, by libmamba_va (doc/library.md).
 *
 *     cc -o example example.c $(pkg-config --cflags --libs mamba_va)
 *     example FPS MODEL.h5 <FEATURES                                   rows of float32
 *     example FPS MODEL.h5 ENCODER.h5 DETECTOR.h5 WIDTH HEIGHT <RGB    pictures, three bytes a pixel
 */
#include <mamba_va.h>
#include <stdio.h>
#include <stdlib.h>

static struct mamba_va_error error;

static int fail(const char *what)
{
    fprintf(stderr, "example: %s: %s\n", what, error.message);
    return 1;
}

/* Print the rows that are known. */
static int64_t show(mamba_va model)
{
    struct mamba_va_row r;
    int64_t n;

    while ((n = mamba_va_rows(model, &r, 1, &error)) > 0)
        printf("%lld,%.6f,%lld,%d,%.3f,%.6f,%.6f\n", (long long)r.frame, r.time,
               (long long)r.face, r.seen, r.confidence, r.valence, r.arousal);
    return n;
}

int main(int argc, char **argv)
{
    int pictures = argc == 7, status = 0;
    int64_t width = pictures ? atoi(argv[5]) : 0, height = pictures ? atoi(argv[6]) : 0;
    struct mamba_va_options options;
    struct mamba_va_info info;
    mamba_va model;
    size_t size;
    void *data;

    if (argc != 3 && argc != 7)
        return fprintf(stderr, "example: expected FPS MODEL [ENCODER DETECTOR WIDTH HEIGHT]\n"),
               2;
    mamba_va_options_init(&options, sizeof(options));
    options.model = argv[2];
    options.encoder = pictures ? argv[3] : NULL;
    options.detector = pictures ? argv[4] : NULL;
    if (!(model = mamba_va_open(&options, &error)) ||
        mamba_va_get_info(model, &info, &error) < 0)
        return fail("cannot open");
    size = pictures ? (size_t)(width * height) * 3 : (size_t)info.features * sizeof(float);
    data = malloc(size);
    for (int64_t n = 0; data && status == 0 && fread(data, size, 1, stdin) == 1; n++) {
        double time = (double)n / atof(argv[1]);

        if (pictures)
            status = mamba_va_push_picture(model, data, width, height, 3 * width, time, &error);
        else
            status = mamba_va_push_features(model, 1, data, info.features, time, &error);
        if (status < 0 || show(model) < 0)
            status = fail("cannot go on");
    }
    if (status == 0 && (mamba_va_end(model, 0, &error) < 0 || show(model) < 0))
        status = fail("cannot end");
    free(data);
    mamba_va_close(model, NULL);
    return status;
}
