/* va.faces/1: read person by person, as croppers read it. */
#include "test/fuzz/fuzz.h"

#include "base/va_names.h"
#include "faces/va_faces_read.h"
#include <math.h>

static void read_faces(const char *path)
{
    struct va_faces *f = va_faces_read(path);
    struct va_face_template arcface;

    if (f && va_face_template_read(&arcface, "arcface") < 0)
        fuzz_found("no template");
    for (int64_t i = 0; f && i < f->count; i++) {
        const struct va_faces_person *p = &f->people[i];

        if (!va_video_name_valid(p->name) || p->count < 1)
            fuzz_found("a person without a name or a face");
        for (int64_t k = 0; k < p->count; k++) {
            const struct va_seen *s = &p->seen[k];
            struct va_similarity a = va_align(s->points, &arcface, 0);

            if (s->index < 1 || s->index > f->frame_count || (k && s->index <= s[-1].index))
                fuzz_found("frames that do not ascend");
            if (!(s->score >= 0 && s->score <= 1) || !isfinite(s->box[0] + s->box[1]) ||
                !isfinite(a.c + a.s + a.x0 + a.y0))
                fuzz_found("a face that is not finite");
        }
    }
    va_faces_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_h5("va.faces/1", "faces", data, size, read_faces);
}
