/* SPDX-License-Identifier: Apache-2.0
 * Diagnostics: what is told to authors. A stage adds them and carries on; the caller prints them, sorted by place.
 * Every one is a row of diag.def: number, severity, class (OPA's name of the kind, for scripts), title.
 */
#pragma once

#include "compiler/source.h"

typedef enum { POL_SEVERITY_ERROR, POL_SEVERITY_WARNING } pol_severity;

/* DIAG(name, number, severity, class, title) */
typedef enum {
#define DIAG(name, number, severity, class, title) POL_D_##name,
#include "compiler/diag.def"
#undef DIAG
    POL_D_COUNT
} pol_diag_code;

typedef struct {
    const char *name;    /* "POL0123" */
    pol_severity severity;
    const char *class_name; /* "rego_parse_error", ... */
    const char *title;
} pol_diag_info;
extern const pol_diag_info pol_diag_infos[POL_D_COUNT];

typedef struct {
    pol_diag_code code;
    pol_span span;
    const char *message; /* a sentence: what is wrong, and where possible what to do */
    const char *hint;    /* "did you mean `spiffe_id`?" or NULL */
} pol_diagnostic;

typedef struct {
    pol_arena *arena;
    pol_sources *sources;
    pol_diagnostic *items;
    uint32_t n, capacity, n_errors;
} pol_diags;

/* Adds one; the message is copied. The same code at the same place with the same text is added once. */
void pol_diag(pol_diags *diags, pol_diag_code code, pol_span span, const char *fmt, ...) POL_PRINTF(4, 5);
/* Gives the newest one a hint. */
void pol_diag_hint(pol_diags *diags, const char *fmt, ...) POL_PRINTF(2, 3);
/* "did you mean `x`?" for the nearest of n names to name, if one is near enough: adds the hint to the newest diagnostic. */
void pol_diag_suggest(pol_diags *diags, pol_bytes name, const pol_bytes *names, size_t n);
void pol_diags_sort(pol_diags *diags);

typedef enum { POL_DIAGS_PRETTY, POL_DIAGS_JSON, POL_DIAGS_SARIF } pol_diags_form;
/* pretty: file:row:col: error POL0123: message, the line, the span underlined, the hint. json: OPA's shape
 * {"errors": [{"message", "code", "location": {"file", "row", "col"}, ...}]} with ours beside (pol_code, severity, hint). */
void pol_diags_write(const pol_diags *diags, pol_diags_form form, pol_buf *out);
