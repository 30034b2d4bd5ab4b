/* SPDX-License-Identifier: Apache-2.0
 * An image into a bundle's bytes (runtime/bundle.h). Strings and collections are stored once by what they hold: data of millions of grants says the
 * same few things again and again. Nothing but the image goes into the bytes: no time, no address, no order of hashing.
 */
#include "compiler/image.h"

#include "runtime/bundle.h"
#include "runtime/json.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

/* What was written, by key: a text's bytes; a collection's place in memory; its cells as written. Lives in the writer's arena. */
typedef struct {
    const void *at;
    size_t n;
    uint32_t where; /* offset in the strings; number of the first cell */
    bool used, indexed;
} written;

typedef struct {
    written *slots;
    uint32_t n_slots, n;
} written_map;

typedef struct {
    pol_arena arena;
    pol_buf strings, indexes, cells, functions, code, places, builtins, entries, files;
    pol_buf kinds; /* a byte for each cell: what its address points into */
    written_map texts, collections, contents;
} writer;

/* Cells of a collection that is looked for among those of the same elements. The verifier looks at each of a collection's cells again for every further cell
 * that stands for it, as long as that costs no more than 64 times the bundle's cells. */
enum { SHARED_MAX = 32 };

enum { ADDRESS_NONE, ADDRESS_STRINGS, ADDRESS_CELLS, ADDRESS_INDEXES };

/* ---- what is there already ---- */

static uint32_t key_hash(const written_map *m, const void *at, size_t n, bool by_text)
{
    uint64_t h = by_text ? pol_bytes_hash(pol_bytes_of(at, n)) : ((uint64_t)(uintptr_t)at >> 4) * 0x9e3779b97f4a7c15u >> 20;
    return (uint32_t)h & (m->n_slots - 1);
}

static written *find_slot(const written_map *m, const void *at, size_t n, bool by_text)
{
    uint32_t i = key_hash(m, at, n, by_text);
    for (;; i = (i + 1) & (m->n_slots - 1)) {
        written *w = &m->slots[i];
        if (!w->used || (w->n == n && (by_text ? n == 0 || memcmp(w->at, at, n) == 0 : w->at == at)))
            return w;
    }
}

/* The entry of a key, made (used is false then) when it is new. */
static written *enter(pol_arena *arena, written_map *m, const void *at, size_t n, bool by_text)
{
    if (2 * (m->n + 1) > m->n_slots) {
        written_map grown = {.n_slots = m->n_slots ? 2 * m->n_slots : 64, .n = m->n};
        grown.slots = POL_NEW_ARRAY(arena, written, grown.n_slots);
        for (uint32_t i = 0; i < m->n_slots; i++)
            if (m->slots[i].used)
                *find_slot(&grown, m->slots[i].at, m->slots[i].n, by_text) = m->slots[i];
        *m = grown;
    }
    return find_slot(m, at, n, by_text);
}

static uint32_t put_text(writer *w, pol_bytes text)
{
    written *entry = enter(&w->arena, &w->texts, text.at, text.n, true);
    if (!entry->used) {
        *entry = (written){.at = text.at, .n = text.n, .where = (uint32_t)w->strings.n, .used = true};
        w->texts.n++;
        pol_buf_bytes(&w->strings, text);
        pol_buf_byte(&w->strings, 0);
    }
    return entry->where;
}

static uint32_t put_name(writer *w, const char *name)
{
    return put_text(w, pol_bytes_text(name ? name : ""));
}

/* ---- values ---- */

static uint32_t n_cells(const writer *w)
{
    return (uint32_t)(w->cells.n / sizeof(pol_cell));
}

static void put_cell(writer *w, pol_value raw, uint8_t kind)
{
    pol_buf_add(&w->cells, &raw, sizeof raw);
    pol_buf_byte(&w->kinds, kind);
}

static uint32_t count_cells(pol_value v)
{
    return v.tag == POL_OBJECT ? 2 * v.n : v.n;
}

static bool has_long_run(const uint32_t *slots, uint32_t n_slots)
{
    uint32_t run = 0;
    for (uint64_t k = 0; k < n_slots + (uint64_t)POL_BUNDLE_RUN_MAX; k++) {
        run = slots[k & (n_slots - 1)] ? run + 1 : 0;
        if (run > POL_BUNDLE_RUN_MAX)
            return true;
    }
    return false;
}

/* The slots of an index over v; NULL when v is small or too many of its keys collide, which data from others could be made to do. */
static uint32_t *make_slots(writer *w, pol_value v, uint32_t *n_slots)
{
    if (v.tag == POL_ARRAY || v.n <= POL_INDEX_MIN || v.n > UINT32_MAX / 4)
        return NULL;
    for (*n_slots = 32; *n_slots < 2 * v.n;)
        *n_slots *= 2;
    uint32_t *slots = POL_NEW_ARRAY(&w->arena, uint32_t, *n_slots);
    for (uint32_t i = 0; i < v.n; i++) {
        uint32_t at = pol_hash(v.tag == POL_OBJECT ? pol_member_key(v, i) : pol_element(v, i)) & (*n_slots - 1);
        for (uint32_t tried = 0; slots[at]; at = (at + 1) & (*n_slots - 1))
            if (++tried > POL_BUNDLE_RUN_MAX)
                return NULL;
        slots[at] = i + 1;
    }
    return has_long_run(slots, *n_slots) ? NULL : slots;
}

static void put_index(writer *w, const uint32_t *slots, uint32_t n_slots)
{
    pol_index index = {.n_slots = n_slots, .slots = (int64_t)w->indexes.n};
    pol_buf_add(&w->indexes, slots, n_slots * sizeof *slots);
    pol_value raw;
    memcpy(&raw, &index, sizeof raw);
    put_cell(w, raw, ADDRESS_INDEXES);
}

static uint8_t kind_of(pol_value v)
{
    if (v.tag == POL_STRING || v.tag == POL_DECIMAL)
        return ADDRESS_STRINGS;
    return pol_is_collection(v) && v.n ? ADDRESS_CELLS : ADDRESS_NONE;
}

/* Writes the elements of v, with an index over them where one helps. */
static written put_cells(writer *w, pol_value v, const pol_value *elements, uint32_t n)
{
    uint32_t n_slots;
    const uint32_t *slots = make_slots(w, v, &n_slots);
    if (slots)
        put_index(w, slots, n_slots);
    uint32_t first = n_cells(w);
    for (uint32_t i = 0; i < n; i++)
        put_cell(w, elements[i], kind_of(elements[i]));
    return (written){.at = elements, .n = ((size_t)n + 1) * sizeof *elements, .where = first, .used = true, .indexed = slots != NULL};
}

/* The cell of v with its address as an offset into the strings or a number of a cell; what it holds is written before. */
static pol_value place_value(writer *w, pol_value v)
{
    pol_value raw = {.tag = v.tag, .hash = v.hash, .n = v.n};
    if (v.tag == POL_STRING || v.tag == POL_DECIMAL) {
        raw.flags = POL_RELATIVE;
        raw.hash = v.tag == POL_STRING ? v.hash : 0;
        raw.i = put_text(w, pol_text(v));
        return raw;
    }
    if (!pol_is_collection(v)) {
        raw.i = v.tag == POL_INT || v.tag == POL_DOUBLE ? v.i : 0;
        raw.hash = 0;
        return raw;
    }
    raw.flags = POL_RELATIVE;
    if (v.n == 0)
        return raw;
    uint32_t n = count_cells(v);
    written *entry = enter(&w->arena, &w->collections, v.cells, (size_t)v.n << 8 | v.tag, false);
    if (entry->used) {
        raw.i = entry->where;
        raw.flags |= entry->indexed ? POL_INDEXED : 0;
        return raw;
    }
    /* Zeroed, so that equal cells are equal bytes; the last one keeps arrays, sets and objects apart. */
    pol_value *elements = pol_arena_array(&w->arena, (size_t)n + 1, sizeof *elements);
    for (uint32_t i = 0; i < n; i++)
        elements[i] = place_value(w, pol_load(&v.cells[i]));
    elements[n] = (pol_value){.tag = v.tag};
    written one, *same = n > SHARED_MAX ? NULL : enter(&w->arena, &w->contents, elements, ((size_t)n + 1) * sizeof *elements, true);
    if (same && same->used) {
        one = *same;
    } else {
        one = put_cells(w, v, elements, n);
        if (same) {
            *same = one;
            w->contents.n++;
        }
    }
    raw.i = one.where;
    raw.flags |= one.indexed ? POL_INDEXED : 0;
    entry = enter(&w->arena, &w->collections, v.cells, (size_t)v.n << 8 | v.tag, false);
    *entry = (written){.at = v.cells, .n = (size_t)v.n << 8 | v.tag, .where = one.where, .used = true, .indexed = one.indexed};
    w->collections.n++;
    return raw;
}

/* n values in cells that follow each other; the number of the first. */
static uint32_t put_values(writer *w, const pol_value *values, uint32_t n)
{
    pol_value *raws = pol_arena_array(&w->arena, (size_t)n + 1, sizeof *raws);
    for (uint32_t i = 0; i < n; i++)
        raws[i] = place_value(w, values[i]);
    uint32_t first = n_cells(w);
    for (uint32_t i = 0; i < n; i++)
        put_cell(w, raws[i], kind_of(raws[i]));
    return first;
}

/* ---- code ---- */

static void put_function(writer *w, const pol_image_function *fn)
{
    pol_bundle_function row = {
        .name = put_name(w, fn->name),
        .first_insn = (uint32_t)(w->code.n / sizeof(pol_insn)),
        .n_code = fn->n_code,
        .first_cell = put_values(w, fn->constants, fn->n_constants),
        .n_constants = fn->n_constants,
        .n_params = fn->n_params,
        .n_registers = fn->n_registers,
        .n_iterators = fn->n_iterators,
        .n_builders = fn->n_builders,
        .memoised = fn->memoised,
    };
    pol_buf_add(&w->functions, &row, sizeof row);
    pol_buf_add(&w->code, fn->code, fn->n_code * sizeof *fn->code);
    for (uint32_t i = 0; i < fn->n_code; i++) {
        pol_bundle_place place = {fn->places[i].file, fn->places[i].row, fn->places[i].col};
        pol_buf_add(&w->places, &place, sizeof place);
    }
}

static int compare_entries(const void *a, const void *b)
{
    const pol_image_entry *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static void put_tables(writer *w, const pol_image *image)
{
    for (uint32_t i = 0; i < image->n_builtins; i++) {
        pol_bundle_builtin row = {put_name(w, image->builtins[i].name), image->builtins[i].n_args};
        pol_buf_add(&w->builtins, &row, sizeof row);
    }
    pol_image_entry *entries = POL_NEW_ARRAY(&w->arena, pol_image_entry, (size_t)image->n_entries + 1);
    if (image->n_entries)
        memcpy(entries, image->entries, image->n_entries * sizeof *entries);
    qsort(entries, image->n_entries, sizeof *entries, compare_entries);
    for (uint32_t i = 0; i < image->n_entries; i++) {
        pol_bundle_entry_row row = {put_name(w, entries[i].path), entries[i].function};
        pol_buf_add(&w->entries, &row, sizeof row);
    }
    for (uint32_t i = 0; i < image->n_files; i++) {
        uint32_t name = put_name(w, image->files[i]);
        pol_buf_add(&w->files, &name, sizeof name);
    }
}

/* ---- the file ---- */

static void put_section(pol_buf *out, pol_bundle_header *header, pol_section which, pol_bytes bytes)
{
    while (out->n % 16)
        pol_buf_byte(out, 0);
    header->sections[which] = (pol_bundle_section){out->n, bytes.n};
    pol_buf_bytes(out, bytes);
}

/* Offsets in cells become addresses relative to the cell. */
static void relocate(writer *w, const pol_bundle_header *header)
{
    uint64_t base = header->sections[POL_SECTION_VALUES].offset;
    pol_value *cells = (pol_value *)(void *)w->cells.at;
    for (uint32_t i = 0; i < n_cells(w); i++) {
        int64_t here = (int64_t)(base + (uint64_t)i * sizeof(pol_cell));
        if (w->kinds.at[i] == ADDRESS_STRINGS)
            cells[i].i += (int64_t)header->sections[POL_SECTION_STRINGS].offset - here;
        else if (w->kinds.at[i] == ADDRESS_CELLS)
            cells[i].i = ((int64_t)cells[i].i - (int64_t)i) * (int64_t)sizeof(pol_cell);
        else if (w->kinds.at[i] == ADDRESS_INDEXES)
            cells[i].i += (int64_t)header->sections[POL_SECTION_INDEXES].offset - here;
    }
}

static void put_sections(writer *w, pol_bundle_header *header, pol_bytes manifest, pol_bytes explain, pol_buf *out)
{
    pol_buf_add(out, header, sizeof *header);
    put_section(out, header, POL_SECTION_MANIFEST, manifest);
    put_section(out, header, POL_SECTION_STRINGS, pol_buf_view(&w->strings));
    put_section(out, header, POL_SECTION_INDEXES, pol_buf_view(&w->indexes));
    put_section(out, header, POL_SECTION_VALUES, POL_BYTES(""));
    relocate(w, header);
    put_section(out, header, POL_SECTION_VALUES, pol_buf_view(&w->cells));
    put_section(out, header, POL_SECTION_FUNCTIONS, pol_buf_view(&w->functions));
    put_section(out, header, POL_SECTION_CODE, pol_buf_view(&w->code));
    put_section(out, header, POL_SECTION_PLACES, pol_buf_view(&w->places));
    put_section(out, header, POL_SECTION_BUILTINS, pol_buf_view(&w->builtins));
    put_section(out, header, POL_SECTION_ENTRIES, pol_buf_view(&w->entries));
    put_section(out, header, POL_SECTION_FILES, pol_buf_view(&w->files));
    put_section(out, header, POL_SECTION_EXPLAIN, explain);
    while (out->n % 16)
        pol_buf_byte(out, 0);
    header->body_size = out->n;
    memcpy(out->at, header, sizeof *header);
}

POL_MUST_USE static bool put_trailer(pol_buf *out, pol_error *err)
{
    pol_bundle_trailer trailer = {.magic = POL_TRAILER_MAGIC};
    if (EVP_Digest(out->at, out->n, trailer.digest, NULL, EVP_sha256(), NULL) != 1)
        return pol_fail(err, POL_E_CRYPTO, "the bundle's digest could not be computed");
    pol_buf_add(out, &trailer, sizeof trailer);
    return true;
}

static pol_value manifest_of(writer *w, const pol_image *image)
{
    pol_value manifest = image->manifest.tag == POL_OBJECT ? image->manifest : pol_empty(POL_OBJECT);
    return pol_object_with(&w->arena, manifest, pol_string_text("format"), pol_int(POL_BUNDLE_VERSION));
}

bool pol_bundle_write(const pol_image *image, pol_buf *out, pol_error *err)
{
    writer w = {0};
    pol_bundle_header header = {.magic = POL_BUNDLE_MAGIC, .version = POL_BUNDLE_VERSION};
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_arena_init(&w.arena, 0);
    pol_buf_clear(out);
    put_name(&w, "");
    for (uint32_t i = 0; i < image->n_functions; i++)
        put_function(&w, &image->functions[i]);
    pol_value manifest = manifest_of(&w, image), data = image->data.tag == POL_OBJECT ? image->data : pol_empty(POL_OBJECT);
    header.data_cell = put_values(&w, &data, 1);
    header.manifest_cell = put_values(&w, &manifest, 1);
    put_tables(&w, image);
    pol_json_write(&text, manifest, POL_JSON_COMPACT);
    bool ok = w.strings.n < UINT32_MAX && w.cells.n / sizeof(pol_cell) < UINT32_MAX;
    if (ok)
        put_sections(&w, &header, pol_buf_view(&text), image->explain, out);
    pol_buf *const parts[] = {&w.strings, &w.indexes, &w.cells, &w.functions, &w.code, &w.places, &w.builtins, &w.entries, &w.files, &w.kinds};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        pol_buf_deinit(parts[i]);
    pol_arena_deinit(&w.arena);
    return ok ? put_trailer(out, err) : pol_fail(err, POL_E_LIMIT, "a bundle holds at most 4 GiB of text and 4,294,967,295 values");
}

/* ---- signing ---- */

POL_MUST_USE static bool sign_digest(EVP_PKEY *key, const uint8_t digest[POL_BUNDLE_DIGEST], uint8_t public_key[POL_BUNDLE_KEY],
                                     uint8_t signature[POL_BUNDLE_SIGNATURE])
{
    uint8_t message[sizeof POL_SIGNED_PREFIX + POL_BUNDLE_DIGEST];
    size_t n = POL_BUNDLE_SIGNATURE, n_key = POL_BUNDLE_KEY;
    memcpy(message, POL_SIGNED_PREFIX, sizeof POL_SIGNED_PREFIX);
    memcpy(message + sizeof POL_SIGNED_PREFIX, digest, POL_BUNDLE_DIGEST);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(ctx, signature, &n, message, sizeof message) == 1 && n == POL_BUNDLE_SIGNATURE &&
              EVP_PKEY_get_raw_public_key(key, public_key, &n_key) == 1 && n_key == POL_BUNDLE_KEY;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static EVP_PKEY *read_private_key(pol_bytes pem)
{
    BIO *bio = pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.at, (int)pem.n) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
    BIO_free(bio);
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

bool pol_bundle_sign(pol_buf *bundle, pol_bytes private_key_pem, pol_error *err)
{
    pol_bundle *opened;
    POL_TRY(pol_bundle_from_bytes(pol_buf_view(bundle), NULL, &opened, err));
    uint64_t body = opened->header->body_size;
    pol_bundle_close(opened);
    pol_bundle_trailer trailer;
    memcpy(&trailer, bundle->at + body, sizeof trailer);
    if (trailer.n_signatures >= POL_BUNDLE_SIGNATURES_MAX)
        return pol_fail(err, POL_E_LIMIT, "the bundle has %u signatures already", trailer.n_signatures);
    EVP_PKEY *key = read_private_key(private_key_pem);
    if (!key)
        return pol_fail(err, POL_E_CRYPTO, "the signing key must be an Ed25519 private key in PEM without a passphrase");
    uint8_t public_key[POL_BUNDLE_KEY], signature[POL_BUNDLE_SIGNATURE];
    bool ok = sign_digest(key, trailer.digest, public_key, signature);
    EVP_PKEY_free(key);
    if (!ok)
        return pol_fail(err, POL_E_CRYPTO, "the bundle could not be signed");
    trailer.n_signatures++;
    memcpy(bundle->at + body, &trailer, sizeof trailer);
    pol_buf_add(bundle, public_key, sizeof public_key);
    pol_buf_add(bundle, signature, sizeof signature);
    return true;
}
