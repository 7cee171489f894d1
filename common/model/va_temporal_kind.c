#include "model/va_temporal_kind.h"

#define DECLARE(name) extern const struct va_temporal_kind va_temporal_##name;
VA_TEMPORAL_KINDS(DECLARE)

static const struct {
    const char *name;
    const struct va_temporal_kind *kind;
} kinds[] = {
#define ENTRY(name) { #name, &va_temporal_##name },
    VA_TEMPORAL_KINDS(ENTRY)
};

/* Kind k is 2k with a TCN and 2k + 1 without; a TCN alone comes last. */
const char *const va_temporal_names[] = {
#define NAMES(name) "tcn-" #name, #name,
    VA_TEMPORAL_KINDS(NAMES) "tcn", NULL
};
enum { KINDS = VA_COUNT(kinds) };

bool va_temporal_has_tcn(int temporal)
{
    return temporal % 2 == 0;
}

const struct va_temporal_kind *va_temporal_kind(int temporal)
{
    return temporal / 2 < KINDS ? kinds[temporal / 2].kind : NULL;
}

const char *va_temporal_kind_name(int temporal)
{
    return temporal / 2 < KINDS ? kinds[temporal / 2].name : "";
}
