/*
 * va_settings.h - settings of a run as a table: name, kind, place in a struct.
 *
 * One table drives what options override, --print-config, the metadata of model files and the
 * comparison with a checkpoint: a setting that is not in it does not exist. The name of a setting is
 * the long name of its option.
 */
#ifndef VA_SETTINGS_H
#define VA_SETTINGS_H

#include "base/va_option.h"
#include "base/va_tensors.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* int64_t, double, bool, int (of an enum), struct va_ints; as the option table wants its targets. */
enum va_setting_kind {
    VA_SETTING_INT,
    VA_SETTING_REAL,
    VA_SETTING_YESNO,
    VA_SETTING_CHOICE,
    VA_SETTING_INTS
};

/* Where a value came from. */
enum va_setting_source {
    VA_SOURCE_PRESET,
    VA_SOURCE_DEFAULT,
    VA_SOURCE_OPTION,
    VA_SOURCE_FILE
};

struct va_setting {
    const char *name;
    enum va_setting_kind kind;
    size_t offset;            /* in the struct */
    const char *const *names; /* of a choice */
    bool shape; /* of the model: with --init the file's, kept by its own metadata */
    enum va_setting_source otherwise; /* where it comes from when no option says it */
};

struct va_settings {
    const struct va_setting *items;
    int64_t count;
};

/* The value as text that reads back to the same value. Returns buffer. */
const char *va_setting_text(const struct va_setting *s, const void *config, char *buffer,
                            size_t size);
void va_setting_copy(const struct va_setting *s, void *to, const void *from);

/* source [count] of a config that no option has changed; then take over from `options` the settings
 * whose name `given` affirms. */
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
