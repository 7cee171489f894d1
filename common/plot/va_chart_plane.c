/*
 * Planes from -1 to 1 both ways. Density is counted in cells, whose ink follows the root of their count:
 * rare places stay visible beside frequent ones.
 */
#include "base/va_mem.h"
#include "plot/va_chart.h"
#include <math.h>
#include <stdio.h>

enum { CELLS = 48, WAY = 240, PLANE_LEFT = 38, PLANE_TOP = 24 };

/* The square of a plane in its box. */
static struct va_box square_of(const struct va_box *box)
{
    double size = box->width - PLANE_LEFT - VA_AXES_RIGHT;

    return (struct va_box){ box->x + PLANE_LEFT, box->y + PLANE_TOP, size, size };
}

void va_plane_at(const struct va_box *box, double valence, double arousal, double *x, double *y)
{
    struct va_box s = square_of(box);

    *x = s.x + s.width * (valence + 1) / 2;
    *y = s.y + s.height * (1 - arousal) / 2;
}

static int64_t cell_of(double value)
{
    double k = floor((value + 1) / 2 * CELLS);

    return k < 0 ? 0 : k >= CELLS ? CELLS - 1 : (int64_t)k;
}

struct density {
    int64_t counts[CELLS][CELLS]; /* [up, right] */
};

static void count(struct density *d, double right, double up)
{
    if (isfinite(right) && isfinite(up))
        d->counts[cell_of(up)][cell_of(right)]++;
}

static int level_of(int64_t n, int64_t most)
{
    int level = (int)ceil(VA_DENSITIES * sqrt((double)n / (double)most));

    return level > VA_DENSITIES ? VA_DENSITIES : level;
}

/* Neighbours in a row with one ink are one rectangle. */
static void draw_density(struct va_canvas *c, const struct va_box *s, const struct density *d)
{
    double cell = s->width / CELLS;
    int64_t most = 1;

    for (int k = 0; k < CELLS * CELLS; k++)
        if (d->counts[k / CELLS][k % CELLS] > most)
            most = d->counts[k / CELLS][k % CELLS];
    va_canvas_open(c, "shape-rendering=\"crispEdges\""); /* no seams between cells */
    for (int up = 0; up < CELLS; up++)
        for (int right = 0, end; right < CELLS; right = end) {
            int level = level_of(d->counts[up][right], most);

            for (end = right + 1; end < CELLS && level_of(d->counts[up][end], most) == level;)
                end++;
            if (level > 0)
                va_canvas_rect(c, (enum va_ink)(VA_INK_DENSITY + level - 1),
                               s->x + right * cell, s->y + (CELLS - 1 - up) * cell,
                               (end - right) * cell, cell);
        }
    va_canvas_close(c);
}

static void draw_frame(struct va_canvas *c, const struct va_box *box, const char *title,
                       const char *right, const char *up)
{
    struct va_box s = square_of(box);

    for (int k = -2; k <= 2; k++) {
        enum va_ink ink = k == 0 ? VA_INK_AXIS : VA_INK_GRID;
        char text[VA_TICK_TEXT];
        double x, y;

        va_plane_at(box, k / 2.0, k / 2.0, &x, &y);
        va_canvas_line(c, ink, x, s.y, x, s.y + s.height);
        va_canvas_line(c, ink, s.x, y, s.x + s.width, y);
        va_tick_text(text, k / 2.0, .5);
        va_canvas_text(c, VA_INK_FAINT, VA_MIDDLE, x, s.y + s.height + 16, 0, text);
        va_canvas_text(c, VA_INK_FAINT, VA_END, s.x - 6, y + 4, 0, text);
    }
    va_canvas_text(c, VA_INK_TEXT, VA_START, s.x, box->y + 15, s.width * .6, title);
    va_canvas_text(c, VA_INK_FAINT, VA_END, s.x + s.width, s.y + s.height + 31, 0, right);
    va_canvas_text(c, VA_INK_FAINT, VA_END, s.x + s.width, box->y + 15, 0, up);
}

/* ---- the circumplex --------------------------------------------------------------------- */

/* The way through the plane: means of up to WAY stretches of frames, broken by missing faces. */
static void draw_way(struct va_canvas *c, const struct va_box *box, const struct va_shown *s)
{
    int64_t pieces = s->T < WAY ? s->T : WAY;
    bool on = false;

    va_canvas_path(c, VA_INK_PATH);
    for (int64_t k = 0; k < pieces; k++) {
        double sum[2] = { 0, 0 }, x, y;
        int64_t n = 0;

        for (int64_t t = s->T * k / pieces; t < s->T * (k + 1) / pieces; t++) {
            if (isnan(s->seen[2 * t]))
                continue;
            sum[0] += s->seen[2 * t];
            sum[1] += s->seen[2 * t + 1];
            n++;
        }
        if (n == 0) {
            on = false;
            continue;
        }
        va_plane_at(box, fmax(-1, fmin(1, sum[0] / (double)n)),
                    fmax(-1, fmin(1, sum[1] / (double)n)), &x, &y);
        if (on)
            va_canvas_on(c, x, y);
        else
            va_canvas_move(c, x, y);
        on = true;
    }
    va_canvas_path_end(c);
}

int va_chart_circumplex(struct va_canvas *c, const struct va_box *box, const struct va_shown *s)
{
    static const struct {
        double valence, arousal;
        const char *word;
    } corners[] = { { -.97, .88, "tense" },
                    { .97, .88, "excited" },
                    { -.97, -.94, "sad" },
                    { .97, -.94, "calm" } };
    struct va_box square = square_of(box);
    struct density *d = va_new(1, sizeof(*d));
    double x, y;

    if (!d)
        return -1;
    for (int64_t t = 0; t < s->T; t++)
        count(d, s->seen[2 * t], s->seen[2 * t + 1]);
    draw_density(c, &square, d);
    draw_frame(c, box, "circumplex", "valence →", "arousal ↑");
    va_plane_at(box, 0, 0, &x, &y);
    va_canvas_ring(c, VA_INK_AXIS, x, y, square.width / 2);
    draw_way(c, box, s);
    for (size_t i = 0; i < VA_COUNT(corners); i++) {
        va_plane_at(box, corners[i].valence, corners[i].arousal, &x, &y);
        va_canvas_text(c, VA_INK_FAINT, corners[i].valence < 0 ? VA_START : VA_END, x, y, 0,
                       corners[i].word);
    }
    va_free(d);
    return 0;
}

/* ---- predicted against annotated --------------------------------------------------------- */

int va_chart_scatter(struct va_canvas *c, const struct va_box *box, int64_t n,
                     const double *prediction, const double *label, enum va_dimension d)
{
    struct va_box square = square_of(box);
    struct density *cells = va_new(1, sizeof(*cells));
    struct va_score score;
    char ccc[24], title[64];
    double from[2], to[2];

    if (!cells)
        return -1;
    va_score_pairs(&score, n, prediction, label);
    va_shown_ccc(ccc, score.value[d][VA_CCC]);
    snprintf(title, sizeof(title), "%s, %s", va_dimension_names[d], ccc);
    for (int64_t i = 0; i < n; i++)
        count(cells, label[2 * i + d], prediction[2 * i + d]);
    draw_density(c, &square, cells);
    draw_frame(c, box, title, "annotated →", "predicted ↑");
    va_plane_at(box, -1, -1, &from[0], &from[1]);
    va_plane_at(box, 1, 1, &to[0], &to[1]);
    va_canvas_line(c, VA_INK_LABEL, from[0], from[1], to[0], to[1]);
    va_free(cells);
    return 0;
}
