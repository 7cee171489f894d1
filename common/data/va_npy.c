#include "data/va_npy.h"

#include "base/va_error.h"
#include "base/va_magic.h"
#include "base/va_mem.h"
#include "base/va_output.h"
#include "base/va_tensors.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char magic[] = "\x93NUMPY";
enum { MAGIC = 6, RANKS = 32 };

/* ---- the header: a Python dict of three keys ------------------------------------------- */

struct header {
    const char *at; /* what is not read yet; ends with 0 */
    char descr[16];
    bool described, structured, ordered, by_columns, shaped;
    int rank;
    int64_t shape[RANKS];
};

static void skip_blanks(struct header *h)
{
    while (*h->at && strchr(" \t\r\n", *h->at))
        h->at++;
}

/* Whether the next character is c, which is then read. */
static bool take(struct header *h, char c)
{
    skip_blanks(h);
    if (*h->at != c)
        return false;
    h->at++;
    return true;
}

static bool take_word(struct header *h, const char *word)
{
    skip_blanks(h);
    if (strncmp(h->at, word, strlen(word)))
        return false;
    h->at += strlen(word);
    return true;
}

/* A string without escapes. */
static bool take_string(struct header *h, char *text, size_t size)
{
    char quote;
    size_t n;

    skip_blanks(h);
    quote = *h->at;
    if (quote != '\'' && quote != '"')
        return false;
    n = strcspn(h->at + 1, quote == '"' ? "\"\\" : "'\\");
    if (n >= size || h->at[1 + n] != quote)
        return false;
    memcpy(text, h->at + 1, n);
    text[n] = 0;
    h->at += n + 2;
    return true;
}

/* A tuple of sizes: (3, 4), (3,) or (); of Python 2 also (3L, 4L). */
static bool take_shape(struct header *h)
{
    if (!take(h, '('))
        return false;
    while (!take(h, ')')) {
        int64_t size = 0;

        skip_blanks(h);
        if (!isdigit((unsigned char)*h->at) || h->rank == RANKS)
            return false;
        for (; isdigit((unsigned char)*h->at); h->at++)
            if (va_mul(size, 10, &size) < 0 || size > INT64_MAX - 9)
                return false;
            else
                size += *h->at - '0';
        if (*h->at == 'L')
            h->at++;
        h->shape[h->rank++] = size;
        if (!take(h, ',')) {
            skip_blanks(h);
            if (*h->at != ')')
                return false;
        }
    }
    return true;
}

static bool take_value(struct header *h, const char *key)
{
    if (!strcmp(key, "descr") && !h->described) {
        h->described = true;
        skip_blanks(h);
        h->structured = *h->at == '['; /* the types of fields: nothing that follows is needed */
        return h->structured || take_string(h, h->descr, sizeof(h->descr));
    }
    if (!strcmp(key, "fortran_order") && !h->ordered) {
        h->ordered = true;
        h->by_columns = take_word(h, "True");
        return h->by_columns || take_word(h, "False");
    }
    if (!strcmp(key, "shape") && !h->shaped)
        return h->shaped = true, take_shape(h);
    return false;
}

static bool parse(struct header *h)
{
    char key[32];

    if (!take(h, '{'))
        return false;
    while (!take(h, '}')) {
        if (!take_string(h, key, sizeof(key)) || !take(h, ':') || !take_value(h, key))
            return false;
        if (h->structured)
            return true;
        if (!take(h, ',')) {
            skip_blanks(h);
            if (*h->at != '}')
                return false;
        }
    }
    skip_blanks(h);
    return !*h->at && h->described && h->ordered && h->shaped;
}

/* ---- what it says ---------------------------------------------------------------------- */

static int set_type(struct va_npy *npy, const struct header *h)
{
    static const char *const known[] = { "f2", "f4", "f8", "i1", "i2", "i4",
                                         "i8", "u1", "u2", "u4", "u8", "b1" };
    const char *kind = h->descr[0] && strchr("<>|=", h->descr[0]) ? h->descr + 1 : h->descr;

    if (kind[0] == 'O')
        return va_error("%s: found an array of Python objects, expected numbers: save "
                        "x.astype('float32')",
                        npy->path);
    if (h->structured)
        return va_error("%s: found an array with named fields, expected numbers: save each "
                        "field, or stack them",
                        npy->path);
    for (size_t i = 0; i < VA_COUNT(known); i++)
        if (!strcmp(kind, known[i]))
            memcpy(npy->kind, kind, 3);
    if (!npy->kind[0])
        return va_error("%s: found the type '%s', expected float16, float32, float64, integers "
                        "or bool: save x.astype('float32')",
                        npy->path, h->descr);
    npy->swapped = h->descr[0] == '>';
    return 0;
}

static int set_shape(struct va_npy *npy, const struct header *h, int64_t size)
{
    char text[160] = "()";
    int64_t bytes;

    if (h->rank)
        va_shape_text(h->rank < VA_RANK_MAX ? h->rank : VA_RANK_MAX, h->shape, text,
                      sizeof(text));
    if (h->rank < 1 || h->rank > 2)
        return va_error("%s: found shape %s, expected two dimensions, frames and features%s",
                        npy->path, text,
                        h->rank < 1        ? ""
                        : h->shape[0] == 1 ? ": save x[0]"
                                           : ": save x.reshape(len(x), -1)");
    npy->rows = h->shape[0];
    npy->columns = h->rank == 2 ? h->shape[1] : 1;
    npy->by_columns = h->by_columns && h->rank == 2;
    if (va_mul(npy->rows, npy->columns, &bytes) < 0 ||
        va_mul(bytes, npy->kind[1] - '0', &bytes) < 0 || npy->columns > INT32_MAX)
        return va_error("%s: found an impossible shape, %s", npy->path, text);
    if (bytes != size - npy->at)
        return va_error("%s: found %lld bytes of elements, expected %lld for shape %s of %s%s",
                        npy->path, (long long)(size - npy->at), (long long)bytes, text,
                        npy->kind, bytes > size - npy->at ? ": the file ends early" : "");
    return 0;
}

/* The length of the header; npy->at becomes where it ends. */
static int64_t read_head(struct va_npy *npy)
{
    uint8_t head[12] = { 0 };
    int64_t size = npy->bytes.size, first = size < 12 ? size : 12, length;

    if (va_stored_read(&npy->bytes, 0, first, head) < 0)
        return va_stored_report(&npy->bytes, npy->path);
    if (first < MAGIC || memcmp(head, magic, MAGIC)) {
        const char *name = va_magic_name(head, (size_t)first);

        return va_error("%s: found %s, expected a NumPy array (.npy)", npy->path,
                        !size  ? "an empty file"
                        : name ? name
                               : "something else");
    }
    if (first < 12)
        return va_error("%s: file ends early, expected a NumPy array", npy->path);
    if (head[6] < 1 || head[6] > 3)
        return va_error("%s: found version %d.%d of the format, expected 1 to 3", npy->path,
                        head[6], head[7]);
    length = head[8] | (int64_t)head[9] << 8;
    if (head[6] > 1)
        length |= (int64_t)head[10] << 16 | (int64_t)head[11] << 24;
    npy->at = (head[6] > 1 ? 12 : 10) + length;
    if (length > VA_NPY_HEADER)
        return va_error("%s: found a header of %lld bytes, expected at most %d", npy->path,
                        (long long)length, VA_NPY_HEADER);
    if (npy->at > size)
        return va_error("%s: file ends early, in its header of %lld bytes", npy->path,
                        (long long)length);
    return length;
}

int va_npy_is(const char *path)
{
    char head[VA_OUTPUT_HEAD];
    struct stat st;
    int64_t n;

    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return 0; /* whoever opens it says more */
    n = va_output_head(path, head);
    if (n < 0)
        return va_error_read(path, "open");
    return n >= MAGIC && !memcmp(head, magic, MAGIC);
}

int va_npy_open(struct va_npy *npy, const char *path)
{
    struct header h = { 0 };
    int64_t length;
    char *text;
    int result = -1;

    *npy = (struct va_npy){ .path = path, .bytes.fd = -1 };
    if (va_stored_open(&npy->bytes, path, "a NumPy array") < 0 || (length = read_head(npy)) < 0)
        return -1;
    text = va_new(length + 1, 1);
    if (!text)
        return -1;
    h.at = text;
    if (va_stored_read(&npy->bytes, npy->at - length, length, text) < 0)
        (void)!va_stored_report(&npy->bytes, path);
    else if (!parse(&h))
        va_error(
            "%s: header: found '%.60s', expected a dict with descr, fortran_order and shape",
            path, h.at);
    else if (set_type(npy, &h) == 0)
        result = set_shape(npy, &h, npy->bytes.size);
    va_free(text);
    return result;
}

void va_npy_close(struct va_npy *npy)
{
    va_stored_close(&npy->bytes);
    va_free(npy->block);
    npy->block = NULL;
    npy->room = 0;
}

/* ---- elements -------------------------------------------------------------------------- */

/* Element of `size` bytes, in the order of this machine. */
static double number(const char *kind, const uint8_t *bytes)
{
    union {
        uint8_t u1;
        int8_t i1;
        uint16_t u2;
        int16_t i2;
        uint32_t u4;
        int32_t i4;
        uint64_t u8;
        int64_t i8;
        float f4;
        double f8;
    } x = { .u8 = 0 };

    memcpy(&x, bytes, (size_t)(kind[1] - '0'));
    if (kind[0] == 'b')
        return x.u1 != 0;
    switch (kind[0] << 8 | kind[1]) {
    case 'u' << 8 | '1': return x.u1;
    case 'i' << 8 | '1': return x.i1;
    case 'u' << 8 | '2': return x.u2;
    case 'i' << 8 | '2': return x.i2;
    case 'u' << 8 | '4': return x.u4;
    case 'i' << 8 | '4': return x.i4;
    case 'u' << 8 | '8': return (double)x.u8;
    case 'i' << 8 | '8': return (double)x.i8;
    case 'f' << 8 | '2': return (double)va_from_f16(x.u2);
    case 'f' << 8 | '4': return (double)x.f4;
    default: return x.f8;
    }
}

/* `count` elements of the block become to[0], to[step], ... */
static void convert(const struct va_npy *npy, int64_t count, double *to, int64_t step)
{
    int size = npy->kind[1] - '0';
    uint8_t turned[8];

    for (int64_t i = 0; i < count; i++) {
        const uint8_t *bytes = npy->block + i * size;

        for (int k = 0; npy->swapped && k < size; k++)
            turned[k] = bytes[size - 1 - k];
        to[i * step] = number(npy->kind, npy->swapped ? turned : bytes);
    }
}

static int fetch(struct va_npy *npy, int64_t element, int64_t count)
{
    int size = npy->kind[1] - '0';

    if (va_grow(&npy->block, &npy->room, count * size, 1) < 0)
        return -1;
    if (va_stored_read(&npy->bytes, npy->at + element * size, count * size, npy->block) == 0)
        return 0;
    return va_stored_report(&npy->bytes, npy->path);
}

int va_npy_read(struct va_npy *npy, int64_t first, int64_t count, double *to)
{
    if (!npy->by_columns) {
        if (fetch(npy, first * npy->columns, count * npy->columns) < 0)
            return -1;
        convert(npy, count * npy->columns, to, 1);
        return 0;
    }
    for (int64_t c = 0; c < npy->columns; c++) {
        if (fetch(npy, c * npy->rows + first, count) < 0)
            return -1;
        convert(npy, count, to + c, npy->columns);
    }
    return 0;
}

/* numpy leaves room for 21 digits of the first size, and begins elements at a multiple of 64. */
void va_npy_write_header(FILE *f, const char *descr, int64_t rows, int64_t columns)
{
    char text[256], number_text[24];
    int n = snprintf(number_text, sizeof(number_text), "%lld", (long long)rows),
        spaces = 21 - n, length;

    if (columns)
        n = snprintf(text, sizeof(text),
                     "{'descr': '%s', 'fortran_order': False, 'shape': (%lld, %lld), }", descr,
                     (long long)rows, (long long)columns);
    else
        n = snprintf(text, sizeof(text),
                     "{'descr': '%s', 'fortran_order': False, 'shape': (%lld,), }", descr,
                     (long long)rows);
    length = (10 + n + spaces + 1 + 63) / 64 * 64 - 10;
    fwrite(magic, 1, MAGIC, f);
    fwrite((const uint8_t[]){ 1, 0, (uint8_t)(length & 255), (uint8_t)(length >> 8) }, 1, 4, f);
    fprintf(f, "%s%*s\n", text, length - n - 1, "");
}
