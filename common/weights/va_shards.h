/*
 * va_shards.h - weights in several safetensors files, with an index: model.safetensors.index.json.
 *
 *     {"weight_map": {"blocks.0.norm1.weight": "model-00001-of-00002.safetensors", ...}}
 *
 * The files lie beside the index; it names them without a folder. Each tensor is in the one file that the
 * index says, and no file has others.
 *
 * Source: save_pretrained of huggingface_hub
 */
#ifndef VA_SHARDS_H
#define VA_SHARDS_H

#include "base/va_tensors.h"

/* All tensors, with values and types as they stand there (va_safetensors_read); NULL after reporting. */
VA_MUST_USE struct va_tensors *va_shards_read(const char *path);

#endif
