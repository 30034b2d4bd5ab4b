/* SPDX-License-Identifier: Apache-2.0
 * pol fmt: lays out policies. Prints the result, or writes it, lists the files that it would change, or shows how; options are those of opa fmt.
 */
#include "compiler/cli/cli.h"
#include "compiler/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const cli_option options[] = {
    {0, "check", CLI_FLAG, CLI_OFFSET(check), NULL, "list the files that are laid out otherwise, and exit with 1 if there are any", NULL},
    {'d', "diff", CLI_FLAG, CLI_OFFSET(diff), NULL, "show what would change, and write nothing", NULL},
    {0, "fail", CLI_FLAG, CLI_OFFSET(fail), NULL, "exit with 1 if a file is laid out otherwise", NULL},
    {0, "ignore", CLI_MANY, CLI_OFFSET(ignore), "PATTERN", "names of files and folders to pass over", NULL},
    {'l', "list", CLI_FLAG, CLI_OFFSET(list), NULL, "list the files that are laid out otherwise", NULL},
    {'w', "write", CLI_FLAG, CLI_OFFSET(write), NULL, "write the result into the files", NULL},
    CLI_END,
};

typedef struct {
    const cli_options *o;
    bool failed, differs;
} formatting;

static void complain(formatting *f, const char *path, const char *why)
{
    fprintf(stderr, "pol fmt: %s: %s\n", path, why);
    f->failed = true;
}

static void deliver(formatting *f, const char *path, bool is_file, pol_bytes before, pol_bytes after)
{
    const cli_options *o = f->o;
    bool same = pol_bytes_equal(before, after);
    pol_error err;
    f->differs |= !same;
    if (!same && (o->list || o->check))
        printf("%s\n", path);
    if (o->diff && !same) {
        POL_CLEAN(pol_buf_deinit) pol_buf diff = {0};
        POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
        pol_buf_printf(&name, "%s.orig", path);
        cli_diff((const char *)name.at, path, before, after, &diff);
        cli_write(&diff);
    } else if (o->write && is_file && !o->diff) {
        if (!same && !cli_write_file(path, after, &err))
            complain(f, path, err.text);
    } else if (!o->list && !o->check && !o->diff) {
        fwrite(after.at, 1, after.n, stdout);
    }
}

static void format_text(formatting *f, const char *path, bool is_file, pol_bytes text)
{
    pol_arena arena;
    pol_arena_init(&arena, 0);
    pol_sources sources = {.arena = &arena};
    pol_diags diags = {.arena = &arena, .sources = &sources};
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    bool polward = !is_file || pol_bytes_ends(pol_bytes_text(path), POL_BYTES(".pol"));
    uint32_t source = pol_source_add(&sources, path, text, polward);
    if (pol_lay_out(&arena, &sources, source, &diags, &out)) {
        deliver(f, path, is_file, text, pol_buf_view(&out));
    } else {
        cli_report_diags(&diags, "pretty");
        f->failed = true;
    }
    pol_arena_deinit(&arena);
}

static void format_file(formatting *f, const char *path)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_error err;
    if (pol_file_read(path, 0, &text, &err))
        format_text(f, path, true, pol_buf_view(&text));
    else
        complain(f, path, err.text);
}

static bool is_ignored(const cli_options *o, const char *name)
{
    for (unsigned i = 0; i < o->ignore.n; i++)
        if (fnmatch(o->ignore.items[i], name, 0) == 0)
            return true;
    return name[0] == '.';
}

static bool is_policy(const char *name)
{
    return pol_bytes_ends(pol_bytes_text(name), POL_BYTES(".rego")) || pol_bytes_ends(pol_bytes_text(name), POL_BYTES(".pol"));
}

static void format_folder(formatting *f, const char *path, unsigned depth)
{
    enum { DEPTH_MAX = 100 };
    struct dirent **entries;
    int n = depth < DEPTH_MAX ? scandir(path, &entries, NULL, alphasort) : -1;
    if (n < 0) {
        complain(f, path, depth < DEPTH_MAX ? strerror(errno) : "folders are nested too deep");
        return;
    }
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        POL_CLEAN(pol_buf_deinit) pol_buf below = {0};
        pol_buf_printf(&below, "%s/%s", path, name);
        struct stat st;
        if (!is_ignored(f->o, name) && lstat((const char *)below.at, &st) == 0) {
            if (S_ISDIR(st.st_mode))
                format_folder(f, (const char *)below.at, depth + 1);
            else if (is_policy(name))
                format_file(f, (const char *)below.at);
        }
        free(entries[i]);
    }
    free(entries);
}

static int run(const cli_options *o)
{
    formatting f = {.o = o};
    for (unsigned i = 0; i < o->arguments.n; i++) {
        const char *path = o->arguments.items[i];
        struct stat st;
        if (stat(path, &st) != 0)
            complain(&f, path, strerror(errno));
        else if (S_ISDIR(st.st_mode))
            format_folder(&f, path, 0);
        else
            format_file(&f, path);
    }
    if (!o->arguments.n) {
        POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
        pol_error err;
        if (cli_read_stdin(&text, &err))
            format_text(&f, "stdin", false, pol_buf_view(&text));
        else
            complain(&f, "stdin", err.text);
    }
    if (f.failed)
        return CLI_ERROR;
    return f.differs && (o->fail || o->check) ? CLI_FAILED : CLI_OK;
}

const cli_command cli_fmt = {"fmt", "[PATH ...]", "lay out policies", options, run};
