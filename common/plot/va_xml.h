/*
 * va_xml.h - text from outside as text of SVG and HTML.
 *
 * Names of videos, files and methods may hold anything. Here they become text that is nothing but text,
 * in elements and in attributes.
 */
#ifndef VA_XML_H
#define VA_XML_H

#include "base/va_attr.h"
#include <stdio.h>

/* Characters that are shown of a name, and of any text, at most; bytes for the latter. */
enum { VA_XML_NAME = 80, VA_XML_MOST = 1000, VA_XML_ROOM = 4 * VA_XML_MOST + 4 };

/* The first `most` characters of `text`, at most VA_XML_MOST, as plain text; "…" says that there were
 * more. Characters that va_text_prints refuses become '?'. */
void va_xml_cut(char shown[VA_XML_ROOM], const char *text, int most);

/* Write what va_xml_cut leaves, with markup escaped. */
void va_xml_put(FILE *to, const char *text, int most);

/* The same for printf's arguments. */
void va_xml_print(FILE *to, const char *format, ...) VA_PRINTF(2, 3);

/* Write `path` as a relative URL: %20 for a blank. */
void va_xml_put_url(FILE *to, const char *path);

#endif
