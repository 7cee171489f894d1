#include "plot/va_xml.h"

#include "base/va_text.h"
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static void put_character(FILE *to, char c)
{
    switch (c) {
    case '&': fputs("&amp;", to); break;
    case '<': fputs("&lt;", to); break;
    case '>': fputs("&gt;", to); break;
    case '"': fputs("&quot;", to); break;
    case '\'': fputs("&#39;", to); break;
    default: putc(c, to);
    }
}

void va_xml_cut(char shown[VA_XML_ROOM], const char *text, int most)
{
    static const char more[] = "…";
    size_t size = strlen(text), kept = size;
    int characters = 0;
    char *p;

    if (most > VA_XML_MOST)
        most = VA_XML_MOST;
    if (kept > VA_XML_ROOM - sizeof(more))
        kept = VA_XML_ROOM - sizeof(more);
    while (kept < size && kept > 0 && !begins_character(text[kept]))
        kept--;
    memcpy(shown, text, kept);
    shown[kept] = 0;
    va_text_clean(shown);
    for (p = shown; *p; p++)
        if (begins_character(*p) && ++characters > most)
            break;
    if (*p || kept < size)
        memcpy(p, more, sizeof(more));
}

void va_xml_put(FILE *to, const char *text, int most)
{
    char shown[VA_XML_ROOM];

    va_xml_cut(shown, text, most);
    for (const char *p = shown; *p; p++)
        put_character(to, *p);
}

void va_xml_print(FILE *to, const char *format, ...)
{
    char text[VA_XML_ROOM];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    va_xml_put(to, text, VA_XML_MOST);
}

void va_xml_put_url(FILE *to, const char *path)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

    for (const char *p = path; *p; p++)
        if (strchr(plain, *p))
            putc(*p, to);
        else
            fprintf(to, "%%%02X", (unsigned)(unsigned char)*p);
}
