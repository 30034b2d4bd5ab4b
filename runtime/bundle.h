/* SPDX-License-Identifier: Apache-2.0
 * The bundle's format (docs/bundle.md), and a bundle that was verified, as the machine reads it.
 *
 * header | sections, each 16-byte aligned, in the order of the enum, without gaps but padding | trailer
 *
 * All is little-endian. The body is what stands before the trailer. The trailer holds the body's SHA-256 and signatures. Names are offsets into
 * the section of strings, whose last byte is NUL. Values are cells of 16 bytes; addresses in them are relative to the cell and point
 * backwards: texts into the strings, collections into cells before, slots of indexes into the section of indexes.
 */
#pragma once

#include "runtime/builtin.h"
#include "runtime/engine.h"
#include "runtime/ops.h"

enum { POL_BUNDLE_VERSION = 1, POL_BUNDLE_KEY = 32, POL_BUNDLE_SIGNATURE = 64, POL_BUNDLE_DIGEST = 32, POL_BUNDLE_SIGNATURES_MAX = 16 };
/* Full slots of an index that may follow each other: a look-up tries them in order. Colliding keys are found by order instead. */
enum { POL_BUNDLE_RUN_MAX = 256 };
#define POL_BUNDLE_MAGIC 0x424c4f50u  /* "POLB" */
#define POL_TRAILER_MAGIC 0x47495350u /* "PSIG" */
/* What is signed: this text, its NUL, and the body's SHA-256. */
#define POL_SIGNED_PREFIX "polward bundle v1"

typedef enum {
    POL_SECTION_MANIFEST, /* JSON text */
    POL_SECTION_STRINGS,
    POL_SECTION_INDEXES,  /* uint32_t slots */
    POL_SECTION_VALUES,   /* cells, and a pol_index before the cells of an indexed collection */
    POL_SECTION_FUNCTIONS,
    POL_SECTION_CODE,     /* pol_insn */
    POL_SECTION_PLACES,   /* pol_bundle_place of each instruction */
    POL_SECTION_BUILTINS,
    POL_SECTION_ENTRIES,  /* sorted by path, bytewise */
    POL_SECTION_FILES,    /* uint32_t names */
    POL_SECTION_EXPLAIN,  /* runtime/trace.h; empty when it was stripped */
    POL_SECTION_COUNT
} pol_section;

typedef struct {
    uint64_t offset, size; /* in bytes */
} pol_bundle_section;

typedef struct {
    uint32_t magic, version;
    uint64_t body_size;
    uint32_t data_cell, manifest_cell; /* numbers of cells in the section of values */
    uint64_t unused;
    pol_bundle_section sections[POL_SECTION_COUNT];
} pol_bundle_header;

typedef struct {
    uint32_t name;
    uint32_t first_insn, n_code;     /* in the section of code; functions follow each other without gaps */
    uint32_t first_cell, n_constants; /* in the section of values; in order of functions */
    uint16_t n_params, n_registers, n_iterators, n_builders;
    uint32_t memoised; /* 0 or 1 */
} pol_bundle_function;

typedef struct {
    uint32_t file, row, col;
} pol_bundle_place;

typedef struct {
    uint32_t name, n_args;
} pol_bundle_builtin;

typedef struct {
    uint32_t path, function;
} pol_bundle_entry_row;

typedef struct {
    uint32_t magic, n_signatures;
    uint8_t digest[POL_BUNDLE_DIGEST];
    /* then n_signatures times: public key, signature */
} pol_bundle_trailer;

_Static_assert(sizeof(pol_bundle_header) == 32 + 16 * POL_SECTION_COUNT, "the bundle format");
_Static_assert(sizeof(pol_bundle_function) == 32 && sizeof(pol_bundle_place) == 12 && sizeof(pol_bundle_trailer) == 40, "the bundle format");

struct pol_bundle {
    pol_bytes file;
    void *mapping; /* of map_size bytes, or NULL: file.at is from malloc */
    size_t map_size;
    const pol_bundle_header *header;
    const uint8_t *strings;
    size_t n_strings;
    const pol_cell *cells;
    size_t n_cells;
    const pol_bundle_function *functions;
    uint32_t n_functions;
    const pol_insn *code;
    size_t n_code;
    const pol_bundle_place *places;
    const pol_bundle_builtin *builtins;
    uint32_t n_builtins;
    const pol_builtin **bound; /* of each imported built-in; in arena */
    const pol_bundle_entry_row *entries;
    uint32_t n_entries;
    const uint32_t *files;
    uint32_t n_files;
    pol_bytes explain; /* not checked: see runtime/trace.h */
    uint8_t digest[POL_BUNDLE_DIGEST]; /* of the whole file */
    pol_arena arena;                   /* of what lives as long as the bundle */
};

/* Checks everything that the machine relies on and fills bundle's members behind file; bound is allocated. */
POL_MUST_USE bool pol_bundle_verify(pol_bundle *bundle, const pol_bundle_options *options, pol_error *err);

static inline const char *pol_bundle_name(const pol_bundle *bundle, uint32_t name)
{
    return (const char *)bundle->strings + name;
}
