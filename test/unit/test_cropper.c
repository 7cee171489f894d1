/*
 * Crops of the faces of a file, in pictures whose columns tell where a crop lies.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "faces/va_cropper.h"
#include "faces/va_faces_write.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { W = 240, H = 40, SIDE = 16, FRAMES = 9 };

/* Columns of a person's middle, by frame; 0: not there. Two successive ones in frames 7 and 8 lie as far
 * apart as after a cut. */
static const float middle[FRAMES + 1] = { 0, 50, 53, 51, 0, 53, 55, 58, 120, 122 };

static struct va_face face_at(const struct va_face_template *t, float x)
{
    struct va_face f = { .score = x / 256 };

    for (int i = 0; i < VA_FACE_POINTS; i++) {
        f.points[i][0] = (float)(t->points[i][0] - .5) * SIDE + x;
        f.points[i][1] = (float)(t->points[i][1] - .5) * SIDE + H / 2.f;
    }
    return f;
}

/* Two people, the second in frame 3 alone, and a face of nobody in frame 4. */
static void write_file(const char *path)
{
    char first[] = "b.a", second[] = "b.b";
    struct va_person persons[] = { { first, 1, 9, 8 }, { second, 3, 3, 1 } };
    int32_t of[] = { 1, 2, 0 };
    struct va_people people = { persons, 2, of };
    struct va_face_template t;
    struct va_faces_writer w;

    VA_CHECK_INT(va_face_template_read(&t, "arcface"), 0);
    VA_CHECK_INT(va_faces_create(&w, path), 0);
    for (int32_t k = 1; k <= FRAMES; k++) {
        struct va_face f = face_at(&t, middle[k]), other = face_at(&t, 200);

        if (middle[k] > 0)
            VA_CHECK_INT(va_faces_append(&w, k, k, &f, 0), 0);
        if (k == 3 || k == 4)
            VA_CHECK_INT(va_faces_append(&w, k, k, &other, k == 3 ? 1 : 2), 0);
    }
    VA_CHECK_INT(va_faces_commit(&w,
                                 &(struct va_faces_info){ .video = "b",
                                                          .frame_count = FRAMES,
                                                          .width = W,
                                                          .height = H,
                                                          .detector = "none" },
                                 &people),
                 0);
    va_faces_abort(&w);
}

/* The mean level of a crop, which is its middle's column - .5. */
static double level(const struct va_frame *crop)
{
    double sum = 0;

    for (int64_t i = 0; i < crop->width * crop->height; i++)
        sum += crop->pixels[3 * i];
    return sum / (double)(crop->width * crop->height) + .5;
}

/* Crops of person i are where they should be. */
static void follows(struct va_cropper_options o, int64_t i, const double *expected)
{
    static uint8_t pixels[H][W][3];
    struct va_cropper *c = va_cropper_open(&o, "b.mkv", "b", VA_CROP_SOME);
    struct va_frame crop, frame = { .pixels = pixels[0][0], .width = W, .height = H };
    float score;

    VA_CHECK(c);
    if (!c)
        return;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            memset(pixels[y][x], x, 3);
    for (int k = 1; k <= FRAMES; k++) {
        frame.index = k;
        VA_CHECK_INT(va_cropper_cut(c, i, &frame, &crop, &score), expected[k] > 0);
        if (!(expected[k] > 0))
            continue;
        VA_CHECK_INT(crop.width, o.size);
        VA_CHECK_INT(crop.height, o.size);
        VA_CHECK_INT(crop.index, k);
        VA_CHECK_NEAR(level(&crop), expected[k], .51);
        VA_CHECK_NEAR(score, (i ? 200 : middle[k]) / 256, 1e-6);
    }
    VA_CHECK_INT(va_cropper_end(c, FRAMES), 0);
    va_cropper_close(c);
}

static const char *file;

static void crops(void)
{
    const double raw[] = { 0, 50, 53, 51, 0, 53, 55, 58, 120, 122 };
    const double mean[] = { 0, 51.5, 154 / 3., 52, 0, 54, 166 / 3., 56.5, 121, 121 };
    const double even[] = { 0, 51.5, 52, 51, 0, 54, 56.5, 58, 121, 122 };
    const double other[FRAMES + 1] = { [3] = 200 };
    struct va_cropper_options o = VA_CROPPER_DEFAULTS;

    o.faces = file;
    follows(o, 0, mean);
    o.smooth = 1;
    o.size = SIDE;
    follows(o, 0, raw);
    follows(o, 1, other);
    o.smooth = 2;
    o.margin = .5;
    follows(o, 0, even);
}

static void names(void)
{
    struct va_cropper_options o = VA_CROPPER_DEFAULTS;
    struct va_cropper *c;

    o.faces = file;
    c = va_cropper_open(&o, "b.mkv", "b", VA_CROP_SOME);
    VA_CHECK(c && va_cropper_count(c) == 2 && !strcmp(va_cropper_name(c, 1), "b.b") &&
             va_cropper_frames(c, 0) == 8);
    va_cropper_close(c);
    o.track = "b.b";
    c = va_cropper_open(&o, "b.mkv", "b", VA_CROP_ONE);
    VA_CHECK(c && va_cropper_count(c) == 1 && !strcmp(va_cropper_name(c, 0), "b.b"));
    va_cropper_close(c);
}

int main(void)
{
    char name[] = "/tmp/va_test_cropper_XXXXXX.h5";
    int fd = mkstemps(name, 3);

    if (fd < 0)
        return 4;
    close(fd);
    file = name;
    write_file(name);
    VA_TEST(crops);
    VA_TEST(names);
    unlink(name);
    return va_test_finish();
}
