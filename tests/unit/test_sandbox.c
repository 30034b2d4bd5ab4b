/* SPDX-License-Identifier: Apache-2.0
 * What the sandbox refuses and what it lets through, each in a child process of its own. */
#include "runtime/server/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/sandbox-XXXXXX", listed[64], beside[64], unlisted[64], log_file[64];

/* Of the real one in config.c this test needs the settings that count only. */
void pol_config_files(const pol_config *config, void (*visit)(void *context, const char *key, const char *path), void *context)
{
    visit(context, "bundle.path", config->bundle_path);
    if (config->decision_log_file)
        visit(context, "decision_log.file", config->decision_log_file);
}

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    char path[64];
    static const char *const inner[] = {"in", "out", "logs"};
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, inner[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(listed, sizeof listed, "%s/in/b.polb", folder);
    snprintf(beside, sizeof beside, "%s/in/later", folder);
    snprintf(unlisted, sizeof unlisted, "%s/out/secret", folder);
    snprintf(log_file, sizeof log_file, "%s/logs/decisions", folder);
    write_file(listed);
    write_file(unlisted);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static pol_config settings(void)
{
    return (pol_config){.sandbox_seccomp = true, .sandbox_landlock = true, .bundle_path = listed, .decision_log_file = log_file};
}

static void enter(const pol_config *config)
{
    pol_error err;
    pol_sandbox_memory();
    if (!pol_sandbox_files(config, listed, &err) || !pol_sandbox_calls(config, &err)) {
        fprintf(stderr, "%s\n", err.text);
        _exit(99);
    }
}

/* The line of the first check that does not hold, or 0. */
#define HOLDS(check)                                                                                                                       \
    if (!(check))                                                                                                                          \
    _exit(__LINE__ % 90 + 1)

static void in_child(void (*body)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool fails_with(long result, int wanted)
{
    return result < 0 && errno == wanted;
}

static void *add_one(void *context)
{
    ++*(int *)context;
    return NULL;
}

static void try_calls(void)
{
    char *const arguments[] = {"/bin/true", NULL};
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    pol_config config = settings();
    config.sandbox_landlock = false; /* so that what refuses is seccomp */
    enter(&config);
    HOLDS(fails_with(execve("/bin/true", arguments, arguments + 1), EPERM));
    HOLDS(fails_with(syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, arguments + 1, 0), EPERM));
    HOLDS(fails_with(listen(listening, 1), EPERM));
    HOLDS(fails_with(socket(AF_PACKET, SOCK_RAW, 0), EPERM));
    HOLDS(fails_with(setuid(0), EPERM));
    HOLDS(fails_with(unshare(0), EPERM));
    HOLDS(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EPERM);
#ifndef __SANITIZE_ADDRESS__
    HOLDS(fails_with(fork(), EPERM));
    HOLDS(fails_with(kill(getpid(), 0), EPERM));
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HOLDS(page != MAP_FAILED && fails_with(mprotect(page, 4096, PROT_READ | PROT_EXEC), EPERM));
#endif
}

static void use_calls(void)
{
    pol_config config = settings();
    config.sandbox_landlock = false;
    enter(&config);
    int n = 0;
    pthread_t thread;
    HOLDS(pthread_create(&thread, NULL, add_one, &n) == 0 && pthread_join(thread, NULL) == 0 && n == 1);
    HOLDS(socket(AF_UNIX, SOCK_STREAM, 0) >= 0 && socket(AF_INET6, SOCK_STREAM, 0) >= 0);
    HOLDS(open(listed, O_RDONLY) >= 0);
    free(malloc(1 << 24));
}

static void open_files(void)
{
    pol_config config = settings();
    config.sandbox_seccomp = false; /* so that what refuses is Landlock */
    enter(&config);
    HOLDS(open(listed, O_RDONLY) >= 0);
    HOLDS(fails_with(open(unlisted, O_RDONLY), EACCES));
    HOLDS(fails_with(open("/etc/shadow", O_RDONLY), EACCES));
    HOLDS(fails_with(open(listed, O_WRONLY), EACCES));
    HOLDS(fails_with(open(beside, O_WRONLY | O_CREAT, 0600), EACCES));
    HOLDS(fails_with(unlink(listed), EACCES));
    char *const arguments[] = {"/bin/true", NULL};
    HOLDS(fails_with(execve("/bin/true", arguments, arguments + 1), EACCES));
    /* the decision log is written and rotated */
    char rotated[80];
    snprintf(rotated, sizeof rotated, "%s.1", log_file);
    HOLDS(open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0600) >= 0);
    HOLDS(rename(log_file, rotated) == 0 && open(log_file, O_WRONLY | O_CREAT | O_TRUNC, 0600) >= 0);
    HOLDS(open("/dev/urandom", O_RDONLY) >= 0);
}

static void open_what_replaces(void)
{
    pol_config config = settings();
    int go[2];
    HOLDS(pipe(go) == 0);
    pid_t writer = fork();
    if (writer == 0) { /* outside of the sandbox: what was listed is replaced by rename */
        char byte;
        ssize_t n = read(go[0], &byte, 1);
        (void)n;
        write_file(beside);
        _exit(rename(beside, listed) != 0);
    }
    config.sandbox_seccomp = false;
    enter(&config);
    int status;
    HOLDS(write(go[1], "x", 1) == 1 && waitpid(writer, &status, 0) == writer && status == 0);
    HOLDS(open(listed, O_RDONLY) >= 0);
}

static void look_at_memory(void)
{
    struct rlimit core;
    pol_sandbox_memory();
    HOLDS(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
    HOLDS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
#ifndef __SANITIZE_ADDRESS__
    HOLDS(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
#endif
}

static void become_nobody(void)
{
    pol_error err;
    pol_config config = settings();
    config.user = "nobody";
    HOLDS(pol_sandbox_user(&config, &err));
    HOLDS(getuid() == 65534 && geteuid() == 65534 && getgid() == 65534);
    HOLDS(setuid(0) != 0);
    HOLDS(prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 0);
    HOLDS(fails_with(open("/etc/shadow", O_RDONLY), EACCES));
    config.user = "root";
    HOLDS(!pol_sandbox_user(&config, &err) && strstr(err.text, "only root"));
    config.user = "no-such-user";
    HOLDS(!pol_sandbox_user(&config, &err) && strstr(err.text, "there is no user"));
}

static void system_calls_that_serving_does_not_need_are_refused(void **state)
{
    (void)state;
    in_child(try_calls);
}

static void those_that_it_needs_are_not(void **state)
{
    (void)state;
    in_child(use_calls);
}

static void files_that_no_setting_names_are_not_opened(void **state)
{
    (void)state;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
        skip();
    in_child(open_files);
}

static void a_file_that_replaces_a_listed_one_is_opened(void **state)
{
    (void)state;
    in_child(open_what_replaces);
}

static void nothing_of_the_memory_is_dumped(void **state)
{
    (void)state;
    in_child(look_at_memory);
}

static void roots_rights_are_given_up_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    in_child(become_nobody);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_calls_that_serving_does_not_need_are_refused),
        cmocka_unit_test(those_that_it_needs_are_not),
        cmocka_unit_test(files_that_no_setting_names_are_not_opened),
        cmocka_unit_test(a_file_that_replaces_a_listed_one_is_opened),
        cmocka_unit_test(nothing_of_the_memory_is_dumped),
        cmocka_unit_test(roots_rights_are_given_up_for_good),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
