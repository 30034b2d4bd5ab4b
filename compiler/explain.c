/* SPDX-License-Identifier: Apache-2.0
 * The section that explanations need (runtime/trace.h): which part of a source an instruction computes, the sources' texts, and
 * what the statements say. Nothing of it is read while deciding.
 */
#include "compiler/lower.h"
#include "runtime/json.h"

/* ---- what the statements say ---- */

static pol_value location_of(const pol_program *p, const pol_plan *plan, pol_span span)
{
    pol_place place = place_of(p, span);
    return pol_trace_location(p->arena, plan->files[place.file], place.row, place.col);
}

/* The statement as written, up to where its conditions begin. */
static pol_value head_text(const pol_program *p, const pol_statement *st)
{
    pol_bytes text = pol_source_text(p->sources, st->span);
    const uint8_t *end = memchr(text.at, '\n', text.n);
    if (end)
        text.n = (size_t)(end - text.at);
    while (text.n && strchr(" \t\r{", text.at[text.n - 1]))
        text.n--;
    if (pol_bytes_ends(text, POL_BYTES(" if")))
        text.n -= 3;
    return pol_string(text);
}

/* Member name: the function of a hidden rule, by name. */
static void put_rule(pol_builder *b, pol_program *p, const char *name, const pol_module *m, const pol_rule *rule)
{
    pol_group *group = rule ? pol_hidden_group(p, m, rule) : NULL;
    if (group)
        pol_builder_put_text(b, name, pol_string_text(group->name));
}

static pol_value grant_value(pol_program *p, const pol_plan *plan, const pol_grant *g)
{
    pol_builder b = pol_builder_new(p->arena);
    const pol_statement *st = g->statement;
    pol_builder_put_text(&b, "id", pol_string_text(g->id));
    pol_builder_put_text(&b, "effect", pol_string_text(g->forbid ? "forbid" : "permit"));
    pol_builder_put_text(&b, "tier", pol_string(p->statements->tiers[g->tier].name));
    pol_builder_put_text(&b, "roles", pol_names_value(p->arena, &st->names));
    pol_builder_put_text(&b, "actions", pol_names_value(p->arena, &st->actions));
    pol_builder_put_text(&b, "types", pol_names_value(p->arena, &st->types));
    pol_builder_put_text(&b, "text", head_text(p, st));
    pol_builder_put_text(&b, "location", location_of(p, plan, st->span));
    if (g->function)
        pol_builder_put_text(&b, "function", pol_string_text(plan->functions[g->function - 1]->name));
    put_rule(&b, p, "if", g->module, st->if_rule);
    put_rule(&b, p, "unless", g->module, st->unless_rule);
    if (!g->forbid)
        put_rule(&b, p, "returning", g->module, st->returning_rule);
    return pol_builder_object(&b);
}

static pol_value assign_value(pol_program *p, const pol_plan *plan, const pol_assign *a)
{
    pol_builder b = pol_builder_new(p->arena);
    pol_builder_put_text(&b, "assign", pol_string_text(a->name));
    pol_builder_put_text(&b, "roles", pol_names_value(p->arena, &a->statement->names));
    pol_builder_put_text(&b, "text", head_text(p, a->statement));
    pol_builder_put_text(&b, "location", location_of(p, plan, a->statement->span));
    put_rule(&b, p, "from", a->module, a->statement->from_rule);
    put_rule(&b, p, "if", a->module, a->statement->if_rule);
    return pol_builder_object(&b);
}

static pol_value scope_value(pol_program *p, const pol_statement *st)
{
    pol_builder b = pol_builder_new(p->arena);
    pol_builder_put_text(&b, "scopes", pol_names_value(p->arena, &st->names));
    pol_builder_put_text(&b, "actions", pol_names_value(p->arena, &st->actions));
    pol_builder_put_text(&b, "types", pol_names_value(p->arena, &st->types));
    return pol_builder_object(&b);
}

/* A role graph in data, whose permits the data itself tells: its path, and the tier and id of what it permits. */
static pol_value graph_value(pol_program *p, const pol_plan *plan, const pol_module *m, const pol_statement *st)
{
    pol_builder b = pol_builder_new(p->arena), path = pol_builder_new(p->arena);
    POL_CLEAN(pol_buf_deinit) pol_buf package = {0};
    for (uint32_t i = 1; i < st->from->n; i++)
        pol_builder_add(&path, pol_string(st->from->items[i]->text));
    pol_term_print(m->package, &package);
    pol_builder_put_text(&b, "path", pol_builder_array(&path));
    pol_builder_put_text(&b, "package", pol_string_copy(p->arena, pol_buf_view(&package)));
    pol_builder_put_text(&b, "location", location_of(p, plan, st->span));
    pol_builder_put_text(&b, "tier", pol_string_text("role"));
    for (uint32_t i = 0; i < m->n_statements; i++)
        if (m->statements[i]->kind == POL_STATEMENT_TIER)
            pol_builder_put_text(&b, "tier", pol_string(m->statements[i]->names.items[0].text));
    return pol_builder_object(&b);
}

static pol_value graphs_value(pol_program *p, const pol_plan *plan)
{
    pol_builder graphs = pol_builder_new(p->arena);
    for (uint32_t i = 0; i < p->n_modules; i++)
        for (uint32_t k = 0; k < p->modules[i]->n_statements; k++) {
            const pol_statement *st = p->modules[i]->statements[k];
            if (st->kind == POL_STATEMENT_ROLE && st->from)
                pol_builder_add(&graphs, graph_value(p, plan, p->modules[i], st));
        }
    return pol_builder_array(&graphs);
}

/* Where the sources' texts are, so that what was compiled can be read again (pol diff). */
static pol_value sources_value(const pol_program *p, const pol_plan *plan, const uint32_t *offsets)
{
    pol_builder sources = pol_builder_new(p->arena);
    for (uint32_t i = 0; i < p->sources->n; i++) {
        const pol_source *source = &p->sources->items[i];
        pol_builder b = pol_builder_new(p->arena);
        if (source->generated)
            continue;
        pol_builder_put_text(&b, "file", pol_string_text(plan->files[i]));
        pol_builder_put_text(&b, "start", pol_int(offsets[i]));
        pol_builder_put_text(&b, "size", pol_int((int64_t)source->text.n));
        pol_builder_put_text(&b, "polward", pol_bool(source->polward));
        pol_builder_add(&sources, pol_builder_object(&b));
    }
    return pol_builder_array(&sources);
}

static pol_value document_value(pol_program *p, const pol_plan *plan, const uint32_t *offsets)
{
    const pol_statements *s = p->statements;
    pol_builder b = pol_builder_new(p->arena), grants = pol_builder_new(p->arena), assigns = pol_builder_new(p->arena);
    pol_builder scopes = pol_builder_new(p->arena), tiers = pol_builder_new(p->arena), roles = pol_builder_new(p->arena);
    pol_builder_put_text(&b, "sources", sources_value(p, plan, offsets));
    if (!s)
        return pol_builder_object(&b);
    for (uint32_t i = 0; i < s->n_grants; i++)
        if (s->grants[i].statement)
            pol_builder_add(&grants, grant_value(p, plan, &s->grants[i]));
    for (uint32_t i = 0; i < s->n_assigns; i++)
        pol_builder_add(&assigns, assign_value(p, plan, &s->assigns[i]));
    for (uint32_t i = 0; i < s->n_scopes; i++)
        pol_builder_add(&scopes, scope_value(p, s->scopes[i]));
    for (uint32_t i = 0; i < s->n_tiers; i++)
        pol_builder_add(&tiers, pol_string(s->tiers[i].name));
    for (uint32_t i = 0; i < s->n_roles; i++)
        if (s->roles[i].parents)
            pol_builder_put(&roles, pol_string(s->roles[i].name), pol_names_value(p->arena, s->roles[i].parents));
    pol_builder_put_text(&b, "roles", pol_builder_object(&roles));
    pol_builder_put_text(&b, "statements", pol_builder_array(&grants));
    pol_builder_put_text(&b, "assigns", pol_builder_array(&assigns));
    pol_builder_put_text(&b, "scopes", pol_builder_array(&scopes));
    pol_builder_put_text(&b, "tiers", pol_builder_array(&tiers));
    pol_builder_put_text(&b, "graphs", graphs_value(p, plan));
    return pol_builder_object(&b);
}

/* ---- the section ---- */

/* Offsets of the sources' texts. What the compiler wrote itself explains nothing. */
static uint32_t *put_texts(const pol_program *p, pol_buf *texts)
{
    uint32_t *offsets = POL_NEW_ARRAY(p->arena, uint32_t, (size_t)p->sources->n + 1);
    for (uint32_t i = 0; i < p->sources->n; i++) {
        offsets[i] = (uint32_t)texts->n;
        if (!p->sources->items[i].generated)
            pol_buf_bytes(texts, p->sources->items[i].text);
    }
    return offsets;
}

static void put_parts(const pol_program *p, const pol_plan *plan, const uint32_t *offsets, pol_buf *out)
{
    for (uint32_t i = 0; i < plan->n_parts; i++) {
        const pol_plan_part *part = &plan->parts[i];
        bool shown = part->kind != POL_PART_BODY && !p->sources->items[part->span.source].generated;
        pol_explain_part row = {
            .kind = part->kind, .parent = part->parent, .variable = part->variable,
            .file = part->place.file, .row = part->place.row, .col = part->place.col,
            .text = shown ? offsets[part->span.source] + part->span.start : 0,
            .n = shown ? part->span.end - part->span.start : 0,
        };
        pol_buf_add(out, &row, sizeof row);
    }
}

void pol_explain_write(pol_program *program, const pol_plan *plan, const pol_image *image, pol_buf *out)
{
    POL_CLEAN(pol_buf_deinit) pol_buf texts = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf document = {0};
    pol_explain_header header = {.n_parts = plan->n_parts};
    uint32_t *offsets = put_texts(program, &texts);
    pol_json_write(&document, document_value(program, plan, offsets), POL_JSON_COMPACT);
    for (uint32_t f = 0; f < image->n_functions; f++)
        header.n_code += image->functions[f].n_code;
    header.n_text = (uint32_t)texts.n;
    header.n_document = (uint32_t)document.n;
    pol_buf_add(out, &header, sizeof header);
    for (uint32_t f = 0; f < image->n_functions; f++)
        for (uint32_t i = 0; i < image->functions[f].n_code; i++)
            pol_buf_add(out, &image->functions[f].places[i].part, sizeof(uint32_t));
    put_parts(program, plan, offsets, out);
    pol_buf_bytes(out, pol_buf_view(&texts));
    pol_buf_bytes(out, pol_buf_view(&document));
}
