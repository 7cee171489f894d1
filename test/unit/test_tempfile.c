/*
 * Temporary files: nothing under the final name before commit, nothing left behind, one writer at
 * a time, and nothing replaced that is not ours.
 */
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_tempfile.h"
#include "test/va_test.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
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
    VA_CHECK_INT(va_textfile_create(&f, target, NULL), 0);
    fputs("new", f.stream);
    VA_CHECK(holds(target, "old"));
    va_textfile_abort(&f);
    VA_CHECK(holds(target, "old"));
    VA_CHECK_INT(entries(), 1);
    VA_CHECK_INT(va_textfile_create(&f, target, NULL), 0);
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
        if (va_textfile_create(&f, target, NULL) < 0)
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
    VA_CHECK_INT(after_signal(SIGKILL), 3); /* the part and the lock */
    VA_CHECK(holds(target, "old"));
    VA_CHECK_INT(va_textfile_create(&f, target, NULL), 0); /* the next writer sweeps */
    fputs("new", f.stream);
    VA_CHECK_INT(va_textfile_commit(&f), 0);
    VA_CHECK_INT(entries(), 1);
}

/* A child that has `target` open for writing, until it is told to go on. */
static pid_t writer(int *go_on)
{
    int ready[2], wait[2];
    char byte;
    pid_t pid;

    if (pipe(ready) < 0 || pipe(wait) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        struct va_textfile f;

        close(wait[1]);
        if (va_textfile_create(&f, target, NULL) < 0)
            _exit(9);
        fputs("first", f.stream);
        if (write(ready[1], "x", 1) != 1 || read(wait[0], &byte, 1) < 0)
            _exit(8);
        _exit(va_textfile_commit(&f) < 0);
    }
    close(ready[1]);
    close(wait[0]);
    VA_CHECK_INT(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *go_on = wait[1];
    return pid;
}

static void a_second_writer_is_refused_and_touches_nothing(void)
{
    char line[256], expected[128];
    struct va_textfile f;
    int go_on = -1, status;
    pid_t pid = writer(&go_on);

    snprintf(expected, sizeof(expected), "%s: in use by process %ld", target, (long)pid);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_textfile_create(&f, target, NULL), -1);
    va_error_catch_end();
    VA_CHECK(!strcmp(line, expected));
    close(go_on);
    waitpid(pid, &status, 0);
    VA_CHECK_INT(status, 0);
    VA_CHECK(holds(target, "first"));
    VA_CHECK_INT(entries(), 1);
}

static void two_outputs_of_a_run_are_two_files(void)
{
    struct va_textfile one, two;
    char line[256];

    VA_CHECK_INT(va_textfile_create(&one, target, NULL), 0);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_textfile_create(&two, target, NULL), -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, "two outputs of this run are this file"));
    fputs("one", one.stream);
    VA_CHECK_INT(va_textfile_commit(&one), 0);
    VA_CHECK(holds(target, "one"));
    VA_CHECK_INT(entries(), 1);
}

/* Refused, in a line that holds `word`. */
static bool refused(const char *path, va_output_ours *ours, const char *word)
{
    struct va_textfile f;
    char line[256];
    int result;

    va_error_catch_begin(line, sizeof(line));
    result = va_textfile_create(&f, path, ours);
    va_error_catch_end();
    return result < 0 && strstr(line, word) && strstr(line, path) == line;
}

static void an_input_is_never_replaced(void)
{
    struct va_textfile f;
    char link[96], hard[96], line[256];
    int fd;

    snprintf(link, sizeof(link), "%s/link", folder);
    snprintf(hard, sizeof(hard), "%s/hard", folder);
    put(target, "mine");
    fd = va_input_open(target, "a text", NULL);
    close(fd);
    VA_CHECK(symlink("out.txt", link) == 0 && !linkat(AT_FDCWD, target, AT_FDCWD, hard, 0));
    VA_CHECK(refused(target, NULL, "input of this run"));
    VA_CHECK(refused(link, NULL, "input of this run"));
    VA_CHECK(refused(hard, NULL, "input of this run"));
    unlink(link);
    unlink(hard);
    va_input_forget(target);
    VA_CHECK_INT(va_textfile_create(&f, target, NULL), 0);
    fputs("new", f.stream);
    va_input_note(target); /* read in between */
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_textfile_commit(&f), -1);
    va_error_catch_end();
    VA_CHECK(holds(target, "mine"));
    VA_CHECK_INT(entries(), 1);
    va_input_forget(target); /* the next file may get its inode */
    unlink(target);
}

static bool is_table(const char *head, size_t size)
{
    return va_output_begins(head, size, "a\tb\n");
}

static void only_earlier_outputs_are_replaced(void)
{
    struct va_textfile f;

    put(target, "a\tc\n");
    VA_CHECK(refused(target, is_table, "--force"));
    VA_CHECK(holds(target, "a\tc\n"));
    va_output_force(true);
    VA_CHECK_INT(va_textfile_create(&f, target, is_table), 0);
    va_textfile_abort(&f);
    va_output_force(false);
    for (int i = 0; i < 2; i++) {
        put(target, i ? "a\tb\n1\t2\n" : "");
        VA_CHECK_INT(va_textfile_create(&f, target, is_table), 0);
        va_textfile_abort(&f);
    }
    unlink(target);
}

static void links_stay_and_lead_to_the_new_file(void)
{
    char link[96], real[96];
    struct va_textfile f;
    struct stat st;

    snprintf(link, sizeof(link), "%s/link", folder);
    snprintf(real, sizeof(real), "%s/real", folder);
    VA_CHECK_INT(symlink("real", link), 0);
    for (int i = 0; i < 2; i++) { /* first it leads to nothing */
        VA_CHECK_INT(va_textfile_create(&f, link, NULL), 0);
        fputs(i ? "again" : "new", f.stream);
        VA_CHECK_INT(va_textfile_commit(&f), 0);
        VA_CHECK(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
        VA_CHECK(holds(real, i ? "again" : "new"));
    }
    VA_CHECK_INT(entries(), 2);
    unlink(link);
    unlink(real);
}

static void permissions_stay(void)
{
    struct va_textfile f;
    struct stat st;

    put(target, "old");
    VA_CHECK_INT(chmod(target, 0600), 0);
    VA_CHECK_INT(va_textfile_create(&f, target, NULL), 0);
    VA_CHECK(stat(va_tempfile_path(f.temp), &st) == 0 && (st.st_mode & 0777) == 0600);
    VA_CHECK_INT(va_textfile_commit(&f), 0);
    VA_CHECK(stat(target, &st) == 0 && (st.st_mode & 0777) == 0600);
    unlink(target);
}

static void names_of_255_bytes_can_be_written(void)
{
    char path[300], name[256];
    struct va_textfile f;

    memset(name, 'n', 255);
    name[255] = 0;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    VA_CHECK_INT(va_textfile_create(&f, path, NULL), 0);
    VA_CHECK_INT(entries(), 2); /* and the lock */
    VA_CHECK_INT(va_textfile_commit(&f), 0);
    VA_CHECK_INT(entries(), 1);
    unlink(path);
}

static void names_that_only_look_alike_are_kept(void)
{
    struct va_textfile f;

    snprintf(other, sizeof(other), "%s/.out.txt.12-x.part", folder);
    put(other, "mine");
    VA_CHECK_INT(va_textfile_create(&f, target, NULL), 0);
    va_textfile_abort(&f);
    VA_CHECK(holds(other, "mine"));
    unlink(other);
}

static void places_that_cannot_be_written_are_named(void)
{
    struct va_textfile f;
    char line[256];

    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_textfile_create(&f, "/nowhere/at/all.txt", NULL), -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, "/nowhere/at/all.txt: cannot create") == line);
    VA_CHECK(strstr(line, ": make its folder first") != NULL);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_textfile_create(&f, folder, NULL), -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, "Is a directory") != NULL);
}

static void late_write_errors_are_seen(void)
{
    const struct rlimit small = { 4096, RLIM_INFINITY },
                        none = { RLIM_INFINITY, RLIM_INFINITY };
    struct va_textfile f;
    char line[256];

    signal(SIGXFSZ, SIG_IGN);
    VA_CHECK_INT(va_textfile_create(&f, target, NULL), 0);
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 100000; i++)
        fputs("text", f.stream);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_textfile_commit(&f), -1);
    va_error_catch_end();
    setrlimit(RLIMIT_FSIZE, &none);
    VA_CHECK(strstr(line, "File too large") != NULL); /* and not the error of a later call */
    VA_CHECK_INT(entries(), 0);
}

static void folders_are_made_with_their_parents(void)
{
    char path[96], line[256];

    snprintf(path, sizeof(path), "%s/a/b/c", folder);
    VA_CHECK_INT(va_make_folder(path), 0);
    VA_CHECK_INT(va_make_folder(path), 0);
    VA_CHECK_INT(rmdir(path), 0);
    put(target, "file");
    snprintf(path, sizeof(path), "%s/x", target);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_make_folder(path), -1);
    va_error_catch_end();
    VA_CHECK(line[0]);
    line[0] = 0;
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK_INT(va_test_folder(path), -1);
    va_error_catch_end();
    VA_CHECK(strstr(line, "/x: cannot make folder: Not a directory") != NULL);
    snprintf(path, sizeof(path), "%s/a/b/new/one", folder);
    VA_CHECK_INT(va_test_folder(path), 0);
    VA_CHECK_INT(access(path, F_OK), -1);
    VA_CHECK_INT(va_test_folder("test_tempfile no such folder/one"), 0);
    VA_CHECK_INT(va_test_folder("no-such-folder-for-test_tempfile"), 0);
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
    VA_TEST(a_second_writer_is_refused_and_touches_nothing);
    VA_TEST(two_outputs_of_a_run_are_two_files);
    VA_TEST(an_input_is_never_replaced);
    VA_TEST(only_earlier_outputs_are_replaced);
    VA_TEST(links_stay_and_lead_to_the_new_file);
    VA_TEST(permissions_stay);
    VA_TEST(names_of_255_bytes_can_be_written);
    VA_TEST(names_that_only_look_alike_are_kept);
    VA_TEST(places_that_cannot_be_written_are_named);
    VA_TEST(late_write_errors_are_seen);
    VA_TEST(folders_are_made_with_their_parents);
    unlink(target);
    rmdir(folder);
    return va_test_finish();
}
