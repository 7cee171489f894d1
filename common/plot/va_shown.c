#include "plot/va_shown.h"

#include "base/va_mem.h"
#include "base/va_text.h"
#include "plot/va_scale.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Annotations of the frames, and the score. Frames behind the last row have none. */
static int add_labels(struct va_shown *s, const struct va_label_file *file,
                      const struct va_label_rule *rule, double fps)
{
    struct va_labels rows;
    struct va_evaluation e = { 0 };
    int64_t n;
    int status = -1;

    if (va_labels_read(&rows, file->path, VA_LABELS_ANNOTATION) < 0)
        return -1;
    if (va_labels_fit(&rows, file->path, rule, &(struct va_label_video){ s->name, s->T, fps }) <
            0 ||
        !(s->label = va_new(2 * s->T, sizeof(*s->label))))
        goto done;
    n = rows.count < s->T ? rows.count : s->T;
    for (int64_t t = 0; t < s->T; t++) {
        bool labelled = t < n && va_is_labelled(rows.va + 2 * t);

        for (int d = 0; d < 2; d++)
            s->label[2 * t + d] = labelled ? rows.va[2 * t + d] : (double)NAN;
    }
    status = va_evaluation_add(&e, s->name, n, s->va, rows.va,
                               &(struct va_ends){ s->lower, s->upper, s->level });
    va_evaluation_pooled(&e, &s->score);
done:
    va_evaluation_release(&e);
    va_labels_release(&rows);
    return status;
}

int va_shown_read(struct va_shown *s, const struct va_predictions_in *in, const char *name,
                  const struct va_label_files *labels, const struct va_label_rule *rule)
{
    const struct va_label_file *file = labels ? va_label_files_find(labels, name) : NULL;
    struct va_predicted v;
    int status = -1;

    *s = (struct va_shown){ .name = name };
    if (va_predictions_read(in, name, &v) < 0)
        return -1;
    s->T = v.frames;
    s->va = v.va, v.va = NULL;
    s->face = v.face, v.face = NULL;
    s->pts = v.pts, v.pts = NULL;
    s->lower = v.lower, v.lower = NULL;
    s->upper = v.upper, v.upper = NULL;
    s->level = in->level;
    s->time = va_new(s->T, sizeof(*s->time));
    s->seen = va_new(2 * s->T, sizeof(*s->seen));
    if (!s->time || !s->seen)
        goto done;
    s->timed = va_times(s->pts, s->T, s->time);
    for (int64_t t = 0; t < s->T; t++) {
        bool face = !s->face || s->face[t];

        s->missing += !face;
        for (int d = 0; d < 2; d++)
            s->seen[2 * t + d] = face ? s->va[2 * t + d] : (double)NAN;
    }
    status = file ? add_labels(s, file, rule, va_rate_of_times(s->pts, s->T)) : 0;
done:
    va_predicted_release(&v);
    if (status < 0)
        va_shown_release(s);
    return status;
}

void va_shown_release(struct va_shown *s)
{
    va_free(s->va);
    va_free(s->seen);
    va_free(s->time);
    va_free(s->pts);
    va_free(s->face);
    va_free(s->label);
    va_free(s->lower);
    va_free(s->upper);
    *s = (struct va_shown){ 0 };
}

void va_shown_ccc(char text[24], double ccc)
{
    if (isnan(ccc))
        snprintf(text, 24, "CCC undefined");
    else
        snprintf(text, 24, "CCC %.3f", ccc);
}

void va_shown_line(const struct va_shown *s, char line[VA_SHOWN_LINE])
{
    char length[VA_TICK_TEXT] = "", span[40] = "", missing[80] = "", ccc[100] = "",
         inside[60] = "";

    if (s->timed && s->T > 1) {
        double seconds = s->time[s->T - 1] - s->time[0];

        if (seconds < 60)
            snprintf(length, sizeof(length), "%.1f s", seconds);
        else
            va_tick_time(length, seconds, 1);
        snprintf(span, sizeof(span), ", length %s", length);
    }
    if (s->missing)
        snprintf(missing, sizeof(missing), ", %lld without a face (hatched)",
                 (long long)s->missing);
    if (s->label) {
        char valence[24], arousal[24];

        va_shown_ccc(valence, s->score.value[VA_VALENCE][VA_CCC]);
        va_shown_ccc(arousal, s->score.value[VA_AROUSAL][VA_CCC]);
        snprintf(ccc, sizeof(ccc), "; valence %s, arousal %s", valence, arousal);
    }
    if (s->label && s->lower)
        snprintf(inside, sizeof(inside), "; inside the band %.1f %%, %.1f %%",
                 100 * s->score.coverage[VA_VALENCE], 100 * s->score.coverage[VA_AROUSAL]);
    snprintf(line, VA_SHOWN_LINE, "%lld frame%s%s%s%s%s", (long long)s->T, va_plural(s->T),
             span, missing, ccc, inside);
}

void va_shown_models(char line[VA_SHOWN_LINE], char *const *ids, int64_t count, double ccc,
                     const char *note)
{
    int n = snprintf(line, VA_SHOWN_LINE, count == 1 ? "model" : "%lld models",
                     (long long)count);

    for (int64_t i = 0; i < count && i < 6; i++)
        n += snprintf(line + n, (size_t)(VA_SHOWN_LINE - n), "%s %.8s", i ? "," : "", ids[i]);
    if (count > 6)
        n += snprintf(line + n, (size_t)(VA_SHOWN_LINE - n), ", ...");
    if (isnan(ccc))
        n += snprintf(line + n, (size_t)(VA_SHOWN_LINE - n),
                      "; CCC on %s own validation: not known", count == 1 ? "its" : "their");
    else
        n += snprintf(line + n, (size_t)(VA_SHOWN_LINE - n),
                      "; CCC on its own validation: %.3f", ccc);
    if (note)
        snprintf(line + n, (size_t)(VA_SHOWN_LINE - n), "; %s", note);
}
