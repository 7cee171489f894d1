/*
 * abi.c - what programs that were compiled with mamba_va.h rely on: sizes, places and values, a line each. A function
 * whose prototype is not this one does not compile.
 */
#include <mamba_va.h>
#include <stdio.h>

typedef struct mamba_va_error *error;

static const char *(*const version)(void) = mamba_va_version;
static int (*const threads)(int, error) = mamba_va_threads;
static void (*const options_init)(struct mamba_va_options *, size_t) = mamba_va_options_init;
static mamba_va (*const open)(const struct mamba_va_options *, error) = mamba_va_open;
static int (*const close)(mamba_va, error) = mamba_va_close;
static int (*const get_info)(mamba_va, struct mamba_va_info *, error) = mamba_va_get_info;
static int (*const push_picture)(mamba_va, const uint8_t *, int64_t, int64_t, int64_t, double,
                                 error) = mamba_va_push_picture;
static int (*const push_crop)(mamba_va, int64_t, const uint8_t *, int64_t, int64_t, int64_t,
                              double, error) = mamba_va_push_crop;
static int (*const push_features)(mamba_va, int64_t, const float *, int64_t, double,
                                  error) = mamba_va_push_features;
static int (*const push_absent)(mamba_va, int64_t, double, error) = mamba_va_push_absent;
static int (*const end)(mamba_va, int64_t, error) = mamba_va_end;
static int64_t (*const rows)(mamba_va, struct mamba_va_row *, int64_t, error) = mamba_va_rows;

#define VALUE(name) printf("value %s %d\n", #name, (int)(name))
#define TYPE(type)  printf("type %s %zu\n", #type, sizeof(type))
#define MEMBER(of, name)                                                    \
    printf("member %s.%s %zu %zu\n", #of, #name, offsetof(struct of, name), \
           sizeof(((struct of *)0)->name))

static void options(void)
{
    TYPE(struct mamba_va_options);
    MEMBER(mamba_va_options, size);
    MEMBER(mamba_va_options, model);
    MEMBER(mamba_va_options, encoder);
    MEMBER(mamba_va_options, stream);
    MEMBER(mamba_va_options, detector);
    MEMBER(mamba_va_options, device);
    MEMBER(mamba_va_options, precision);
    MEMBER(mamba_va_options, face_template);
    MEMBER(mamba_va_options, any_encoder);
    MEMBER(mamba_va_options, people);
    MEMBER(mamba_va_options, max_side);
    MEMBER(mamba_va_options, crop_size);
    MEMBER(mamba_va_options, min_score);
    MEMBER(mamba_va_options, min_size);
    MEMBER(mamba_va_options, gap);
    MEMBER(mamba_va_options, join);
    MEMBER(mamba_va_options, forget);
    MEMBER(mamba_va_options, margin);
}

int main(void)
{
    VALUE(MAMBA_VA_OK);
    VALUE(MAMBA_VA_CLOSED);
    VALUE(MAMBA_VA_USE);
    VALUE(MAMBA_VA_INPUT);
    VALUE(MAMBA_VA_MACHINE);
    TYPE(mamba_va);
    TYPE(struct mamba_va_error);
    MEMBER(mamba_va_error, code);
    MEMBER(mamba_va_error, message);
    options();
    TYPE(struct mamba_va_info);
    MEMBER(mamba_va_info, features);
    MEMBER(mamba_va_info, lookahead);
    MEMBER(mamba_va_info, pictures);
    MEMBER(mamba_va_info, crops);
    TYPE(struct mamba_va_row);
    MEMBER(mamba_va_row, frame);
    MEMBER(mamba_va_row, time);
    MEMBER(mamba_va_row, face);
    MEMBER(mamba_va_row, seen);
    MEMBER(mamba_va_row, confidence);
    MEMBER(mamba_va_row, box);
    MEMBER(mamba_va_row, valence);
    MEMBER(mamba_va_row, arousal);
    return !(version && threads && options_init && open && close && get_info && push_picture &&
             push_crop && push_features && push_absent && end && rows);
}
