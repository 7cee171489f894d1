/*
 * What a checkpoint may name so that something comes of it: tensors, storages, dicts and sizes.
 * All that training leaves beside a model (its arguments, random states, paths, callbacks, objects
 * of libraries that nobody here knows) is opaque: calling, filling or naming it has no effect but
 * that its name can be said.
 */
#include "base/va_mem.h"
#include "weights/va_pth_priv.h"
#include <string.h>

static const struct va_pth_type float32 = { "float32", 4, VA_F32, false, 0 };
static const struct va_pth_type float64 = { "float64", 8, VA_F64, false, 0 };
static const struct va_pth_type float16 = { "float16", 2, VA_F16, false, 0 };
static const struct va_pth_type bfloat16 = { "bfloat16", 2, VA_BF16, false, 0 };
static const struct va_pth_type int64 = { "int64", 8, -1, false, 0 };
static const struct va_pth_type int32 = { "int32", 4, -1, false, 0 };
static const struct va_pth_type int16 = { "int16", 2, -1, false, 0 };
static const struct va_pth_type int8 = { "int8", 1, -1, false, 0 };
static const struct va_pth_type uint64 = { "uint64", 8, -1, false, 0 };
static const struct va_pth_type uint32 = { "uint32", 4, -1, false, 0 };
static const struct va_pth_type uint16 = { "uint16", 2, -1, false, 0 };
static const struct va_pth_type uint8 = { "uint8", 1, -1, false, 0 };
static const struct va_pth_type boolean = { "bool", 1, -1, false, 0 };
static const struct va_pth_type complex64 = { "complex64", 8, -1, false, 0 };
static const struct va_pth_type complex128 = { "complex128", 16, -1, false, 0 };
static const struct va_pth_type float8 = { "float8", 1, -1, false, 0 }; /* the rare ones */
static const struct va_pth_type e4m3 = { "float8_e4m3fn", 1, VA_U8, true, VA_E4M3 };
static const struct va_pth_type e5m2 = { "float8_e5m2", 1, VA_U8, true, VA_E5M2 };
static const struct va_pth_type quantised1 = { "quantised", 1, -1, false, 0 };
static const struct va_pth_type quantised4 = { "quantised", 4, -1, false, 0 };

enum role {
    DICT,        /* called without arguments, with pairs, or with the kind of its defaults */
    SIZE,        /* a tuple by another name */
    STORAGE,     /* of `type` */
    DTYPE,       /* `type` */
    TENSOR,      /* storage, offset, size, stride[, requires_grad, hooks[, metadata]] */
    TYPED,       /* the same with the dtype before the metadata; sizes count its elements */
    WRAPPED,     /* a tensor, ...: a parameter */
    FROM_TYPE,   /* one of these three, a class, arguments, attributes */
    TENSOR_CLASS /* only as the class of FROM_TYPE */
};

struct va_pth_global {
    const char *name;
    enum role role;
    const struct va_pth_type *type;
};

static const struct va_pth_global globals[] = {
    { "torch._utils._rebuild_tensor", TENSOR, NULL },
    { "torch._utils._rebuild_tensor_v2", TENSOR, NULL },
    { "torch._utils._rebuild_tensor_v3", TYPED, NULL },
    { "torch._utils._rebuild_parameter", WRAPPED, NULL },
    { "torch._utils._rebuild_parameter_with_state", WRAPPED, NULL },
    { "torch._tensor._rebuild_from_type_v2", FROM_TYPE, NULL },
    { "torch.Tensor", TENSOR_CLASS, NULL },
    { "torch.nn.parameter.Parameter", TENSOR_CLASS, NULL },
    { "torch.nn.parameter.Buffer", TENSOR_CLASS, NULL },
    { "torch.Size", SIZE, NULL },
    { "collections.OrderedDict", DICT, NULL },
    { "collections.defaultdict", DICT, NULL },

    { "torch.FloatStorage", STORAGE, &float32 },
    { "torch.DoubleStorage", STORAGE, &float64 },
    { "torch.HalfStorage", STORAGE, &float16 },
    { "torch.BFloat16Storage", STORAGE, &bfloat16 },
    { "torch.LongStorage", STORAGE, &int64 },
    { "torch.IntStorage", STORAGE, &int32 },
    { "torch.ShortStorage", STORAGE, &int16 },
    { "torch.CharStorage", STORAGE, &int8 },
    { "torch.ByteStorage", STORAGE, &uint8 },
    { "torch.BoolStorage", STORAGE, &boolean },
    { "torch.ComplexFloatStorage", STORAGE, &complex64 },
    { "torch.ComplexDoubleStorage", STORAGE, &complex128 },
    { "torch.QInt8Storage", STORAGE, &quantised1 },
    { "torch.QUInt8Storage", STORAGE, &quantised1 },
    { "torch.QUInt4x2Storage", STORAGE, &quantised1 },
    { "torch.QUInt2x4Storage", STORAGE, &quantised1 },
    { "torch.QInt32Storage", STORAGE, &quantised4 },
    { "torch.storage.UntypedStorage", STORAGE, &uint8 },

    { "torch.float32", DTYPE, &float32 },
    { "torch.float64", DTYPE, &float64 },
    { "torch.float16", DTYPE, &float16 },
    { "torch.bfloat16", DTYPE, &bfloat16 },
    { "torch.int64", DTYPE, &int64 },
    { "torch.int32", DTYPE, &int32 },
    { "torch.int16", DTYPE, &int16 },
    { "torch.int8", DTYPE, &int8 },
    { "torch.uint64", DTYPE, &uint64 },
    { "torch.uint32", DTYPE, &uint32 },
    { "torch.uint16", DTYPE, &uint16 },
    { "torch.uint8", DTYPE, &uint8 },
    { "torch.bool", DTYPE, &boolean },
    { "torch.complex64", DTYPE, &complex64 },
    { "torch.complex128", DTYPE, &complex128 },
    { "torch.float8_e4m3fn", DTYPE, &e4m3 },
    { "torch.float8_e4m3fnuz", DTYPE, &float8 },
    { "torch.float8_e5m2", DTYPE, &e5m2 },
    { "torch.float8_e5m2fnuz", DTYPE, &float8 },
    { "torch.float8_e8m0fnu", DTYPE, &float8 },
};

const struct va_pth_global *va_pth_find_global(const char *name, size_t length)
{
    for (size_t i = 0; i < VA_COUNT(globals); i++)
        if (strlen(globals[i].name) == length && memcmp(globals[i].name, name, length) == 0)
            return &globals[i];
    return NULL;
}

static const struct va_pth_value *value_of(const struct va_pth_pickle *p, uint32_t v)
{
    return &p->values[v];
}

static bool is(const struct va_pth_pickle *p, uint32_t v, enum va_pth_kind kind)
{
    return v && value_of(p, v)->kind == kind;
}

static bool is_opaque(const struct va_pth_pickle *p, uint32_t v)
{
    return is(p, v, VA_PTH_OPAQUE);
}

static bool is_global(const struct va_pth_pickle *p, uint32_t v, enum role role)
{
    return is(p, v, VA_PTH_GLOBAL) && value_of(p, v)->global->role == role;
}

/* ---- storages --------------------------------------------------------------------------- */

/* A view of a storage, as before version 0.4: its key, where it begins, how long it is. */
static int read_view(const struct va_pth_pickle *p, uint32_t view, struct va_pth_use *use)
{
    if (!view || is(p, view, VA_PTH_NONE))
        return 0;
    if (is(p, view, VA_PTH_TUPLE) && value_of(p, view)->list.count == 3) {
        use->view = va_pth_count(p, va_pth_item(p, view, 1));
        use->view_count = va_pth_count(p, va_pth_item(p, view, 2));
        if (use->view >= 0 && use->view_count >= 0 && use->view + use->view_count <= use->count)
            return 0;
    }
    return va_pth_bad(p, "found a view that is not inside its storage");
}

/* ('storage', type, key, place, number of elements[, view]), and in the older format ('module',
 * class, file, source), which is that class. */
uint32_t va_pth_persistent(struct va_pth_pickle *p, uint32_t id)
{
    bool whole = is(p, id, VA_PTH_TUPLE) && value_of(p, id)->list.count >= 5 &&
                 value_of(p, id)->list.count <= 6;
    uint32_t type = whole ? va_pth_item(p, id, 1) : 0, key = whole ? va_pth_item(p, id, 2) : 0;
    struct va_pth_use use = { 0 };
    uint32_t v;

    if (is(p, id, VA_PTH_TUPLE) && va_pth_is_text(p, va_pth_item(p, id, 0), "module") &&
        is_opaque(p, va_pth_item(p, id, 1)))
        return va_pth_item(p, id, 1);
    if (!whole || !va_pth_is_text(p, va_pth_item(p, id, 0), "storage") ||
        !is_global(p, type, STORAGE) || !is(p, key, VA_PTH_TEXT))
        return va_pth_bad(p, "found a persistent id that is no storage"), 0;
    use.type = value_of(p, type)->global->type;
    use.key_at = value_of(p, key)->text.at;
    use.key_length = value_of(p, key)->text.length;
    use.count = use.view_count = va_pth_count(p, va_pth_item(p, id, 4));
    use.id = -1;
    if (use.key_length == 0 || use.key_length > VA_PTH_TEXT_MAX)
        return va_pth_bad(p, "found a storage's key of %u bytes, expected 1 to %d",
                          use.key_length, VA_PTH_TEXT_MAX),
               0;
    if (use.count < 0)
        return va_pth_bad(p, "found an impossible size of a storage"), 0;
    if (read_view(p, va_pth_item(p, id, 5), &use) < 0)
        return 0;
    if (p->use_count >= VA_PTH_TENSORS_MAX)
        return va_pth_bad(p, "found more storages, expected at most %d", VA_PTH_TENSORS_MAX), 0;
    if (va_grow(&p->uses, &p->use_room, p->use_count + 1, sizeof(*p->uses)) < 0)
        return 0;
    v = va_pth_new(p, VA_PTH_STORAGE);
    if (v)
        p->values[v].index = (uint32_t)p->use_count;
    p->uses[p->use_count++] = use;
    return v;
}

/* ---- tensors ---------------------------------------------------------------------------- */

/* Every element of the tensor lies in its storage. */
static int check_tensor(const struct va_pth_pickle *p, const struct va_pth_tensor *t)
{
    const struct va_pth_use *use = &p->uses[t->use];
    const struct va_pth_value *sizes = value_of(p, t->sizes);
    int64_t bytes = use->view_count * use->type->size;
    int64_t last = t->offset, step;
    bool empty = false;

    for (uint32_t i = 0; i < sizes->list.count; i++) {
        int64_t n = va_pth_count(p, va_pth_item(p, t->sizes, i));
        int64_t stride = va_pth_count(p, va_pth_item(p, t->strides, i));

        if (n < 0 || stride < 0)
            return va_pth_bad(p, "found an impossible size or stride of a tensor");
        empty = empty || n == 0;
        if (n > 0 &&
            (va_mul(n - 1, stride, &step) < 0 || __builtin_add_overflow(last, step, &last)))
            return va_pth_bad(p, "found a tensor that reaches out of its storage");
    }
    if (!empty && last >= bytes / t->type->size)
        return va_pth_bad(p, "found a tensor that reaches element %lld of a storage of %lld",
                          (long long)last, (long long)(bytes / t->type->size));
    return 0;
}

/* Bits that change what the numbers mean stand in a dict; no entry, none set. */
static bool is_negated(const struct va_pth_pickle *p, uint32_t metadata)
{
    return metadata && !is(p, metadata, VA_PTH_NONE) &&
           !(is(p, metadata, VA_PTH_DICT) && value_of(p, metadata)->list.count == 0);
}

static uint32_t rebuild_tensor(struct va_pth_pickle *p, enum role role, uint32_t args)
{
    uint32_t n = value_of(p, args)->list.count, most = role == TYPED ? 8 : 7, storage, dtype, v;
    struct va_pth_tensor t = { 0 };

    storage = va_pth_item(p, args, 0);
    t.sizes = va_pth_item(p, args, 2);
    t.strides = va_pth_item(p, args, 3);
    dtype = role == TYPED ? va_pth_item(p, args, 6) : 0;
    if (n > most || !is(p, storage, VA_PTH_STORAGE) || !is(p, t.sizes, VA_PTH_TUPLE) ||
        !is(p, t.strides, VA_PTH_TUPLE) || (role == TYPED && !is_global(p, dtype, DTYPE)))
        return va_pth_bad(p, "found a tensor without a storage, an offset, sizes or strides"),
               0;
    t.use = value_of(p, storage)->index;
    t.type = dtype ? value_of(p, dtype)->global->type : p->uses[t.use].type;
    t.offset = va_pth_count(p, va_pth_item(p, args, 1));
    t.negated = is_negated(p, va_pth_item(p, args, most - 1));
    if (t.offset < 0 || (p->uses[t.use].view && t.type->size != p->uses[t.use].type->size))
        return va_pth_bad(p, "found an impossible offset of a tensor"), 0;
    if (value_of(p, t.sizes)->list.count != value_of(p, t.strides)->list.count ||
        value_of(p, t.sizes)->list.count > VA_PTH_TENSOR_RANK_MAX)
        return va_pth_bad(
                   p,
                   "found a tensor of %u sizes and %u strides, expected equal numbers, at "
                   "most %d",
                   value_of(p, t.sizes)->list.count, value_of(p, t.strides)->list.count,
                   VA_PTH_TENSOR_RANK_MAX),
               0;
    if (check_tensor(p, &t) < 0)
        return 0;
    if (p->tensor_count >= VA_PTH_TENSORS_MAX)
        return va_pth_bad(p, "found more tensors, expected at most %d", VA_PTH_TENSORS_MAX), 0;
    if (va_grow(&p->tensors, &p->tensor_room, p->tensor_count + 1, sizeof(t)) < 0)
        return 0;
    t.offset += p->uses[t.use].view;
    v = va_pth_new(p, VA_PTH_TENSOR);
    if (v)
        p->values[v].index = (uint32_t)p->tensor_count;
    p->tensors[p->tensor_count++] = t;
    return v;
}

static uint32_t first_tensor(struct va_pth_pickle *p, uint32_t args)
{
    uint32_t t = va_pth_item(p, args, 0);

    if (is_opaque(p, t))
        return t; /* a parameter of a tensor of another class */
    if (!is(p, t, VA_PTH_TENSOR))
        return va_pth_bad(p, "found a parameter of %s, expected a tensor",
                          t ? va_pth_kind_text(p, t) : "nothing"),
               0;
    return t;
}

/* function, class, its arguments, attributes: what the function makes. A class of others may mean
 * something else by its numbers, so its tensors are opaque. */
static uint32_t from_type(struct va_pth_pickle *p, uint32_t args)
{
    uint32_t function = va_pth_item(p, args, 0), inner = va_pth_item(p, args, 2);

    if (is_opaque(p, function) || is_opaque(p, va_pth_item(p, args, 1)))
        return is_opaque(p, function) ? function : va_pth_item(p, args, 1);
    if (!is_global(p, va_pth_item(p, args, 1), TENSOR_CLASS) || !is(p, inner, VA_PTH_TUPLE))
        return va_pth_bad(p, "found a tensor of another class, expected torch.Tensor"), 0;
    if (is_global(p, function, TENSOR) || is_global(p, function, TYPED))
        return rebuild_tensor(p, value_of(p, function)->global->role, inner);
    if (is_global(p, function, WRAPPED))
        return first_tensor(p, inner);
    return va_pth_bad(p, "found a tensor that is not made by a function that makes tensors"), 0;
}

/* ---- dicts ------------------------------------------------------------------------------ */

/* A dict, filled with the pairs of a list where there is one (Python 2 writes it so). */
static uint32_t make_dict(struct va_pth_pickle *p, uint32_t args)
{
    uint32_t pairs = va_pth_item(p, args, 0), at, dict = va_pth_new(p, VA_PTH_DICT);

    if (!dict || !pairs || is(p, pairs, VA_PTH_GLOBAL) || is_opaque(p, pairs) ||
        is(p, pairs, VA_PTH_NONE))
        return dict; /* empty; a class is the kind of its defaults */
    if (!is(p, pairs, VA_PTH_LIST))
        return va_pth_bad(p, "found a dict made of %s, expected a list of pairs",
                          va_pth_kind_text(p, pairs)),
               0;
    for (at = value_of(p, pairs)->list.first; at; at = p->items[at].next) {
        uint32_t pair = p->items[at].value;

        if ((!is(p, pair, VA_PTH_LIST) && !is(p, pair, VA_PTH_TUPLE)) ||
            value_of(p, pair)->list.count != 2)
            return va_pth_bad(p, "found %s in a list for a dict, expected pairs",
                              va_pth_kind_text(p, pair)),
                   0;
        if (va_pth_add_item(p, dict, va_pth_item(p, pair, 0)) < 0 ||
            va_pth_add_item(p, dict, va_pth_item(p, pair, 1)) < 0)
            return 0;
    }
    return dict;
}

/* ---- calls ------------------------------------------------------------------------------ */

uint32_t va_pth_call(struct va_pth_pickle *p, uint32_t callee, uint32_t args)
{
    const struct va_pth_global *g;

    if (is_opaque(p, callee))
        return callee;
    if (!is(p, callee, VA_PTH_GLOBAL) || !is(p, args, VA_PTH_TUPLE))
        return va_pth_bad(p, "found a call of %s, expected a function or class",
                          va_pth_kind_text(p, callee)),
               0;
    g = value_of(p, callee)->global;
    switch (g->role) {
    case DICT: return make_dict(p, args);
    case SIZE:
        if (is(p, va_pth_item(p, args, 0), VA_PTH_TUPLE))
            return va_pth_item(p, args, 0);
        break;
    case TENSOR:
    case TYPED: return rebuild_tensor(p, g->role, args);
    case WRAPPED: return first_tensor(p, args);
    case FROM_TYPE: return from_type(p, args);
    case STORAGE:
    case DTYPE:
    case TENSOR_CLASS: break;
    }
    return va_pth_bad(p, "found a call of %s, which no checkpoint needs", g->name), 0;
}

/* Each object has attributes of its own. */
static uint32_t opaque_object(struct va_pth_pickle *p, uint32_t class_)
{
    uint32_t v = va_pth_new(p, VA_PTH_OPAQUE);

    if (v) {
        p->values[v] = p->values[class_];
        p->values[v].origin.state = 0;
        p->values[v].origin.object = true;
    }
    return v;
}

uint32_t va_pth_new_object(struct va_pth_pickle *p, uint32_t class_, uint32_t args)
{
    if (is_opaque(p, class_))
        return opaque_object(p, class_);
    if (is_global(p, class_, DICT) && is(p, args, VA_PTH_TUPLE))
        return va_pth_new(p, VA_PTH_DICT);
    return va_pth_bad(p, "found a new object of %s, which no checkpoint needs",
                      is(p, class_, VA_PTH_GLOBAL) ? value_of(p, class_)->global->name
                                                   : va_pth_kind_text(p, class_)),
           0;
}
