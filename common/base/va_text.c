#include "base/va_text.h"

#include <stdint.h>
#include <string.h>

/* The code point at `p`, and its length in bytes; length 0 where the bytes are no UTF-8. */
static uint32_t decode(const unsigned char *p, int *length)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* by length */
    int n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
    uint32_t c = n < 2 ? *p : *p & (0x7fu >> n);

    for (int i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) /* the end of the string, too */
            n = 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (n && (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)))
        n = 0;
    *length = n;
    return c;
}

static bool prints(uint32_t c)
{
    return !(c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
             (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfffe ||
             c == 0xffff); /* the last two are no characters, and XML has none of them */
}

bool va_text_prints(const char *text)
{
    for (int n; *text; text += n)
        if (!prints(decode((const unsigned char *)text, &n)) || !n)
            return false;
    return true;
}

void va_text_clean(char *text)
{
    char *to = text;

    while (*text) {
        int n;
        bool good = prints(decode((const unsigned char *)text, &n)) && n;

        if (good)
            memmove(to, text, (size_t)n);
        else
            *to = '?';
        to += good ? n : 1;
        text += n ? n : 1;
    }
    *to = 0;
}

void va_text_put(const char *text, FILE *f)
{
    while (*text) {
        int n;

        if (prints(decode((const unsigned char *)text, &n)) && n)
            fwrite(text, 1, (size_t)n, f);
        else
            fputc('?', f);
        text += n ? n : 1;
    }
}
