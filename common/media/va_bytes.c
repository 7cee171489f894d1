#include "media/va_bytes_priv.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "media/va_worker_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IO_BUFFER = 1 << 16 };

/* Until there is something to read, or `stop`. */
static void await(const struct va_bytes *b, int fd)
{
    enum { LOOK = 100 }; /* ms */
    struct pollfd p = { .fd = fd, .events = POLLIN };

    while (!atomic_load(b->stop) && poll(&p, 1, LOOK) == 0)
        ;
}

/* read(2) that goes on after a signal; remembers errno. */
static ssize_t read_some(struct va_bytes *b, int fd, void *data, size_t size)
{
    ssize_t n;

    if (b->size < 0 && b->stop)
        await(b, fd);
    if (b->stop && atomic_load(b->stop))
        return 0;
    do
        n = read(fd, data, size);
    while (n < 0 && errno == EINTR);
    if (n < 0 && !b->failure)
        b->failure = errno;
    return n;
}

/* Take more from a pipe, to the end of the spool too if there is one. */
static ssize_t take(struct va_bytes *b, uint8_t *data, size_t size)
{
    ssize_t n = read_some(b, b->fd, data, size), done = 0;

    while (b->spool >= 0 && done < n) {
        ssize_t w = pwrite(b->spool, data + done, (size_t)(n - done), b->taken + done);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) {
            b->failure = errno;
            return -1;
        }
        done += w;
    }
    if (n > 0)
        b->taken += n;
    return n;
}

static ssize_t read_pipe(struct va_bytes *b, uint8_t *data, size_t size)
{
    size_t known = (size_t)(b->taken - b->position);
    ssize_t n;

    if (known > 0 && size > known)
        size = known;
    if (known > 0 && b->spool >= 0) {
        n = pread(b->spool, data, size, b->position);
        if (n < 0)
            b->failure = errno;
        return n;
    }
    if (known > 0) { /* only the head is looked at twice */
        memcpy(data, b->head + b->position, size);
        return (ssize_t)size;
    }
    return take(b, data, size);
}

static int read_bytes(void *opaque, uint8_t *data, int size)
{
    struct va_bytes *b = opaque;
    ssize_t n = b->size >= 0 ? read_some(b, b->fd, data, (size_t)size)
                             : read_pipe(b, data, (size_t)size);

    if (n < 0)
        return AVERROR(b->failure);
    b->position += n;
    if (b->taken < b->position) {
        b->taken = b->position;
        va_worker_progress();
    }
    return n ? (int)n : AVERROR_EOF;
}

static int64_t seek_pipe(struct va_bytes *b, int64_t offset)
{
    uint8_t data[4096];

    while (b->taken < offset) {
        int64_t more = offset - b->taken;
        ssize_t n = take(b, data, more < (int64_t)sizeof(data) ? (size_t)more : sizeof(data));

        if (n < 0)
            return AVERROR(b->failure);
        if (n == 0)
            return AVERROR_EOF;
    }
    b->position = offset;
    return offset;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    struct va_bytes *b = opaque;
    off_t at;

    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return b->size >= 0 ? b->size : AVERROR(ENOSYS);
    if (whence == SEEK_CUR)
        offset += b->position;
    else if (whence != SEEK_SET)
        return AVERROR(ENOSYS);
    if (offset < 0)
        return AVERROR(EINVAL);
    if (b->asked < offset)
        b->asked = offset;
    if (b->size < 0)
        return seek_pipe(b, offset);
    at = lseek(b->fd, offset, SEEK_SET);
    if (at < 0)
        return AVERROR(errno);
    b->position = at;
    return at;
}

static bool looks_like_mp4(const struct va_bytes *b)
{
    static const char *const boxes[] = { "ftyp", "moov", "mdat", "wide", "free", "skip" };

    for (size_t i = 0; i < VA_COUNT(boxes); i++)
        if (b->head_size >= 8 && !memcmp(b->head + 4, boxes[i], 4))
            return true;
    return false;
}

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");

    return folder && *folder ? folder : "/tmp";
}

/* Look at the head of a pipe and decide whether to keep what is read. */
static int open_pipe(struct va_bytes *b, const char *shown)
{
    while (b->head_size < VA_BYTES_HEAD) {
        ssize_t n = read_some(b, b->fd, b->head + b->head_size,
                              (size_t)(VA_BYTES_HEAD - b->head_size));

        if (n < 0)
            return va_error_read(shown, "read");
        if (n == 0)
            break;
        b->head_size += (int)n;
    }
    if (b->head_size == 0)
        return va_error("%s: found an empty stream, expected a video", shown);
    b->taken = b->head_size;
    if (!looks_like_mp4(b)) {
        if (b->spool >= 0)
            close(b->spool);
        b->spool = -1;
        return 0;
    }
    if (b->spool < 0) {
        errno = b->no_spool;
        return va_error_write(temporary_folder(), "create a file to keep the stream in");
    }
    if (pwrite(b->spool, b->head, (size_t)b->head_size, 0) != b->head_size)
        return va_error_write(shown, "keep a copy");
    return 0;
}

int va_bytes_find(struct va_bytes_input *input, const char *path)
{
    char name[4096];

    *input = (struct va_bytes_input){ .fd = -1, .spool = -1 };
    input->fd = va_input_open_stream(path, "a video", &input->size);
    if (input->fd < 0)
        return -1;
    if (input->size >= 0)
        return 0;
    snprintf(name, sizeof(name), "%s/va-input.XXXXXX", temporary_folder());
    input->spool = mkostemp(name, O_CLOEXEC);
    if (input->spool < 0)
        input->no_spool = errno; /* told when it is needed */
    else
        unlink(name);
    return 0;
}

void va_bytes_leave(struct va_bytes_input *input)
{
    if (input->fd >= 0)
        close(input->fd);
    if (input->spool >= 0)
        close(input->spool);
    input->fd = input->spool = -1;
}

static int open_io(struct va_bytes *b, const char *shown)
{
    uint8_t *buffer = av_malloc(IO_BUFFER);

    if (buffer)
        b->io = avio_alloc_context(buffer, IO_BUFFER, 0, b, read_bytes, NULL,
                                   va_bytes_kept(b) ? seek_bytes : NULL);
    if (b->io)
        return 0;
    av_free(buffer);
    return va_error_machine("%s: out of memory", shown);
}

static void close_io(struct va_bytes *b)
{
    if (b->io)
        av_freep(&b->io->buffer);
    avio_context_free(&b->io);
}

int va_bytes_open(struct va_bytes *b, struct va_bytes_input *input, const char *shown)
{
    *b = (struct va_bytes){ .fd = input->fd,
                            .spool = input->spool,
                            .no_spool = input->no_spool,
                            .size = input->size,
                            .stop = input->stop };
    input->fd = input->spool = -1;
    if (b->size >= 0) {
        if (b->size == 0)
            return va_error("%s: the file is empty, expected a video", shown);
        if (lseek(b->fd, 0, SEEK_SET) < 0) /* a shell may have read the head of stdin */
            return va_error_read(shown, "read");
    } else if (open_pipe(b, shown) < 0) {
        return -1;
    }
    return open_io(b, shown);
}

bool va_bytes_kept(const struct va_bytes *b)
{
    return b->size >= 0 || b->spool >= 0;
}

int va_bytes_again(struct va_bytes *b, const char *shown)
{
    close_io(b);
    b->position = b->asked = 0;
    if (b->size >= 0 && lseek(b->fd, 0, SEEK_SET) < 0)
        return va_error_read(shown, "read");
    return open_io(b, shown);
}

void va_bytes_close(struct va_bytes *b)
{
    close_io(b);
    if (b->fd >= 0)
        close(b->fd);
    if (b->spool >= 0)
        close(b->spool);
    b->fd = b->spool = -1;
}

int64_t va_bytes_end(const struct va_bytes *b)
{
    return b->size >= 0 ? b->size : b->taken;
}
