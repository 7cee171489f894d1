/*
 * va_keras.h - the weights in an HDF5 file that Keras 2 saved: of mini-Xception
 * (model/va_xception.h), the one net of this kind that is of use here.
 *
 * Keras numbers layers by kind in the order of their making. Batch norms are folded into the
 * convolutions before them, kernels [K, K, in, out] become [out, in, K, K].
 */
#ifndef VA_KERAS_H
#define VA_KERAS_H

#include "base/va_tensors.h"
#include "io/va_h5.h"

/* Whether an HDF5 file of another program (VA_H5_FOREIGN) looks like one of Keras. */
bool va_keras_is(struct va_h5_in *in);

/* The tensors under our names, float32. NULL after reporting. */
VA_MUST_USE struct va_tensors *va_keras_read(struct va_h5_in *in);

#endif
