/*
 * va-run - from videos to pages, tables and plots of valence and arousal: the tools, one after the other.
 *
 * Runs pipelines/video.mk with make, which knows what is out of date; base/va_make.h. Here are only the
 * command line and what is made of it; run/va_given.c looks at the models, run/va_set.c at the settings,
 * run/va_videos.c at the videos.
 */
#include "base/va_input.h"
#include "base/va_make.h"
#include "base/va_mem.h"
#include "base/va_program.h"
#include "base/va_tempfile.h"
#include "base/va_thread.h"
#include "base/va_tool.h"
#include "tools/run/va_failures.h"
#include "tools/run/va_given.h"
#include "tools/run/va_set.h"
#include "tools/run/va_videos.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FACES_AUTO, FACES_YES, FACES_NO };
static const char *const faces_names[] = { "auto", "yes", "no", NULL };

static struct args {
    const char *output;
    struct va_strings settings;
    int64_t jobs;
    int faces;
    bool live;
    char **operands; /* videos, or what is for va-live; NULL last */
} args = { .output = "results", .jobs = 1 };

static struct va_given given; /* models */
static bool detector;         /* there is one, and it is needed */
static bool unsearched;       /* there is none for some videos */

static const struct va_option table[] = {
    VA_OPT_DIR('o', "output", &args.output, "folder to make a folder for each video in"),
    VA_OPT_FILE('e', "encoder", &given.encoder, "encoder of the model's features (va.model/1)"),
    VA_OPT_LIST('m', "model", &given.models, "MODEL.h5",
                "model (va.model/1); may be repeated, predictions are averaged"),
    VA_OPT_CHOICE(0, "faces", &args.faces, faces_names,
                  "find faces first; auto: in videos, if a detector is installed"),
    VA_OPT_LIST(0, "set", &args.settings, "NAME=VALUE",
                "options for a tool, or another setting, see below; may be repeated"),
    VA_OPT_FLAG(0, "live", &args.live, "hand over to va-live, with the arguments that follow"),
    VA_OPT_RUN_INT('j', "jobs", &args.jobs, 1, 1024, "number of commands to run side by side"),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] VIDEO...\n       va-run [options] --live [options of va-live]",
    .brief = "make a page, a table, a plot and an overlay from videos",
    .details =
        "VIDEO is a video of any size, or a folder or zip archive of face crops. Each video gets a folder DIR/NAME "
        "with files to open, whose names are printed:\n\n"
        "  NAME.html          page with curves beside the video\n"
        "  NAME.csv           table with a row for each frame and person; with tabs: DIR/NAME.tsv\n"
        "  NAME.svg           plot of the curves\n"
        "  NAME.overlay.mp4   video with boxes and curves drawn over it\n"
        "  NAME.faces.h5      faces\n\n"
        "Features, predictions and smoothed predictions stay in the folder, too; DIR/in has links to the "
        "videos, DIR/.make the settings. A second run makes only what is out of date. After an interruption, "
        "the same command continues.\n\n"
        "NAME is the name of the file without its ending. Characters other than letters, digits and "
        ". _ - + , @ become _. Videos of one name keep the ending, and the folders if necessary.\n\n"
        "Models, detector and options are checked before any video is opened. "
        "A video that cannot be opened, or fails later, does not stop the others. The exit code is then "
        "3. It is 4 if the machine failed: the disk, memory, a command that cannot be run.\n\n"
        "--set NAME=VALUE changes a stage. The variables CROP_OPTIONS and EMBED_OPTIONS (for va-embed), "
        "DECODE_OPTIONS, FACES_OPTIONS, OVERLAY_OPTIONS, PREDICT_OPTIONS and SMOOTH_OPTIONS hold options for "
        "the tools. OVERLAY=no leaves out the overlay. THREADS is the number of threads of a command. LAUNCH "
        "goes before each command, for schedulers. DECODE_OPTIONS count only where no faces are searched: for "
        "folders of crops (--fps 25), and with --faces no. The rate of a folder that is searched for faces goes "
        "into FACES_OPTIONS.\n\n"
        "Without --encoder and --model, the environment variables VA_ENCODER and VA_MODEL name them. "
        "Without these, the starter model is used if it is installed (make deps WITH=starter); its "
        "values are rough. Without any model, only the faces are found.\n\n"
        "va-faces finds the faces; its detector is installed by make deps WITH=faces. With --faces auto "
        "and no detector, whole pictures are taken for faces. Pictures of a folder always are, unless "
        "--faces yes is given. A video without a person has face 0 in every row of its table.\n\n"
        "va-run --live hands over to va-live, which predicts from a camera, with the same encoder and "
        "model and the arguments after --live.",
    .examples =
        "va-run holiday.mp4\n"
        "va-run -j 2 -o own --encoder encoder.h5 --model model.h5 holiday.mp4 talk.mp4\n"
        "va-run -o one --set FACES_OPTIONS=\"--people largest\" talk.mp4",
};

/* What follows --live is not for us. */
static bool parse_args(int argc, char **argv, int *status)
{
    int own = 1;

    while (own < argc && strcmp(argv[own], "--live") != 0)
        own++;
    args.operands = va_options_parse(table, &usage, own < argc ? own + 1 : argc, argv, status);
    if (!args.operands)
        return false;
    if (args.live && args.operands[0])
        return va_usage_error(status, "found %s before --live, expected options",
                              args.operands[0]);
    if (args.live)
        args.operands = argv + own + 1;
    else if (!args.operands[0])
        return va_usage_error(status, "expected at least one video");
    return va_set_check(&args.settings, status);
}

/* ---- make --------------------------------------------------------------------------------- */

/* "MODEL=A B ...": a blank in a path would make two of it. */
static char *join_models(void)
{
    char *all = va_strdup("MODEL=");

    for (int64_t i = 0; all && i < given.models.count; i++) {
        char *more = va_format("%s%s%s", all, i ? " " : "", given.models.items[i]);

        va_free(all);
        all = more;
    }
    return all;
}

/* A command line of make for `goal`, with the descriptors of the list of videos and of the file for exit
 * codes; `checked`: of files, those that are up to date. NULL after reporting. */
static struct va_make *command(int list, int codes, const char *goal, bool checked)
{
    struct va_make *m = va_make_new(args.jobs, "video.mk");
    int threads = va_threads_available() / (int)args.jobs;

    if (!m)
        return NULL;
    va_make_file(m, "video.mk");
    va_make_say(m, va_strdup("-k"));
    if (va_verbosity() != VA_VERBOSE)
        va_make_say(m, va_strdup("-s"));
    va_make_say(m, va_strdup(checked ? "CHECK=yes" : "CHECK="));
    va_make_say(m, va_format("VIDEO_LIST=/dev/fd/%d", list));
    va_make_say(m, va_format("EXIT_CODES=/dev/fd/%d", codes));
    va_make_say(m, va_format("OUT=%s", args.output));
    va_make_say(m, va_format("ENCODER=%s", given.encoder ? given.encoder : ""));
    va_make_say(m, join_models());
    va_make_say(m, va_format("FACES=%s", faces_names[args.faces]));
    va_make_say(m, va_strdup(detector ? "DETECTOR=yes" : "DETECTOR="));
    va_make_say(m, va_format("THREADS=%d", threads > 1 ? threads : 1));
    va_make_say(m, va_strdup(va_verbosity() == VA_QUIET ? "QUIET=1" : "QUIET="));
    va_make_say(m, va_strdup(va_verbosity() == VA_VERBOSE ? "V=1" : "V="));
    for (int64_t i = 0; i < args.settings.count; i++)
        va_make_set(m, args.settings.items[i]);
    va_make_say(m, va_strdup(goal));
    return m;
}

static int list_made(int list, int codes, bool checked)
{
    struct va_make *m = command(list, codes, "list", checked);
    int status = m ? va_make_run(m, true) : -1;

    va_make_free(m);
    return status;
}

/* *said: why make could not begin, or NULL; a new string. */
static int make_all(int list, int codes, char **said)
{
    struct va_make *m = command(list, codes, "all", false);
    int status;

    if (m && va_verbosity() != VA_VERBOSE)
        va_make_keep(m);
    status = m ? va_make_run(m, false) : -1;
    *said = status > 0 ? va_make_said(m) : NULL;
    va_make_free(m);
    return status;
}

/* ---- which videos are searched for faces ------------------------------------------------------- */

/* -1 after reporting. */
static int find_detector(void)
{
    bool needed = !given.models.count || args.faces == FACES_YES, wanted = needed;
    int found;

    for (char *const *path = args.operands; *path && args.faces == FACES_AUTO; path++)
        wanted |= !va_is_picture_folder(*path);
    found = wanted ? va_given_detector(&args.settings, needed) : 0;
    detector = found > 0;
    unsearched = found == 0 && wanted;
    return found < 0 ? -1 : 0;
}

/* DECODE_OPTIONS are of va-decode, which reads no video that is searched for faces. */
static void warn_of_decode_options(void)
{
    bool searched = false;

    for (char *const *path = args.operands; *path && args.faces != FACES_NO; path++)
        searched |= args.faces == FACES_YES || !given.models.count ||
                    (detector && !va_is_picture_folder(*path));
    if (searched && va_set_value(&args.settings, "DECODE_OPTIONS"))
        va_warn(
            "DECODE_OPTIONS: not used where faces are searched: give FACES_OPTIONS, or --faces no");
}

/* ---- all of it ----------------------------------------------------------------------------------- */

#define NOT_ALL "not everything could be made%s: the lines above say why"

/* The last line, which is about all that failed. */
static int tell_failures(int codes, bool made, const char *said)
{
    char *names;
    enum va_exit failed = va_failures_read(codes, &names);
    char *of = names ? va_format(" (%s)", names) : va_strdup("");
    int status = 0;

    if (said && failed == VA_EXIT_OK)
        status = va_error("%s", said);
    else if (failed == VA_EXIT_MACHINE || !of)
        status = va_error_machine(NOT_ALL, of ? of : "");
    else if (failed || !made)
        status = va_error(NOT_ALL, of);
    va_free(of);
    va_free(names);
    return status;
}

static int run(int list, int codes)
{
    int made, listed, status;
    char *said;

    if (!given.models.count)
        va_warn(
            "no model, so only faces are found: make deps WITH=starter fetches one, or give "
            "--model");
    else if (unsearched)
        va_warn(
            "no detector of faces, so the whole pictures are taken for faces: make deps WITH=faces "
            "fetches one");
    warn_of_decode_options();
    made = make_all(list, codes, &said);
    listed = made < 0 ? -1 : list_made(list, codes, made > 0);
    if (made == 0 && listed > 0)
        status = va_error_machine("standard output: cannot write the list of files");
    else
        status = made < 0 || tell_failures(codes, made == 0, said) < 0 || listed ? -1 : 0;
    va_free(said);
    return status;
}

static int run_videos(void)
{
    int codes, list, status = -1;

    if (va_given_check(&given, &args.settings) < 0 || find_detector() < 0 ||
        va_make_takes(args.output) < 0)
        return -1;
    if ((codes = memfd_create("exit codes", 0)) < 0)
        return va_error_machine("cannot collect exit codes: %s", strerror(errno));
    list = va_videos_list(args.operands, codes);
    /* make's commands would say it one by one */
    if (list >= 0 && va_test_folder(args.output) == 0)
        status = run(list, codes);
    if (list >= 0)
        close(list);
    close(codes);
    return status;
}

/* ---- live --------------------------------------------------------------------------------- */

/* Replace this process. Returns only when that failed. */
static int go_live(void)
{
    char *bin = va_program_folder(), *path = bin ? va_format("%s/va-live", bin) : NULL;
    int64_t count = 0, n = 0;
    const char **words;

    if (!given.models.count) {
        va_free(path), va_free(bin);
        return va_error("no model: make deps WITH=starter fetches one, or give --model");
    }
    if (given.models.count > 1) {
        va_free(path), va_free(bin);
        return va_error("--live: found %lld models, expected one",
                        (long long)given.models.count);
    }
    while (args.operands[count])
        count++;
    words = va_new(count + 2 * given.models.count + 4, sizeof(*words));
    if (words && path) {
        words[n++] = path;
        if (given.encoder)
            words[n++] = "--encoder", words[n++] = given.encoder;
        for (int64_t i = 0; i < given.models.count; i++)
            words[n++] = "--model", words[n++] = given.models.items[i];
        for (int64_t i = 0; i < count; i++)
            words[n++] = args.operands[i];
        execv(path, (char *const *)words);
        va_error_machine("%s: cannot run: %s", path, strerror(errno));
    }
    va_free(words);
    va_free(path);
    va_free(bin);
    return -1;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-run");
    if (parse_args(argc, argv, &status)) {
        int result = va_given_find(&given);

        if (result == 0)
            result = args.live ? go_live() : run_videos();
        /* the last line is about all that failed */
        status = result == 0 ? VA_EXIT_OK : va_error_last_status();
    }
    va_given_release(&given);
    va_options_free(table);
    return va_tool_finish(status);
}
