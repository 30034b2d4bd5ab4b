/* SPDX-License-Identifier: Apache-2.0
 * Tokens between lexer and parser. Kinds are lemon's (rego.h). What Rego decides by blanks, line ends and neighbours is decided here, once: whether
 * a bracket touches what it applies to, whether a word is a keyword, a name or the beginning of a statement.
 */
#pragma once

#include "compiler/diag.h"
#include "compiler/tree.h"

/* What is wrong with the text of a TK_ERROR token. */
typedef enum {
    POL_LEX_OK,
    POL_LEX_CHARACTER,
    POL_LEX_NUL,
    POL_LEX_UTF8,
    POL_LEX_MARK,
    POL_LEX_BLANK,
    POL_LEX_STRING_END,
    POL_LEX_ESCAPE,
    POL_LEX_FRACTION,
    POL_LEX_LEADING_ZERO,
    POL_LEX_NUMBER,
    POL_LEX_DOT,
    POL_LEX_DEPTH,
    /* what other languages write */
    POL_LEX_AND,
    POL_LEX_OR,
    POL_LEX_EQUAL,
    POL_LEX_BANG,
    POL_LEX_QUOTE,
} pol_lex_fault;

typedef struct {
    uint8_t kind;
    uint8_t fault;      /* pol_lex_fault, of TK_ERROR */
    bool first_on_line;
    uint16_t depth;     /* open brackets before it; of a closing one, after it */
    uint32_t start, end;
} pol_token;

typedef struct {
    pol_token *items; /* the last one is of kind 0, at the end of the text */
    uint32_t n, capacity;
    pol_comment *comments;
    uint32_t n_comments, comments_capacity;
    bool keyword_and, keyword_or, keyword_not; /* known before; imports in the text add to them */
} pol_tokens;

enum { POL_NESTING_MAX = 500 };

/* The raw tokens (lexer.re). */
void pol_lex(pol_arena *arena, const pol_source *source, uint32_t source_i, pol_tokens *tokens);
/* ... and with what this file decides. */
void pol_tokens_read(pol_arena *arena, const pol_source *source, uint32_t source_i, pol_tokens *tokens);
/* Is text a word that begins a clause of a statement: `because`, `at` ...? */
bool pol_is_clause_word(pol_bytes text);
/* What fault means, as a sentence; *code is its diagnostic. */
const char *pol_lex_fault_text(pol_lex_fault fault, pol_diag_code *code);
