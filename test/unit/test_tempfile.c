/*
 * Temporary files: nothing under the final name before commit, nothing left behind.
 */
#include "base/va_error.h"
#include "base/va_tempfile.h"
#include "test/va_test.h"
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/va-test-XXXXXX";
static char target[64], other[64];

static int entries(void) /* in folder */
{
    DIR *dir = opendir(folder);
    struct dirent *e;
    int n = 0;

    while ((e = readdir(dir)))
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(dir);
    return n;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    fputs(text, f);
    fclose(f);
}

static bool holds(const char *path, const char *text)
{
    char found[64] = "";
    FILE *f = fopen(path, "r");

    if (!f)
        return false;
    if (!fgets(found, sizeof(found), f))
        found[0] = 0;
    fclose(f);
    return !strcmp(found, text);
}

static void commit_replaces_abort_keeps(void)
{
    struct va_textfile f;

    put(target, "old");
    VA_CHECK_INT(va_textfile_create(&f, target), 0);
    fputs("new", f.stream);
    VA_CHECK(holds(target, "old"));
    va_textfile_abort(&f);
    VA_CHECK(holds(target, "old"));
    VA_CHECK_INT(entries(), 1);
    VA_CHECK_INT(va_textfile_create(&f, target), 0);
    fputs("new", f.stream);
    VA_CHECK_INT(va_textfile_commit(&f), 0);
    VA_CHECK(holds(target, "new"));
    VA_CHECK_INT(entries(), 1);
}

/* A child that begins to write and is ended by `number`; what lies in the folder afterwards. */
static int after_signal(int number)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct va_textfile f;

        va_tempfile_catch_signals();
        if (va_textfile_create(&f, target) < 0)
            _exit(9);
        fputs("half", f.stream);
        fflush(f.stream);
        raise(number);
        _exit(8);
    }
    waitpid(pid, &status, 0);
    VA_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == number);
    return entries();
}

static void signals_clean_up_and_sigkill_is_swept(void)
{
    struct va_textfile f;

    put(target, "old");
    VA_CHECK_INT(after_signal(SIGTERM), 1);
    VA_CHECK_INT(after_signal(SIGINT), 1);
    VA_CHECK_INT(after_signal(SIGKILL), 2);
    VA_CHECK(holds(target, "old"));
    VA_CHECK_INT(va_textfile_create(&f, target), 0); /* the next writer sweeps */
    fputs("new", f.stream);
    VA_CHECK_INT(va_textfile_commit(&f), 0);
    VA_CHECK_INT(entries(), 1);
}

static void a_living_writer_is_not_swept(void)
{
    struct va_textfile one, two;

    VA_CHECK_INT(va_textfile_create(&one, target), 0);
    VA_CHECK_INT(va_textfile_create(&two, target), 0);
    fputs("one", one.stream);
    fputs("two", two.stream);
    VA_CHECK_INT(va_textfile_commit(&one), 0);
    VA_CHECK(holds(target, "one"));
    VA_CHECK_INT(va_textfile_commit(&two), 0);
    VA_CHECK(holds(target, "two"));
}

static void names_that_only_look_alike_are_kept(void)
{
    struct va_textfile f;

    snprintf(other, sizeof(other), "%s/.out.txt.12-x.part", folder);
    put(other, "mine");
    VA_CHECK_INT(va_textfile_create(&f, target), 0);
    va_textfile_abort(&f);
    VA_CHECK(holds(other, "mine"));
    unlink(other);
}

static void places_that_cannot_be_written_are_named(void)
{
    struct va_textfile f;
    char line[256];

    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_textfile_create(&f, "/nowhere/at/all.txt"), -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, "/nowhere/at/all.txt: cannot create") == line);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_textfile_create(&f, folder), -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, "Is a directory") != NULL);
}

static void late_write_errors_are_seen(void)
{
    struct va_textfile f;
    char line[256];

    if (access("/dev/full", W_OK))
        VA_SKIP("no /dev/full");
    VA_CHECK_INT(va_textfile_create(&f, target), 0);
    if (!freopen("/dev/full", "w", f.stream)) {
        VA_CHECK(false);
        return;
    }
    fputs("text", f.stream);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_textfile_commit(&f), -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, "No space left") != NULL);
    VA_CHECK_INT(entries(), 1);
}

static void folders_are_made_with_their_parents(void)
{
    char path[96], line[256];

    snprintf(path, sizeof(path), "%s/a/b/c", folder);
    VA_CHECK_INT(va_make_folder(path), 0);
    VA_CHECK_INT(va_make_folder(path), 0);
    VA_CHECK_INT(rmdir(path), 0);
    snprintf(path, sizeof(path), "%s/x", target); /* below a file */
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_make_folder(path), -1);
    va_error_catch_end();
    VA_CHECK(line[0]);
    snprintf(path, sizeof(path), "%s/a/b", folder);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/a", folder);
    rmdir(path);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(target, sizeof(target), "%s/out.txt", folder);
    VA_TEST(commit_replaces_abort_keeps);
    VA_TEST(signals_clean_up_and_sigkill_is_swept);
    VA_TEST(a_living_writer_is_not_swept);
    VA_TEST(names_that_only_look_alike_are_kept);
    VA_TEST(places_that_cannot_be_written_are_named);
    VA_TEST(late_write_errors_are_seen);
    VA_TEST(folders_are_made_with_their_parents);
    unlink(target);
    rmdir(folder);
    return va_test_finish();
}
