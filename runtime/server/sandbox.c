/* SPDX-License-Identifier: Apache-2.0
 * no_new_privs, Landlock, user and capabilities, seccomp. */
#include "runtime/server/sandbox.h"

#include "runtime/server/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KEY_HEAP_BYTES = 1 << 20, KEY_HEAP_LEAST = 32, PATH_BYTES = 4096 };

/* ---- memory ---- */

static void hide_memory(void)
{
#ifndef __SANITIZE_ADDRESS__ /* its leak checker looks from outside */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#else
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
}

void pol_sandbox_memory(void)
{
    struct rlimit none = {0, 0};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &none);
    hide_memory();
    /* where it cannot be locked the heap is left out of dumps all the same */
    (void)CRYPTO_secure_malloc_init(KEY_HEAP_BYTES, KEY_HEAP_LEAST);
}

/* ---- files ---- */

enum {
    TRUNCATE = 1 << 14, /* the third version's; newer than some headers */
    READS = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    WRITES = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | TRUNCATE,
    OF_FILES = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE,
    SOCKETS = LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE,
    ALL = READS | WRITES | SOCKETS | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |
          LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM,
};

/* What libraries read while serving: roots of certificates, name resolution, time zones. */
static const char *const of_libraries[] = {
    "/etc/ssl", "/usr/lib/ssl", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/pki", "/etc/resolv.conf", "/etc/hosts",
    "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/run/systemd/resolve", "/etc/passwd", "/etc/group",
    "/etc/localtime", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/dev/random",
#ifdef __SANITIZE_ADDRESS__
    "/proc", "/usr/lib", "/lib",
#endif
};

typedef struct {
    int fd;
    uint64_t handled;
} ruleset;

/* What is not there cannot be opened anyway. */
static void allow(const ruleset *rules, const char *path, uint64_t access)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0) {
        struct landlock_path_beneath_attr rule = {.allowed_access = access & rules->handled & (S_ISDIR(st.st_mode) ? ALL : OF_FILES), .parent_fd = fd};
        (void)syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(fd);
}

/* The folder around path, since what replaces the file by rename is another file. */
static void allow_around(const ruleset *rules, const char *path, uint64_t access)
{
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (slash == path || n >= sizeof folder) {
        allow(rules, path, access); /* all of / would be no limit */
        return;
    }
    memcpy(folder, path, n);
    folder[n] = 0;
    allow(rules, slash ? folder : ".", access);
}

/* What the settings other than those of files to read are for. */
static uint64_t access_of(const char *key)
{
    static const struct {
        const char *key;
        uint64_t access;
    } others[] = {{"decision_log.file", READS | WRITES}, {"shadow.log", READS | WRITES}, {"socket.path", READS | SOCKETS}, {"admin.path", READS | SOCKETS}};
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(key, others[i].key) == 0)
            return others[i].access;
    return READS;
}

static void allow_setting(void *context, const char *key, const char *path)
{
    const ruleset *rules = context;
    uint64_t access = access_of(key);
    allow_around(rules, path, access);
    char *real = realpath(path, NULL); /* of a link */
    if (real)
        allow_around(rules, real, access);
    free(real);
}

bool pol_sandbox_files(const pol_config *config, const char *config_path, pol_error *err)
{
    if (!config->sandbox_landlock)
        return true;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        pol_log_line line = pol_log_begin(POL_LOG_INFO, "the kernel has no Landlock: files are limited by their modes alone");
        pol_log_end(&line);
        return true;
    }
    struct landlock_ruleset_attr attributes = {.handled_access_fs = version < 3 ? (uint64_t)ALL & ~(uint64_t)TRUNCATE : (uint64_t)ALL};
    ruleset rules = {.fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0), .handled = attributes.handled_access_fs};
    if (rules.fd < 0)
        return pol_fail(err, POL_E_IO, "sandbox.landlock: %s", strerror(errno));
    for (unsigned i = 0; i < sizeof of_libraries / sizeof *of_libraries; i++)
        allow(&rules, of_libraries[i], READS);
    allow(&rules, "/dev/null", READS | WRITES);
    allow_setting(&rules, "", config_path);
    pol_config_files(config, allow_setting, &rules);
    if (config->bundle_url)
        allow_around(&rules, config->bundle_path, READS | WRITES);
    for (unsigned i = 0; i < config->sandbox_folders.n; i++)
        allow(&rules, config->sandbox_folders.items[i], READS);
    bool ok = syscall(SYS_landlock_restrict_self, rules.fd, 0) == 0;
    int why = errno;
    close(rules.fd);
    return ok || pol_fail(err, POL_E_IO, "sandbox.landlock: %s", strerror(why));
}

/* ---- user ---- */

POL_MUST_USE static bool become(const char *name, uid_t uid, gid_t gid, pol_error *err)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (initgroups(name, gid) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return pol_fail(err, POL_E_IO, "user: cannot become %s: %s", name, strerror(errno));
    if (uid != 0 && setuid(0) == 0)
        return pol_fail(err, POL_E_IO, "user: root's rights could be taken back after becoming %s", name);
    hide_memory(); /* a change of the user forgets it */
    return true;
}

bool pol_sandbox_user(const pol_config *config, pol_error *err)
{
    struct passwd entry, *found = NULL;
    char buffer[16384];
    if (!config->user)
        return true;
    if (getpwnam_r(config->user, &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return pol_fail(err, POL_E_CONFIG, "user: there is no user %s", config->user);
    if (geteuid() == found->pw_uid)
        return true;
    if (geteuid() != 0)
        return pol_fail(err, POL_E_CONFIG, "user: only root can become %s", config->user);
    return become(found->pw_name, found->pw_uid, found->pw_gid, err);
}

/* ---- system calls ---- */

typedef struct {
    const char *name;
    bool compares;
    struct scmp_arg_cmp compare;
} call;

static const call calls[] = {
#define CALL(name) {#name, false, {0}},
#define CALL_IF(name, argument, mask, value) {#name, true, {argument, SCMP_CMP_MASKED_EQ, mask, value}},
#include "runtime/server/syscalls.def"
};

POL_MUST_USE static int add_calls(scmp_filter_ctx filter)
{
    int failed = 0;
    for (unsigned i = 0; i < sizeof calls / sizeof *calls && failed == 0; i++) {
        int number = seccomp_syscall_resolve_name(calls[i].name);
        if (number >= 0) /* else this processor's kernel has none of the name */
            failed = calls[i].compares ? seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &calls[i].compare)
                                       : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    /* its flags lie in memory, where a filter cannot see them: the C library falls back to clone */
    return failed ? failed : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

bool pol_sandbox_calls(const pol_config *config, pol_error *err)
{
    if (!config->sandbox_seccomp)
        return true;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return pol_fail(err, POL_E_MEMORY, "sandbox.seccomp: no memory for the filter");
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    failed = failed ? failed : seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: each call takes some comparisons */
    failed = failed ? failed : add_calls(filter);
    failed = failed ? failed : seccomp_load(filter);
    seccomp_release(filter);
    return failed == 0 || pol_fail(err, POL_E_IO, "sandbox.seccomp: %s; `sandbox.seccomp: false` does without", strerror(-failed));
}
