/*
 * va_labels.h - text files with valence and arousal of each frame.
 *
 * Header `valence,arousal`, then line k + 1 is frame k. Annotations lie in [-1, 1]; -5 means
 * that the frame was not annotated. Predictions are float32 numbers, of which a file keeps nine
 * digits: they come back as they were. CR LF, blanks round the numbers, integers, empty lines at
 * the end and a missing last line end are all fine; an empty line between rows is not,
 * because it might stand for a frame. schemas/va.labels.md is the page for users.
 *
 * Ownership: structs are the caller's and begin as { 0 }; release frees what they own
 */
#ifndef VA_LABELS_H
#define VA_LABELS_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames in one video at most: 155 hours at 30 per second. What claims more is damaged. */
enum { VA_FRAMES_MAX = 1 << 24 };
#define VA_UNLABELLED (-5.0)

enum va_labels_kind { VA_LABELS_ANNOTATION, VA_LABELS_PREDICTION };

struct va_labels {
    double *va; /* [count, 2]: valence, arousal */
    int64_t count, room;
};

/* Read `path`; 0, or -1 after reporting "file: line N: found 'x', expected ...". */
VA_MUST_USE int va_labels_read(struct va_labels *labels, const char *path,
                               enum va_labels_kind kind);
void va_labels_release(struct va_labels *labels);

/* The same row by row: fn(arg, row from 0, va [2]). *count becomes the number of rows. 0, or -1 after reporting, the first
 * of fn's too. */
typedef int va_labels_row_fn(void *arg, int64_t row, const double *va);
VA_MUST_USE int va_labels_each(const char *path, enum va_labels_kind kind, va_labels_row_fn *fn,
                               void *arg, int64_t *count);

/* Whether a pair is an annotation: neither is -5. */
static inline bool va_is_labelled(const double va[2])
{
    return va[0] != VA_UNLABELLED && va[1] != VA_UNLABELLED;
}

/* Write va [count, 2] as such a file, 9 significant digits; 0, or -1 after reporting. */
VA_MUST_USE int va_labels_write(const char *path, int64_t count, const float *va);

/* The same for labels, which look alike whoever made them: a file that is there stays without --force. */
VA_MUST_USE int va_labels_write_new(const char *path, int64_t count, const float *va);

/* Whether head[0..size), the beginning of a file, is that of such a file (va_output.h). */
bool va_labels_ours(const char *head, size_t size);

/* The text files of one or more folders by the name of their video, bytewise sorted. */
struct va_label_file {
    char *name, *path;
    int64_t folder; /* how many folders were added before this one's */
};
struct va_label_files {
    struct va_label_file *items; /* [count] */
    int64_t count, room, folders;
};

/*
 * Add the `<video>.txt` of a folder; other files and hidden files are ignored. Two files for
 * one video in a folder are an error. Where an earlier folder has the video already, that file
 * stays.
 */
VA_MUST_USE int va_label_files_add(struct va_label_files *files, const char *folder);
const struct va_label_file *va_label_files_find(const struct va_label_files *files,
                                                const char *name); /* or NULL */
void va_label_files_release(struct va_label_files *files);

#endif
