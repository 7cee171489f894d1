/*
 * va_onnx.h - the weights in an ONNX file.
 *
 * An ONNX file is a protobuf message: a graph with nodes (operator, names of inputs and outputs) and
 * initializers (named tensors). Taken are the initializers of floating point, under their names, but for
 * those that only say sizes (Resize). Nothing is computed.
 *
 * Exporters fold a batch norm into the convolution before it and give the result a number for a name.
 * Where the other names are those of YuNet (model/va_yunet.h), such tensors get their names back from
 * the nodes, and the nodes must be those of YuNet.
 */
#ifndef VA_ONNX_H
#define VA_ONNX_H

#include "base/va_tensors.h"
#include <stdbool.h>

/* Whether these first bytes of a file (at least 3) may begin an ONNX model. */
bool va_onnx_begins(const uint8_t *head);

/* The tensors, in the order of the file, with float32, float64, float16 or bfloat16 as they stand there.
 * Counts, sizes and shapes are checked before they are used. NULL after reporting. */
VA_MUST_USE struct va_tensors *va_onnx_read(const char *path);

#endif
