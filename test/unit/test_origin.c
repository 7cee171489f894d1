/*
 * Where features come from: what meets what, and which rates are far.
 */
#include "base/va_error.h"
#include "data/va_origin.h"
#include "test/va_test.h"

static char a[] = "a", b[] = "b", paths[4][8] = { "0.h5", "1.h5", "2.h5", "3.h5" };

/* Four videos whose encoders and rates these are. */
static struct va_index_video videos[4];
static struct va_window_index index_of(char *encoder[4], const double fps[4])
{
    for (int i = 0; i < 4; i++)
        videos[i] = (struct va_index_video){ .features = paths[i],
                                             .encoder = encoder ? encoder[i] : NULL,
                                             .fps = fps ? fps[i] : 0 };
    return (struct va_window_index){ .videos = videos, .video_count = 4 };
}

static char said[256];
static int add(struct va_origin *o, const struct va_window_index *index, const bool *chosen,
               bool any)
{
    int status;

    said[0] = 0;
    va_error_catch_begin(said, sizeof(said));
    status = va_origin_add(o, index, chosen, any);
    va_error_catch_end();
    return status;
}

static void encoders_that_are_known_agree(void)
{
    struct va_window_index index = index_of((char *[]){ NULL, a, NULL, a }, NULL);
    struct va_origin o = { 0 };

    VA_CHECK_INT(add(&o, &index, NULL, false), 0);
    VA_CHECK(o.streams[0].encoder == a && o.streams[0].path == paths[1] && !o.streams[0].mixed);
    o.streams[0].encoder = b;
    o.streams[0].path = "m.h5";
    VA_CHECK_INT(add(&o, &index, NULL, false), -1);
    VA_CHECK(strstr(said, "1.h5: found features of encoder a, expected b as in m.h5") != NULL);
}

static void chosen_videos_count_and_mixtures_are_known(void)
{
    struct va_window_index index = index_of((char *[]){ a, b, a, NULL }, NULL);
    struct va_origin o = { 0 }, fresh = { 0 };
    struct va_tensors *set = va_tensors_new();

    VA_CHECK_INT(add(&o, &index, (bool[]){ true, false, true, true }, false), 0);
    VA_CHECK_INT(add(&fresh, &index, NULL, false), -1);
    fresh = (struct va_origin){ 0 };
    VA_CHECK_INT(add(&fresh, &index, NULL, true), 0);
    VA_CHECK(fresh.streams[0].mixed);
    VA_CHECK_INT(va_origin_store(&fresh, set), 0);
    VA_CHECK_INT(set->meta_count, 0);
    VA_CHECK_INT(va_origin_store(&o, set), 0);
    VA_CHECK(!strcmp(va_tensors_meta(set, "encoder"), "a"));
    va_tensors_free(set);
}

static void rates_are_a_range_that_comes_back(void)
{
    struct va_window_index index = index_of(NULL, (double[]){ 29.97002997, 0, 12.5, 25 });
    struct va_origin o = { 0 }, back;
    struct va_tensors *set = va_tensors_new();

    VA_CHECK_INT(add(&o, &index, NULL, false), 0);
    VA_CHECK_INT(va_origin_store(&o, set), 0);
    va_origin_load(&back, set, "m.h5", NULL);
    VA_CHECK_NEAR(back.fps_min, 12.5, 0);
    VA_CHECK_NEAR(back.fps_max, 29.97, 1e-12);
    VA_CHECK(!va_origin_encoder(&back, ""));
    VA_CHECK_INT(va_tensors_set_meta(set, "fps-max", "nan"), 0);
    va_origin_load(&back, set, "m.h5", NULL);
    VA_CHECK_NEAR(back.fps_max, 0, 0);
    va_tensors_free(set);
}

int main(void)
{
    VA_TEST(encoders_that_are_known_agree);
    VA_TEST(chosen_videos_count_and_mixtures_are_known);
    VA_TEST(rates_are_a_range_that_comes_back);
    return va_test_finish();
}
