/*
 * The machine that a pickle is a program for: a stack of values, marks on it, a memo. Nothing
 * is imported and nobody is called: globals are looked up in a list (va_pth_globals.c), and what
 * a call of one of them gives is worked out there. A global that is not on the list is opaque: a
 * value that nothing can be taken out of.
 *
 * Opcodes are those that protocols 2 to 5 write for containers, strings, numbers, globals and
 * objects. The steps, the stack, the marks and the memo are bounded; strings stay where they are
 * in the bytes of the pickle.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "weights/va_pth_priv.h"
#include <string.h>

enum opcode {
    APPEND = 'a',
    APPENDS = 'e',
    BINBYTES = 'B',
    BINFLOAT = 'G',
    BINGET = 'h',
    BININT = 'J',
    BININT1 = 'K',
    BININT2 = 'M',
    BINPERSID = 'Q',
    BINPUT = 'q',
    BINSTRING = 'T', /* Python 2 */
    BINUNICODE = 'X',
    BUILD = 'b',
    EMPTY_DICT = '}',
    EMPTY_LIST = ']',
    EMPTY_TUPLE = ')',
    GLOBAL = 'c',
    LONG_BINGET = 'j',
    LONG_BINPUT = 'r',
    MARK = '(',
    NONE = 'N',
    OBJ = 'o', /* Python 2 */
    POP = '0',
    POP_MARK = '1',
    REDUCE = 'R',
    SETITEM = 's',
    SETITEMS = 'u',
    SHORT_BINBYTES = 'C',
    SHORT_BINSTRING = 'U', /* Python 2 */
    STOP = '.',
    TUPLE = 't',
    /* protocol 2 */
    PROTO = 0x80,
    NEWOBJ = 0x81,
    TUPLE1 = 0x85,
    TUPLE2 = 0x86,
    TUPLE3 = 0x87,
    NEWTRUE = 0x88,
    NEWFALSE = 0x89,
    LONG1 = 0x8a,
    LONG4 = 0x8b,
    /* protocol 4 */
    SHORT_BINUNICODE = 0x8c,
    BINUNICODE8 = 0x8d,
    BINBYTES8 = 0x8e,
    EMPTY_SET = 0x8f,
    ADDITEMS = 0x90,
    FROZENSET = 0x91,
    NEWOBJ_EX = 0x92,
    STACK_GLOBAL = 0x93,
    MEMOIZE = 0x94,
    FRAME = 0x95,
    /* protocol 5 */
    BYTEARRAY8 = 0x96,
};

/* ---- bytes ------------------------------------------------------------------------------ */

/* The next n bytes, or NULL after reporting. */
static const uint8_t *take(struct va_pth_pickle *p, uint64_t n)
{
    const uint8_t *bytes = p->bytes + p->at;

    if (n > (uint64_t)(p->size - p->at)) {
        if (p->size == VA_PTH_PICKLE_MAX)
            va_pth_bad(p, "found more, expected at most %d bytes of pickles",
                       VA_PTH_PICKLE_MAX);
        else
            va_pth_bad(p, "pickle ends early, expected %llu bytes more",
                       (unsigned long long)n - (unsigned long long)(p->size - p->at));
        return NULL;
    }
    p->at += (int64_t)n;
    return bytes;
}

/* A little-endian number of `width` bytes; 0, or -1 after reporting. */
static int take_number(struct va_pth_pickle *p, int width, uint64_t *number)
{
    const uint8_t *bytes = take(p, (uint64_t)width);

    if (!bytes)
        return -1;
    *number = 0;
    for (int i = width - 1; i >= 0; i--)
        *number = *number << 8 | bytes[i];
    return 0;
}

/* A line of a GLOBAL, without its end. */
static int take_line(struct va_pth_pickle *p, const char **line, size_t *length)
{
    const uint8_t *from = p->bytes + p->at, *end;
    int64_t left = p->size - p->at;

    end = memchr(from, '\n', (size_t)(left < VA_PTH_TEXT_MAX ? left : VA_PTH_TEXT_MAX));
    if (!end)
        return left < VA_PTH_TEXT_MAX
                   ? va_pth_bad(p, "pickle ends early, expected the name of a global")
                   : va_pth_bad(p, "found a longer name, expected at most %d bytes",
                                VA_PTH_TEXT_MAX);
    *line = (const char *)from;
    *length = (size_t)(end - from);
    p->at += end - from + 1;
    return 0;
}

/* ---- stack, marks, memo ----------------------------------------------------------------- */

static int push(struct va_pth_pickle *p, uint32_t value)
{
    if (!value)
        return -1; /* reported where it could not be made */
    if (p->depth >= VA_PTH_STACK_MAX)
        return va_pth_bad(p, "found more values on the stack, expected at most %d",
                          VA_PTH_STACK_MAX);
    if (va_grow(&p->stack, &p->stack_room, p->depth + 1, sizeof(*p->stack)) < 0)
        return -1;
    p->stack[p->depth++] = value;
    return 0;
}

static int push_new(struct va_pth_pickle *p, enum va_pth_kind kind)
{
    return push(p, va_pth_new(p, kind));
}

static int push_number(struct va_pth_pickle *p, int64_t number)
{
    uint32_t v = va_pth_new(p, VA_PTH_NUMBER);

    if (v)
        p->values[v].number = number;
    return push(p, v);
}

/* A string or bytes of this length; a number too long for 64 bits keeps its bytes as well. */
static int push_text(struct va_pth_pickle *p, enum va_pth_kind kind, uint64_t length)
{
    int64_t at = p->at;
    uint32_t v = take(p, length) ? va_pth_new(p, kind) : 0;

    if (v) {
        p->values[v].text.at = (uint32_t)at;
        p->values[v].text.length = (uint32_t)length;
    }
    return push(p, v);
}

/* The lowest place that may be popped: values below the last mark belong to others. */
static int64_t floor_of(const struct va_pth_pickle *p)
{
    return p->mark_count ? p->marks[p->mark_count - 1] : 0;
}

/* 0 when the stack holds n values above the last mark; -1 after reporting. */
static int need(const struct va_pth_pickle *p, int64_t n)
{
    if (p->depth - floor_of(p) >= n)
        return 0;
    return va_pth_bad(p, "found %lld values on the stack, expected %lld",
                      (long long)(p->depth - floor_of(p)), (long long)n);
}

static int mark(struct va_pth_pickle *p)
{
    if (p->mark_count >= VA_PTH_MARKS_MAX)
        return va_pth_bad(p, "found deeper nesting, expected at most %d", VA_PTH_MARKS_MAX);
    if (va_grow(&p->marks, &p->mark_room, p->mark_count + 1, sizeof(*p->marks)) < 0)
        return -1;
    p->marks[p->mark_count++] = (uint32_t)p->depth;
    return 0;
}

/* Remove the last mark. Returns where its values begin: stack[it .. depth); -1 after reporting. */
static int64_t unmark(struct va_pth_pickle *p)
{
    if (!p->mark_count)
        return va_pth_bad(p, "found no mark on the stack, expected one");
    return p->marks[--p->mark_count];
}

static int put(struct va_pth_pickle *p, uint64_t index)
{
    if (need(p, 1) < 0)
        return -1;
    if (index >= VA_PTH_OPCODES_MAX)
        return va_pth_bad(p, "found memo %llu, expected below %d", (unsigned long long)index,
                          VA_PTH_OPCODES_MAX);
    if (va_grow(&p->memo, &p->memo_room, (int64_t)index + 1, sizeof(*p->memo)) < 0)
        return -1;
    if (!p->memo[index])
        p->memo_count++;
    p->memo[index] = p->stack[p->depth - 1];
    return 0;
}

static int get(struct va_pth_pickle *p, uint64_t index)
{
    if (index >= (uint64_t)p->memo_room || !p->memo[index])
        return va_pth_bad(p, "found memo %llu, expected one that was set",
                          (unsigned long long)index);
    return push(p, p->memo[index]);
}

/* ---- containers ------------------------------------------------------------------------- */

static int tuple(struct va_pth_pickle *p, int64_t from)
{
    uint32_t v = va_pth_new(p, VA_PTH_TUPLE);

    for (int64_t i = from; v && i < p->depth; i++)
        if (va_pth_add_item(p, v, p->stack[i]) < 0)
            return -1;
    p->depth = from;
    return push(p, v);
}

static int tuple_of(struct va_pth_pickle *p, int64_t n)
{
    return need(p, n) < 0 ? -1 : tuple(p, p->depth - n);
}

/* What is of no use here may be filled and given attributes: both are forgotten, but for a dict of attributes
 * of an object, which may be a module (va_pth_pick.c). */
static bool is_useless(const struct va_pth_pickle *p, uint32_t value)
{
    return p->values[value].kind == VA_PTH_INERT || p->values[value].kind == VA_PTH_OPAQUE;
}

/* Put stack[from .. depth) into the container below it, which is of this kind. */
static int fill(struct va_pth_pickle *p, int64_t from, enum va_pth_kind kind)
{
    uint32_t into;

    if (from <= floor_of(p))
        return va_pth_bad(p, "found items without a container");
    into = p->stack[from - 1];
    if (p->values[into].kind != kind && !is_useless(p, into))
        return va_pth_bad(p, "found items for %s, expected %s", va_pth_kind_text(p, into),
                          kind == VA_PTH_DICT ? "a dict" : "a list");
    if (kind == VA_PTH_DICT && (p->depth - from) % 2)
        return va_pth_bad(p, "found a key without a value");
    for (int64_t i = from; i < p->depth && p->values[into].kind == kind; i++)
        if (va_pth_add_item(p, into, p->stack[i]) < 0)
            return -1;
    p->depth = from;
    return 0;
}

static int fill_marked(struct va_pth_pickle *p, enum va_pth_kind kind)
{
    int64_t from = unmark(p);

    return from < 0 ? -1 : fill(p, from, kind);
}

/* ---- globals and objects ---------------------------------------------------------------- */

static uint32_t opaque(struct va_pth_pickle *p, const char *module, size_t module_length,
                       const char *name, size_t name_length)
{
    uint32_t v = va_pth_new(p, VA_PTH_OPAQUE);
    const char *bytes = (const char *)p->bytes;

    if (v) {
        p->values[v].origin.module_at = (uint32_t)(module - bytes);
        p->values[v].origin.module_length = (uint16_t)module_length;
        p->values[v].origin.name_at = (uint32_t)(name - bytes);
        p->values[v].origin.name_length = (uint16_t)name_length;
        p->values[v].origin.state = 0;
        p->values[v].origin.object = false;
    }
    return v;
}

static int push_global(struct va_pth_pickle *p, const char *module, size_t module_length,
                       const char *name, size_t name_length)
{
    char full[2 * VA_PTH_TEXT_MAX + 2];
    const struct va_pth_global *g;
    uint32_t v;

    if (module_length > VA_PTH_TEXT_MAX || name_length > VA_PTH_TEXT_MAX)
        return va_pth_bad(p, "found a longer name, expected at most %d bytes", VA_PTH_TEXT_MAX);
    memcpy(full, module, module_length);
    full[module_length] = '.';
    memcpy(full + module_length + 1, name, name_length);
    g = va_pth_find_global(full, module_length + 1 + name_length);
    if (!g)
        return push(p, opaque(p, module, module_length, name, name_length));
    v = va_pth_new(p, VA_PTH_GLOBAL);
    if (v)
        p->values[v].global = g;
    return push(p, v);
}

static int global(struct va_pth_pickle *p)
{
    const char *module, *name;
    size_t module_length, name_length;

    if (take_line(p, &module, &module_length) < 0 || take_line(p, &name, &name_length) < 0)
        return -1;
    return push_global(p, module, module_length, name, name_length);
}

static int stack_global(struct va_pth_pickle *p)
{
    const struct va_pth_value *module, *name;

    if (need(p, 2) < 0)
        return -1;
    module = &p->values[p->stack[p->depth - 2]];
    name = &p->values[p->stack[p->depth - 1]];
    if (module->kind != VA_PTH_TEXT || name->kind != VA_PTH_TEXT)
        return va_pth_bad(p, "found a global without a name");
    p->depth -= 2;
    return push_global(p, (const char *)p->bytes + module->text.at, module->text.length,
                       (const char *)p->bytes + name->text.at, name->text.length);
}

/* Attributes are kept for a dict: state dicts have some. */
static int build(struct va_pth_pickle *p)
{
    struct va_pth_value *v;

    if (need(p, 2) < 0)
        return -1;
    v = &p->values[p->stack[p->depth - 2]];
    if (v->kind == VA_PTH_DICT)
        v->list.state = p->stack[p->depth - 1];
    else if (v->kind == VA_PTH_OPAQUE && v->origin.object &&
             p->values[p->stack[p->depth - 1]].kind == VA_PTH_DICT)
        v->origin.state = p->stack[p->depth - 1];
    else if (!is_useless(p, p->stack[p->depth - 2]))
        return va_pth_bad(p, "found attributes for %s, expected a dict",
                          va_pth_kind_text(p, p->stack[p->depth - 2]));
    p->depth--;
    return 0;
}

/* Calls and new objects: two values become one. */
static int apply(struct va_pth_pickle *p,
                 uint32_t (*what)(struct va_pth_pickle *, uint32_t, uint32_t))
{
    if (need(p, 2) < 0)
        return -1;
    p->depth -= 2;
    return push(p, what(p, p->stack[p->depth], p->stack[p->depth + 1]));
}

/* A new object with named arguments, which are of no use here. */
static int new_object_ex(struct va_pth_pickle *p)
{
    if (need(p, 3) < 0)
        return -1;
    p->depth--;
    return apply(p, va_pth_new_object);
}

/* The same as a mark, the class, the arguments. */
static int new_instance(struct va_pth_pickle *p)
{
    int64_t from = unmark(p);

    if (from < 0)
        return -1;
    if (from == p->depth || p->values[p->stack[from]].kind != VA_PTH_OPAQUE)
        return va_pth_bad(p, "found an old-style object, expected none of a known class");
    p->depth = from + 1;
    return 0;
}

static int long_number(struct va_pth_pickle *p, uint64_t length)
{
    const uint8_t *bytes;
    uint64_t bits = 0;

    if (length > 8)
        return push_text(p, VA_PTH_INERT, length);
    bytes = take(p, length);
    if (!bytes)
        return -1;
    for (uint64_t i = 0; i < length; i++)
        bits |= (uint64_t)bytes[i] << 8 * i;
    if (length && length < 8 && bytes[length - 1] & 0x80)
        bits |= ~(uint64_t)0 << 8 * length;
    return push_number(p, (int64_t)bits);
}

/* ---- the machine ------------------------------------------------------------------------ */

/* Opcodes with a number behind them: how wide it is, 0 for all others. */
static int width_of(uint8_t op)
{
    switch (op) {
    case PROTO:
    case BINGET:
    case BINPUT:
    case BININT1:
    case LONG1:
    case SHORT_BINSTRING:
    case SHORT_BINBYTES:
    case SHORT_BINUNICODE: return 1;
    case BININT2: return 2;
    case BININT:
    case LONG4:
    case LONG_BINGET:
    case LONG_BINPUT:
    case BINSTRING:
    case BINBYTES:
    case BINUNICODE: return 4;
    case BINUNICODE8:
    case BINBYTES8:
    case BYTEARRAY8:
    case BINFLOAT:
    case FRAME: return 8;
    default: return 0;
    }
}

static int step_number(struct va_pth_pickle *p, uint8_t op)
{
    uint64_t n;

    if (take_number(p, width_of(op), &n) < 0)
        return -1;
    switch (op) {
    case PROTO:
        return n >= 2 && n <= 5 ? 0
                                : va_pth_bad(p, "found protocol %d, expected 2 to 5", (int)n);
    case FRAME:
        return n <= (uint64_t)(p->size - p->at) || p->size == VA_PTH_PICKLE_MAX
                   ? 0
                   : va_pth_bad(p, "pickle ends early, expected a frame of %llu bytes",
                                (unsigned long long)n);
    case BINGET:
    case LONG_BINGET: return get(p, n);
    case BINPUT:
    case LONG_BINPUT: return put(p, n);
    case BININT: return push_number(p, (int32_t)(uint32_t)n);
    case BININT1:
    case BININT2: return push_number(p, (int64_t)n);
    case LONG1:
    case LONG4: return long_number(p, n);
    case BINFLOAT: return push_new(p, VA_PTH_INERT);
    case SHORT_BINBYTES:
    case BINBYTES:
    case BINBYTES8:
    case BYTEARRAY8: return push_text(p, VA_PTH_INERT, n);
    default: return push_text(p, VA_PTH_TEXT, n);
    }
}

static int step_stack(struct va_pth_pickle *p, uint8_t op)
{
    int64_t from;

    switch (op) {
    case MARK: return mark(p);
    case POP: /* of a mark, when nothing lies on it */
        if (p->mark_count && p->depth == floor_of(p))
            return unmark(p) < 0 ? -1 : 0;
        return need(p, 1) < 0 ? -1 : (p->depth--, 0);
    case POP_MARK: return (from = unmark(p)) < 0 ? -1 : (p->depth = from, 0);
    case MEMOIZE: return put(p, (uint64_t)p->memo_count);
    case NONE: return push_new(p, VA_PTH_NONE);
    case NEWTRUE:
    case NEWFALSE: return push_number(p, op == NEWTRUE);
    case EMPTY_TUPLE: return push_new(p, VA_PTH_TUPLE);
    case EMPTY_LIST: return push_new(p, VA_PTH_LIST);
    case EMPTY_DICT: return push_new(p, VA_PTH_DICT);
    case EMPTY_SET: return push_new(p, VA_PTH_INERT);
    case TUPLE: return (from = unmark(p)) < 0 ? -1 : tuple(p, from);
    case TUPLE1: return tuple_of(p, 1);
    case TUPLE2: return tuple_of(p, 2);
    case TUPLE3: return tuple_of(p, 3);
    case APPEND: return need(p, 2) < 0 ? -1 : fill(p, p->depth - 1, VA_PTH_LIST);
    case APPENDS:
    case ADDITEMS: return fill_marked(p, VA_PTH_LIST);
    case SETITEM: return need(p, 3) < 0 ? -1 : fill(p, p->depth - 2, VA_PTH_DICT);
    case SETITEMS: return fill_marked(p, VA_PTH_DICT);
    case FROZENSET:
        return (from = unmark(p)) < 0 ? -1 : (p->depth = from, push_new(p, VA_PTH_INERT));
    case GLOBAL: return global(p);
    case STACK_GLOBAL: return stack_global(p);
    case REDUCE: return apply(p, va_pth_call);
    case NEWOBJ: return apply(p, va_pth_new_object);
    case NEWOBJ_EX: return new_object_ex(p);
    case OBJ: return new_instance(p);
    case BUILD: return build(p);
    case BINPERSID:
        if (need(p, 1) < 0)
            return -1;
        p->depth--;
        return push(p, va_pth_persistent(p, p->stack[p->depth]));
    default:
        return va_pth_bad(p, "found opcode 0x%02x, expected one that torch.save writes", op);
    }
}

uint32_t va_pth_unpickle(struct va_pth_pickle *p)
{
    const uint8_t *op;

    p->depth = p->mark_count = p->memo_count = 0;
    if (p->memo)
        memset(p->memo, 0, (size_t)p->memo_room * sizeof(*p->memo));
    for (;;) {
        p->opcode = p->at;
        if (++p->opcodes > VA_PTH_OPCODES_MAX)
            return va_pth_bad(p, "found more opcodes, expected at most %d", VA_PTH_OPCODES_MAX),
                   0;
        op = take(p, 1);
        if (!op)
            return 0;
        if (*op == STOP)
            break;
        if ((width_of(*op) ? step_number(p, *op) : step_stack(p, *op)) < 0)
            return 0;
    }
    if (p->mark_count || p->depth != 1)
        return va_pth_bad(p, "found %lld values at the end, expected one", (long long)p->depth),
               0;
    return p->stack[0];
}
