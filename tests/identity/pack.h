/* SPDX-License-Identifier: Apache-2.0
 * What the runners of identity packs have in common: reading a folder's JSON lists, counting, and saying what failed.
 */
#pragma once

#include "runtime/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct {
    pol_arena arena; /* of the file at hand */
    const char *folder;
    bool verbose;
    unsigned passed, failed, skipped;
} pack;

static inline int pack_usage(const char *program)
{
    fprintf(stderr, "usage: %s [-v] DIR\n", program);
    return 2;
}

/* Arguments [-v] DIR. */
static inline bool pack_start(pack *p, int argc, char **argv)
{
    *p = (pack){0};
    pol_arena_init(&p->arena, 0);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            p->verbose = true;
        else if (p->folder || argv[i][0] == '-')
            return false;
        else
            p->folder = argv[i];
    }
    struct stat st;
    if (p->folder && (stat(p->folder, &st) != 0 || !S_ISDIR(st.st_mode))) {
        fprintf(stderr, "%s: not a folder\n", p->folder);
        return false;
    }
    return p->folder != NULL;
}

/* folder/name as a value; undefined when there is no such file. A file that is no JSON fails the run. */
static inline pol_value pack_read(pack *p, const char *name)
{
    char path[4096];
    pol_buf file = {0};
    pol_error err;
    pol_value v = pol_undefined();
    pol_arena_reset(&p->arena);
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    struct stat st;
    if (stat(path, &st) != 0)
        return v;
    if (!pol_file_read(path, 0, &file, &err) || !pol_json_read(&p->arena, pol_buf_view(&file), NULL, &v, &err)) {
        printf("FAIL %s: %s\n", name, err.text);
        p->failed++;
        v = pol_undefined();
    }
    pol_buf_deinit(&file);
    return v;
}

static inline int pack_finish(pack *p)
{
    printf("%u passed, %u failed, %u skipped\n", p->passed, p->failed, p->skipped);
    pol_arena_deinit(&p->arena);
    return p->failed ? 1 : 0;
}

/* ---- reading a case ---- */

static inline pol_value get(pol_value v, const char *name)
{
    return pol_object_member(v, name);
}
static inline pol_bytes get_text(pol_value v, const char *name)
{
    pol_value s = get(v, name);
    return s.tag == POL_STRING ? pol_text(s) : (pol_bytes){0};
}
static inline double get_number(pol_value v, const char *name)
{
    pol_value n = get(v, name);
    return pol_is_number(n) ? pol_number_to_double(n) : 0;
}
/* NUL-terminated copy; NULL for what is no string. */
static inline const char *get_c(pack *p, pol_value v, const char *name)
{
    pol_value s = get(v, name);
    return s.tag == POL_STRING ? (const char *)pol_arena_copy(&p->arena, s.text, s.n) : NULL;
}
static inline const char **get_list(pack *p, pol_value v, const char *name, unsigned *n)
{
    pol_value list = get(v, name);
    *n = list.tag == POL_ARRAY ? list.n : 0;
    const char **out = pol_arena_array(&p->arena, *n + 1, sizeof *out);
    for (unsigned i = 0; i < *n; i++) {
        pol_value s = pol_element(list, i);
        out[i] = (const char *)pol_arena_copy(&p->arena, s.text, s.tag == POL_STRING ? s.n : 0);
    }
    return out;
}

/* ---- judging ---- */

typedef enum { WANT_REFUSED, WANT_ACCEPTED, WANT_ANY } wanted;

/* `valid`, except where `project` decides a disputed case. */
static inline wanted case_wanted(pol_value c)
{
    pol_bytes project = get_text(c, "project");
    if (pol_bytes_is(project, "either"))
        return WANT_ANY;
    if (project.n)
        return pol_bytes_is(project, "accept") ? WANT_ACCEPTED : WANT_REFUSED;
    return pol_is_true(get(c, "valid")) ? WANT_ACCEPTED : WANT_REFUSED;
}

static inline void report(pack *p, pol_value c, bool ok, const char *want, const char *got)
{
    pol_bytes id = get_text(c, "id");
    if (ok)
        p->passed++;
    else
        p->failed++;
    if (!ok && p->verbose) {
        pol_bytes level = get_text(c, "level");
        printf("FAIL %.*s (%.*s): wanted %s, got %s\n", (int)id.n, (const char *)id.at, (int)level.n, (const char *)level.at, want, got);
    }
}

/* A refusal for another reason than the case names is no failure, but worth a line. */
static inline void note_reason(const pack *p, pol_value c, const char *why)
{
    pol_bytes id = get_text(c, "id"), reason = get_text(c, "reason");
    pol_value also = get(c, "also");
    bool same = reason.n == 0 || pol_bytes_is(reason, why);
    for (uint32_t i = 0; also.tag == POL_ARRAY && i < also.n; i++)
        same |= pol_bytes_is(pol_text(pol_element(also, i)), why);
    if (!same && p->verbose)
        printf("note %.*s: refused as wanted, but for %s, not %.*s\n", (int)id.n, (const char *)id.at, why, (int)reason.n,
               (const char *)reason.at);
}

/* why: NULL when accepted, else the reason of the refusal. */
static inline void judge(pack *p, pol_value c, const char *why)
{
    wanted w = case_wanted(c);
    char want[100], got[100];
    pol_bytes reason = get_text(c, "reason");
    snprintf(want, sizeof want, "%s %.*s", w == WANT_ACCEPTED ? "accepted" : "refused", (int)(reason.n < 60 ? reason.n : 60),
             reason.at ? (const char *)reason.at : "");
    snprintf(got, sizeof got, "%s %s", why ? "refused" : "accepted", why ? why : "");
    if (why && w == WANT_REFUSED)
        note_reason(p, c, why);
    report(p, c, w == WANT_ANY || (w == WANT_ACCEPTED) == (why == NULL), want, got);
}
