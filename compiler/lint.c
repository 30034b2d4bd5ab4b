/* SPDX-License-Identifier: Apache-2.0
 * pol lint: runs the rules and leaves out what options and comments switch off.
 */
#include "compiler/lint.h"

int pol_lint_rule(pol_bytes name)
{
    for (int i = POL_LINT_FIRST; i < POL_LINT_END; i++)
        if (pol_bytes_is(name, pol_diag_infos[i].class_name))
            return i - POL_LINT_FIRST;
    return -1;
}

/* ---- comments: `lint: ignore NAME, NAME` of its line and the next, `lint: ignore-file NAME` ---- */

/* Takes the next word from text: separated by blanks and commas. */
static pol_bytes next_word(pol_bytes *text)
{
    size_t from = 0, to;
    while (from < text->n && strchr(" \t,", text->at[from]))
        from++;
    for (to = from; to < text->n && !strchr(" \t,", text->at[to]); to++)
        ;
    pol_bytes word = pol_bytes_of(text->at + from, to - from);
    *text = pol_bytes_of(text->at + to, text->n - to);
    return word;
}

static bool names_rule(pol_bytes names, const char *rule)
{
    pol_bytes word;
    while ((word = next_word(&names)).n)
        if (pol_bytes_is(word, rule))
            return true;
    return false;
}

static bool is_ignored(const pol_diags *diags, const pol_module *m, const pol_diagnostic *d)
{
    const char *rule = pol_diag_infos[d->code].class_name;
    uint32_t row, col, at;
    pol_source_place(diags->sources, d->span, &row, &col);
    for (uint32_t i = 0; i < m->n_comments; i++) {
        pol_bytes text = m->comments[i].text;
        if (!pol_bytes_is(next_word(&text), "lint:"))
            continue;
        pol_bytes verb = next_word(&text);
        pol_source_place(diags->sources, m->comments[i].span, &at, &col);
        bool here = pol_bytes_is(verb, "ignore") && (at == row || at + 1 == row);
        if ((here || pol_bytes_is(verb, "ignore-file")) && names_rule(text, rule))
            return true;
    }
    return false;
}

static const pol_module *module_of(const pol_program *p, uint32_t source)
{
    for (uint32_t i = 0; i < p->n_modules; i++)
        if (p->modules[i]->source == source)
            return p->modules[i];
    return NULL;
}

void pol_lint(const pol_program *program, const pol_lint_options *options, pol_diags *diags)
{
    uint32_t n = 0;
    if (program->has_statements)
        pol_lint_statements(program, diags);
    pol_lint_bodies(program, diags);
    for (uint32_t i = 0; i < diags->n; i++) {
        const pol_diagnostic *d = &diags->items[i];
        const pol_module *m = module_of(program, d->span.source);
        if (!options->off[d->code - POL_LINT_FIRST] && m && !program->sources->items[m->source].generated && !is_ignored(diags, m, d))
            diags->items[n++] = *d;
    }
    diags->n = n;
    pol_diags_sort(diags);
}
