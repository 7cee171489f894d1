#include "media/va_match.h"

#include "base/va_error.h"
#include <math.h>
#include <string.h>

enum { SHIFTS_MOST = 2 }; /* of the first frame, and of the rest */

/* What follows a comparison: "FILE", or "PART of FILE". */
#define OF            "%s%s%s: give files of one video"
#define OF_VALUES(m_) (m_)->part ? (m_)->part : "", (m_)->part ? " of " : "", (m_)->made

int va_match_name(const struct va_match *m, const char *video, const char *made_of)
{
    if (!strcmp(video, made_of))
        return 0;
    return va_error("%s: is video %s, but %s is of %s: give files of one video", m->path, video,
                    m->made, made_of);
}

int va_match_size(const struct va_match *m, const struct va_frame *frame)
{
    if (!m->width || (frame->width == m->width && frame->height == m->height))
        return 0;
    return va_error("%s: has frames of %lldx%lld pixels, expected %lldx%lld as in " OF, m->path,
                    (long long)frame->width, (long long)frame->height, (long long)m->width,
                    (long long)m->height, OF_VALUES(m));
}

bool va_match_timed(const struct va_frame *frame)
{
    return frame->index == 1 || frame->pts < 0 || frame->pts > 0;
}

int va_match_time(struct va_match *m, const struct va_frame *frame, double pts)
{
    if (!(m->fps > 0) || !va_match_timed(frame) || !isfinite(pts))
        return 0;
    if (m->shifts > 0 && fabs(frame->pts - pts - m->shift) * m->fps <= .5)
        return 0;
    if (m->shifts < SHIFTS_MOST) {
        m->shift = frame->pts - pts;
        m->shifts++;
        return 0;
    }
    return va_error("%s: has frame %lld at %.3f s, expected %.3f s as in " OF, m->path,
                    (long long)frame->index, frame->pts, pts + m->shift, OF_VALUES(m));
}

int va_match_count(const struct va_match *m, int64_t frame_count)
{
    if (frame_count == m->frame_count)
        return 0;
    return va_error("%s: has %lld frames, expected %lld as in " OF, m->path,
                    (long long)frame_count, (long long)m->frame_count, OF_VALUES(m));
}
