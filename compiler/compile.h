/* SPDX-License-Identifier: Apache-2.0
 * The compiler's one public face: sources and data in, bundle or diagnostics out.
 */
#pragma once

#include "compiler/image.h"
#include "compiler/program.h"

typedef struct {
    bool strict;            /* OPA's strict mode */
    bool print_statements;  /* keep print() */
    bool optimise;          /* usually true */
    const char *revision;   /* for the manifest; NULL: none */
    const char *const *entrypoints; /* "orders/allow": only what these need is compiled; none: everything */
    uint32_t n_entrypoints;
    const char *query;      /* a Rego body, compiled as the entry point "$query" (see below); NULL: none */
    const char *query_package; /* "a.b" or NULL */
    const char *const *query_imports;
    uint32_t n_query_imports;
    bool query_keywords;    /* and, or, not { } are known in the query */
    bool query_values;      /* what expressions give is shown, also false where one stands alone and does not iterate; else all must hold */
    bool stripped;          /* the bundle can not explain itself, and holds no source text */
    bool relative_names;    /* the bundle names files as they lie below what was loaded, so that it does not depend on where that is; else as given */
} pol_compile_options;

/* A compilation; owns everything made in it. */
typedef struct pol_compiler pol_compiler;

pol_compiler *pol_compiler_new(const pol_compile_options *options);
void pol_compiler_free(pol_compiler *c);
/* A module's text; name is what diagnostics show; a name that ends in .pol is a Polward module. Errors are found in pol_compiler_run. */
void pol_compiler_add_module(pol_compiler *c, const char *name, pol_bytes text);
/* The same, with the name that the bundle uses where relative_names is set. Modules are compiled in order of label. */
void pol_compiler_add_labelled(pol_compiler *c, const char *name, const char *label, pol_bytes text);
/* A base document to be merged at path (segments; may be 0 of them). Refused when it conflicts with another. */
POL_MUST_USE bool pol_compiler_add_data(pol_compiler *c, const char *name, const pol_bytes *path, uint32_t n_path, pol_value data,
                                        pol_error *err);
/* Files and folders as OPA's -d takes them: *.rego and *.pol are modules, *.json and *.yaml data (of a folder: data.json below its path; other names are
 * taken too, merged at their folder), "prefix:path" puts data under prefix. */
POL_MUST_USE bool pol_compiler_load(pol_compiler *c, const char *path, pol_error *err);
/* A bundle in OPA's layout, unpacked, as -b takes it: of a folder *.rego and *.pol, data.json and data.yaml, and the revision of its .manifest. */
POL_MUST_USE bool pol_compiler_load_bundle(pol_compiler *c, const char *path, pol_error *err);
/* Names (of files and folders below what is loaded) to pass over: a shell pattern, as OPA's --ignore. pattern must live as long as c. */
void pol_compiler_ignore(pol_compiler *c, const char *pattern);
bool pol_compiler_ignores(const pol_compiler *c, const char *name);
/* For the manifest, where the options name no revision. */
void pol_compiler_set_revision(pol_compiler *c, pol_bytes revision);
/* Further tiers, {name: weight}, as `metadata.tiers` of a manifest has them (undefined: none); name is the manifest's, for the error. */
POL_MUST_USE bool pol_compiler_add_tiers(pol_compiler *c, const char *name, pol_value tiers, pol_error *err);
/* Only the first stages, in the place of pol_compiler_run: modules parsed, statements made into hidden rules, names not bound. */
POL_MUST_USE bool pol_compiler_prepare(pol_compiler *c);
/* Runs all stages. False when there are errors; see pol_compiler_diags. */
POL_MUST_USE bool pol_compiler_run(pol_compiler *c);
const pol_diags *pol_compiler_diags(const pol_compiler *c);
pol_arena *pol_compiler_arena(pol_compiler *c);
/* After a successful run: the bundle. */
POL_MUST_USE bool pol_compiler_bundle(pol_compiler *c, pol_buf *out, pol_error *err);
const pol_program *pol_compiler_program(const pol_compiler *c);
/* As modules of plain Rego, {name: text}: of prepared, the same sources again as those that c has compiled (rego_target.h). */
pol_value pol_compiler_rego(const pol_compiler *c, pol_compiler *prepared);
/* The query as resolved; NULL without one. Its text is the source of its expressions' spans in the program's sources. */
const pol_query *pol_compiler_query(const pol_compiler *c);
/* --emit */
typedef enum { POL_EMIT_TREE, POL_EMIT_PLAN, POL_EMIT_ASM } pol_stage;
void pol_compiler_emit(pol_compiler *c, pol_stage what, pol_buf *out);
/* The entry point "$query" has the value [{"bindings": {"x": 1, ...}, "expressions": [values as written]}, ...], one element for each result, in order found; it is undefined for none. */
