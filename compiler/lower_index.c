/* SPDX-License-Identifier: Apache-2.0
 * The constant indexes by which the decision finds the statements of a type and action. Data may bring millions of permits, so each is looked at a few times only:
 * rows are put into buckets by the names that they have.
 */
#include "compiler/lower.h"
#include "compiler/namemap.h"
#include "runtime/engine.h"

/* ---- rows by name ---- */

typedef struct {
    uint32_t *items;
    uint32_t n, capacity;
} row_list;

/* Rows (numbers from 0) by each of their names; a row with the name `*` is of every name. */
typedef struct {
    pol_arena *arena;
    pol_namemap numbers;
    row_list *lists; /* by number of the name; in order of rows */
    uint32_t capacity;
    row_list star;
    pol_builder names;
} buckets;

static void add_row(pol_arena *arena, row_list *list, uint32_t row)
{
    if (list->n && list->items[list->n - 1] == row)
        return;
    POL_GROW(arena, list->items, list->n, list->capacity);
    list->items[list->n++] = row;
}

static void put_row(buckets *b, pol_value names, uint32_t row)
{
    for (uint32_t i = 0; i < names.n; i++) {
        pol_value name = pol_element(names, i);
        uint32_t before = b->numbers.n, number = *pol_namemap_put(b->arena, &b->numbers, pol_text(name), before);
        if (number == before) {
            POL_GROW(b->arena, b->lists, number, b->capacity);
            b->lists[number] = (row_list){0};
            pol_builder_add(&b->names, name);
        }
        add_row(b->arena, pol_bytes_is(pol_text(name), "*") ? &b->star : &b->lists[number], row);
    }
}

/* The rows of name, in order: its own and those of `*`. */
static row_list rows_of(const buckets *b, pol_value name)
{
    const uint32_t *number = pol_namemap_find(&b->numbers, pol_text(name));
    row_list none = {0}, found = {0}, own = number ? b->lists[*number] : none;
    for (uint32_t i = 0, k = 0; i < own.n || k < b->star.n;) {
        bool take_own = k == b->star.n || (i < own.n && own.items[i] <= b->star.items[k]);
        add_row(b->arena, &found, take_own ? own.items[i++] : b->star.items[k++]);
    }
    return found;
}

static buckets new_buckets(pol_arena *arena)
{
    return (buckets){.arena = arena, .names = pol_builder_new(arena)};
}

static void add_names(pol_builder *b, pol_value names)
{
    for (uint32_t i = 0; i < names.n; i++)
        pol_builder_add(b, pol_element(names, i));
}

/* ---- tiers ---- */

static void add_pair(pol_lowering *l, pol_builder *pairs, pol_bytes role, const char *id)
{
    pol_value pair[] = {pol_string(role), pol_string_text(id)};
    pol_builder_add(pairs, pol_array_of(l->arena, pair, 2));
}

/* Members "permits" and "forbids": role: [ids] of statements without conditions. */
static void put_roles(pol_lowering *l, pol_builder *cell, const pol_statements *s, row_list rows, bool forbid)
{
    pol_builder pairs = pol_builder_new(l->arena), object = pol_builder_new(l->arena);
    for (uint32_t i = 0; i < rows.n; i++) {
        const pol_grant *g = &s->grants[rows.items[i]];
        if (g->function || g->forbid != forbid)
            continue;
        if (!g->statement)
            add_pair(l, &pairs, g->role, g->id);
        for (uint32_t k = 0; g->statement && k < g->statement->names.n; k++)
            add_pair(l, &pairs, g->statement->names.items[k].text, g->id);
    }
    pol_value sorted = pol_builder_set(&pairs);
    for (uint32_t i = 0, end; i < sorted.n; i = end) {
        pol_value role = pol_element(pol_element(sorted, i), 0);
        pol_builder ids = pol_builder_new(l->arena);
        for (end = i; end < sorted.n && pol_equal(pol_element(pol_element(sorted, end), 0), role); end++)
            pol_builder_add(&ids, pol_element(pol_element(sorted, end), 1));
        pol_builder_put(&object, role, pol_builder_array(&ids));
    }
    if (sorted.n)
        pol_builder_put_text(cell, forbid ? "forbids" : "permits", pol_builder_object(&object));
}

/* Member "conditional": [[is forbid, function, id], ...]. */
static void put_conditional(pol_lowering *l, pol_builder *cell, const pol_statements *s, row_list rows)
{
    pol_builder list = pol_builder_new(l->arena);
    for (uint32_t i = 0; i < rows.n; i++) {
        const pol_grant *g = &s->grants[rows.items[i]];
        if (!g->function)
            continue;
        pol_value entry[] = {pol_bool(g->forbid), pol_int(g->function - 1), pol_string_text(g->id)};
        pol_builder_add(&list, pol_array_of(l->arena, entry, 3));
    }
    if (list.n)
        pol_builder_put_text(cell, "conditional", pol_builder_array(&list));
}

static pol_value type_row(pol_lowering *l, const pol_statements *s, row_list of_type)
{
    buckets actions = new_buckets(l->arena);
    pol_builder row = pol_builder_new(l->arena);
    for (uint32_t i = 0; i < of_type.n; i++)
        put_row(&actions, pol_grant_actions(l->arena, &s->grants[of_type.items[i]]), of_type.items[i]);
    pol_value names = pol_builder_set(&actions.names);
    for (uint32_t a = 0; a < names.n; a++) {
        row_list rows = rows_of(&actions, pol_element(names, a));
        pol_builder cell = pol_builder_new(l->arena);
        put_roles(l, &cell, s, rows, false);
        put_roles(l, &cell, s, rows, true);
        put_conditional(l, &cell, s, rows);
        pol_builder_put(&row, pol_element(names, a), pol_builder_object(&cell));
    }
    return pol_builder_object(&row);
}

pol_value tier_index(pol_lowering *l, const pol_statements *s, uint32_t tier)
{
    buckets types = new_buckets(l->arena);
    pol_builder index = pol_builder_new(l->arena);
    for (uint32_t i = 0; i < s->n_grants; i++)
        if (s->grants[i].tier == tier)
            put_row(&types, pol_grant_types(l->arena, &s->grants[i]), i);
    pol_value names = pol_builder_set(&types.names);
    for (uint32_t t = 0; t < names.n; t++)
        pol_builder_put(&index, pol_element(names, t), type_row(l, s, rows_of(&types, pol_element(names, t))));
    return pol_builder_object(&index);
}

/* ---- scopes ---- */

/* [scopes that would do, reason] */
static pol_value scope_entry(pol_lowering *l, pol_value scopes)
{
    pol_buf text = {0};
    pol_buf_text(&text, scopes.n ? POL_SCOPES_NEEDED : "no scope covers this action");
    for (uint32_t i = 0; i < scopes.n; i++)
        pol_buf_printf(&text, "%s%.*s", i ? ", " : "", (int)pol_element(scopes, i).n, (const char *)pol_element(scopes, i).text);
    pol_value entry[] = {scopes, pol_string(pol_buf_to_arena(&text, l->arena))};
    pol_buf_deinit(&text);
    return pol_array_of(l->arena, entry, 2);
}

pol_value scope_index(pol_lowering *l, const pol_statements *s)
{
    buckets types = new_buckets(l->arena);
    pol_builder index = pol_builder_new(l->arena);
    for (uint32_t i = 0; i < s->n_scopes; i++)
        put_row(&types, pol_names_value(l->arena, &s->scopes[i]->types), i);
    pol_value names = pol_builder_set(&types.names);
    for (uint32_t t = 0; t < names.n; t++) {
        row_list of_type = rows_of(&types, pol_element(names, t));
        buckets actions = new_buckets(l->arena);
        pol_builder row = pol_builder_new(l->arena);
        pol_builder_add(&actions.names, pol_string_text("*"));
        for (uint32_t i = 0; i < of_type.n; i++)
            put_row(&actions, pol_names_value(l->arena, &s->scopes[of_type.items[i]]->actions), of_type.items[i]);
        pol_value action_names = pol_builder_set(&actions.names);
        for (uint32_t a = 0; a < action_names.n; a++) {
            row_list rows = rows_of(&actions, pol_element(action_names, a));
            pol_builder scopes = pol_builder_new(l->arena);
            for (uint32_t i = 0; i < rows.n; i++)
                add_names(&scopes, pol_names_value(l->arena, &s->scopes[rows.items[i]]->names));
            pol_builder_put(&row, pol_element(action_names, a), scope_entry(l, pol_builder_set(&scopes)));
        }
        pol_builder_put(&index, pol_element(names, t), pol_builder_object(&row));
    }
    return pol_builder_object(&index);
}

/* ---- what statements tell ---- */

pol_value told_index(pol_lowering *l, const pol_statements *s, bool because)
{
    pol_builder b = pol_builder_new(l->arena);
    for (uint32_t i = 0; i < s->n_grants; i++) {
        const pol_grant *g = &s->grants[i];
        const pol_rule *rule = !g->statement ? NULL : because ? g->statement->because_rule : g->statement->returning_rule;
        if (rule)
            pol_builder_put_text(&b, g->id, pol_int(function_of_group(l, pol_hidden_group(l->program, g->module, rule))));
    }
    return pol_builder_object(&b);
}

/* ---- names of actions ---- */

typedef struct {
    pol_value types, actions;
} named;

static named names_of_row(pol_lowering *l, const pol_statements *s, uint32_t row)
{
    if (row < s->n_grants)
        return (named){pol_grant_types(l->arena, &s->grants[row]), pol_grant_actions(l->arena, &s->grants[row])};
    row -= s->n_grants;
    const pol_statement *st = row < s->n_scopes ? s->scopes[row] : s->routes[row - s->n_scopes];
    return (named){pol_names_value(l->arena, &st->types), pol_names_value(l->arena, &st->actions)};
}

pol_value actions_index(pol_lowering *l, const pol_statements *s)
{
    buckets types = new_buckets(l->arena);
    pol_builder index = pol_builder_new(l->arena);
    pol_builder_add(&types.names, pol_string_text("*"));
    for (uint32_t i = 0; i < s->n_grants + s->n_scopes + s->n_routes; i++)
        put_row(&types, names_of_row(l, s, i).types, i);
    pol_value names = pol_builder_set(&types.names);
    for (uint32_t t = 0; t < names.n; t++) {
        row_list rows = rows_of(&types, pol_element(names, t));
        pol_namemap seen = {0};
        pol_builder actions = pol_builder_new(l->arena);
        for (uint32_t i = 0; i < rows.n; i++) {
            pol_value of_row = names_of_row(l, s, rows.items[i]).actions;
            for (uint32_t k = 0; k < of_row.n; k++) {
                pol_bytes action = pol_text(pol_element(of_row, k));
                uint32_t before = seen.n;
                if (!pol_bytes_is(action, "*") && *pol_namemap_put(l->arena, &seen, action, before) == before && seen.n > before)
                    pol_builder_add(&actions, pol_element(of_row, k));
            }
        }
        pol_builder_put(&index, pol_element(names, t), pol_builder_set(&actions));
    }
    return pol_builder_object(&index);
}
