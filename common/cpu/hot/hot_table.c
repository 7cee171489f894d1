#include "cpu/hot/va_hot_priv.h"

const struct va_hot VA_HOT(va_hot_table) = {
    .width = VA_W,
    .unary = VA_HOT(va_hot_unary),
    .unary_grad = VA_HOT(va_hot_unary_grad),
    .epilogue = VA_HOT(va_hot_epilogue),
    .add = VA_HOT(va_hot_add),
    .prelu = VA_HOT(va_hot_prelu),
    .prelu_grad = VA_HOT(va_hot_prelu_grad),
    .dropout = VA_HOT(va_hot_dropout),
    .dot = VA_HOT(va_hot_dot),
    .scale = VA_HOT(va_hot_scale),
    .combine = VA_HOT(va_hot_combine),
    .column_sums = VA_HOT(va_hot_column_sums),
    .norm = VA_HOT(va_hot_norm),
    .norm_grad = VA_HOT(va_hot_norm_grad),
    .softmax = VA_HOT(va_hot_softmax),
    .adamw = VA_HOT(va_hot_adamw),
    .dwconv = VA_HOT(va_hot_dwconv),
    .dwconv_grad = VA_HOT(va_hot_dwconv_grad),
    .scan = VA_HOT(va_hot_scan),
    .scan_grad = VA_HOT(va_hot_scan_grad),
};
