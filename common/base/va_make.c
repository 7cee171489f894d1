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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct va_make {
    char *folder; /* of the Makefiles */
    char **words; /* [count], and NULL */
    int64_t count, room;
    int said;  /* file in memory with what make itself says; -1: it is not kept */
    int voice; /* standard error for the commands of make then */
    bool failed;
};

/* The folder that VA_PIPELINES names; a new string, or NULL after reporting. */
static char *take_folder(const char *set, const char *makefile)
{
    char *file = va_format("%s/%s", set, makefile);
    bool found = file && access(file, R_OK) == 0;

    if (file && !found)
        va_error("%s: cannot open: %s: give VA_PIPELINES another folder", file,
                 strerror(errno));
    va_free(file);
    return found ? va_strdup(set) : NULL;
}

/* A new string, or NULL after reporting. */
static char *find_folder(const char *makefile)
{
    const char *set = getenv("VA_PIPELINES");
    const char *const places[] = { "%s/share/mamba-va",
                                   "%s/pipelines" }; /* 1 and 2 levels up */

    if (set && *set)
        return take_folder(set, makefile);
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

void va_make_set(struct va_make *m, const char *setting)
{
    size_t dollars = 0;
    char *word, *to;

    for (const char *p = setting; *p; p++)
        dollars += *p == '$';
    to = word = va_new(strlen(setting) + dollars + 1, 1);
    for (const char *p = setting; word && *p; p++) {
        if (*p == '$')
            *to++ = '$';
        *to++ = *p;
    }
    va_make_say(m, word);
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

    if (m)
        m->said = m->voice = -1;
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
    if (m->said >= 0)
        close(m->said), close(m->voice);
    va_free(m->words);
    va_free(m->folder);
    va_free(m);
}

char *va_quoted(const char *word)
{
    const char *plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./,:@%";
    size_t length = strlen(word);
    char *quoted, *to;

    if (*word && strspn(word, plain) == length)
        return va_strdup(word);
    if (!(to = quoted = va_new(4 * length + 3, 1)))
        return NULL;
    *to++ = '\'';
    for (; *word; word++)
        if (*word == '\'')
            to = stpcpy(to, "'\\''");
        else
            *to++ = *word;
    *to = '\'';
    return quoted;
}

const char *va_make_folder_of(const struct va_make *m)
{
    return m->folder;
}

char *va_make_quoted(const struct va_make *m)
{
    char *all = m->failed ? NULL : va_strdup("");

    for (int64_t i = 0; all && i < m->count; i++) {
        char *quoted = va_quoted(m->words[i]);

        all = va_join(all, quoted);
        va_free(quoted);
    }
    return all;
}

int va_make_exec(struct va_make *m)
{
    if (m->failed)
        return -1;
    execvp(m->words[0], m->words);
    return va_error_machine("%s: cannot run: %s", m->words[0], strerror(errno));
}

/* ---- what make itself says ------------------------------------------------------------------- */

void va_make_keep(struct va_make *m)
{
    enum { ONE_DIGIT = 9 }; /* sh takes no more */
    int voice = fcntl(2, F_DUPFD, 3), said = -1;

    if (voice >= 0 && voice <= ONE_DIGIT)
        said = memfd_create("make", MFD_CLOEXEC);
    if (said >= 0) {
        m->said = said;
        m->voice = voice;
        va_make_say(m, va_format("VOICE=%d", voice));
    } else if (voice >= 0) {
        close(voice);
    }
}

/* "FILE:LINE: *** MESSAGE.  Stop." without all that stands around the message, in place. NULL: this is about a
 * command that failed, or no message at all. */
static char *message_in(char *line)
{
    char *message = strstr(line, "*** "), *end;

    if (!message || message[4] == '[' || !strncmp(message + 4, "Waiting for", 11))
        return NULL;
    if ((end = strstr(message, "  Stop.")))
        *end = 0;
    end = message + strlen(message);
    if (end[-1] == '.')
        end[-1] = 0;
    return message + 4;
}

char *va_make_said(const struct va_make *m)
{
    FILE *lines = m->said >= 0 && lseek(m->said, 0, SEEK_SET) == 0 ? fdopen(dup(m->said), "r")
                                                                   : NULL;
    char *line = NULL, *message = NULL;
    size_t room = 0;
    ssize_t n;

    while (lines && !message && (n = getline(&line, &room, lines)) > 0) {
        char *found;

        line[strcspn(line, "\n")] = 0;
        found = message_in(line);
        message = found ? va_strdup(found) : NULL;
    }
    free(line);
    if (lines)
        fclose(lines);
    return message;
}

/* ---- running --------------------------------------------------------------------------------- */

/* make asks its own standard error whether it is a terminal. */
static int redirect(const struct va_make *m, bool ask)
{
    int null = ask ? open("/dev/null", O_WRONLY) : -1;
    const char *terminal = ttyname(2);

    if (ask)
        return null < 0 || dup2(null, 2) < 0 ? -1 : 0;
    if (terminal)
        setenv("MAKE_TERMERR", terminal, 1);
    return dup2(2, 1) < 0 || (m->said >= 0 && dup2(m->said, 2) < 0) ? -1 : 0;
}

/* In the new process, which ends with this one. */
static void become(struct va_make *m, bool ask)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (redirect(m, ask) == 0)
        execvp(m->words[0], m->words);
    if (m->voice >= 0)
        dup2(m->voice, 2);
    (void)va_error_machine("%s: cannot run: %s", m->words[0], strerror(errno));
    _exit(VA_EXIT_MACHINE);
}

static int read_lines(int fd, int (*each)(void *arg, char *line), void *arg)
{
    FILE *lines = fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    int rc = lines ? 0 : va_error_machine("cannot read what make says: %s", strerror(errno));

    while (rc == 0 && getline(&line, &room, lines) > 0) {
        line[strcspn(line, "\n")] = 0;
        rc = each(arg, line);
    }
    free(line);
    if (lines)
        fclose(lines);
    else
        close(fd);
    return rc;
}

int va_make_read(struct va_make *m, int (*each)(void *arg, char *line), void *arg)
{
    int ends[2], status = 0, rc;
    pid_t pid;

    if (m->failed)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        return va_error_machine("cannot start make: %s", strerror(errno));
    if (pid == 0) {
        setenv("LC_ALL", "C", 1);
        if (dup2(ends[1], 1) == 1 && (m->said < 0 || dup2(m->said, 2) == 2))
            execvp(m->words[0], m->words);
        if (m->voice >= 0)
            dup2(m->voice, 2);
        (void)va_error_machine("%s: cannot run: %s", m->words[0], strerror(errno));
        _exit(VA_EXIT_MACHINE);
    }
    close(ends[1]);
    rc = read_lines(ends[0], each, arg);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (rc < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == VA_EXIT_MACHINE)
        return -1;
    return WEXITSTATUS(status);
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
