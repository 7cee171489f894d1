#include "base/va_make.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_program.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct va_make {
    char *folder; /* of the Makefiles */
    char **words; /* [count], and NULL */
    int64_t count, room;
    bool failed;
};

/* A new string, or NULL after reporting. */
static char *find_folder(const char *makefile)
{
    const char *set = getenv("VA_PIPELINES");
    const char *const places[] = { "%s/share/mamba-va",
                                   "%s/pipelines" }; /* 1 and 2 levels up */

    if (set && *set)
        return va_strdup(set);
    for (size_t i = 0; i < VA_COUNT(places); i++) {
        char *above = va_program_above((int)i + 1),
             *folder = above ? va_format(places[i], above) : NULL,
             *file = folder ? va_format("%s/%s", folder, makefile) : NULL;
        bool found = file && access(file, R_OK) == 0;

        va_free(file);
        va_free(above);
        if (found)
            return folder;
        va_free(folder);
    }
    va_error("cannot find pipelines/%s: set VA_PIPELINES to its folder", makefile);
    return NULL;
}

void va_make_say(struct va_make *m, char *word)
{
    if (!word || va_grow(&m->words, &m->room, m->count + 2, sizeof(*m->words)) < 0) {
        va_free(word);
        m->failed = true;
        return;
    }
    m->words[m->count++] = word;
    m->words[m->count] = NULL;
}

void va_make_file(struct va_make *m, const char *name)
{
    va_make_say(m, va_strdup("-f"));
    va_make_say(m, va_format("%s/%s", m->folder, name));
}

struct va_make *va_make_new(int64_t jobs, const char *makefile)
{
    struct va_make *m = va_new(1, sizeof(*m));
    const char *make = getenv("MAKE");
    char *bin = m ? va_program_folder() : NULL;

    if (bin && (m->folder = find_folder(makefile))) {
        va_make_say(m, va_strdup(make && *make ? make : "make"));
        va_make_say(m, va_strdup("--no-print-directory"));
        va_make_say(m, va_format("-j%lld", (long long)jobs));
        va_make_say(m, va_format("BIN=%s", bin));
        va_free(bin);
        return m;
    }
    va_free(bin);
    va_make_free(m);
    return NULL;
}

int va_make_takes(const char *path)
{
    const char *p = path;

    while (*p && *p != ' ' && !(p == path && *p == '-') &&
           ((unsigned char)*p >= 0x80 || isalnum((unsigned char)*p) || strchr("._+,@/-", *p)))
        p++;
    if (p > path && !*p)
        return 0;
    return va_error(
        "%s: make cannot use this path: only letters, digits and . _ + - , @ are allowed; "
        "give it another name (ln -s)",
        path);
}

void va_make_free(struct va_make *m)
{
    if (!m)
        return;
    for (int64_t i = 0; i < m->count; i++)
        va_free(m->words[i]);
    va_free(m->words);
    va_free(m->folder);
    va_free(m);
}

int va_make_exec(struct va_make *m)
{
    if (m->failed)
        return -1;
    execvp(m->words[0], m->words);
    return va_error_machine("%s: cannot run: %s", m->words[0], strerror(errno));
}

/* In the new process, which ends with this one. */
static void become(struct va_make *m, bool ask)
{
    int null = ask ? open("/dev/null", O_WRONLY) : -1;

    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (ask ? null < 0 || dup2(null, 2) < 0 : dup2(2, 1) < 0)
        (void)va_error_machine("cannot redirect make: %s", strerror(errno));
    else
        (void)va_make_exec(m);
    _exit(VA_EXIT_MACHINE);
}

static volatile sig_atomic_t running; /* make */

/* Of a terminal make has it, too, and ends when its commands have. Sent to this process alone it has to be
 * told, in a way that it passes on. */
static void on_interrupt(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    if (info->si_code <= 0)
        kill(running, SIGTERM);
}

int va_make_run(struct va_make *m, bool ask)
{
    struct sigaction heed = { .sa_sigaction = on_interrupt, .sa_flags = SA_SIGINFO }, before;
    int status = 0;
    pid_t pid;

    if (m->failed)
        return -1;
    fflush(stdout);
    if ((pid = fork()) == 0)
        become(m, ask);
    if (pid < 0)
        return va_error_machine("cannot start make: %s", strerror(errno));
    running = pid;
    if (sigaction(SIGINT, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGINT, &heed, NULL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    sigaction(SIGINT, &before, NULL);
    if (WIFSIGNALED(status)) {
        if (!ask)
            va_warn("interrupted: the same command continues");
        raise(WTERMSIG(status));
        return va_error_machine("make was ended by signal %d", WTERMSIG(status));
    }
    return WEXITSTATUS(status) == VA_EXIT_MACHINE ? -1 : WEXITSTATUS(status);
}
