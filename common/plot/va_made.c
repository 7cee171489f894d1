#include "plot/va_made.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_origin.h"
#include "io/va_h5.h"
#include <math.h>
#include <string.h>

static int read_made(struct va_made *m, struct va_h5_in *in)
{
    const char *id = va_h5_id(in);

    if (!id || !(m->id = va_strdup(id)))
        return -1;
    if (va_h5_has_attribute(in, NULL, "provenance") &&
        va_h5_get_strings(in, NULL, "provenance", &m->lines, &m->count) < 0)
        return -1;
    if (va_h5_has_attribute(in, NULL, "val-ccc") &&
        va_h5_get_real(in, NULL, "val-ccc", &m->ccc) < 0)
        return -1;
    if (va_h5_has_attribute(in, NULL, "arch") &&
        (!(m->arch = va_h5_get_string(in, NULL, "arch")) || !(m->encoder = va_origin_told(in))))
        return -1;
    return 0;
}

int va_made_read(struct va_made *m, const char *path)
{
    struct va_h5_in *in = va_h5_open(path, NULL);
    int status;

    *m = (struct va_made){ .ccc = (double)NAN };
    if (!in)
        return -1;
    status = read_made(m, in);
    va_h5_close(in);
    if (status < 0)
        va_made_release(m);
    return status;
}

void va_made_release(struct va_made *m)
{
    va_free(m->id);
    va_free(m->arch);
    va_free(m->encoder);
    va_h5_free_strings(m->lines, m->count);
    *m = (struct va_made){ 0 };
}

const char *va_made_value(const struct va_made *m, const char *name)
{
    size_t n = strlen(name);

    for (int64_t i = 0; i < m->count; i++)
        if (!strncmp(m->lines[i], name, n) && m->lines[i][n] == '=')
            return m->lines[i] + n + 1;
    return NULL;
}

bool va_made_option(const char **rest, char *option, int64_t size)
{
    const char *p = *rest + strspn(*rest, " "), *end;
    int64_t n;

    if (!*p)
        return false;
    end = strstr(p, " --"); /* an option and its value go together */
    if (strncmp(p, "--", 2))
        end = strchr(p, ' ');
    end = end ? end : p + strlen(p);
    n = end - p < size ? end - p : size - 1;
    memcpy(option, p, (size_t)n);
    option[n] = 0;
    *rest = end;
    return true;
}
