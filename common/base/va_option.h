/*
 * va_option.h - command lines from one table, which also makes help, man page and completion.
 *
 * A table is an array of VA_OPT_ entries ended by VA_OPT_END. Values are checked against the
 * entry's range before they are stored; unknown options, numbers out of range and trailing
 * garbage are refused with exit code 2; for a mistyped option, command or choice the line names
 * the nearest (base/va_nearest.h). Every table also understands -h --help, -V --version,
 * -q --quiet, -v --verbose, and --force where a table has an output. Long options may be written
 * --name VALUE or --name=VALUE, and may be abbreviated as long as no other option begins so and no other tool has that option; the
 * provenance has full names. "--" ends the options.
 *
 * Inputs and outputs are compared before the tool begins: an output that is one of the inputs, by
 * whatever path, is refused with exit code 2, as are two outputs that are one file. "-" as an
 * output is standard output where the entry is VA_OPT_STREAM, and refused elsewhere.
 *
 * --help shows as defaults the values that the targets have when va_options_parse is called.
 * Ownership: strings point into argv; arrays made by VA_OPT_LIST are freed by va_options_free
 * Threads:   one, at the start of main()
 */
#ifndef VA_OPTION_H
#define VA_OPTION_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

enum va_option_kind {
    VA_OPTION_END,
    VA_OPTION_GROUP,  /* a heading in the help */
    VA_OPTION_FLAG,   /* bool, true when given */
    VA_OPTION_YESNO,  /* bool, takes yes or no */
    VA_OPTION_INT,    /* int64_t within [lo, hi] */
    VA_OPTION_REAL,   /* double within [lo, hi], finite */
    VA_OPTION_STRING, /* const char *, not empty */
    VA_OPTION_FILE,   /* const char *, a path */
    VA_OPTION_OUTPUT, /* const char *, a path to write: not part of the provenance */
    VA_OPTION_CHOICE, /* int, an index into names */
    VA_OPTION_LIST,   /* struct va_strings, repeatable */
    VA_OPTION_INTS,   /* struct va_ints, comma-separated, each within [lo, hi] */
};

struct va_strings {
    const char **items; /* [count], NULL after the last */
    int64_t count;
};

enum { VA_INTS_MAX = 32 };
struct va_ints {
    int64_t items[VA_INTS_MAX];
    int64_t count;
};

struct va_option {
    enum va_option_kind kind;
    char letter; /* 0: long only */
    const char *name;
    void *target;
    double lo, hi;
    const char *const *names; /* of a choice, NULL last */
    const char *value;        /* what the help calls the value */
    const char *help;
    bool video;  /* a string that is the name of a video (va_names.h) */
    bool stream; /* an output that "-" may send to standard output */
    bool run;    /* says how to run, not what to compute: left out of the provenance */
};

#define VA_OPT_GROUP(title)                      \
    {                                            \
        .kind = VA_OPTION_GROUP, .name = (title) \
    }
#define VA_OPT_FLAG(l, n, target_, help_)                                        \
    {                                                                            \
        .kind = VA_OPTION_FLAG, .letter = (l), .name = (n), .target = (target_), \
        .help = (help_)                                                          \
    }
#define VA_OPT_YESNO(l, n, target_, help_)                                        \
    {                                                                             \
        .kind = VA_OPTION_YESNO, .letter = (l), .name = (n), .target = (target_), \
        .help = (help_), .value = "yes|no"                                        \
    }
#define VA_OPT_INT(l, n, target_, lo_, hi_, help_)                                           \
    {                                                                                        \
        .kind = VA_OPTION_INT, .letter = (l), .name = (n), .target = (target_), .lo = (lo_), \
        .hi = (hi_), .value = "N", .help = (help_)                                           \
    }
#define VA_OPT_REAL(l, n, target_, lo_, hi_, help_)                                           \
    {                                                                                         \
        .kind = VA_OPTION_REAL, .letter = (l), .name = (n), .target = (target_), .lo = (lo_), \
        .hi = (hi_), .value = "X", .help = (help_)                                            \
    }
#define VA_OPT_STRING(l, n, target_, value_, help_)                                \
    {                                                                              \
        .kind = VA_OPTION_STRING, .letter = (l), .name = (n), .target = (target_), \
        .value = (value_), .help = (help_)                                         \
    }
#define VA_OPT_VIDEO_NAME(target_, help_)                                             \
    {                                                                                 \
        .kind = VA_OPTION_STRING, .name = "name", .target = (target_), .video = true, \
        .value = "NAME", .help = (help_)                                              \
    }
#define VA_OPT_FILE(l, n, target_, help_)                                        \
    {                                                                            \
        .kind = VA_OPTION_FILE, .letter = (l), .name = (n), .target = (target_), \
        .value = "FILE", .help = (help_)                                         \
    }
#define VA_OPT_DIR(l, n, target_, help_)                                         \
    {                                                                            \
        .kind = VA_OPTION_FILE, .letter = (l), .name = (n), .target = (target_), \
        .value = "DIR", .help = (help_)                                          \
    }
#define VA_OPT_OUTPUT(l, n, target_, value_, help_)                                \
    {                                                                              \
        .kind = VA_OPTION_OUTPUT, .letter = (l), .name = (n), .target = (target_), \
        .run = true, .value = (value_), .help = (help_)                            \
    }
#define VA_OPT_STREAM(l, n, target_, value_, help_)                                \
    {                                                                              \
        .kind = VA_OPTION_OUTPUT, .letter = (l), .name = (n), .target = (target_), \
        .run = true, .stream = true, .value = (value_), .help = (help_)            \
    }
#define VA_OPT_CHOICE(l, n, target_, names_, help_)                                \
    {                                                                              \
        .kind = VA_OPTION_CHOICE, .letter = (l), .name = (n), .target = (target_), \
        .names = (names_), .help = (help_)                                         \
    }
#define VA_OPT_LIST(l, n, target_, value_, help_)                                \
    {                                                                            \
        .kind = VA_OPTION_LIST, .letter = (l), .name = (n), .target = (target_), \
        .value = (value_), .help = (help_)                                       \
    }
#define VA_OPT_INTS(l, n, target_, lo_, hi_, help_)                                           \
    {                                                                                         \
        .kind = VA_OPTION_INTS, .letter = (l), .name = (n), .target = (target_), .lo = (lo_), \
        .hi = (hi_), .value = "N,N,...", .help = (help_)                                      \
    }
/* How the run goes, not what it computes: these stay out of the provenance. */
#define VA_OPT_RUN_FLAG(l, n, target_, help_)                                                 \
    {                                                                                         \
        .kind = VA_OPTION_FLAG, .letter = (l), .name = (n), .target = (target_), .run = true, \
        .help = (help_)                                                                       \
    }
#define VA_OPT_RUN_INT(l, n, target_, lo_, hi_, help_)                                       \
    {                                                                                        \
        .kind = VA_OPTION_INT, .letter = (l), .name = (n), .target = (target_), .run = true, \
        .lo = (lo_), .hi = (hi_), .value = "N", .help = (help_)                              \
    }
#define VA_OPT_RUN_STRING(l, n, target_, value_, help_)                            \
    {                                                                              \
        .kind = VA_OPTION_STRING, .letter = (l), .name = (n), .target = (target_), \
        .run = true, .value = (value_), .help = (help_)                            \
    }
/* Options that several tools share, so that they read the same everywhere. */
#define VA_OPT_THREADS(target_)                      \
    VA_OPT_RUN_INT('j', "threads", target_, 0, 1024, \
                   "compute threads; 0: all cores that this process may use")
#define VA_OPT_SEED(target_) \
    VA_OPT_INT(0, "seed", target_, 0, 9007199254740992.0, "seed of all random numbers")
/* Inputs that no command line has room for: those of the list follow the operands. */
extern const char *va_option_files_from;
#define VA_OPT_FILES_FROM()                             \
    VA_OPT_FILE(0, "files-from", &va_option_files_from, \
                "further inputs: a list with a path a line; -: standard input")
#define VA_OPT_END            \
    {                         \
        .kind = VA_OPTION_END \
    }

/* What a tool (or one of its subcommands) is: printed by --help. */
struct va_usage {
    const char *synopsis; /* after the tool's name: "[options] -o OUT.h5 IN.h5..." */
    const char *brief;    /* one line: what it does */
    const char
        *details; /* paragraphs, an empty line between; NULL: none. One that begins with a
                             blank is printed as written */
    const char *examples; /* commands to copy, one per line, `\` continues; NULL: none */
};

/*
 * Read argv[1..] against `table`. Returns the operands (NULL last; argv is permuted), with those of
 * --files-from; they are there until the next call. Or NULL with *status set: VA_EXIT_OK after --help
 * or --version was answered on stdout, VA_EXIT_USAGE after a mistake was reported, VA_EXIT_INPUT for a
 * list that cannot be read.
 */
VA_MUST_USE char **va_options_parse(const struct va_option *table, const struct va_usage *usage,
                                    int argc, char **argv, int *status);

/* Whether the last parsed command line held option `name` (long name). */
bool va_option_given(const char *name);

/* The --output of the last parsed command line, else the first output that it names, or "": for the record of usage. */
const char *va_option_output(void);

/* Report a contradiction in the command line; *status becomes VA_EXIT_USAGE. Returns false. */
bool va_usage_error(int *status, const char *format, ...) VA_PRINTF(2, 3);

/* Of a tool with --output FILE and --output-dir DIR: there is one of both, and DIR where there are several inputs. `files`
 * is what to give, `expected` what no input is answered with. Returns false after reporting. */
bool va_outputs_check(const char *output, const char *output_dir, const char *files,
                      char *const *inputs, const char *expected, int *status);

/* Frees what VA_OPT_LIST entries of the table allocated. */
void va_options_free(const struct va_option *table);

/*
 * The command line as the provenance keeps it: options in table order with the given values,
 * those marked `run` left out, absolute paths cut to their last part, then the operands. A new
 * string, or NULL after reporting.
 */
VA_MUST_USE char *va_options_record(void);

/* The provenance is to have `value` of this option, if it was given: what the command line left open is
 * known now. 0, or -1 after reporting. */
VA_MUST_USE int va_options_settle(const char *name, const char *value);

/* What is written from now on is of this input alone, of all that were given. 0, or -1 after reporting. */
VA_MUST_USE int va_options_settle_input(const char *path);

/* "VERB ..." tools: find argv[1] among commands. */
struct va_command {
    const char *name;
    int (*main)(int argc, char **argv); /* argv[0] is the verb; returns an exit code */
    const char *brief;
};

/*
 * Run the subcommand argv[1]; answers -h, -V, "help", "help VERB" and "--help VERB" itself.
 * `commands` ends with a NULL name. A first one with the empty name is what the tool does without
 * a verb: it gets the whole command line unless argv[1] is another's name, answers -h and -V with
 * `usage`, whose details should name the others, and its options stand first in the man page.
 * Returns an exit code.
 */
VA_MUST_USE int va_commands_run(const struct va_command *commands, const struct va_usage *usage,
                                int argc, char **argv);

#endif
