#include "tools/run/va_given.h"

#include "base/va_error.h"
#include "base/va_make.h"
#include "base/va_mem.h"
#include "base/va_program.h"
#include "faces/va_detect.h"
#include "jobs/va_models.h"
#include "tools/run/va_set.h"
#include <stdlib.h>
#include <unistd.h>

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

int va_given_find(struct va_given *g)
{
    const char *model = from_environment("VA_MODEL");

    if (!g->encoder)
        g->encoder = from_environment("VA_ENCODER");
    if (!g->models.count && model && !(g->found = va_strdup(model)))
        return -1;
    if (!g->models.count && !model && !g->encoder)
        g->found = va_program_share("starter.h5");
    if (g->found)
        g->models = (struct va_strings){ &g->found, 1 };
    if (g->encoder && !g->models.count)
        return va_error("%s: is an encoder, and no model is given: give --model", g->encoder);
    return 0;
}

void va_given_release(struct va_given *g)
{
    va_free((void *)g->found);
    *g = (struct va_given){ 0 };
}

int va_given_check(const struct va_given *g, const struct va_strings *set)
{
    char none[8];
    bool any = va_set_option(set, "PREDICT_OPTIONS", 0, "any-encoder", none, sizeof(none));

    for (int64_t i = -1; i < g->models.count; i++) {
        const char *path = i < 0 ? g->encoder : g->models.items[i];

        if (path && access(path, R_OK) != 0)
            return va_error_read(path, "open");
        if (path && va_make_takes(path) < 0)
            return -1;
    }
    return va_models_check(g->encoder, g->models.items, g->models.count, any);
}

int va_given_detector(const struct va_strings *set, bool needed)
{
    char given[4096];
    bool option = va_set_option(set, "FACES_OPTIONS", 'w', "weights", given, sizeof(given));
    char *installed = va_program_share("yunet.h5"), *path;
    bool any = option || installed || from_environment("VA_FACES");
    int status;

    va_free(installed);
    if (!any && !needed)
        return 0;
    path = va_detector_file(option ? given : NULL,
                            "--set FACES_OPTIONS=\"--weights yunet.h5\"");
    status = path ? va_models_check_detector(path) : -1;
    va_free(path);
    return status < 0 ? -1 : 1;
}
