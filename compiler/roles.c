/* SPDX-License-Identifier: Apache-2.0
 * Roles: `role` statements and role graphs in data as one directed acyclic graph, and what each role holds by inheritance.
 */
#include "compiler/statements.h"

int64_t pol_statements_role(const pol_statements *s, pol_bytes name)
{
    pol_value i = pol_object_get(s->role_index, pol_string(name));
    return i.tag == POL_INT ? i.i : -1;
}

static pol_role *add_role(pol_program *p, pol_statements *s, pol_bytes name, pol_span span)
{
    if (pol_bytes_is(name, "anyone") || pol_bytes_is(name, "authenticated")) {
        pol_diag(p->diags, POL_D_ROLE_NAME, span, "a role cannot be called `%.*s`: that name stands for %s", (int)name.n,
                 (const char *)name.at, name.at[1] == 'n' ? "every subject" : "every subject with a token or certificate");
        return NULL;
    }
    POL_GROW(p->arena, s->roles, s->n_roles, s->roles_capacity);
    s->roles[s->n_roles] = (pol_role){.name = name, .span = span};
    return &s->roles[s->n_roles++];
}

/* The document that `role from data.a.b` names. */
static pol_value graph_of(const pol_program *p, const pol_term *ref)
{
    if (ref->kind != POL_TERM_REF || ref->items[0]->kind != POL_TERM_VAR || !pol_bytes_is(ref->items[0]->text, "data"))
        return pol_undefined();
    pol_value v = p->data;
    for (uint32_t i = 1; i < ref->n; i++)
        v = ref->items[i]->kind == POL_TERM_STRING ? pol_object_get(v, pol_string(ref->items[i]->text)) : pol_undefined();
    return v;
}

static bool all_strings(pol_value v)
{
    if (v.tag != POL_ARRAY)
        return false;
    for (uint32_t i = 0; i < v.n; i++)
        if (pol_element(v, i).tag != POL_STRING)
            return false;
    return true;
}

/* The permits of one role of a graph: [{"actions": [...], "types": [...]}]. */
static void add_data_permits(pol_program *p, pol_statements *s, const pol_module *m, const pol_statement *st, pol_bytes role,
                             pol_value permits)
{
    for (uint32_t i = 0; permits.tag == POL_ARRAY && i < permits.n; i++) {
        pol_value permit = pol_element(permits, i);
        pol_value actions = pol_object_member(permit, "actions"), types = pol_object_member(permit, "types");
        if (!all_strings(actions) || !all_strings(types)) {
            pol_diag(p->diags, POL_D_ROLE_GRAPH, st->span, "permit %u of role \"%.*s\" needs \"actions\" and \"types\", arrays of strings",
                     i, (int)role.n, (const char *)role.at);
            continue;
        }
        pol_grant g = {.module = m, .role = role, .actions = actions, .types = types};
        pol_buf id = {0};
        pol_term_print(m->package, &id);
        pol_buf_printf(&id, ".role:%.*s", (int)role.n, (const char *)role.at);
        g.id = (const char *)pol_arena_copy(p->arena, id.at, id.n);
        pol_buf_deinit(&id);
        POL_GROW(p->arena, s->grants, s->n_grants, s->grants_capacity);
        s->grants[s->n_grants++] = g;
    }
}

static void add_graph(pol_program *p, pol_statements *s, const pol_module *m, const pol_statement *st)
{
    pol_value graph = graph_of(p, st->from);
    if (graph.tag != POL_OBJECT) {
        pol_diag(p->diags, POL_D_ROLE_GRAPH, st->from->span,
                 "`role from` needs an object of roles in the bundle's data; there is %s here",
                 pol_is_defined(graph) ? pol_type_name(graph) : "nothing");
        return;
    }
    for (uint32_t i = 0; i < graph.n; i++) {
        pol_value name = pol_member_key(graph, i), role = pol_member_value(graph, i);
        pol_value parents = pol_object_member(role, "inherits");
        if (role.tag != POL_OBJECT || (pol_is_defined(parents) && !all_strings(parents))) {
            pol_diag(p->diags, POL_D_ROLE_GRAPH, st->from->span,
                     "role \"%.*s\" must be an object whose \"inherits\", if there, is an array of strings", (int)name.n,
                     (const char *)name.text);
            continue;
        }
        pol_role *added = add_role(p, s, pol_text(name), st->span);
        if (added)
            added->data_parents = parents;
        add_data_permits(p, s, m, st, pol_text(name), pol_object_member(role, "permits"));
    }
}

/* Names to numbers; a name declared twice is an error. */
static void index_roles(pol_program *p, pol_statements *s)
{
    pol_builder b = pol_builder_new(p->arena);
    for (uint32_t i = s->n_roles; i-- > 0;)
        pol_builder_put(&b, pol_string(s->roles[i].name), pol_int(i));
    s->role_index = pol_builder_object(&b);
    for (uint32_t i = 0; i < s->n_roles; i++) {
        int64_t first = pol_statements_role(s, s->roles[i].name);
        if (first == (int64_t)i)
            continue;
        uint32_t row, col;
        pol_source_place(p->sources, s->roles[first].span, &row, &col);
        pol_diag(p->diags, POL_D_ROLE_TWICE, s->roles[i].span, "role `%.*s` is declared already, in %s, line %u", (int)s->roles[i].name.n,
                 (const char *)s->roles[i].name.at, p->sources->items[s->roles[first].span.source].name, row);
    }
}

static uint32_t n_parents(const pol_role *r)
{
    return r->parents ? r->parents->n : r->data_parents.tag == POL_ARRAY ? r->data_parents.n : 0;
}

static pol_bytes parent_name(const pol_role *r, uint32_t i)
{
    return r->parents ? r->parents->items[i].text : pol_text(pol_element(r->data_parents, i));
}

static pol_span parent_span(const pol_role *r, uint32_t i)
{
    return r->parents ? r->parents->items[i].span : r->span;
}

static void report_cycle(pol_program *p, const pol_statements *s, const uint32_t *path, uint32_t n, uint32_t again)
{
    pol_buf text = {0};
    uint32_t from = 0;
    while (path[from] != again)
        from++;
    for (uint32_t i = from; i < n; i++)
        pol_buf_printf(&text, "%.*s -> ", (int)s->roles[path[i]].name.n, (const char *)s->roles[path[i]].name.at);
    pol_buf_bytes(&text, s->roles[again].name);
    pol_diag(p->diags, POL_D_ROLE_CYCLE, s->roles[again].span, "roles inherit from each other in a circle: %.*s", (int)text.n,
             (const char *)text.at);
    pol_buf_deinit(&text);
}

enum { UNSEEN, OPEN, DONE };

/* Depth first without recursion: data may hold chains of any length. Unknown parents and circles are reported once. */
static void check_graph(pol_program *p, pol_statements *s)
{
    uint32_t *path = POL_NEW_ARRAY(p->arena, uint32_t, s->n_roles + 1), *next = POL_NEW_ARRAY(p->arena, uint32_t, s->n_roles + 1);
    for (uint32_t start = 0; start < s->n_roles; start++) {
        uint32_t depth = 0;
        if (s->roles[start].visit != UNSEEN)
            continue;
        path[depth++] = start;
        s->roles[start].visit = OPEN;
        while (depth) {
            pol_role *r = &s->roles[path[depth - 1]];
            if (next[path[depth - 1]] == n_parents(r)) {
                r->visit = DONE;
                depth--;
                continue;
            }
            uint32_t i = next[path[depth - 1]]++;
            int64_t parent = pol_statements_role(s, parent_name(r, i));
            if (parent < 0) {
                pol_bytes name = parent_name(r, i);
                pol_diag(p->diags, POL_D_ROLE_UNKNOWN, parent_span(r, i), "role `%.*s` inherits from `%.*s`, which is not declared",
                         (int)r->name.n, (const char *)r->name.at, (int)name.n, (const char *)name.at);
                pol_role_suggest(p, s, name);
            } else if (s->roles[parent].visit == OPEN) {
                report_cycle(p, s, path, depth, (uint32_t)parent);
            } else if (s->roles[parent].visit == UNSEEN) {
                s->roles[parent].visit = OPEN;
                path[depth++] = (uint32_t)parent;
            }
        }
    }
}

/* Each role's closure, breadth first; seen[] holds the role that saw it last. */
static void fill_closures(pol_program *p, pol_statements *s)
{
    uint32_t *seen = POL_NEW_ARRAY(p->arena, uint32_t, s->n_roles + 1), *queue = POL_NEW_ARRAY(p->arena, uint32_t, s->n_roles + 1);
    for (uint32_t i = 0; i < s->n_roles; i++) {
        uint32_t n = 0;
        queue[n++] = i;
        seen[i] = i + 1;
        for (uint32_t at = 0; at < n; at++) {
            const pol_role *r = &s->roles[queue[at]];
            for (uint32_t k = 0; k < n_parents(r); k++) {
                int64_t parent = pol_statements_role(s, parent_name(r, k));
                if (parent >= 0 && seen[parent] != i + 1) {
                    seen[parent] = i + 1;
                    queue[n++] = (uint32_t)parent;
                }
            }
        }
        s->roles[i].closure = POL_NEW_ARRAY(p->arena, uint32_t, n);
        s->roles[i].n_closure = n;
        memcpy(s->roles[i].closure, queue, n * sizeof *queue);
    }
}

void pol_roles_collect(pol_program *program, pol_statements *s)
{
    for (uint32_t i = 0; i < program->n_modules; i++) {
        const pol_module *m = program->modules[i];
        for (uint32_t k = 0; k < m->n_statements; k++) {
            const pol_statement *st = m->statements[k];
            if (st->kind != POL_STATEMENT_ROLE)
                continue;
            if (st->from) {
                add_graph(program, s, m, st);
            } else {
                pol_role *r = add_role(program, s, st->names.items[0].text, st->names.items[0].span);
                if (r)
                    r->parents = &st->parents;
            }
        }
    }
    index_roles(program, s);
    check_graph(program, s);
    fill_closures(program, s);
}
