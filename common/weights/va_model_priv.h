/*
 * va_model_priv.h - what readers of models share: va_model_file.c (ours), va_model_any.c (of any kind).
 */
#ifndef VA_MODEL_PRIV_H
#define VA_MODEL_PRIV_H

#include "weights/va_model_file.h"

/* Close the file that `set` (or NULL) was read from; *id gets its content id, if wanted. NULL after reporting. */
VA_MUST_USE struct va_tensors *va_model_finish(struct va_h5_in *in, struct va_tensors *set,
                                               char **id);
/* `set` (or NULL) with its values; NULL after freeing what an error ended. */
VA_MUST_USE struct va_tensors *va_model_whole(struct va_tensors *set, const char *path,
                                              char **id);

#endif
