/* SPDX-License-Identifier: Apache-2.0
 * Archives, by libarchive. */
#include "compiler/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

enum { FILES_MAX = 100000, NAME_MAX_BYTES = 4096, CHUNK = 1 << 16 };
static const size_t bytes_max = (size_t)1 << 30;

typedef struct archive archive;

static void close_archive(archive *a)
{
    archive_read_free(a);
}
POL_CLEANUP(archive *, close_archive)

/* The name without what makes it absolute; NULL: it leads out of the archive, or is no name. */
static const char *plain_name(const char *name)
{
    while (name && (name[0] == '/' || (name[0] == '.' && name[1] == '/')))
        name += name[0] == '/' ? 1 : 2;
    if (!name || !*name || strlen(name) >= NAME_MAX_BYTES)
        return NULL;
    for (const char *at = name; *at;) {
        size_t n = strcspn(at, "/");
        if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return NULL;
        at += n + (at[n] == '/');
    }
    return name;
}

/* budget: the bytes that all files may still have. */
POL_MUST_USE static bool read_bytes(archive *a, pol_arena *arena, const char *path, size_t *budget, pol_bytes *out, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf all = {0};
    for (;;) {
        uint8_t *at = pol_buf_reserve(&all, CHUNK);
        la_ssize_t n = archive_read_data(a, at, CHUNK);
        if (n < 0)
            return pol_fail(err, POL_E_IO, "%s: %s", path, archive_error_string(a) ? archive_error_string(a) : "the archive cannot be read");
        if (n == 0)
            break;
        if ((size_t)n > *budget)
            return pol_fail(err, POL_E_LIMIT, "%s: over %zu MiB unpacked", path, bytes_max >> 20);
        *budget -= (size_t)n;
        all.n += (size_t)n;
    }
    *out = pol_bytes_of(pol_arena_copy(arena, all.n ? all.at : (const uint8_t *)"", all.n), all.n);
    return true;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const pol_archive_file *)a)->name, ((const pol_archive_file *)b)->name);
}

POL_MUST_USE static bool read_entries(archive *a, pol_arena *arena, const char *path, pol_archive_file **files, size_t *n, pol_error *err)
{
    struct archive_entry *entry;
    size_t capacity = 0, budget = bytes_max;
    int outcome;
    while ((outcome = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
        if (archive_entry_filetype(entry) != AE_IFREG)
            continue;
        const char *name = plain_name(archive_entry_pathname(entry));
        if (archive_entry_size(entry) < 0 || (uint64_t)archive_entry_size(entry) > budget)
            return pol_fail(err, POL_E_LIMIT, "%s: over %zu MiB unpacked", path, bytes_max >> 20);
        if (!name || *n == FILES_MAX)
            return pol_fail(err, POL_E_USAGE, "%s: %s", path, name ? "too many files" : "a name in it is not a plain path");
        POL_GROW(arena, *files, *n, capacity);
        pol_archive_file *file = &(*files)[(*n)++];
        file->name = pol_arena_printf(arena, "%s", name);
        POL_TRY(read_bytes(a, arena, path, &budget, &file->bytes, err));
    }
    return outcome == ARCHIVE_EOF || pol_fail(err, POL_E_IO, "%s: %s", path, archive_error_string(a) ? archive_error_string(a) : "the archive cannot be read");
}

bool pol_archive_read(pol_arena *arena, const char *path, pol_archive_file **files, size_t *n, pol_error *err)
{
    POL_CLEAN(close_archive) archive *a = archive_read_new();
    *files = NULL;
    *n = 0;
    if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK || archive_read_support_filter_gzip(a) != ARCHIVE_OK)
        return pol_fail(err, POL_E_MEMORY, "%s: archives cannot be read here", path);
    if (archive_read_open_filename(a, path, CHUNK) != ARCHIVE_OK)
        return pol_fail(err, POL_E_IO, "%s: %s", path, archive_error_string(a) ? archive_error_string(a) : "not a gzipped tar archive");
    POL_TRY(read_entries(a, arena, path, files, n, err));
    if (*n)
        qsort(*files, *n, sizeof **files, compare_files);
    for (size_t i = 1; i < *n; i++) {
        if (strcmp((*files)[i].name, (*files)[i - 1].name) == 0)
            return pol_fail(err, POL_E_USAGE, "%s: %s is in it twice", path, (*files)[i].name);
    }
    return true;
}
