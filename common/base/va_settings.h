/*
 * va_settings.h - settings as one table: name, range, help, field of a struct.
 *
 * From it follow the options and their help, --print-config, the metadata of model files, checks of
 * ranges and the comparison with a checkpoint: a setting that is not in the table does not exist. Its name
 * is the long name of its option and its key in metadata.
 *
 *     static const struct va_setting items[] = {
 *         { VA_OPT_INT(0, "epochs", NULL, 1, 1e6, "passes"), .offset = offsetof(struct config, epochs) },
 *         { .sub = &va_augment_settings, .offset = offsetof(struct config, augment) },
 *     };
 *
 * Options come in the order of the table. What is printed and stored comes in the order of the fields,
 * so that a help text can be put in order without changing files.
 */
#ifndef VA_SETTINGS_H
#define VA_SETTINGS_H

#include "base/va_option.h"
#include "base/va_tensors.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Where a value came from. */
enum va_setting_source {
    VA_SOURCE_PRESET,
    VA_SOURCE_DEFAULT,
    VA_SOURCE_OPTION,
    VA_SOURCE_FILE
};

struct va_settings;

/*
 * A field, or with `sub` an embedded struct: its settings then are of shape and come from `otherwise` as
 * the entry says. The type of the field is what va_option.h wants as a target. A setting without help
 * is no option and not printed; the table's owner alone uses it.
 */
struct va_setting {
    struct va_option option; /* a heading or the field's, without target */
    size_t offset;           /* in the struct */
    const struct va_settings *sub;
    bool shape; /* of the model: with --init the file's, kept by its own metadata */
    enum va_setting_source otherwise; /* where it comes from when no option says it */
    int part; /* the part of a model that has it, in an enum of the table's owner */
};

struct va_settings {
    const struct va_setting *items;
    int64_t count;
};

enum { VA_SETTINGS_MAX = 64 }; /* of a table, with those of its sub-tables */

/* All settings, those of sub-tables with their place in the whole, in the order of the fields. Returns
 * their number. A `source` below has an entry for each. */
int64_t va_settings_list(const struct va_settings *t, struct va_setting list[VA_SETTINGS_MAX]);

/* The options and headings of a table, their targets in `config`, behind the first n of `options`. Returns
 * how many there are then. The second is the option of this name alone. */
int64_t va_settings_options(const struct va_settings *t, void *config,
                            struct va_option *options, int64_t n);
struct va_option va_settings_option(const struct va_settings *t, const char *name,
                                    void *config);

/* The name of an option of the table that the command line holds, or NULL. */
const char *va_settings_given(const struct va_settings *t);

/* Whether each whole number of a configuration is from 1 to the end of its range: "WHERE: depth is 300, ...".
 * 0, or -1 after reporting. */
VA_MUST_USE int va_settings_check_sizes(const struct va_settings *t, const void *config,
                                        const char *where);

/* The value as text that reads back to the same value. Returns buffer. */
const char *va_setting_text(const struct va_setting *s, const void *config, char *buffer,
                            size_t size);
void va_setting_copy(const struct va_setting *s, void *to, const void *from);

/* source of a config that no option has changed; then take over from `options`, which may be the config,
 * the settings whose name `given` affirms. */
void va_settings_begin(const struct va_settings *t, unsigned char *source);
void va_settings_override(const struct va_settings *t, void *config, unsigned char *source,
                          const void *options, bool (*given)(const char *name));

/* Whether an option said this setting. */
bool va_settings_named(const struct va_settings *t, const unsigned char *source,
                       const char *name);

/* "setting<TAB>value<TAB>source" each; `init` names the file of VA_SOURCE_FILE. */
void va_settings_print(const struct va_settings *t, const void *config,
                       const unsigned char *source, const char *init, FILE *stream);

/* Metadata "train.NAME" of all settings that are not of shape. -1 after reporting. */
VA_MUST_USE int va_settings_store(const struct va_settings *t, const void *config,
                                  struct va_tensors *set);

#endif
