/*
 * Which dict of a checkpoint is the model, and its tensors under dotted names.
 *
 * Values may hold each other in any way: the depth of dicts and the entries looked at are bounded,
 * and a dict within itself is seen.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "weights/va_pth_priv.h"
#include <stdio.h>
#include <string.h>

enum {
    PICKED_MAX = 1 << 14, /* tensors of a model: as many as safetensors may hold */
    DEPTH_MAX = 16,       /* dicts in each other */
    VISITS_MAX =
        1 << 20,    /* entries of dicts; more than the picked ones with what is left out */
    TEXT_MAX = 512, /* bytes of a name, or of a value of metadata */
    META_MAX = 256,
    KEYS_SHOWN = 12,
};

static const char *const model_keys[] = { "model",     "state_dict", "model_state_dict",
                                          "model_ema", "net",        "module" };

struct picking {
    const struct va_pth_pickle *p;
    struct va_pth_picks *picks;
    int64_t visits;
    uint32_t path[DEPTH_MAX];
    int depth;
    const char *key;   /* or NULL: of the dict that was chosen */
    const char *below; /* or NULL: what stands before the names that are taken */
    int64_t nameless;  /* tensors under keys that are no names */
    uint32_t opaque;   /* the first opaque value beside the picked tensors, or 0 */
};

/* ---- which dict ------------------------------------------------------------------------- */

/* Step into a dict that is not on the way already; 0, or -1 after reporting. */
static int enter(struct picking *k, uint32_t dict)
{
    for (int i = 0; i < k->depth; i++)
        if (k->path[i] == dict)
            return va_error("%s: found a dict that contains itself, expected a tree",
                            k->p->path);
    if (k->depth == DEPTH_MAX)
        return va_error("%s: found dicts nested deeper, expected at most %d", k->p->path,
                        DEPTH_MAX);
    k->path[k->depth++] = dict;
    return 0;
}

static int visit(struct picking *k)
{
    if (++k->visits > VISITS_MAX)
        return va_error("%s: found more entries of dicts in dicts, expected at most %d",
                        k->p->path, VISITS_MAX);
    return 0;
}

/* The attributes of a module: an object with _parameters, _buffers and _modules; else 0. */
static uint32_t module_state(const struct va_pth_pickle *p, uint32_t value)
{
    static const char *const parts[] = { "_parameters", "_buffers", "_modules" };
    const struct va_pth_value *v = &p->values[value];
    uint32_t state = v->kind == VA_PTH_OPAQUE && v->origin.object ? v->origin.state : 0;

    for (size_t i = 0; state && i < VA_COUNT(parts); i++) {
        uint32_t part = va_pth_get(p, state, parts[i]);

        if (!part || p->values[part].kind != VA_PTH_DICT)
            return 0;
    }
    return state;
}

/* Whether a tensor is in a dict, or in one within it (`deep`); -1 after reporting. */
static int holds_tensors(struct picking *k, uint32_t dict, bool deep)
{
    const struct va_pth_pickle *p = k->p;
    int found = enter(k, dict);

    for (uint32_t at = p->values[dict].list.first; at && found == 0;) {
        uint32_t link = p->items[at].next, v = p->items[link].value;

        if (visit(k) < 0)
            found = -1;
        else if (p->values[v].kind == VA_PTH_TENSOR)
            found = 1;
        else if (deep && p->values[v].kind == VA_PTH_DICT)
            found = holds_tensors(k, v, true);
        at = p->items[link].next;
    }
    k->depth--;
    return found;
}

/* "model, optimizer, epoch and 3 more": what a dict has, for a message. */
static void list_keys(const struct va_pth_pickle *p, uint32_t dict, char *text, size_t size)
{
    uint32_t shown = 0, count = p->values[dict].list.count / 2;
    size_t used = 0;

    snprintf(text, size, "none");
    for (uint32_t at = p->values[dict].list.first; at && shown < KEYS_SHOWN; shown++) {
        const struct va_pth_value *key = &p->values[p->items[at].value];
        int length = key->kind != VA_PTH_TEXT ? 1
                     : key->text.length < 40  ? (int)key->text.length
                                              : 40;

        used += (size_t)snprintf(
            text + used, size - used, "%s%.*s", shown ? ", " : "", length,
            key->kind == VA_PTH_TEXT ? (const char *)p->bytes + key->text.at : "?");
        at = p->items[p->items[at].next].next;
    }
    if (shown < count)
        snprintf(text + used, size - used, " and %u more", count - shown);
}

/* "FILE: PART: found an object of X, expected a dict of tensors: ...". Always 0. */
static uint32_t no_dict(const struct va_pth_pickle *p, const char *part, uint32_t value)
{
    char *what = va_pth_class_text(p, value);

    if (what)
        va_error("%s: %s%sfound %s, expected a dict of tensors%s", p->path, part,
                 *part ? ": " : "", what,
                 p->values[value].kind == VA_PTH_OPAQUE
                     ? ": save what its state_dict() gives, in the program that made it"
                     : "");
    va_free(what);
    return 0;
}

/* The dict under a key; 0 where there is none, -1 after reporting that it is something else. */
static int64_t dict_of(const struct va_pth_pickle *p, uint32_t top, const char *key)
{
    uint32_t v = va_pth_get(p, top, key);

    return !v || p->values[v].kind == VA_PTH_DICT ? v : (int64_t)no_dict(p, key, v) - 1;
}

/* What `from` names: KEY, or KEY.BELOW, or BELOW in what is chosen without it. The dict, 0 where
 * that is to be chosen, -1 after reporting. */
static int64_t choose_named(struct picking *k, uint32_t top, const char *from)
{
    int64_t dict = dict_of(k->p, top, from);

    for (size_t n = strlen(from); dict == 0 && n > 0; n--) {
        char *key;

        if (from[n] != '.' || !from[n + 1])
            continue;
        key = va_format("%.*s", (int)n, from);
        dict = key ? dict_of(k->p, top, key) : -1;
        va_free(key);
        k->below = from + n + 1;
    }
    if (dict == 0)
        k->below = from;
    return dict;
}

/* "--from student, --from teacher": the dicts of a whole that hold tensors. How many, or -1 after
 * reporting. */
static int list_choices(struct picking *k, uint32_t top, char *text, size_t size)
{
    const struct va_pth_pickle *p = k->p;
    size_t used = 0;
    int count = 0;

    for (uint32_t at = p->values[top].list.first; at && count < KEYS_SHOWN;) {
        uint32_t link = p->items[at].next, v = p->items[link].value;
        const struct va_pth_value *key = &p->values[p->items[at].value];
        int found = p->values[v].kind == VA_PTH_DICT ? holds_tensors(k, v, true) : 0;

        if (found < 0)
            return -1;
        if (found && key->kind == VA_PTH_TEXT && key->text.length < 40)
            used += (size_t)snprintf(text + used, size - used, "%s--from %.*s",
                                     count++ ? ", " : "", (int)key->text.length,
                                     (const char *)p->bytes + key->text.at);
        at = p->items[link].next;
    }
    return count;
}

/* A message about a whole without a model; the object under a usual key is the likely one. */
static uint32_t no_model(struct picking *k, uint32_t top, const char *from)
{
    const struct va_pth_pickle *p = k->p;
    char keys[1024];
    int choices = from ? 0 : list_choices(k, top, keys, sizeof(keys));

    if (choices < 0)
        return 0;
    if (choices)
        return va_error("%s: found no dict of tensors under a usual name, choose one: %s",
                        p->path, keys),
               0;

    for (size_t i = 0; i < VA_COUNT(model_keys) && !from; i++) {
        uint32_t v = va_pth_get(p, top, model_keys[i]);

        if (v && p->values[v].kind == VA_PTH_OPAQUE)
            return no_dict(p, model_keys[i], v);
    }
    list_keys(p, top, keys, sizeof(keys));
    if (from)
        return va_error("%s: found no '%s', expected one of its keys: %s", p->path, from, keys),
               0;
    return va_error("%s: found keys %s, expected tensors, or a dict of them as model, "
                    "state_dict, model_state_dict, model_ema, net or module",
                    p->path, keys),
           0;
}

/* The dict that is the model, or 0 after reporting. */
static uint32_t choose(struct picking *k, uint32_t top, const char *from)
{
    const struct va_pth_pickle *p = k->p;
    int64_t named = 0;
    int found;

    if (!from && module_state(p, top))
        return top;
    if (p->values[top].kind != VA_PTH_DICT)
        return no_dict(p, "", top);
    if (from)
        named = choose_named(k, top, from);
    if (named)
        return named < 0 ? 0 : (uint32_t)named;
    for (size_t i = 0; i < VA_COUNT(model_keys); i++) {
        uint32_t v = va_pth_get(p, top, model_keys[i]);

        if (v && module_state(p, v)) {
            k->key = model_keys[i];
            return v;
        }
        if (!v || p->values[v].kind != VA_PTH_DICT)
            continue;
        found = holds_tensors(k, v, true);
        if (found < 0)
            return 0;
        if (found) {
            k->key = model_keys[i];
            return v;
        }
    }
    found = holds_tensors(k, top, false);
    if (found > 0)
        return top;
    return found == 0 ? no_model(k, top, from) : 0;
}

/* ---- its tensors ------------------------------------------------------------------------ */

/* A short string without control characters as a new one; `where` is for the message. */
static char *plain_text(const struct va_pth_pickle *p, uint32_t value, const char *where)
{
    const struct va_pth_value *v = &p->values[value];
    const char *text = (const char *)p->bytes + v->text.at;

    if (v->kind != VA_PTH_TEXT)
        return va_error("%s: %s: found %s, expected a string", p->path, where,
                        va_pth_kind_text(p, value)),
               NULL;
    if (v->text.length >= TEXT_MAX)
        return va_error("%s: %s: found %u bytes, expected at most %d", p->path, where,
                        v->text.length, TEXT_MAX - 1),
               NULL;
    for (uint32_t i = 0; i < v->text.length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return va_error("%s: %s: found a control character in '%.*s'", p->path, where,
                            (int)v->text.length, text),
                   NULL;
    return va_format("%.*s", (int)v->text.length, text);
}

/* PREFIX.KEY as a new string; keys may be whole numbers, as those of an optimizer are. */
static char *join(const struct va_pth_pickle *p, const char *prefix, uint32_t key)
{
    const char *dot = *prefix ? "." : "";
    char *text, *name;

    if (strlen(prefix) >= TEXT_MAX)
        return va_error("%s: %s: found a longer name, expected at most %d bytes", p->path,
                        prefix, TEXT_MAX),
               NULL;
    if (p->values[key].kind == VA_PTH_NUMBER)
        return va_format("%s%s%lld", prefix, dot, (long long)p->values[key].number);
    text = plain_text(p, key, "key of a dict");
    name = text ? va_format("%s%s%s", prefix, dot, text) : NULL;
    va_free(text);
    return name;
}

static int pick_tensor(struct picking *k, uint32_t value, char **name)
{
    const struct va_pth_tensor *t = &k->p->tensors[k->p->values[value].index];
    struct va_pth_picks *picks = k->picks;

    if (t->type->dtype < 0) {
        picks->left_out++;
        return 0;
    }
    if (t->negated)
        return va_error(
            "%s: %s: found a tensor with the negative bit set, expected plain numbers",
            k->p->path, *name);
    if (picks->count == PICKED_MAX)
        return va_error("%s: found more tensors, expected at most %d", k->p->path, PICKED_MAX);
    if (va_grow(&picks->items, &picks->room, picks->count + 1, sizeof(*picks->items)) < 0)
        return -1;
    picks->items[picks->count++] = (struct va_pth_pick){ .name = *name,
                                                         .tensor = k->p->values[value].index };
    *name = NULL;
    return 0;
}

static bool is_name(const struct va_pth_pickle *p, uint32_t key)
{
    return p->values[key].kind == VA_PTH_TEXT || p->values[key].kind == VA_PTH_NUMBER;
}

static int pick_dict(struct picking *k, uint32_t dict, const char *prefix)
{
    const struct va_pth_pickle *p = k->p;
    int result = enter(k, dict);

    for (uint32_t at = p->values[dict].list.first; at && result == 0;) {
        uint32_t link = p->items[at].next, v = p->items[link].value;
        enum va_pth_kind kind = p->values[v].kind;
        char *name = NULL;

        if (visit(k) < 0) {
            result = -1;
        } else if (kind == VA_PTH_OPAQUE && !k->opaque) {
            k->opaque = v;
        } else if (!is_name(p, p->items[at].value)) {
            k->nameless += kind == VA_PTH_TENSOR;
        } else if (kind == VA_PTH_TENSOR || kind == VA_PTH_DICT) {
            name = join(p, prefix, p->items[at].value);
            result = !name                   ? -1
                     : kind == VA_PTH_TENSOR ? pick_tensor(k, v, &name)
                                             : pick_dict(k, v, name);
            va_free(name);
        }
        at = p->items[link].next;
    }
    k->depth--;
    return result;
}

static int pick_module(struct picking *k, uint32_t module, const char *prefix);

/* What is of `kind` in a part of a module: tensors, or modules below it. */
static int pick_part(struct picking *k, uint32_t part, enum va_pth_kind kind,
                     const char *prefix)
{
    const struct va_pth_pickle *p = k->p;
    int result = 0;

    for (uint32_t at = p->values[part].list.first; at && result == 0;) {
        uint32_t link = p->items[at].next, v = p->items[link].value;
        char *name = NULL;

        if (visit(k) < 0)
            return -1;
        if (p->values[v].kind == kind && is_name(p, p->items[at].value)) {
            name = join(p, prefix, p->items[at].value);
            result = !name                   ? -1
                     : kind == VA_PTH_TENSOR ? pick_tensor(k, v, &name)
                                             : pick_module(k, v, name);
            va_free(name);
        }
        at = p->items[link].next;
    }
    return result;
}

/* The tensors of a module and of those within it, under the names of its state_dict(). */
static int pick_module(struct picking *k, uint32_t module, const char *prefix)
{
    const struct va_pth_pickle *p = k->p;
    uint32_t state = module_state(p, module);
    int result;

    if (!state)
        return 0;
    result = enter(k, module);
    if (result == 0 &&
        (pick_part(k, va_pth_get(p, state, "_parameters"), VA_PTH_TENSOR, prefix) < 0 ||
         pick_part(k, va_pth_get(p, state, "_buffers"), VA_PTH_TENSOR, prefix) < 0 ||
         pick_part(k, va_pth_get(p, state, "_modules"), VA_PTH_OPAQUE, prefix) < 0))
        result = -1;
    k->depth--;
    return result;
}

/* Metadata in the attributes of the dict (va_pth.h). */
static int read_meta(const struct va_pth_pickle *p, uint32_t dict, struct va_tensors *set)
{
    uint32_t state = p->values[dict].kind == VA_PTH_DICT ? p->values[dict].list.state : 0;
    uint32_t meta;

    if (!state || p->values[state].kind != VA_PTH_DICT)
        return 0;
    meta = va_pth_get(p, state, "mamba_va");
    if (!meta || p->values[meta].kind != VA_PTH_DICT)
        return 0;
    if (p->values[meta].list.count / 2 > META_MAX)
        return va_error("%s: attribute mamba_va: %u entries, expected at most %d", p->path,
                        p->values[meta].list.count / 2, META_MAX);
    for (uint32_t at = p->values[meta].list.first; at;) {
        uint32_t link = p->items[at].next;
        char *key = plain_text(p, p->items[at].value, "attribute mamba_va");
        char *value = key ? plain_text(p, p->items[link].value, key) : NULL;
        int result = value ? va_tensors_set_meta(set, key, value) : -1;

        va_free(key);
        va_free(value);
        if (result < 0)
            return -1;
        at = p->items[link].next;
    }
    return 0;
}

/* Only picks whose names begin with k->below and a dot stay, without that; 0, or -1. */
static int pick_below(struct picking *k, uint32_t top, const char *from)
{
    struct va_pth_picks *picks = k->picks;
    int64_t kept = 0;

    for (int64_t i = 0; i < picks->count; i++) {
        char *name = picks->items[i].name;
        const char *rest = va_tensors_below(name, k->below);

        if (rest) {
            memmove(name, rest, strlen(rest) + 1);
            picks->items[kept++] = picks->items[i];
        } else {
            va_free(name);
        }
    }
    picks->count = kept;
    return kept ? 0 : (no_model(k, top, from), -1);
}

/* What was taken, and what else is in the dict of tensors: it might have been meant to be one. */
static int say_picked(const struct picking *k)
{
    char *what;

    if (k->nameless && !k->picks->count)
        return va_error("%s: found tensors under keys that are no strings, expected names",
                        k->p->path);
    what = k->opaque ? va_pth_class_text(k->p, k->opaque) : NULL;
    if (k->opaque && !what)
        return -1;
    if (k->key)
        va_info("%s: took the tensors of '%s'", k->p->path, k->key);
    if (what)
        va_info("%s: found %s among the tensors: skipped, as all objects are", k->p->path,
                what);
    va_free(what);
    return 0;
}

int va_pth_pick(const struct va_pth_file *f, const char *from, struct va_pth_picks *picks,
                struct va_tensors *set)
{
    struct picking k = { .p = &f->pickle, .picks = picks };
    uint32_t dict = choose(&k, f->top, from);

    if (!dict || (module_state(k.p, dict) ? pick_module : pick_dict)(&k, dict, "") < 0 ||
        (k.below && pick_below(&k, f->top, from) < 0))
        return -1;
    return say_picked(&k) < 0 ? -1 : read_meta(k.p, dict, set);
}
