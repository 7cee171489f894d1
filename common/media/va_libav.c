/*
 * The libraries log through one callback for the whole process, from decoder threads too. What
 * belongs to a file finds its way by the context's `opaque`, so that two videos open at once do
 * not mix their reasons.
 */
#include "media/va_libav_priv.h"

#include <ctype.h>
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/display.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct va_libav_log shared;

static struct va_libav_log *log_of(void *context)
{
    const AVClass *class = context ? *(const AVClass **)context : NULL;
    void *opaque = NULL;

    if (class && !strcmp(class->class_name, "AVFormatContext"))
        opaque = ((AVFormatContext *)context)->opaque;
    else if (class && !strcmp(class->class_name, "AVCodecContext"))
        opaque = ((AVCodecContext *)context)->opaque;
    return opaque ? opaque : &shared;
}

/* Append a piece to the last line, or begin a new one; the end of a line is not kept. */
static void add_piece(struct va_libav_log *log, char *piece)
{
    size_t n = strlen(piece), have = log->open ? strlen(log->last) : 0;
    bool open = n > 0 && piece[n - 1] != '\n';

    while (n > 0 && (isspace((unsigned char)piece[n - 1]) || piece[n - 1] == '.'))
        piece[--n] = 0;
    snprintf(log->last + have, sizeof(log->last) - have, "%s", piece);
    log->open = open;
    log->count++;
}

static void on_log(void *context, int level, const char *format, va_list list)
{
    char piece[sizeof(shared.last)];
    struct va_libav_log *log;

    if (level > AV_LOG_INFO)
        return;
    vsnprintf(piece, sizeof(piece), format, list);
    pthread_mutex_lock(&lock);
    log = log_of(context);
    log->lines++;
    if (level <= AV_LOG_ERROR)
        add_piece(log, piece);
    pthread_mutex_unlock(&lock);
}

void va_libav_quiet(void)
{
    av_log_set_callback(on_log);
}

static unsigned read_count(const unsigned *count)
{
    unsigned n;

    pthread_mutex_lock(&lock);
    n = *count;
    pthread_mutex_unlock(&lock);
    return n;
}

unsigned va_libav_complaints(const struct va_libav_log *log)
{
    return read_count(&log->count);
}

unsigned va_libav_lines(const struct va_libav_log *log)
{
    return read_count(&log->lines);
}

const char *va_libav_why(struct va_libav_log *log, int error, char *buffer, size_t size)
{
    char words[AV_ERROR_MAX_STRING_SIZE] = "", last[sizeof(shared.last)];

    if (!log)
        log = &shared;
    pthread_mutex_lock(&lock);
    memcpy(last, log->last, sizeof(last));
    log->last[0] = 0;
    log->open = false;
    pthread_mutex_unlock(&lock);
    if (error == AVERROR_PATCHWELCOME)
        error = AVERROR_INVALIDDATA; /* mostly damage; the text of it is for developers */
    if (error < 0 && av_strerror(error, words, sizeof(words)) < 0)
        snprintf(words, sizeof(words), "error %d", error);
    if (isupper((unsigned char)words[0]) && islower((unsigned char)words[1]))
        words[0] = (char)tolower((unsigned char)words[0]);
    if (words[0] && last[0])
        snprintf(buffer, size, "%s (%s)", words, last);
    else
        snprintf(buffer, size, "%s", words[0] ? words : last[0] ? last : "damaged data");
    return buffer;
}

enum { MATRIX_SIZE = 9 * sizeof(int32_t) };

#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100) /* side data moved to codecpar */
const int32_t *va_libav_matrix(const AVStream *stream)
{
    const AVPacketSideData *d = av_packet_side_data_get(stream->codecpar->coded_side_data,
                                                        stream->codecpar->nb_coded_side_data,
                                                        AV_PKT_DATA_DISPLAYMATRIX);

    return d && d->size >= MATRIX_SIZE ? (const int32_t *)(const void *)d->data : NULL;
}

static int32_t *new_matrix(AVStream *stream)
{
    AVPacketSideData *d = av_packet_side_data_new(&stream->codecpar->coded_side_data,
                                                  &stream->codecpar->nb_coded_side_data,
                                                  AV_PKT_DATA_DISPLAYMATRIX, MATRIX_SIZE, 0);

    return d ? (int32_t *)(void *)d->data : NULL;
}
#else
const int32_t *va_libav_matrix(const AVStream *stream)
{
    size_t size = 0;
    const uint8_t *data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);

    return data && size >= MATRIX_SIZE ? (const int32_t *)(const void *)data : NULL;
}

static int32_t *new_matrix(AVStream *stream)
{
    return (int32_t *)(void *)av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX,
                                                      MATRIX_SIZE);
}
#endif

int va_libav_put_turn(AVStream *stream, int degrees)
{
    int32_t *matrix = new_matrix(stream);

    if (!matrix)
        return -1;
    av_display_rotation_set(matrix, degrees);
    return 0;
}
