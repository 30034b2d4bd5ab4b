/* SPDX-License-Identifier: Apache-2.0
 * Bundles opened and closed, and their entry points found. A file that others than root and this user can change is copied into a sealed memfd
 * before it is looked at, so that what was verified is what runs; any other is mapped where it is and must be replaced by rename.
 */
#include "runtime/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- opening ---- */

static bool is_private(const struct stat *st)
{
    return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Whether only root and this user can change the file or put another one into its folder's entry. */
static bool is_trusted_place(const char *path, const struct stat *file)
{
    struct stat folder;
    POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
    const char *slash = strrchr(path, '/');
    pol_buf_printf(&name, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    return is_private(file) && stat((const char *)name.at, &folder) == 0 && is_private(&folder);
}

POL_MUST_USE static bool copy_sealed(int from, uint64_t size, int *out, pol_error *err)
{
    int fd = memfd_create("polward-bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return pol_fail(err, POL_E_IO, "memory for a copy of the bundle: %s", strerror(errno));
    uint64_t copied = 0;
    uint8_t piece[65536];
    bool ok = true;
    while (ok) {
        ssize_t n = pread(from, piece, sizeof piece, (off_t)copied);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            ok = n == 0;
            break;
        }
        ok = write(fd, piece, (size_t)n) == n;
        copied += (uint64_t)n;
        if (copied > size)
            break;
    }
    if (ok && copied == size && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0) {
        *out = fd;
        return true;
    }
    close(fd);
    return pol_fail(err, POL_E_IO, "the bundle changed or could not be read while it was copied");
}

POL_MUST_USE static bool map(pol_bundle *b, int fd, uint64_t size, pol_error *err)
{
    void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return pol_fail(err, POL_E_IO, "the bundle cannot be mapped: %s", strerror(errno));
    b->mapping = at;
    b->map_size = size;
    b->file = pol_bytes_of(at, size);
    return true;
}

POL_MUST_USE static bool open_file(pol_bundle *b, const char *path, int fd, const pol_bundle_options *options, pol_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return pol_fail(err, POL_E_IO, "%s is no regular file", path);
    if (st.st_size < (off_t)sizeof(pol_bundle_header))
        return pol_fail(err, POL_E_BUNDLE, "%s: %lld bytes are too few for a bundle", path, (long long)st.st_size);
    if (!(options && options->copy) && is_trusted_place(path, &st))
        return map(b, fd, (uint64_t)st.st_size, err);
    int copy;
    POL_TRY(copy_sealed(fd, (uint64_t)st.st_size, &copy, err));
    bool ok = map(b, copy, (uint64_t)st.st_size, err);
    close(copy);
    return ok;
}

static pol_bundle *new_bundle(void)
{
    pol_bundle *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    pol_arena_init(&b->arena, 0);
    return b;
}

POL_MUST_USE static bool finish(pol_bundle *b, bool ok, const pol_bundle_options *options, pol_bundle **out, pol_error *err)
{
    if (ok && pol_bundle_verify(b, options, err)) {
        *out = b;
        return true;
    }
    pol_bundle_close(b);
    *out = NULL;
    return false;
}

bool pol_bundle_open(const char *path, const pol_bundle_options *options, pol_bundle **out, pol_error *err)
{
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return pol_fail(err, POL_E_IO, "%s: %s", path, strerror(errno));
    pol_bundle *b = new_bundle();
    bool ok = open_file(b, path, fd, options, err);
    close(fd);
    return finish(b, ok, options, out, err);
}

bool pol_bundle_from_bytes(pol_bytes bytes, const pol_bundle_options *options, pol_bundle **out, pol_error *err)
{
    pol_bundle *b = new_bundle();
    uint8_t *copy = malloc(bytes.n + 1);
    if (!copy)
        abort();
    if (bytes.n)
        memcpy(copy, bytes.at, bytes.n);
    b->file = pol_bytes_of(copy, bytes.n);
    return finish(b, true, options, out, err);
}

void pol_bundle_close(pol_bundle *b)
{
    if (!b)
        return;
    pol_arena_deinit(&b->arena);
    if (b->mapping)
        munmap(b->mapping, b->map_size);
    else
        free((void *)(uintptr_t)b->file.at);
    free(b);
}

/* ---- what it holds ---- */

pol_bytes pol_bundle_manifest(const pol_bundle *b)
{
    pol_bundle_section s = b->header->sections[POL_SECTION_MANIFEST];
    return pol_bytes_of(b->file.at + s.offset, s.size);
}

pol_value pol_bundle_manifest_value(const pol_bundle *b)
{
    return pol_load(&b->cells[b->header->manifest_cell]);
}

pol_value pol_bundle_data(const pol_bundle *b)
{
    return pol_load(&b->cells[b->header->data_cell]);
}

void pol_bundle_digest(const pol_bundle *b, uint8_t digest[32])
{
    memcpy(digest, b->digest, sizeof b->digest);
}

/* ---- entry points ---- */

const char *pol_bundle_entry_path(const pol_bundle *b, uint32_t i)
{
    return i < b->n_entries ? pol_bundle_name(b, b->entries[i].path) : NULL;
}

/* Position of the first entry that is not before path. */
static uint32_t lower_bound(const pol_bundle *b, pol_bytes path)
{
    uint32_t low = 0, high = b->n_entries;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pol_bytes_compare(pol_bytes_text(pol_bundle_entry_path(b, middle)), path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t find_entry(const pol_bundle *b, pol_bytes path)
{
    uint32_t i = lower_bound(b, path);
    return i < b->n_entries && pol_bytes_is(path, pol_bundle_entry_path(b, i)) ? (int64_t)i : -1;
}

/* Whether some entry lies below path: then path is a package, and what is below it and no entry is base data. */
static bool has_entries_below(const pol_bundle *b, pol_arena *arena, pol_bytes path)
{
    if (path.n == 0)
        return b->n_entries > 1;
    pol_bytes below = pol_bytes_text(pol_arena_printf(arena, "%.*s/", (int)path.n, (const char *)path.at));
    uint32_t i = lower_bound(b, below);
    return i < b->n_entries && pol_bytes_starts(pol_bytes_text(pol_bundle_entry_path(b, i)), below);
}

static void put_segment(pol_buf *out, pol_bytes segment)
{
    if (out->n)
        pol_buf_byte(out, '/');
    for (size_t i = 0; i < segment.n; i++) {
        if (segment.at[i] == '/')
            pol_buf_text(out, "%2F");
        else if (segment.at[i] == '%')
            pol_buf_text(out, "%25");
        else
            pol_buf_byte(out, segment.at[i]);
    }
}

static pol_value rest_of(pol_arena *arena, pol_value segments, uint32_t from)
{
    pol_builder rest = pol_builder_new(arena);
    for (uint32_t i = from; i < segments.n; i++)
        pol_builder_add(&rest, pol_element(segments, i));
    return pol_builder_array(&rest);
}

pol_entry pol_bundle_entry(const pol_bundle *b, pol_arena *arena, pol_value segments)
{
    POL_CLEAN(pol_buf_deinit) pol_buf joined = {0};
    pol_entry entry = {.function = -1, .rest = segments};
    if (segments.tag != POL_ARRAY)
        return (pol_entry){.function = -1, .rest = pol_null()};
    size_t n_best = 0;
    uint32_t best = 0;
    int64_t at = find_entry(b, POL_BYTES(""));
    for (uint32_t i = 0; i < segments.n; i++) {
        pol_value segment = pol_element(segments, i);
        if (segment.tag != POL_STRING)
            break;
        put_segment(&joined, pol_text(segment));
        int64_t found = find_entry(b, pol_buf_view(&joined));
        if (found >= 0) {
            at = found;
            best = i + 1;
            n_best = joined.n;
        }
    }
    if (at < 0 || (best < segments.n && has_entries_below(b, arena, pol_bytes_of(joined.at, n_best))))
        return entry;
    return (pol_entry){.function = (int32_t)b->entries[at].function, .rest = rest_of(arena, segments, best)};
}

/* %2F and %25 in a segment of a slash-separated path. */
static pol_value segment_value(pol_arena *arena, pol_bytes s, bool escaped)
{
    uint8_t *out = pol_arena_copy(arena, s.at, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool slash = escaped && i + 2 < s.n && s.at[i] == '%' && s.at[i + 1] == '2' && (s.at[i + 2] | 32) == 'f';
        bool percent = escaped && i + 2 < s.n && s.at[i] == '%' && s.at[i + 1] == '2' && s.at[i + 2] == '5';
        out[n++] = slash ? '/' : percent ? '%' : s.at[i];
        i += slash || percent ? 2 : 0;
    }
    return pol_string(pol_bytes_of(out, n));
}

pol_value pol_path_split(pol_arena *arena, pol_bytes path)
{
    pol_builder b = pol_builder_new(arena);
    bool dotted = pol_bytes_is(path, "data") || pol_bytes_starts(path, POL_BYTES("data."));
    uint8_t separator = dotted ? '.' : '/';
    size_t at = dotted ? 4 : 0;
    while (at < path.n) {
        size_t end = at;
        while (end < path.n && path.at[end] != separator)
            end++;
        if (end > at)
            pol_builder_add(&b, segment_value(arena, pol_bytes_of(path.at + at, end - at), !dotted));
        at = end + 1;
    }
    return pol_builder_array(&b);
}
