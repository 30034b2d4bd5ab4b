/* SPDX-License-Identifier: Apache-2.0
 * Files and folders as OPA's -d and -b take them, given to a compilation as modules and data. Knows names and places of files;
 * what is in them is for the readers. Symbolic links to folders are not followed.
 */
#include "compiler/archive.h"
#include "compiler/compile.h"

#include "runtime/json.h"
#include "runtime/yaml.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    LOAD_DEPTH_MAX = 64,
    LOAD_FILE_MAX = 1 << 30,
};

typedef struct {
    pol_compiler *c;
    bool bundle;        /* OPA's bundle layout: of data, data.json and data.yaml only */
    const pol_bytes *prefix; /* of "prefix:path", put before the path of data */
    uint32_t n_prefix;
    pol_error *err;
} loading;

typedef enum { FILE_MODULE, FILE_JSON, FILE_YAML, FILE_ARCHIVE, FILE_OTHER } file_kind;

static bool ends(const char *name, const char *suffix)
{
    return pol_bytes_ends(pol_bytes_text(name), pol_bytes_text(suffix));
}

static file_kind kind_of(const char *name)
{
    if (ends(name, ".rego") || ends(name, ".pol"))
        return FILE_MODULE;
    if (ends(name, ".json"))
        return FILE_JSON;
    if (ends(name, ".yaml") || ends(name, ".yml"))
        return FILE_YAML;
    if (ends(name, ".tar.gz") || ends(name, ".tgz"))
        return FILE_ARCHIVE;
    return FILE_OTHER;
}

/* Puts the file's name before what a reader said. */
POL_MUST_USE static bool name_error(const char *path, pol_error *err)
{
    pol_error inner = *err;
    return pol_fail(err, inner.code, "%s: %s", path, inner.text);
}

/* text is changed; it lives as long as what is read. */
POL_MUST_USE static bool read_data(loading *l, const char *path, file_kind kind, pol_bytes text, pol_value *out)
{
    static const pol_json_options options = {.borrow = true};
    pol_arena *arena = pol_compiler_arena(l->c);
    bool ok = kind == FILE_YAML ? pol_yaml_read(arena, text, out, l->err) : pol_json_read(arena, text, &options, out, l->err);
    return ok || name_error(path, l->err);
}

POL_MUST_USE static bool load_data(loading *l, const char *path, file_kind kind, pol_bytes text, const pol_bytes *at, uint32_t n_at)
{
    pol_value data;
    POL_TRY(read_data(l, path, kind, text, &data));
    pol_bytes *whole = POL_NEW_ARRAY(pol_compiler_arena(l->c), pol_bytes, (size_t)l->n_prefix + n_at + 1);
    for (uint32_t i = 0; i < l->n_prefix; i++)
        whole[i] = l->prefix[i];
    for (uint32_t i = 0; i < n_at; i++)
        whole[l->n_prefix + i] = at[i];
    return pol_compiler_add_data(l->c, path, whole, l->n_prefix + n_at, data, l->err);
}

/* The file's bytes, in the arena. */
POL_MUST_USE static bool read_file(loading *l, const char *path, pol_bytes *out)
{
    POL_CLEAN(pol_buf_deinit) pol_buf buf = {0};
    POL_TRY(pol_file_read(path, LOAD_FILE_MAX, &buf, l->err));
    *out = pol_bytes_of(pol_arena_copy(pol_compiler_arena(l->c), buf.at, buf.n), buf.n);
    return true;
}

POL_MUST_USE static bool load_text(loading *l, const char *path, const char *label, pol_bytes text, const pol_bytes *at, uint32_t n_at)
{
    file_kind kind = kind_of(path);
    if (kind != FILE_MODULE)
        return load_data(l, path, kind, text, at, n_at);
    pol_compiler_add_labelled(l->c, path, label, text);
    return true;
}

POL_MUST_USE static bool load_file(loading *l, const char *path, const char *label, const pol_bytes *at, uint32_t n_at)
{
    pol_bytes text;
    return read_file(l, path, &text) && load_text(l, path, label, text, at, n_at);
}

POL_MUST_USE static bool load_manifest(loading *l, const char *path, pol_bytes text)
{
    pol_value manifest;
    POL_TRY(read_data(l, path, FILE_JSON, text, &manifest));
    pol_value revision = pol_object_member(manifest, "revision");
    if (revision.tag == POL_STRING)
        pol_compiler_set_revision(l->c, pol_text(revision));
    return pol_compiler_add_tiers(l->c, path, pol_object_member(pol_object_member(manifest, "metadata"), "tiers"), l->err);
}

/* Whether a file that was found in a folder is taken. */
static bool is_wanted(const loading *l, const char *name)
{
    file_kind kind = kind_of(name);
    if (kind == FILE_MODULE)
        return true;
    if (l->bundle)
        return strcmp(name, "data.json") == 0 || strcmp(name, "data.yaml") == 0 || strcmp(name, "data.yml") == 0;
    return kind == FILE_JSON || kind == FILE_YAML;
}

static int skip_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Bytewise, whatever the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

POL_MUST_USE static bool load_folder(loading *l, const char *path, const char *label, pol_bytes *at, uint32_t n_at);

POL_MUST_USE static bool load_entry(loading *l, const char *folder, const char *label, const char *name, pol_bytes *at, uint32_t n_at)
{
    pol_arena *arena = pol_compiler_arena(l->c);
    const char *path = pol_arena_printf(arena, "%s%s%s", folder, ends(folder, "/") ? "" : "/", name);
    const char *inner = *label ? pol_arena_printf(arena, "%s/%s", label, name) : pol_arena_printf(arena, "%s", name);
    struct stat st;
    if (lstat(path, &st) != 0 || (S_ISLNK(st.st_mode) && (stat(path, &st) != 0 || S_ISDIR(st.st_mode))))
        return true;
    if (S_ISDIR(st.st_mode)) {
        at[n_at] = pol_bytes_of(pol_arena_copy(arena, name, strlen(name)), strlen(name));
        return load_folder(l, path, inner, at, n_at + 1);
    }
    if (l->bundle && n_at == 0 && strcmp(name, ".manifest") == 0) {
        pol_bytes text;
        return read_file(l, path, &text) && load_manifest(l, path, text);
    }
    if (!S_ISREG(st.st_mode) || !is_wanted(l, name))
        return true;
    return load_file(l, path, inner, at, n_at);
}

static bool load_folder(loading *l, const char *path, const char *label, pol_bytes *at, uint32_t n_at)
{
    if (n_at >= LOAD_DEPTH_MAX)
        return pol_fail(l->err, POL_E_LIMIT, "%s: folders nested deeper than %d", path, LOAD_DEPTH_MAX);
    struct dirent **entries;
    int n = scandir(path, &entries, skip_dots, compare_names);
    if (n < 0)
        return pol_fail(l->err, POL_E_IO, "%s: %s", path, strerror(errno));
    bool ok = true;
    for (int i = 0; i < n; i++) {
        if (ok && !pol_compiler_ignores(l->c, entries[i]->d_name))
            ok = load_entry(l, path, label, entries[i]->d_name, at, n_at);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

/* A file of an archive: data stands where its folder is. */
POL_MUST_USE static bool load_archived(loading *l, const char *archive, const pol_archive_file *file)
{
    pol_arena *arena = pol_compiler_arena(l->c);
    const char *path = pol_arena_printf(arena, "%s/%s", archive, file->name), *name = file->name;
    pol_bytes at[LOAD_DEPTH_MAX];
    uint32_t n_at = 0;
    for (const char *slash; (slash = strchr(name, '/')); name = slash + 1) {
        if (n_at == LOAD_DEPTH_MAX)
            return pol_fail(l->err, POL_E_LIMIT, "%s: folders nested deeper than %d", path, LOAD_DEPTH_MAX);
        if (pol_compiler_ignores(l->c, pol_arena_printf(arena, "%.*s", (int)(slash - name), name)))
            return true;
        at[n_at++] = pol_bytes_of(name, (size_t)(slash - name));
    }
    if (n_at == 0 && strcmp(name, "patch.json") == 0)
        return pol_fail(l->err, POL_E_USAGE, "%s: a delta bundle only changes another one: name a whole bundle", archive);
    if (n_at == 0 && strcmp(name, ".manifest") == 0)
        return load_manifest(l, path, file->bytes);
    return !is_wanted(l, name) || pol_compiler_ignores(l->c, name) || load_text(l, path, file->name, file->bytes, at, n_at);
}

/* A bundle as OPA packs it. Its signatures are not looked at. */
POL_MUST_USE static bool load_archive(loading *l, const char *path)
{
    pol_archive_file *files;
    size_t n;
    bool was_bundle = l->bundle, ok = true;
    POL_TRY(pol_archive_read(pol_compiler_arena(l->c), path, &files, &n, l->err));
    l->bundle = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = load_archived(l, path, &files[i]);
    l->bundle = was_bundle;
    return ok;
}

POL_MUST_USE static bool load(loading *l, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return pol_fail(l->err, POL_E_IO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        pol_bytes at[LOAD_DEPTH_MAX + 1];
        return load_folder(l, path, "", at, 0);
    }
    if (kind_of(path) == FILE_ARCHIVE)
        return load_archive(l, path);
    if (kind_of(path) == FILE_OTHER)
        return pol_fail(l->err, POL_E_USAGE, "%s: unknown kind of file; known are .rego, .pol, .json, .yaml, .yml", path);
    const char *slash = strrchr(path, '/');
    return load_file(l, path, slash ? slash + 1 : path, NULL, 0);
}

/* "a.b:path": the segments a and b; *path is moved behind the colon. None where the whole is a path that exists. */
static uint32_t split_prefix(pol_arena *arena, const char **path, pol_bytes **segments)
{
    struct stat st;
    const char *colon = strchr(*path, ':');
    if (!colon || colon == *path || stat(*path, &st) == 0 || memchr(*path, '/', (size_t)(colon - *path)))
        return 0;
    uint32_t n = 0;
    *segments = POL_NEW_ARRAY(arena, pol_bytes, (size_t)(colon - *path) + 1);
    for (const char *at = *path; at < colon;) {
        const char *dot = memchr(at, '.', (size_t)(colon - at));
        const char *end = dot ? dot : colon;
        (*segments)[n++] = pol_bytes_of(at, (size_t)(end - at));
        at = end + 1;
    }
    *path = colon + 1;
    return n;
}

/* file:///a/b, as OPA takes it, is /a/b. */
static const char *strip_scheme(const char *path)
{
    return strncmp(path, "file://", 7) == 0 ? path + 7 : path;
}

bool pol_compiler_load(pol_compiler *c, const char *path, pol_error *err)
{
    pol_bytes *prefix = NULL;
    path = strip_scheme(path);
    uint32_t n_prefix = split_prefix(pol_compiler_arena(c), &path, &prefix);
    loading l = {.c = c, .prefix = prefix, .n_prefix = n_prefix, .err = err};
    return load(&l, strip_scheme(path));
}

bool pol_compiler_load_bundle(pol_compiler *c, const char *path, pol_error *err)
{
    loading l = {.c = c, .bundle = true, .err = err};
    return load(&l, strip_scheme(path));
}
