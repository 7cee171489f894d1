/*
 * check_xml - whether files are well-formed XML, as far as pictures and pages need it: tags are closed in
 * order, attributes are quoted and none comes twice, & and < are escaped, and there is one root.
 */
#include "base/va_error.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 64, NAME = 64, ATTRIBUTES = 64 };

static struct {
    const char *path, *text, *p;
    char open[DEPTH][NAME];
    int depth, roots;
} x;

static bool bad(const char *why)
{
    int line = 1;

    for (const char *q = x.text; q < x.p; q++)
        line += *q == '\n';
    va_error("%s: line %d: %s: '%.30s'", x.path, line, why, x.p);
    return false;
}

static bool skip_past(const char *end)
{
    const char *found = strstr(x.p, end);

    if (!found)
        return bad("does not end");
    x.p = found + strlen(end);
    return true;
}

static bool name(char to[NAME])
{
    int n = 0;

    while ((isalnum((unsigned char)*x.p) || strchr("_:-.", *x.p)) && *x.p && n < NAME - 1)
        to[n++] = *x.p++;
    to[n] = 0;
    return (n && !isdigit((unsigned char)to[0])) || bad("expected a name");
}

static bool entity(void)
{
    static const char *const known[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strncmp(x.p, known[i], strlen(known[i]))) {
            x.p += strlen(known[i]);
            return true;
        }
    return bad("a bare &");
}

static bool value(void)
{
    if (*x.p++ != '"')
        return x.p--, bad("expected a quoted value");
    while (*x.p && *x.p != '"') {
        if (*x.p == '<')
            return bad("a bare < in a value");
        if (*x.p != '&')
            x.p++;
        else if (!entity())
            return false;
    }
    return *x.p++ == '"' || bad("a value does not end");
}

static bool tag(void)
{
    char seen[ATTRIBUTES][NAME], *element = x.open[x.depth];
    int n = 0;

    x.p++;
    x.roots += x.depth == 0;
    if (x.depth == DEPTH - 1 || !name(element))
        return bad("too deep, or no name");
    for (;;) {
        const char *before = x.p;

        x.p += strspn(x.p, " \n");
        if (*x.p == '>')
            return x.p++, x.depth++, true;
        if (!strncmp(x.p, "/>", 2))
            return x.p += 2, true;
        if (x.p == before || n == ATTRIBUTES || !name(seen[n]))
            return bad("expected an attribute");
        for (int i = 0; i < n; i++)
            if (!strcmp(seen[i], seen[n]))
                return bad("an attribute twice");
        n++;
        if (*x.p++ != '=' || !value())
            return bad("expected =\"value\"");
    }
}

static bool end_tag(void)
{
    char element[NAME];

    x.p += 2;
    if (!name(element))
        return false;
    if (x.depth == 0 || strcmp(x.open[x.depth - 1], element))
        return bad("closes what is not open");
    x.depth--;
    return *x.p++ == '>' || bad("expected >");
}

static bool document(void)
{
    while (*x.p) {
        bool fine = !strncmp(x.p, "<!--", 4)                  ? skip_past("-->")
                    : !strncmp(x.p, "<![CDATA[", 9)           ? skip_past("]]>")
                    : !strncmp(x.p, "<!DOCTYPE ", 10)         ? skip_past(">")
                    : !strncmp(x.p, "</", 2)                  ? end_tag()
                    : *x.p == '<'                             ? tag()
                    : *x.p == '&'                             ? entity()
                    : x.depth || isspace((unsigned char)*x.p) ? (x.p++, true)
                                                              : bad("text outside the root");

        if (!fine)
            return false;
    }
    return (x.depth == 0 && x.roots == 1) || bad("not one whole root");
}

int main(int argc, char **argv)
{
    bool fine = true;

    va_error_set_tool("check_xml");
    for (int i = 1; i < argc && fine; i++) {
        FILE *f = fopen(argv[i], "r");
        char *text = NULL;
        size_t room = 0;

        if (!f || getdelim(&text, &room, 0, f) < 0)
            return va_error_read(argv[i], "read"), VA_EXIT_INPUT;
        fclose(f);
        x.path = argv[i];
        x.text = x.p = text;
        x.depth = x.roots = 0;
        fine = document();
        free(text);
    }
    return fine ? VA_EXIT_OK : VA_EXIT_NO;
}
