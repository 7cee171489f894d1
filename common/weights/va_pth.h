/*
 * va_pth.h - checkpoints of PyTorch (.pth, .pt), read without running them.
 *
 * Both formats of torch.save are read: a zip archive (data.pkl, data/0, data/1, ...) and, from
 * before version 1.6, pickles one after the other with the numbers behind them. A pickle is a
 * program. Here it can make containers, strings, numbers and tensors, by what is on a list of
 * globals (va_pth_globals.c). Whatever else it names stands for itself: nothing is looked up,
 * called or made, and nothing can be taken out of it but the tensors of a whole module (torch.save(model)), which
 * lie in dicts among its attributes. Sizes, strides and offsets are checked before memory is taken.
 *
 * A checkpoint holds more than a model, so the reader picks a dict of tensors: model,
 * state_dict, model_state_dict, model_ema, net or module, the first that is a dict with tensors
 * in it or a module, else the whole, if tensors are in it themselves. Dicts within become names with dots.
 */
#ifndef VA_PTH_H
#define VA_PTH_H

#include "base/va_tensors.h"
#include <stdbool.h>

/* Whether a file that begins with these 8 bytes is meant to be a checkpoint of PyTorch. */
bool va_pth_begins(const uint8_t *head);

/*
 * The tensors of floating point in a checkpoint, contiguous, with values and types as they stand
 * there (float8 becomes float32), in the order of the dict. `from`, if it is not NULL, is a key of
 * the whole, or what stands before the names of the tensors to take ("teacher.backbone"), or both
 * with a dot between. A tensor without dimensions stays one. What was picked and left out is said
 * (va_info). Metadata are the strings in attribute mamba_va of the dict, where va-weights export put
 * them as long as it wrote checkpoints. NULL after reporting.
 */
VA_MUST_USE struct va_tensors *va_pth_read(const char *path, const char *from);

/* The same, but values that lie in the file in one piece stay there until they are taken (va_tensors_take). */
VA_MUST_USE struct va_tensors *va_pth_open(const char *path, const char *from);

#endif
