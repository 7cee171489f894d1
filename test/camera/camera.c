/*
 * camera.so - a camera of Linux that is not there: LD_PRELOAD=camera.so program /dev/video-test
 *
 * It answers what libavdevice asks a v4l2 device, and films a red square of 48 pixels on grey, 320x192, 25
 * frames a second, 2 pixels to the right in each. After VA_CAMERA_FRAMES frames (default: never) it sends no
 * more, or with VA_CAMERA_GONE is unplugged.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

enum { WIDTH = 320, HEIGHT = 192, BYTES = WIDTH * HEIGHT * 2, FPS = 25, BUFFERS = 4 };
enum { SIDE = 48, LEFT = 20, TOP = 70, VIDEO4LINUX = 81, SHIFT = 20 };

static int device = -1;
static uint8_t *buffers[BUFFERS];
static int queue[BUFFERS], queued; /* numbers of buffers, the oldest first */
static long filmed;
static double begun;

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int stat(const char *restrict path, struct stat *restrict st)
{
    if (strcmp(path, "/dev/video-test") != 0)
        return REAL(stat)(path, st);
    memset(st, 0, sizeof(*st));
    st->st_mode = S_IFCHR | 0666;
    st->st_rdev = makedev(VIDEO4LINUX, 0);
    return 0;
}

static int open_it(const char *path)
{
    device = strcmp(path, "/dev/video-test") ? device : REAL(open)("/dev/null", O_RDWR);
    return device;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    int mode;

    va_start(args, flags);
    mode = va_arg(args, int);
    va_end(args);
    return strcmp(path, "/dev/video-test") ? REAL(open)(path, flags, mode) : open_it(path);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    int mode;

    va_start(args, flags);
    mode = va_arg(args, int);
    va_end(args);
    return strcmp(path, "/dev/video-test") ? REAL(open64)(path, flags, mode) : open_it(path);
}

static void *map(size_t size, off_t offset)
{
    buffers[offset >> SHIFT] = REAL(mmap)(NULL, size, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return buffers[offset >> SHIFT];
}

void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    return fd >= 0 && fd == device ? map(size, offset)
                                   : REAL(mmap)(at, size, prot, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    return fd >= 0 && fd == device ? map(size, offset)
                                   : REAL(mmap64)(at, size, prot, flags, fd, offset);
}

/* Frame `filmed` as YUYV. */
static void film(uint8_t *p)
{
    long left = LEFT + 2 * filmed;

    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x += 2, p += 4) {
            int red = x >= left && x < left + SIDE && y >= TOP && y < TOP + SIDE;

            p[0] = p[2] = red ? 81 : 126;
            p[1] = red ? 90 : 128;
            p[3] = red ? 240 : 128;
        }
}

static int no(int error)
{
    errno = error;
    return -1;
}

static int take(struct v4l2_buffer *b)
{
    const char *frames = getenv("VA_CAMERA_FRAMES");

    if (frames && filmed >= atol(frames))
        return no(getenv("VA_CAMERA_GONE") ? ENODEV : EAGAIN);
    if (queued == 0 || now() < begun + (double)filmed / FPS)
        return no(EAGAIN);
    b->index = (unsigned)queue[0];
    memmove(queue, queue + 1, sizeof(queue[0]) * (size_t)--queued);
    film(buffers[b->index]);
    b->bytesused = BYTES;
    b->flags = 0;
    b->timestamp.tv_sec = 1000 + filmed / FPS;
    b->timestamp.tv_usec = filmed % FPS * (1000000 / FPS);
    filmed++;
    return 0;
}

static int set_format(struct v4l2_format *f)
{
    f->fmt.pix.width = WIDTH;
    f->fmt.pix.height = HEIGHT;
    f->fmt.pix.field = V4L2_FIELD_NONE;
    f->fmt.pix.bytesperline = WIDTH * 2;
    f->fmt.pix.sizeimage = BYTES;
    return 0;
}

static int answer(unsigned long request, void *arg)
{
    struct v4l2_buffer *b = arg;

    switch (request) {
    case VIDIOC_QUERYCAP:
        memset(arg, 0, sizeof(struct v4l2_capability));
        ((struct v4l2_capability *)arg)->capabilities = V4L2_CAP_VIDEO_CAPTURE |
                                                        V4L2_CAP_STREAMING;
        return 0;
    case VIDIOC_G_INPUT: *(int *)arg = 0; return 0;
    case VIDIOC_ENUMINPUT: return ((struct v4l2_input *)arg)->index ? no(EINVAL) : 0;
    case VIDIOC_G_FMT: return set_format(arg);
    case VIDIOC_S_FMT:
        return ((struct v4l2_format *)arg)->fmt.pix.pixelformat == V4L2_PIX_FMT_YUYV
                   ? set_format(arg)
                   : no(EINVAL);
    case VIDIOC_G_PARM:
        ((struct v4l2_streamparm *)arg)->parm.capture.timeperframe = (struct v4l2_fract){ 1,
                                                                                          FPS };
        return 0;
    case VIDIOC_REQBUFS: ((struct v4l2_requestbuffers *)arg)->count = BUFFERS; return 0;
    case VIDIOC_QUERYBUF:
        b->length = BYTES;
        b->m.offset = b->index << SHIFT;
        return 0;
    case VIDIOC_QBUF: queue[queued++] = (int)b->index; return 0;
    case VIDIOC_STREAMON: begun = now(); return 0;
    case VIDIOC_STREAMOFF: return 0;
    case VIDIOC_DQBUF: return take(b);
    default: return no(EINVAL);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    return fd >= 0 && fd == device ? answer(request, arg) : REAL(ioctl)(fd, request, arg);
}
