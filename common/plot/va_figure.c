#include "plot/va_figure.h"

#include "base/va_error.h"
#include "plot/va_cairo.h"
#include <string.h>
#include <strings.h>

/* ".svg", or "" where there is none. */
static const char *ending_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

    return dot ? dot : "";
}

static bool is_png(const char *path)
{
    return !strcasecmp(ending_of(path), ".png");
}

/* A picture of either kind: the name of the file decides which one replaces which. */
static bool ours(const char *head, size_t size)
{
    return va_canvas_ours_svg(head, size) || (va_cairo && va_cairo->ours(head, size));
}

int va_figure_begin(struct va_figure *f, const char *path, double width, double height,
                    const char *title, const char *description)
{
    *f = (struct va_figure){ 0 };
    if (*ending_of(path) && !is_png(path) && strcasecmp(ending_of(path), ".svg"))
        return va_error("%s: found the ending %s, expected .svg or .png", path,
                        ending_of(path));
    if (is_png(path) && !va_cairo)
        return va_error("%s: this build has no cairo to write PNG: name a .svg file, or build "
                        "again after make deps WITH=pictures",
                        path);
    if (va_textfile_create(&f->file, path, ours) < 0)
        return -1;
    if (!is_png(path)) {
        va_canvas_svg(&f->canvas, f->file.stream, width, height, title, description, true,
                      NULL);
        return 0;
    }
    f->canvas = (struct va_canvas){ .width = width, .height = height, .drawer = va_cairo };
    f->canvas.picture = va_cairo->begin(width, height);
    if (f->canvas.picture)
        return 0;
    va_textfile_abort(&f->file);
    return -1;
}

static void end_picture(struct va_figure *f)
{
    if (f->canvas.picture)
        va_cairo->end(f->canvas.picture);
    f->canvas.picture = NULL;
}

int va_figure_commit(struct va_figure *f)
{
    int status = 0;

    if (f->canvas.picture)
        status = va_cairo->write(f->canvas.picture, f->file.stream);
    else
        va_canvas_svg_end(&f->canvas);
    end_picture(f);
    if (status == 0)
        return va_textfile_commit(&f->file);
    va_textfile_abort(&f->file);
    return -1;
}

void va_figure_abort(struct va_figure *f)
{
    end_picture(f);
    if (f->file.stream)
        va_textfile_abort(&f->file);
}
