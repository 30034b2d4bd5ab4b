/* SPDX-License-Identifier: Apache-2.0
 * What the statements of an action and type must find in the input before any of them counts: required attributes that could turn the answer towards
 * allow by being absent, and the declared type of all that is read (language page, section 2). A constant for each action and type, which one built-in goes through.
 */
#include "compiler/lower.h"
#include "compiler/polarity.h"
#include "compiler/schema.h"
#include "grammar/parse.h"

/* ---- types as constants, for runtime/builtins/statements.c ---- */

static pol_value type_value(pol_arena *arena, const pol_type_node *t);

static pol_value fields_value(pol_arena *arena, const pol_type_node *t)
{
    pol_builder fields = pol_builder_new(arena);
    for (uint32_t i = 0; i < t->n_fields; i++) {
        pol_value field[] = {pol_string(t->fields[i].name), pol_bool(t->fields[i].optional), type_value(arena, t->fields[i].type)};
        pol_builder_add(&fields, pol_array_of(arena, field, 3));
    }
    return pol_builder_array(&fields);
}

static pol_value parts_value(pol_arena *arena, const pol_type_node *t)
{
    pol_builder parts = pol_builder_new(arena);
    for (uint32_t i = 0; i < t->n_parts; i++)
        pol_builder_add(&parts, type_value(arena, t->parts[i]));
    return pol_builder_array(&parts);
}

/* [kind, what it is made of]. */
static pol_value type_value(pol_arena *arena, const pol_type_node *t)
{
    pol_value pair[2] = {pol_undefined(), pol_null()};
    switch ((pol_type_kind)t->kind) {
    case POL_TYPE_NAME:
        pair[0] = pol_string(t->text);
        break;
    case POL_TYPE_LITERAL:
        pair[0] = pol_string_text("literal");
        pair[1] = pol_term_value(arena, t->literal);
        break;
    case POL_TYPE_ARRAY:
    case POL_TYPE_SET:
        pair[0] = pol_string_text("list");
        pair[1] = type_value(arena, t->of);
        break;
    case POL_TYPE_OBJECT:
        pair[0] = pol_string_text("object");
        pair[1] = fields_value(arena, t);
        break;
    case POL_TYPE_MAP:
        pair[0] = pol_string_text("map");
        pair[1] = type_value(arena, t->to);
        break;
    case POL_TYPE_UNION:
        pair[0] = pol_string_text("union");
        pair[1] = parts_value(arena, t);
        break;
    }
    return pol_array_of(arena, pair, 2);
}

/* ---- reads ---- */

typedef struct {
    pol_lowering *l;
    pol_statements *s;
    const pol_statement **schemas;
    uint32_t n_schemas;
    pol_reads *of_grant;
    pol_reads *of_forbid_assign, *of_permit_assign;
} input_check;

static void add_reads(pol_arena *arena, pol_reads *to, const pol_reads *from)
{
    for (uint32_t i = 0; i < from->n; i++)
        pol_reads_add(arena, to, from->items[i].path, from->items[i].signs, from->items[i].span);
}

static void add_rule(input_check *c, const pol_module *m, const pol_rule *rule, unsigned signs, pol_reads *reads)
{
    if (rule)
        add_reads(c->l->arena, reads, &pol_polarity_rule(c->s->polarity, pol_hidden_group(c->l->program, m, rule), signs)->reads);
}

static void read_grant(input_check *c, const pol_grant *g, pol_reads *reads)
{
    const pol_statement *st = g->statement;
    if (!st)
        return;
    add_rule(c, g->module, st->if_rule, g->forbid ? POL_READ_MINUS : POL_READ_PLUS, reads);
    add_rule(c, g->module, st->unless_rule, g->forbid ? POL_READ_PLUS : POL_READ_MINUS, reads);
    if (!g->forbid)
        add_rule(c, g->module, st->returning_rule, POL_READ_PLUS, reads);
    const pol_reads *of_assign = g->forbid ? c->of_forbid_assign : c->of_permit_assign;
    for (uint32_t i = 0; i < c->s->n_assigns; i++)
        for (uint32_t k = 0; of_assign[i].n && k < st->names.n; k++)
            if (pol_assign_gives(c->s, &c->s->assigns[i], st->names.items[k].text)) {
                add_reads(c->l->arena, reads, &of_assign[i]);
                break;
            }
}

/* Of an assign that a permit needs only what could give the role by being absent: the design asks for less, but then a role that is held because of what
 * is missing would grant. */
static void read_assign(input_check *c, uint32_t i)
{
    const pol_assign *a = &c->s->assigns[i];
    const pol_rule *rules[] = {a->statement->if_rule, a->statement->from_rule};
    pol_reads reads = {0};
    for (size_t k = 0; k < 2; k++) {
        add_rule(c, a->module, rules[k], POL_READ_PLUS | POL_READ_MINUS, &c->of_forbid_assign[i]);
        add_rule(c, a->module, rules[k], POL_READ_PLUS, &reads);
    }
    for (uint32_t k = 0; k < reads.n; k++)
        if (reads.items[k].signs & POL_READ_MINUS)
            pol_reads_add(c->l->arena, &c->of_permit_assign[i], reads.items[k].path, reads.items[k].signs, reads.items[k].span);
}

static void read_all(input_check *c)
{
    c->of_forbid_assign = POL_NEW_ARRAY(c->l->arena, pol_reads, c->s->n_assigns + 1);
    c->of_permit_assign = POL_NEW_ARRAY(c->l->arena, pol_reads, c->s->n_assigns + 1);
    c->of_grant = POL_NEW_ARRAY(c->l->arena, pol_reads, c->s->n_grants + 1);
    for (uint32_t i = 0; i < c->s->n_assigns; i++)
        read_assign(c, i);
    for (uint32_t i = 0; i < c->s->n_grants; i++)
        read_grant(c, &c->s->grants[i], &c->of_grant[i]);
}

/* ---- the constant ---- */

static pol_value path_value(pol_arena *arena, pol_value path)
{
    pol_buf text = {0};
    pol_buf_text(&text, "input.");
    pol_read_path_print(path, &text);
    pol_value v = pol_string(pol_buf_to_arena(&text, arena));
    pol_buf_deinit(&text);
    return v;
}

/* [path, required, whole, type, the path as text, the type as text] */
static pol_value entry_value(pol_arena *arena, const pol_read *part, pol_declared d)
{
    pol_buf text = {0};
    pol_type_node_print(d.type, &text);
    pol_value entry[] = {part->path, pol_bool(d.required && (part->signs & POL_READ_MINUS)), pol_bool(part->signs & POL_READ_WHOLE),
                         type_value(arena, d.type), path_value(arena, part->path), pol_string(pol_buf_to_arena(&text, arena))};
    pol_buf_deinit(&text);
    return pol_array_of(arena, entry, 6);
}

static pol_value prefix(pol_arena *arena, pol_value path, uint32_t n)
{
    pol_builder b = pol_builder_new(arena);
    for (uint32_t i = 0; i < n; i++) { /* whatever the key: all elements are looked at */
        pol_value segment = pol_element(path, i);
        pol_builder_add(&b, segment.tag == POL_BOOL ? pol_null() : segment);
    }
    return pol_builder_array(&b);
}

/* A read of resource.a.b is one of resource.a too. */
static void add_parts(pol_arena *arena, pol_reads *parts, const pol_read *read, uint32_t from)
{
    for (uint32_t n = from; n <= read->path.n; n++) {
        unsigned signs = n == read->path.n ? read->signs : read->signs & ~(unsigned)POL_READ_WHOLE;
        pol_reads_add(arena, parts, prefix(arena, read->path, n), signs, read->span);
    }
}

static pol_value entries_of(input_check *c, const pol_reads *reads, pol_value type)
{
    pol_arena *arena = c->l->arena;
    pol_builder entries = pol_builder_new(arena);
    for (uint32_t k = 0; k < c->n_schemas; k++) {
        pol_reads parts = {0};
        uint32_t n = 0;
        for (uint32_t i = 0; i < reads->n; i++) {
            uint32_t root = pol_schema_root(c->schemas[k], pol_text(type), reads->items[i].path);
            if (root)
                add_parts(arena, &parts, &reads->items[i], n = root);
        }
        for (uint32_t i = 0; i < parts.n; i++) {
            pol_declared d = pol_schema_at(c->schemas[k], n, parts.items[i].path);
            if (d.type)
                pol_builder_add(&entries, entry_value(arena, &parts.items[i], d));
        }
    }
    pol_value sorted = pol_builder_set(&entries);
    pol_builder list = pol_builder_new(arena);
    for (uint32_t i = 0; i < sorted.n; i++)
        pol_builder_add(&list, pol_element(sorted, i));
    return pol_builder_array(&list);
}

static void add_to(pol_builder *b, pol_value names)
{
    for (uint32_t i = 0; i < names.n; i++)
        pol_builder_add(b, pol_element(names, i));
}

/* Action: entries, of one type. */
static pol_value row_of(input_check *c, pol_value type)
{
    pol_arena *arena = c->l->arena;
    uint32_t n = 0, *of_type = POL_NEW_ARRAY(arena, uint32_t, c->s->n_grants + 1);
    pol_builder actions = pol_builder_new(arena), row = pol_builder_new(arena);
    for (uint32_t i = 0; i < c->s->n_grants; i++)
        if (c->of_grant[i].n && pol_names_has(pol_grant_types(arena, &c->s->grants[i]), type)) {
            of_type[n++] = i;
            add_to(&actions, pol_grant_actions(arena, &c->s->grants[i]));
        }
    pol_value names = pol_builder_set(&actions);
    for (uint32_t a = 0; a < names.n; a++) {
        pol_reads reads = {0};
        for (uint32_t i = 0; i < n; i++)
            if (pol_names_has(pol_grant_actions(arena, &c->s->grants[of_type[i]]), pol_element(names, a)))
                add_reads(arena, &reads, &c->of_grant[of_type[i]]);
        pol_value entries = entries_of(c, &reads, type);
        pol_builder_put(&row, pol_element(names, a), entries);
    }
    return pol_builder_object(&row);
}

/* data is the bundle's own and was checked when it was built. */
static void collect_schemas(input_check *c)
{
    c->schemas = POL_NEW_ARRAY(c->l->arena, const pol_statement *, c->s->n_schemas + 1);
    for (uint32_t i = 0; i < c->s->n_schemas; i++) {
        const pol_statement *st = c->s->schemas[i];
        if (st->type && !pol_bytes_is(st->path, "data") && !pol_bytes_starts(st->path, POL_BYTES("data.")))
            c->schemas[c->n_schemas++] = st;
    }
}

pol_value input_check_index(pol_lowering *l, pol_statements *s)
{
    input_check c = {.l = l, .s = s};
    collect_schemas(&c);
    if (!c.n_schemas)
        return pol_empty(POL_OBJECT);
    read_all(&c);
    pol_builder types = pol_builder_new(l->arena), index = pol_builder_new(l->arena);
    pol_builder_add(&types, pol_string_text("*"));
    for (uint32_t i = 0; i < s->n_grants; i++)
        add_to(&types, pol_grant_types(l->arena, &s->grants[i]));
    for (uint32_t i = 0; i < c.n_schemas; i++)
        if (c.schemas[i]->resource_type.text.n)
            pol_builder_add(&types, pol_string(c.schemas[i]->resource_type.text));
    pol_value names = pol_builder_set(&types);
    bool any = false;
    for (uint32_t i = 0; i < names.n; i++) {
        pol_value row = row_of(&c, pol_element(names, i));
        for (uint32_t k = 0; k < row.n; k++)
            any |= pol_member_value(row, k).n > 0;
        pol_builder_put(&index, pol_element(names, i), row);
    }
    return any ? pol_builder_object(&index) : pol_empty(POL_OBJECT);
}
