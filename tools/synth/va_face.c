/*
 * Every part is a signed distance (pixels, negative inside) turned into a coverage, so edges are
 * smooth and blur is nothing but a wider ramp. One pass over the pixels evaluates the parts in
 * painter's order; tests on the row skip those that are far away.
 */
#include "tools/synth/va_face.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include <math.h>
#include <string.h>

/* Where things sit on a head of half height 1; y points down. */
#define EYE_Y   (-0.12f)
#define MOUTH_Y 0.50f
#define LIP     0.055f
#define MOUTH_BEND \
    0.45f /* the part of the curve that lifts the corners; the rest drops the middle */

int va_canvas_init(struct va_canvas *c, int64_t width, int64_t height)
{
    int64_t count;

    *c = (struct va_canvas){ .width = width, .height = height };
    if (va_mul(width, height, &count) < 0 || va_mul(count, 3, &count) < 0)
        count = -1;
    c->pixels = va_new(count, sizeof(float));
    return c->pixels ? 0 : -1;
}

void va_canvas_release(struct va_canvas *c)
{
    va_free(c->pixels);
    c->pixels = NULL;
}

void va_canvas_wall(struct va_canvas *c, int64_t x0, int64_t x1, const float top[3],
                    const float bottom[3], float stripe)
{
    for (int64_t y = 0; y < c->height; y++) {
        float mix = (float)y / (float)c->height;

        for (int64_t x = x0; x < x1; x++) {
            float *p = c->pixels + (y * c->width + x) * 3;
            float shade = 1 + 0.06f * sinf(6.2831853f * (float)(x - x0) / stripe);

            for (int k = 0; k < 3; k++)
                p[k] = (top[k] + (bottom[k] - top[k]) * mix) * shade;
        }
    }
}

static void blend(float p[3], const float colour[3], float cover)
{
    for (int k = 0; k < 3; k++)
        p[k] += (colour[k] - p[k]) * cover;
}

/* Coverage of a pixel at signed distance d (head units): `scale` pixels a unit, ramp of `soft`
 * pixels. */
static float coverage(float d, float scale, float soft)
{
    float c = 0.5f - d * scale / soft;

    return c < 0 ? 0 : c > 1 ? 1 : c;
}

/* Distance to an ellipse, exact on its edge and along its axes, close elsewhere. */
static float ellipse(float u, float v, float ru, float rv)
{
    float a = u / ru, b = v / rv;
    float k0 = sqrtf(a * a + b * b);
    float k1 = sqrtf(a * a / (ru * ru) + b * b / (rv * rv));

    if (k1 < 1e-6f)
        return ru < rv ? -ru : -rv;
    return k0 * (k0 - 1) / k1;
}

/* Distance to a segment (u0, v0) - (u1, v1) of half thickness r. */
static float capsule(float u, float v, float u0, float v0, float u1, float v1, float r)
{
    float du = u1 - u0, dv = v1 - v0, pu = u - u0, pv = v - v0;
    float t = (pu * du + pv * dv) / (du * du + dv * dv);

    t = t < 0 ? 0 : t > 1 ? 1 : t;
    pu -= t * du;
    pv -= t * dv;
    return sqrtf(pu * pu + pv * pv) - r;
}

struct brush {
    const struct va_looks *looks;
    const struct va_expression *e;
    float scale, soft; /* pixels in a head unit; width of an edge */
};

static void draw_eye(const struct brush *b, float u, float v, float *p)
{
    static const float white[3] = { 0.96f, 0.96f, 0.94f }, dark[3] = { 0.05f, 0.04f, 0.05f };
    const struct va_looks *l = b->looks;
    float side = u < 0 ? -1.0f : 1.0f, x = side * u - l->eye_gap, y = v - EYE_Y;
    float lid = ellipse(x, y, l->eye_size, fmaxf(b->e->eye_open, 0.012f));
    float inside = coverage(lid, b->scale, b->soft);
    float gx = x - side * b->e->gaze, r = sqrtf(gx * gx + y * y);
    float line = fabsf(lid) - 0.016f;

    blend(p, white, inside);
    blend(p, l->iris, inside * coverage(r - 1.9f * b->e->pupil, b->scale, b->soft));
    blend(p, dark, inside * coverage(r - b->e->pupil, b->scale, b->soft));
    blend(p, dark, 0.8f * coverage(line, b->scale, b->soft)); /* lashes */
}

static void draw_brow(const struct brush *b, float u, float v, float *p)
{
    const struct va_looks *l = b->looks;
    float x = fabsf(u) - l->eye_gap, y = v - (EYE_Y - b->e->brow_height);
    float half = l->eye_size * 1.15f, tilt = 0.5f * b->e->brow_tilt;

    blend(p, l->hair,
          coverage(capsule(x, y, -half, tilt, half, -tilt, l->brow_thick), b->scale, b->soft));
}

/*
 * The mouth follows the parabola y = c (bend - (x/w)^2); around it an opening h sqrt(1 - (x/w)^2)
 * and the lips. Distances are vertical, corrected by the slope.
 */
static void draw_mouth(const struct brush *b, float u, float v, float *p)
{
    static const float inner[3] = { 0.16f, 0.04f, 0.05f }, teeth[3] = { 0.95f, 0.94f, 0.90f };
    const struct va_expression *e = b->e;
    float s = u / e->mouth_width, s2 = s * s < 1 ? s * s : 1;
    float middle = MOUTH_Y + e->mouth_curve * (MOUTH_BEND - s2);
    float slope = -2 * e->mouth_curve * s / e->mouth_width;
    float opening = e->mouth_open * sqrtf(1 - s2), tall = 1 / sqrtf(1 + slope * slope);
    float end = fabsf(u) - e->mouth_width;
    float lips = fmaxf((fabsf(v - middle) - opening - LIP * (1.1f - 0.5f * s2)) * tall, end);
    float gap = fmaxf((fabsf(v - middle) - opening) * tall, end);
    float open = coverage(gap, b->scale, b->soft);

    blend(p, b->looks->lips, coverage(lips, b->scale, b->soft));
    if (e->mouth_open < 0.004f) {
        blend(p, inner,
              0.7f * coverage(fabsf(v - middle) * tall - 0.012f, b->scale, b->soft) *
                  coverage(end, b->scale, b->soft));
        return;
    }
    blend(p, inner, open);
    blend(p, teeth,
          open * coverage(v - middle + 0.35f * opening, b->scale, b->soft)); /* upper row */
}

static void draw_features(const struct brush *b, float u, float v, float *p)
{
    static const float red[3] = { 0.90f, 0.35f, 0.33f };
    const struct va_looks *l = b->looks;

    if (v > -0.1f && v < 0.5f && b->e->cheeks > 0) {
        float x = fabsf(u) - 1.35f * l->eye_gap, y = v - 0.24f;

        blend(p, red, 0.55f * b->e->cheeks * expf(-(x * x + y * y) / 0.03f));
    }
    if (v > -0.2f && v < 0.4f) {
        const float shade[3] = { l->skin[0] * 0.72f, l->skin[1] * 0.70f, l->skin[2] * 0.70f };

        blend(p, shade,
              coverage(capsule(u, v, 0, 0.0f, 0.05f, l->nose, 0.03f), b->scale, b->soft));
    }
    if (fabsf(v - EYE_Y) < 0.4f)
        draw_eye(b, u, v, p);
    if (v < 0.1f)
        draw_brow(b, u, v, p);
    if (v > 0)
        draw_mouth(b, u, v, p);
}

void va_face_draw(struct va_canvas *c, int64_t x0, int64_t x1, const struct va_looks *looks,
                  const struct va_expression *e, const struct va_pose *pose)
{
    const struct brush b = {
        .looks = looks, .e = e, .scale = pose->radius, .soft = 1 + pose->blur
    };
    float cosine = cosf(pose->roll), sine = sinf(pose->roll);
    float margin = b.soft / b.scale;

    for (int64_t y = 0; y < c->height; y++) {
        for (int64_t x = x0; x < x1; x++) {
            float dx = ((float)x + 0.5f - pose->x) / b.scale;
            float dy = ((float)y + 0.5f - pose->y) / b.scale;
            float u = cosine * dx + sine * dy, v = cosine * dy - sine * dx;
            float *p = c->pixels + (y * c->width + x) * 3, head, hair;

            if (dy > 0.8f) /* shoulders do not roll with the head */
                blend(p, looks->shirt,
                      coverage(ellipse(dx, dy - 1.75f, 1.25f, 0.75f), b.scale, b.soft));
            hair = ellipse(u, v + 0.10f, looks->head_width * 1.12f, 1.06f);
            if (hair < margin)
                blend(p, looks->hair,
                      coverage(pose->away ? hair : fmaxf(hair, v - 0.45f), b.scale, b.soft));
            head = ellipse(u, v, looks->head_width, 1);
            if (pose->away || head > margin)
                continue;
            head = fmaxf(head, -(v + 1 - looks->fringe) + 0.25f * u * u);
            blend(p, looks->skin, coverage(head, b.scale, b.soft));
            if (head < margin)
                draw_features(&b, u, v, p);
        }
    }
}

struct va_face va_face_where(const struct va_looks *looks, const struct va_expression *e,
                             const struct va_pose *pose)
{
    const float corner = MOUTH_Y + e->mouth_curve * (MOUTH_BEND - 1);
    /* of the person: what is on its right is on the left of the picture */
    const float points[VA_YUNET_POINTS][2] = { { -looks->eye_gap, EYE_Y },
                                               { looks->eye_gap, EYE_Y },
                                               { .05f, looks->nose },
                                               { -e->mouth_width, corner },
                                               { e->mouth_width, corner } };
    float cosine = cosf(pose->roll), sine = sinf(pose->roll), r = pose->radius;
    float wide = r * hypotf(looks->head_width * cosine, sine);
    float high = r * hypotf(looks->head_width * sine, cosine);
    struct va_face face = { .box = { pose->x - wide, pose->y - high, 2 * wide, 2 * high },
                            .score = 1 };

    for (int k = 0; k < VA_YUNET_POINTS; k++) {
        face.points[k][0] = pose->x + r * (cosine * points[k][0] - sine * points[k][1]);
        face.points[k][1] = pose->y + r * (sine * points[k][0] + cosine * points[k][1]);
    }
    return face;
}

void va_canvas_expose(const struct va_canvas *c, const struct va_light *light, float noise,
                      uint64_t seed, uint64_t step, uint8_t *out)
{
    /* The sum of three bytes is close enough to a normal number for a sensor. */
    const float unit = noise / 127.99902f; /* deviation of that sum: sqrt(3 (256^2 - 1) / 12) */
    int64_t pixels = c->width * c->height;
    uint32_t words[4] = { 0 };

    for (int64_t i = 0; i < pixels; i++) {
        float right = 2 * ((float)(i % c->width) + 0.5f) / (float)c->width - 1;
        float down = 2 * ((float)(i / c->width) + 0.5f) / (float)c->height - 1;
        float gain = light->gain + light->right * right + light->down * down, grain;
        uint32_t w;

        if (i % 4 == 0 && noise > 0)
            va_philox(seed, VA_RAND_SYNTH, step, (uint64_t)(i / 4), words);
        w = words[i % 4];
        grain = ((float)((w & 255) + (w >> 8 & 255) + (w >> 16 & 255)) - 382.5f) * unit;
        for (int k = 0; k < 3; k++) {
            float value = 255 * (c->pixels[i * 3 + k] * gain + grain) + 0.5f;

            out[i * 3 + k] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
    }
}
