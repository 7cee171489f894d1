/*
 * va_model_file.h - models as sets of named tensors: va.model/1, safetensors, PyTorch's, ONNX.
 *
 * Values are checked to be finite and shapes to be sane before memory is taken.
 */
#ifndef VA_MODEL_FILE_H
#define VA_MODEL_FILE_H

#include "base/va_tensors.h"
#include "io/va_h5.h"
#include <stdbool.h>
#include <stdio.h>

/* All tensors (float32) and attributes (as metadata) of a va.model/1 file, in file order of
 * attribute `order` where present, else bytewise by name. NULL after reporting. If id is not
 * NULL it gets the content id (a new string). */
VA_MUST_USE struct va_tensors *va_model_read(const char *path, char **id);

/* The same, but values stay in the file until they are taken, by va_params_load or va_tensors_read, which
 * report what is wrong with them. Tensors have the type in which they are stored until then. */
VA_MUST_USE struct va_tensors *va_model_open(const char *path, char **id);

/* The same from an open file (a va.state/1 keeps a model too), which may be closed before. */
VA_MUST_USE struct va_tensors *va_model_get(struct va_h5_in *in);

/* Note how well the weights did on their own validation: val-ccc; nothing where ccc is NaN. -1 after
 * reporting. */
VA_MUST_USE int va_model_put_own_ccc(struct va_tensors *set, double ccc);

/* The model in a run's checkpoint (va.state/1): the weights of its best validation so far, else the
 * present ones; *step gets the step that they are of, *validated which of the two. `id` as above. NULL
 * after reporting. */
VA_MUST_USE struct va_tensors *va_model_read_best(const char *path, char **id, int64_t *step,
                                                  bool *validated);

/* The tensors and metadata of a va.model/1 or safetensors file, an index of several of these
 * (weights/va_shards.h), a checkpoint of PyTorch (weights/va_pth.h) or an ONNX model (weights/va_onnx.h), whichever its contents are; of others' with values and types as they
 * stand there, which of safetensors and checkpoints stay in the file until they are taken. `from` (or NULL) names a part of one of others: what stands before the names of
 * its tensors (they lose it), in a checkpoint also the key of a dict. `id` as above. NULL after
 * reporting: a file that is something else is named (base/va_magic.h). */
VA_MUST_USE struct va_tensors *va_model_read_any(const char *path, const char *from, char **id);

/* Lines of columns separated by tabs: setting KEY VALUE; tensor NAME SHAPE TYPE SUM; total N. */
void va_model_list(const struct va_tensors *set, FILE *to);

/* A file that a model was made from, and its content id; path NULL: none. */
struct va_model_source {
    const char *path, *id;
};

/* Write tensors and metadata as va.model/1. `seed`, or NULL, is that of its random numbers. 0, or -1
 * after reporting. */
VA_MUST_USE int va_model_save(const char *path, const struct va_tensors *set,
                              const int64_t *seed, const struct va_model_source *sources,
                              int64_t count);

/* Put tensors and metadata into a file being written (va.model/1 or va.state/1): values that are still in the set's
 * file as float32. A value that is not finite is a training that diverged, or is named with that file: -1 after
 * reporting. */
VA_MUST_USE int va_model_put(struct va_h5_out *out, const struct va_tensors *set);

/*
 * safetensors. Reading takes F64, F32, F16, BF16, U8, I32 and I64 as they are and F8_E4M3 and
 * F8_E5M2 as float32; tensors of the format's other types are left out (said). It checks header
 * size, offsets, overlaps, shapes and duplicate names before allocating. Writing is deterministic.
 */
VA_MUST_USE struct va_tensors *va_safetensors_read(const char *path);
VA_MUST_USE struct va_tensors *va_safetensors_open(
    const char *path); /* values stay in the file */
VA_MUST_USE int va_safetensors_write(const char *path, const struct va_tensors *set);

#endif
