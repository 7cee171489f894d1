#include "tools/run/va_videos.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_image.h"
#include "tools/run/va_failures.h"
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A folder has to hold pictures. One of videos is a likely mistake. */
static int check_folder(DIR *folder, const char *path)
{
    const struct dirent *entry;
    bool other = false, pictures = false;

    while ((entry = readdir(folder)) && !pictures) {
        pictures = va_image_name(entry->d_name);
        other |= entry->d_name[0] != '.';
    }
    return pictures || !other
               ? 0
               : va_error("%s: a folder without pictures: give the videos in it, such as %s/*",
                          path, path);
}

/* Bytes of a name. What is made is called by it and by more: NAME_right.h5, NAME.overlay.mp4, and until it is
 * whole by the number of a process; file systems take 255 bytes. */
enum { NAME_BYTES = 200 };

/* Names with a line break end here: a list has a line for each. */
static int check_video(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = strlen(slash ? slash + 1 : path);
    DIR *folder;
    int status;

    if (strchr(path, '\n'))
        return va_error("%s: has a line break in its name: rename it", path);
    if (length > NAME_BYTES)
        return va_error("%s: has a name of %zu bytes, expected at most %d: rename it", path,
                        length, NAME_BYTES);
    if (!strcmp(path, "-"))
        return va_error(
            "-: standard input is read with --live alone (va-run --live -): save it "
            "to a file first, and give that");
    if (access(path, R_OK) != 0)
        return va_error_read(path, "open");
    if (!(folder = opendir(path)))
        return 0;
    status = check_folder(folder, path);
    closedir(folder);
    return status;
}

/* The path with the links of its folders resolved, but not of the file: a link is how a video gets another
 * name. A new string, or NULL after reporting. */
static char *place_of(const char *path)
{
    size_t end = strlen(path), begin;
    char *folder, *real, *place;

    while (end > 1 && path[end - 1] == '/')
        end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--)
        ;
    folder = va_format("%.*s.", (int)begin, path);
    if (!folder)
        return NULL;
    if (!(real = realpath(folder, NULL)))
        va_error_read(path, "find its folder");
    place = real ? va_format("%s/%.*s", real, (int)(end - begin), path + begin) : NULL;
    free(real);
    va_free(folder);
    return place;
}

/* Write the paths to `fd`, and to `codes` the exit code of each that cannot be taken. places [count of paths] gets
 * the place of each, or NULL. The number of lines in `fd`, or -1 after reporting. */
static int64_t write_list(int fd, char *const *paths, char **places, int codes)
{
    int64_t taken = 0;
    bool written = true;

    for (size_t i = 0, before = 0; paths[i] && written; i++, before = 0) {
        if (check_video(paths[i]) < 0 || !(places[i] = place_of(paths[i]))) {
            written = va_failures_add(codes, va_error_last_status(), paths[i]) == 0;
            continue;
        }
        while (before < i && !(places[before] && !strcmp(places[before], places[i])))
            before++;
        if (before < i) {
            va_warn("%s: is given twice, before as %s: taken once", paths[i], paths[before]);
            continue;
        }
        written = dprintf(fd, "%s\n", paths[i]) > 0;
        taken++;
    }
    return written ? taken : va_error_machine("cannot list the videos: %s", strerror(errno));
}

int va_videos_list(char *const *paths, int codes)
{
    int fd = memfd_create("videos", 0);
    int64_t count = 0, taken;
    char **places;

    if (fd < 0)
        return va_error_machine("cannot list the videos: %s", strerror(errno));
    while (paths[count])
        count++;
    places = va_new(count + 1, sizeof(*places));
    taken = places ? write_list(fd, paths, places, codes) : -1;
    for (int64_t i = 0; places && i < count; i++)
        va_free(places[i]);
    va_free(places);
    if (taken > 0)
        return fd;
    close(fd);
    return -1;
}
