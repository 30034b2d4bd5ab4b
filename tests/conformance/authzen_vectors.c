/* SPDX-License-Identifier: Apache-2.0
 * authzen-vectors [-v] [--pold FILE] [--policies DIR] [--socket PATH] DIR: the AuthZEN cases of a folder, asked over a unix socket.
 *
 * For each file of data in DIR/data it compiles the policy of that name, starts pold with it in a temporary folder and runs the
 * files of cases that need it; with --socket it asks a server that is there already. An endpoint that the server does not have
 * (404 to a request that wants something else) makes the case a skip, by feature.
 */
#include "compiler/compile.h"
#include "runtime/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *policy;
    const char *cases[2];
} groups[] = {
    {"todo", {"todo.json", "gateway.json"}},
    {"search", {"search.json", "idp.json"}},
    {"certification", {"certification.json", "protocol.json"}},
};
enum { N_GROUPS = sizeof groups / sizeof *groups, START_MS = 15000, PATH_SIZE = 4096, HEAD_SIZE = 8192 };

typedef struct {
    const char *folder, *policies, *pold, *socket;
    bool verbose;
    char place[64];         /* a temporary folder; "" when --socket is given */
    pid_t server;
    pol_arena arena;        /* of the file of cases at hand */
    pol_builder answers;    /* id, body, ...: for cases that refer to others */
    unsigned passed, failed, skipped;
} run;

typedef struct {
    int status;
    pol_bytes head;  /* with its last line end */
    pol_value body;  /* undefined: no JSON */
} answer;

/* ---- the server ---- */

static bool connects(const char *path, int *out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path));
    *out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*out >= 0 && connect(*out, (const struct sockaddr *)&address, sizeof address) == 0)
        return true;
    if (*out >= 0)
        close(*out);
    return false;
}

POL_MUST_USE static bool write_file(const char *path, pol_bytes text, pol_error *err)
{
    FILE *file = fopen(path, "we");
    bool ok = file && fwrite(text.at, 1, text.n, file) == text.n;
    if (file && fclose(file) != 0)
        ok = false;
    return ok || pol_fail(err, POL_E_IO, "%s: %s", path, strerror(errno));
}

POL_MUST_USE static bool compile_policy(const run *r, const char *name, pol_error *err)
{
    char policy[PATH_SIZE], data[PATH_SIZE], out[PATH_SIZE];
    pol_compile_options options = {.optimise = true, .revision = name};
    pol_compiler *c = pol_compiler_new(&options);
    POL_CLEAN(pol_buf_deinit) pol_buf bundle = {0};
    snprintf(policy, sizeof policy, "%s/%s.pol", r->policies, name);
    snprintf(data, sizeof data, "%s/data/%s.json", r->folder, name);
    snprintf(out, sizeof out, "%s/b.polb", r->place);
    bool ok = pol_compiler_load(c, policy, err) && pol_compiler_load(c, data, err);
    if (ok && !pol_compiler_run(c))
        ok = pol_fail(err, POL_E_USAGE, "%s does not compile", policy);
    ok = ok && pol_compiler_bundle(c, &bundle, err) && write_file(out, pol_buf_view(&bundle), err);
    pol_compiler_free(c);
    return ok;
}

POL_MUST_USE static bool write_settings(const run *r, const char *name, pol_error *err)
{
    char path[PATH_SIZE];
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_buf_printf(&text, "bundle: {path: b.polb}\nsocket: {path: s, mode: \"0600\"}\nlog: {level: error}\n"
                          "search: {subjects: %s/subjects, resources: %s/resources}\n", name, name);
    snprintf(path, sizeof path, "%s/pold.yaml", r->place);
    return write_file(path, pol_buf_view(&text), err);
}

POL_MUST_USE static bool start_server(run *r, const char *name, pol_error *err)
{
    char settings[PATH_SIZE], path[PATH_SIZE];
    int fd;
    snprintf(settings, sizeof settings, "%s/pold.yaml", r->place);
    snprintf(path, sizeof path, "%s/s", r->place);
    POL_TRY(compile_policy(r, name, err));
    POL_TRY(write_settings(r, name, err));
    r->server = fork();
    if (r->server < 0)
        return pol_fail(err, POL_E_IO, "no process could be made");
    if (r->server == 0) {
        execl(r->pold, r->pold, "-c", settings, (char *)NULL);
        _exit(127);
    }
    for (unsigned waited = 0; waited < START_MS; waited += 10) {
        struct timespec pause = {0, 10000000};
        int status;
        if (connects(path, &fd)) {
            close(fd);
            return true;
        }
        if (waitpid(r->server, &status, WNOHANG) == r->server) {
            r->server = 0;
            return pol_fail(err, POL_E_IO, "%s ended at once", r->pold);
        }
        nanosleep(&pause, NULL);
    }
    return pol_fail(err, POL_E_IO, "%s does not listen", r->pold);
}

/* A server that ends otherwise than with 0 has failed, whatever it answered. */
static void stop_server(run *r)
{
    int status = 0;
    if (!r->server)
        return;
    kill(r->server, SIGTERM);
    waitpid(r->server, &status, 0);
    r->server = 0;
    if (status != 0) {
        printf("FAIL pold ended with status %d\n", status);
        r->failed++;
    }
}

/* ---- asking ---- */

static pol_bytes text_of(pol_value object, const char *name, const char *otherwise)
{
    pol_value v = pol_object_member(object, name);
    return v.tag == POL_STRING ? pol_text(v) : pol_bytes_text(otherwise);
}

static void write_request(pol_value test, pol_value request, pol_buf *out)
{
    POL_CLEAN(pol_buf_deinit) pol_buf body = {0};
    pol_value headers = pol_object_member(test, "headers"), raw = pol_object_member(test, "raw_body");
    pol_bytes method = text_of(test, "method", "POST"), path = text_of(test, "endpoint", "/");
    bool has_type = false;
    if (raw.tag == POL_STRING)
        pol_buf_bytes(&body, pol_text(raw));
    else if (pol_is_defined(request))
        pol_json_write(&body, request, POL_JSON_COMPACT);
    pol_buf_printf(out, "%.*s %.*s HTTP/1.1\r\nHost: pdp\r\nConnection: close\r\nContent-Length: %zu\r\n", (int)method.n,
                   (const char *)method.at, (int)path.n, (const char *)path.at, body.n);
    for (uint32_t i = 0; headers.tag == POL_OBJECT && i < headers.n; i++) {
        pol_bytes name = pol_text(pol_member_key(headers, i)), value = pol_text(pol_member_value(headers, i));
        has_type = has_type || pol_bytes_is(name, "Content-Type");
        pol_buf_printf(out, "%.*s: %.*s\r\n", (int)name.n, (const char *)name.at, (int)value.n, (const char *)value.at);
    }
    if (!has_type)
        pol_buf_text(out, "Content-Type: application/json\r\n");
    pol_buf_text(out, "\r\n");
    pol_buf_bytes(out, pol_buf_view(&body));
}

/* The answer's bytes, to the connection's end. */
POL_MUST_USE static bool exchange(const run *r, pol_bytes request, pol_buf *out)
{
    char path[PATH_SIZE];
    int fd;
    snprintf(path, sizeof path, "%s/s", r->place);
    if (!connects(r->socket ? r->socket : path, &fd))
        return false;
    bool ok = send(fd, request.at, request.n, MSG_NOSIGNAL) == (ssize_t)request.n;
    for (ssize_t n = 1; ok && n > 0;) {
        n = read(fd, pol_buf_reserve(out, 65536), 65536);
        out->n += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return ok;
}

POL_MUST_USE static bool ask(run *r, pol_value test, pol_value request, answer *out)
{
    POL_CLEAN(pol_buf_deinit) pol_buf sent = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf got = {0};
    write_request(test, request, &sent);
    if (!exchange(r, pol_buf_view(&sent), &got))
        return false;
    pol_bytes all = pol_buf_to_arena(&got, &r->arena);
    int64_t end = pol_bytes_find(all, POL_BYTES("\r\n\r\n"), 0);
    if (end < 0 || all.n < 12)
        return false;
    pol_error err;
    out->status = (int)strtol((const char *)all.at + 9, NULL, 10);
    out->head = pol_bytes_of(all.at, (size_t)end + 2);
    if (!pol_json_read(&r->arena, pol_bytes_of(all.at + end + 4, all.n - (size_t)end - 4), NULL, &out->body, &err))
        out->body = pol_undefined();
    return true;
}

/* ---- judging ---- */

static bool differs(pol_buf *why, const char *what, pol_value wanted, pol_value got)
{
    pol_buf_printf(why, "%s: wanted ", what);
    pol_json_write(why, wanted, POL_JSON_COMPACT);
    pol_buf_text(why, ", got ");
    pol_json_write(why, got, POL_JSON_COMPACT);
    return false;
}

static bool judge_evaluations(pol_value wanted, pol_value got, pol_buf *why)
{
    if (got.tag != POL_ARRAY || got.n != wanted.n)
        return differs(why, "evaluations", wanted, got);
    for (uint32_t i = 0; i < wanted.n; i++) {
        pol_value want = pol_element(wanted, i), decision = pol_object_member(pol_element(got, i), "decision");
        if (decision.tag != POL_BOOL || (want.tag != POL_NULL && !pol_equal(want, decision)))
            return differs(why, "evaluations", wanted, got);
    }
    return true;
}

/* The entities of results, reduced to type, id and name, as a set. */
static pol_value entities(run *r, pol_value results)
{
    static const char *const members[] = {"type", "id", "name"};
    pol_builder set = pol_builder_new(&r->arena);
    for (uint32_t i = 0; results.tag == POL_ARRAY && i < results.n; i++) {
        pol_builder b = pol_builder_new(&r->arena);
        for (unsigned k = 0; k < 3; k++) {
            pol_value v = pol_object_member(pol_element(results, i), members[k]);
            if (pol_is_defined(v))
                pol_builder_put_text(&b, members[k], v);
        }
        pol_builder_add(&set, pol_builder_object(&b));
    }
    return pol_builder_set(&set);
}

/* What the case called id was answered; undefined: it has not passed. */
static pol_value answer_of(const run *r, pol_bytes id)
{
    for (uint32_t i = 0; i < r->answers.n; i += 2)
        if (pol_bytes_equal(pol_text(pol_load(&r->answers.cells[i])), id))
            return pol_load(&r->answers.cells[i + 1]);
    return pol_undefined();
}

static bool judge_results(run *r, pol_value expect, pol_value got, pol_buf *why)
{
    pol_value exact = pol_object_member(expect, "results"), some = pol_object_member(expect, "results_include");
    pol_value type = pol_object_member(expect, "results_type"), same = pol_object_member(expect, "same_as");
    if (!pol_is_defined(exact) && !pol_is_defined(some) && !pol_is_defined(type) && !pol_is_defined(same))
        return true;
    pol_value found = entities(r, got);
    if (got.tag != POL_ARRAY)
        return differs(why, "results", exact, got);
    if (pol_is_defined(same))
        exact = pol_object_member(answer_of(r, pol_text(same)), "results");
    if (pol_is_defined(exact) && !pol_equal(entities(r, exact), found))
        return differs(why, "results", exact, got);
    for (uint32_t i = 0; some.tag == POL_ARRAY && i < some.n; i++)
        if (!pol_set_has(found, pol_element(some, i)))
            return differs(why, "results_include", some, got);
    for (uint32_t i = 0; pol_is_defined(type) && i < got.n; i++)
        if (!pol_equal(type, pol_object_member(pol_element(got, i), "type")))
            return differs(why, "results_type", type, got);
    return true;
}

static pol_bytes header_of(pol_bytes head, pol_bytes name)
{
    for (size_t at = 0; at < head.n;) {
        int64_t end = pol_bytes_find(head, POL_BYTES("\r\n"), at);
        size_t stop = end < 0 ? head.n : (size_t)end;
        bool named = stop - at > name.n + 1 && head.at[at + name.n] == ':';
        for (size_t i = 0; named && i < name.n; i++)
            named = (head.at[at + i] | 0x20) == (name.at[i] | 0x20);
        if (named)
            return pol_bytes_of(head.at + at + name.n + 2, stop - at - name.n - 2);
        at = stop + 2;
    }
    return (pol_bytes){0};
}

static bool judge_headers(pol_value wanted, pol_bytes head, pol_buf *why)
{
    for (uint32_t i = 0; wanted.tag == POL_OBJECT && i < wanted.n; i++) {
        pol_bytes name = pol_text(pol_member_key(wanted, i)), value = header_of(head, name);
        if (pol_bytes_is(name, "Content-Type")) {
            int64_t end = pol_bytes_find(value, POL_BYTES(";"), 0);
            value.n = end < 0 ? value.n : (size_t)end;
        }
        if (!pol_bytes_equal(value, pol_text(pol_member_value(wanted, i))))
            return differs(why, "header", pol_member_value(wanted, i), pol_string(value));
    }
    return true;
}

static bool judge_members(pol_value wanted, pol_value body, pol_buf *why)
{
    for (uint32_t i = 0; wanted.tag == POL_ARRAY && i < wanted.n; i++)
        if (!pol_is_defined(pol_object_get(body, pol_element(wanted, i))))
            return differs(why, "has", wanted, body);
    return true;
}

static bool judge(run *r, pol_value expect, const answer *got, pol_buf *why)
{
    pol_value status = pol_object_member(expect, "status"), decision = pol_object_member(expect, "decision");
    pol_value evaluations = pol_object_member(expect, "evaluations"), context = pol_object_member(got->body, "context");
    pol_value page = pol_object_member(got->body, "page");
    if (pol_is_defined(status) && !pol_equal(status, pol_int(got->status)))
        return differs(why, "status", status, pol_int(got->status));
    if (pol_is_defined(decision) && !pol_equal(decision, pol_object_member(got->body, "decision")))
        return differs(why, "decision", decision, got->body);
    if (pol_is_defined(decision) && pol_is_defined(context) && context.tag != POL_OBJECT)
        return differs(why, "context", pol_empty(POL_OBJECT), context);
    if (pol_is_defined(evaluations) && !judge_evaluations(evaluations, pol_object_member(got->body, "evaluations"), why))
        return false;
    if (pol_is_defined(pol_object_member(expect, "page")) && pol_is_defined(page) && pol_object_member(page, "next_token").tag != POL_STRING)
        return differs(why, "page.next_token", pol_empty(POL_OBJECT), page);
    return judge_results(r, expect, pol_object_member(got->body, "results"), why) &&
           judge_headers(pol_object_member(expect, "headers"), got->head, why) &&
           judge_members(pol_object_member(expect, "has"), got->body, why);
}

/* ---- cases ---- */

static void count(run *r, pol_value test, const char *verdict, unsigned *counter, pol_bytes why)
{
    pol_bytes id = text_of(test, "id", "?");
    (*counter)++;
    if (r->verbose && counter != &r->passed)
        printf("%s %.*s: %.*s\n", verdict, (int)id.n, (const char *)id.at, (int)why.n, (const char *)why.at);
}

/* Cases with only_if go on from a page of c-4-5-1: its token, or n == 0 when there was none. */
static pol_bytes page_token(const run *r)
{
    return text_of(pol_object_member(answer_of(r, POL_BYTES("c-4-5-1")), "page"), "next_token", "");
}

static pol_value with_token(run *r, pol_value request, pol_bytes token)
{
    pol_value page = pol_object_with(&r->arena, pol_object_member(request, "page"), pol_string_text("token"), pol_string(token));
    return pol_object_with(&r->arena, request, pol_string_text("page"), page);
}

static bool is_unserved(pol_value test, const answer *got)
{
    pol_value wanted = pol_object_member(pol_object_member(test, "expect"), "status");
    return got->status == 404 && !pol_equal(wanted, pol_int(404));
}

static void run_case(run *r, pol_value test)
{
    pol_value times = pol_object_member(test, "repeat"), request = pol_object_member(test, "request");
    answer got = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf why = {0};
    if (pol_is_defined(pol_object_member(test, "only_if"))) {
        pol_bytes token = page_token(r);
        if (token.n == 0) {
            count(r, test, "SKIP", &r->skipped, POL_BYTES("needs a page token, and the answers are not paged"));
            return;
        }
        request = with_token(r, request, token);
    }
    for (int64_t i = times.tag == POL_INT ? times.i : 1; i > 0; i--) {
        if (!ask(r, test, request, &got)) {
            count(r, test, "FAIL", &r->failed, POL_BYTES("no HTTP answer"));
            return;
        }
        if (is_unserved(test, &got)) {
            count(r, test, "SKIP", &r->skipped, POL_BYTES("the server has no such endpoint"));
            return;
        }
        if (!judge(r, pol_object_member(test, "expect"), &got, &why)) {
            count(r, test, "FAIL", &r->failed, pol_buf_view(&why));
            return;
        }
    }
    pol_builder_put(&r->answers, pol_object_member(test, "id"), got.body);
    count(r, test, "pass", &r->passed, (pol_bytes){0});
}

static void run_file(run *r, const char *name)
{
    char path[PATH_SIZE];
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_value cases;
    pol_error err;
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    if (stat(path, &st) != 0)
        return;
    pol_arena_reset(&r->arena);
    r->answers = pol_builder_new(&r->arena);
    if (!pol_file_read(path, 0, &text, &err) || !pol_json_read(&r->arena, pol_buf_view(&text), NULL, &cases, &err) || cases.tag != POL_ARRAY) {
        printf("FAIL %s: no list of cases\n", path);
        r->failed++;
        return;
    }
    unsigned passed = r->passed, failed = r->failed, skipped = r->skipped;
    for (uint32_t i = 0; i < cases.n; i++)
        run_case(r, pol_element(cases, i));
    printf("%-20s %4u passed %4u failed %4u skipped\n", name, r->passed - passed, r->failed - failed, r->skipped - skipped);
}

static void run_group(run *r, unsigned g)
{
    pol_error err;
    if (!r->socket && !start_server(r, groups[g].policy, &err)) {
        printf("FAIL %s: %s\n", groups[g].policy, err.text);
        r->failed++;
        stop_server(r);
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        run_file(r, groups[g].cases[i]);
    stop_server(r);
}

/* ---- start ---- */

/* below, looked for in the folders above the program and above the working folder; "" when it is nowhere. */
static void find_above(const char *below, char out[PATH_SIZE])
{
    char start[PATH_SIZE];
    for (unsigned from = 0; from < 2; from++) {
        ssize_t n = from == 0 ? readlink("/proc/self/exe", start, sizeof start - 1) : -1;
        if (n > 0)
            start[n] = 0;
        else if (!getcwd(start, sizeof start))
            continue;
        for (char *slash = start + strlen(start); slash; slash = strrchr(start, '/')) {
            *slash = 0;
            if (snprintf(out, PATH_SIZE, "%s/%s", start, below) < PATH_SIZE && access(out, R_OK) == 0)
                return;
        }
    }
    out[0] = 0;
}

static void remove_place(const run *r)
{
    static const char *const names[] = {"b.polb", "pold.yaml", "s"};
    char path[PATH_SIZE];
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", r->place, names[i]);
        unlink(path);
    }
    rmdir(r->place);
}

POL_MUST_USE static bool read_arguments(run *r, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char **value = strcmp(argv[i], "--pold") == 0       ? &r->pold
                             : strcmp(argv[i], "--policies") == 0 ? &r->policies
                             : strcmp(argv[i], "--socket") == 0   ? &r->socket
                                                                  : NULL;
        if (value && i + 1 < argc)
            *value = argv[++i];
        else if (strcmp(argv[i], "-v") == 0)
            r->verbose = true;
        else if (r->folder || argv[i][0] == '-')
            return false;
        else
            r->folder = argv[i];
    }
    return r->folder != NULL;
}

int main(int argc, char **argv)
{
    run r = {.place = ""};
    char pold[PATH_SIZE], policies[PATH_SIZE];
    if (!read_arguments(&r, argc, argv)) {
        fprintf(stderr, "usage: %s [-v] [--pold FILE] [--policies DIR] [--socket PATH] DIR\n", argv[0]);
        return 2;
    }
    find_above("bin/pold", pold);
    find_above("tests/policies/authzen", policies);
    r.pold = r.pold ? r.pold : pold;
    r.policies = r.policies ? r.policies : policies;
    if (!r.socket) {
        snprintf(r.place, sizeof r.place, "/tmp/authzen-XXXXXX");
        if (!mkdtemp(r.place)) {
            fprintf(stderr, "no temporary folder: %s\n", strerror(errno));
            return 2;
        }
    }
    pol_arena_init(&r.arena, 0);
    for (unsigned g = 0; g < N_GROUPS; g++)
        run_group(&r, g);
    pol_arena_deinit(&r.arena);
    if (!r.socket)
        remove_place(&r);
    printf("%u passed, %u failed, %u skipped\n", r.passed, r.failed, r.skipped);
    return r.failed ? 1 : 0;
}
