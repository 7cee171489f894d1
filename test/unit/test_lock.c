/*
 * Locks of targets: one process at a time, named in the message; nothing left behind.
 */
#include "base/va_beside.h"
#include "base/va_error.h"
#include "base/va_leftover.h"
#include "base/va_lock.h"
#include "base/va_mem.h"
#include "test/va_test.h"
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/va-test-XXXXXX";
static char target[64];

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

/* A child that takes the lock of `path` and waits; it is there when this returns. */
static pid_t holder(const char *path)
{
    int ready[2];
    char byte;
    pid_t pid;

    if (pipe(ready) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        if (!va_lock_take(path) || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    VA_CHECK_INT(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void end(pid_t pid, int number)
{
    kill(pid, number);
    waitpid(pid, NULL, 0);
}

/* Whether `path` is refused in a line that names process `pid`. */
static bool refused(const char *path, pid_t pid)
{
    char line[256], expected[256];
    struct va_lock *l;

    va_error_catch_begin(line, sizeof(line));
    l = va_lock_take(path);
    va_error_catch_end();
    va_lock_release(l);
    snprintf(expected, sizeof(expected), "%s: in use by process %ld", path, (long)pid);
    return !l && !strcmp(line, expected);
}

static bool takes(const char *path)
{
    struct va_lock *l = va_lock_take(path);

    va_lock_release(l);
    return l != NULL;
}

static void another_process_is_refused_by_number(void)
{
    pid_t pid = holder(target);

    VA_CHECK(refused(target, pid));
    VA_CHECK(va_lock_is_held(target));
    VA_CHECK_INT(entries(), 1);
    end(pid, SIGKILL);
    VA_CHECK(!va_lock_is_held(target));
    VA_CHECK_INT(entries(), 1); /* the file of the dead one is taken over */
    VA_CHECK(takes(target));
    VA_CHECK(!va_lock_is_held(target));
    VA_CHECK_INT(entries(), 0);
}

static void other_paths_lead_to_the_same_lock(void)
{
    char link[96], dotted[96];
    pid_t pid;

    snprintf(link, sizeof(link), "%s/link", folder);
    snprintf(dotted, sizeof(dotted), "%s/./out", folder);
    VA_CHECK_INT(symlink("out", link), 0);
    pid = holder(target);
    VA_CHECK(refused(link, pid));
    VA_CHECK(refused(dotted, pid));
    end(pid, SIGKILL);
    VA_CHECK(takes(link));
    unlink(link);
    VA_CHECK_INT(entries(), 0);
}

static void a_process_may_take_its_own_again(void)
{
    struct va_lock *one = va_lock_take(target), *two = va_lock_take(target);

    VA_CHECK(one && two && va_lock_exclusive(one));
    va_lock_release(one);
    VA_CHECK_INT(entries(), 1);
    va_lock_release(two);
    VA_CHECK_INT(entries(), 0);
    va_lock_release(NULL);
}

static void a_signal_removes_it(void)
{
    struct va_lock *l = va_lock_take(target);

    va_leftover_remove_all();
    VA_CHECK_INT(entries(), 0);
    va_lock_release(l);
}

static void long_names_are_cut_and_stay_apart(void)
{
    char *where, *one, *two, path[300], name[256];

    memset(name, 'n', 254);
    for (int last = 'a'; last <= 'b'; last++) {
        name[254] = (char)last;
        name[255] = 0;
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        VA_CHECK(takes(path));
        VA_CHECK_INT(va_beside_split(path, &where, last == 'a' ? &one : &two), 0);
        VA_CHECK(!strcmp(where, folder));
        va_free(where);
    }
    VA_CHECK(strlen(one) + VA_BESIDE_SUFFIX <= 255 && strcmp(one, two) != 0);
    va_free(one);
    va_free(two);
    VA_CHECK_INT(entries(), 0);
}

static void folders_and_links_of_a_path(void)
{
    char *where, *beginning, *file, link[96];

    VA_CHECK_INT(va_beside_split("/a", &where, &beginning), 0);
    VA_CHECK(!strcmp(where, "/") && !strcmp(beginning, ".a."));
    va_free(where);
    va_free(beginning);
    VA_CHECK_INT(va_beside_split("b", &where, &beginning), 0);
    VA_CHECK(!strcmp(where, ".") && !strcmp(beginning, ".b."));
    va_free(where);
    va_free(beginning);
    snprintf(link, sizeof(link), "%s/l", folder);
    VA_CHECK_INT(symlink("nothing/yet", link), 0);
    file = va_beside_follow(link);
    VA_CHECK(file && strstr(file, "/nothing/yet"));
    va_free(file);
    unlink(link);
    VA_CHECK_INT(symlink("l", link), 0);
    va_error_catch_begin(link + 48, 48);
    VA_CHECK(!va_beside_follow(link));
    va_error_catch_end();
    unlink(link);
}

/* Take the lock again and again. Whoever has it is alone: 1 when somebody else is inside. */
static int go_in_and_out(void)
{
    char line[256], inside[96];

    snprintf(inside, sizeof(inside), "%s/inside", folder);
    for (int i = 0; i < 200; i++) {
        struct va_lock *l;

        va_error_catch_begin(line, sizeof(line));
        l = va_lock_take(target);
        va_error_catch_end();
        if (!l && !strstr(line, "in use by process"))
            return 2;
        if (l && (mkdir(inside, 0777) < 0 || usleep(100) < 0 || rmdir(inside) < 0))
            return 1;
        va_lock_release(l);
    }
    return 0;
}

/* Of processes that come at once, one at a time has it, and all find the folder clean. */
static void many_at_once(void)
{
    int shared = 0, ended;

    for (int i = 0; i < 20; i++)
        if (fork() == 0)
            _exit(go_in_and_out());
    while (wait(&ended) > 0)
        shared += ended != 0;
    VA_CHECK_INT(shared, 0);
    VA_CHECK_INT(entries(), 0);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(target, sizeof(target), "%s/out", folder);
    VA_TEST(another_process_is_refused_by_number);
    VA_TEST(other_paths_lead_to_the_same_lock);
    VA_TEST(a_process_may_take_its_own_again);
    VA_TEST(a_signal_removes_it);
    VA_TEST(long_names_are_cut_and_stay_apart);
    VA_TEST(folders_and_links_of_a_path);
    VA_TEST(many_at_once);
    rmdir(folder);
    return va_test_finish();
}
