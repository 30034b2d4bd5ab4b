/* SPDX-License-Identifier: Apache-2.0
 * The eight statements as declarations of the whole bundle: names are unique and known, tiers and ids are settled, bodies become hidden rules of their module, so that all
 * later stages see plain rules. What the statements decide is planned in lower_decision.c.
 */
#include "compiler/schema.h"
#include "compiler/statements.h"
#include "grammar/parse.h"
#include "runtime/json.h"

#include <stdlib.h>

static const struct {
    const char *name;
    int weight;
} default_tiers[] = {{"override", 1000}, {POL_TIER_SCOPE, 900}, {"tenant", 100}, {"user", 80}, {"role", 60}};

static int compare_tiers(const void *a, const void *b)
{
    return ((const pol_tier *)b)->weight - ((const pol_tier *)a)->weight;
}

/* The tiers that are always there, and those of the manifest, which may not change them: by weight, greatest first. */
static void collect_tiers(pol_program *p, pol_statements *s)
{
    for (size_t i = 0; i < sizeof default_tiers / sizeof *default_tiers; i++) {
        POL_GROW(p->arena, s->tiers, s->n_tiers, s->tiers_capacity);
        s->tiers[s->n_tiers++] = (pol_tier){pol_bytes_text(default_tiers[i].name), default_tiers[i].weight};
    }
    for (uint32_t i = 0; p->tiers.tag == POL_OBJECT && i < p->tiers.n; i++) {
        pol_tier tier = {pol_text(pol_member_key(p->tiers, i)), (int)pol_number_to_double(pol_member_value(p->tiers, i))};
        for (uint32_t k = 0; k < s->n_tiers; k++)
            if (pol_bytes_equal(s->tiers[k].name, tier.name) || s->tiers[k].weight == tier.weight)
                pol_diag(p->diags, POL_D_TIER_WEIGHT, (pol_span){0, 0, 0},
                         "the manifest's tier `%.*s` of weight %d has the name or the weight of tier `%.*s` (%d): each tier has its own", (int)tier.name.n,
                         (const char *)tier.name.at, tier.weight, (int)s->tiers[k].name.n, (const char *)s->tiers[k].name.at, s->tiers[k].weight);
        POL_GROW(p->arena, s->tiers, s->n_tiers, s->tiers_capacity);
        s->tiers[s->n_tiers++] = tier;
    }
    qsort(s->tiers, s->n_tiers, sizeof *s->tiers, compare_tiers);
}

static int64_t find_tier(const pol_statements *s, pol_bytes name)
{
    for (uint32_t i = 0; i < s->n_tiers; i++)
        if (pol_bytes_equal(s->tiers[i].name, name))
            return i;
    return -1;
}

static uint32_t tier_of(pol_program *p, pol_statements *s, const pol_name *name)
{
    int64_t tier = find_tier(s, name->text);
    if (tier >= 0)
        return (uint32_t)tier;
    pol_bytes *names = POL_NEW_ARRAY(p->arena, pol_bytes, s->n_tiers);
    for (uint32_t i = 0; i < s->n_tiers; i++)
        names[i] = s->tiers[i].name;
    pol_diag(p->diags, POL_D_TIER_UNKNOWN, name->span, "there is no tier `%.*s`", (int)name->text.n, (const char *)name->text.at);
    pol_diag_suggest(p->diags, name->text, names, s->n_tiers);
    return s->n_tiers - 1;
}

/* ---- names ---- */

void pol_role_suggest(pol_program *p, const pol_statements *s, pol_bytes name)
{
    pol_bytes *known = POL_NEW_ARRAY(p->arena, pol_bytes, s->n_roles + 1);
    for (uint32_t k = 0; k < s->n_roles; k++)
        known[k] = s->roles[k].name;
    pol_diag_suggest(p->diags, name, known, s->n_roles);
}

static void check_roles(pol_program *p, const pol_statements *s, const pol_names *names, bool pseudo)
{
    for (uint32_t i = 0; i < names->n; i++) {
        const pol_name *n = &names->items[i];
        if (pseudo && (pol_bytes_is(n->text, "anyone") || pol_bytes_is(n->text, "authenticated")))
            continue;
        if (pol_statements_role(s, n->text) >= 0)
            continue;
        pol_diag(p->diags, POL_D_ROLE_UNKNOWN, n->span, "there is no role `%.*s`: declare it with `role %.*s`", (int)n->text.n,
                 (const char *)n->text.at, (int)n->text.n, (const char *)n->text.at);
        pol_role_suggest(p, s, n->text);
    }
}

/* ---- hidden rules ---- */

static pol_rule *add_rule(pol_program *p, pol_module *m, const char *stem, const char *part, pol_span span)
{
    pol_rule *r = POL_NEW(p->arena, pol_rule);
    const char *name = pol_arena_printf(p->arena, "$%s-%s", stem, part);
    r->name = pol_term_text(p->arena, POL_TERM_VAR, span, pol_bytes_text(name));
    r->span = r->head_span = span;
    POL_GROW(p->arena, m->rules, m->n_rules, m->rules_capacity);
    m->rules[m->n_rules++] = r;
    return r;
}

static pol_rule *body_rule(pol_program *p, pol_module *m, const char *stem, const char *part, const pol_body *body, pol_span span)
{
    if (!body)
        return NULL;
    pol_rule *r = add_rule(p, m, stem, part, body->n ? body->items[0]->span : span);
    r->body = *body;
    r->has_if = r->has_body = true;
    return r;
}

static pol_rule *value_rule(pol_program *p, pol_module *m, const char *stem, const char *part, pol_term *value)
{
    if (!value)
        return NULL;
    pol_rule *r = add_rule(p, m, stem, part, value->span);
    r->value = value;
    r->assigned = true;
    return r;
}

static void add_hidden_rules(pol_program *p, pol_module *m, pol_statement *st, const char *stem)
{
    st->if_rule = body_rule(p, m, stem, "if", st->if_body, st->span);
    st->unless_rule = body_rule(p, m, stem, "unless", st->unless_body, st->span);
    st->because_rule = value_rule(p, m, stem, "because", st->because);
    st->returning_rule = value_rule(p, m, stem, "returning", st->returning);
    if (st->kind == POL_STATEMENT_ASSIGN)
        st->from_rule = value_rule(p, m, stem, "from", st->from);
}

/* ---- one module ---- */

static const char *package_name(pol_program *p, const pol_module *m)
{
    pol_buf text = {0};
    pol_term_print(m->package, &text);
    const char *name = (const char *)pol_arena_copy(p->arena, text.at, text.n);
    pol_buf_deinit(&text);
    return name;
}

/* How many statements of each kind the package has had so far, in files before this one too. */
typedef struct {
    const char *package;
    unsigned n[POL_STATEMENT_FORBID + 1];
} package_count;

typedef struct {
    package_count *items;
    uint32_t n, capacity;
} package_counts;

static unsigned next_number(pol_program *p, package_counts *counts, const char *package, pol_statement_kind kind)
{
    for (uint32_t i = 0; i < counts->n; i++)
        if (strcmp(counts->items[i].package, package) == 0)
            return ++counts->items[i].n[kind];
    POL_GROW(p->arena, counts->items, counts->n, counts->capacity);
    counts->items[counts->n] = (package_count){.package = package};
    return ++counts->items[counts->n++].n[kind];
}

static void add_grant(pol_program *p, pol_statements *s, pol_module *m, pol_statement *st, uint32_t file_tier, unsigned number,
                      const char *package)
{
    bool forbid = st->kind == POL_STATEMENT_FORBID;
    pol_grant g = {.statement = st, .module = m, .forbid = forbid};
    g.tier = st->tier.text.n ? tier_of(p, s, &st->tier) : file_tier;
    if (st->id.text.n)
        g.id = pol_arena_printf(p->arena, "%s.%.*s", package, (int)st->id.text.n, (const char *)st->id.text.at);
    else
        g.id = pol_arena_printf(p->arena, "%s.%s-%u", package, forbid ? "forbid" : "permit", number);
    check_roles(p, s, &st->names, true);
    add_hidden_rules(p, m, st, pol_arena_printf(p->arena, "%s-%u", forbid ? "forbid" : "permit", number));
    POL_GROW(p->arena, s->grants, s->n_grants, s->grants_capacity);
    s->grants[s->n_grants++] = g;
}

static void add_assign(pol_program *p, pol_statements *s, pol_module *m, pol_statement *st, unsigned number, const char *package)
{
    const char *stem = pol_arena_printf(p->arena, "assign-%u", number);
    check_roles(p, s, &st->names, false);
    add_hidden_rules(p, m, st, stem);
    POL_GROW(p->arena, s->assigns, s->n_assigns, s->assigns_capacity);
    s->assigns[s->n_assigns++] = (pol_assign){st, m, pol_arena_printf(p->arena, "%s.%s", package, stem)};
}

static uint32_t file_tier(pol_program *p, pol_statements *s, const pol_module *m)
{
    const pol_statement *first = NULL, *grant = NULL;
    for (uint32_t i = 0; i < m->n_statements; i++) {
        const pol_statement *st = m->statements[i];
        if (st->kind == POL_STATEMENT_TIER && first)
            pol_diag(p->diags, POL_D_TIER_PLACE, st->span, "a file has one `tier` statement; this is the second");
        else if (st->kind == POL_STATEMENT_TIER && grant)
            pol_diag(p->diags, POL_D_TIER_PLACE, st->span, "`tier` must stand before the file's permits and forbids");
        else if (st->kind == POL_STATEMENT_TIER)
            first = st;
        else if (st->kind >= POL_STATEMENT_PERMIT)
            grant = st;
    }
    return first ? tier_of(p, s, &first->names.items[0]) : (uint32_t)find_tier(s, POL_BYTES("role"));
}

static void prepare_module(pol_program *p, pol_statements *s, pol_module *m, package_counts *counts)
{
    const char *package = package_name(p, m);
    uint32_t tier = file_tier(p, s, m);
    for (uint32_t i = 0; i < m->n_statements; i++) {
        pol_statement *st = m->statements[i];
        unsigned number = next_number(p, counts, package, (pol_statement_kind)st->kind);
        switch ((pol_statement_kind)st->kind) {
        case POL_STATEMENT_PERMIT:
        case POL_STATEMENT_FORBID:
            add_grant(p, s, m, st, tier, number, package);
            break;
        case POL_STATEMENT_ASSIGN:
            add_assign(p, s, m, st, number, package);
            break;
        case POL_STATEMENT_SCOPE:
            POL_GROW(p->arena, s->scopes, s->n_scopes, s->scopes_capacity);
            s->scopes[s->n_scopes++] = st;
            break;
        case POL_STATEMENT_ROUTE:
            POL_GROW(p->arena, s->routes, s->n_routes, s->routes_capacity);
            s->routes[s->n_routes++] = st;
            break;
        case POL_STATEMENT_SCHEMA:
            POL_GROW(p->arena, s->schemas, s->n_schemas, s->schemas_capacity);
            s->schemas[s->n_schemas++] = st;
            break;
        case POL_STATEMENT_TIER:
        case POL_STATEMENT_ROLE:
            break;
        }
    }
}

/* ---- what must be unique in the bundle ---- */

typedef struct {
    pol_bytes key;
    pol_span span;
} keyed;

static int compare_keyed(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    int order = pol_bytes_compare(x->key, y->key);
    if (order == 0)
        order = x->span.source != y->span.source ? (x->span.source < y->span.source ? -1 : 1)
                                                 : (x->span.start > y->span.start) - (x->span.start < y->span.start);
    return order;
}

static void check_unique(pol_program *p, keyed *items, uint32_t n, pol_diag_code code, const char *what)
{
    if (n)
        qsort(items, n, sizeof *items, compare_keyed);
    for (uint32_t i = 1; i < n; i++) {
        if (!pol_bytes_equal(items[i].key, items[i - 1].key))
            continue;
        uint32_t row, col;
        pol_source_place(p->sources, items[i - 1].span, &row, &col);
        pol_diag(p->diags, code, items[i].span, "%s \"%.*s\" is declared already, in %s, line %u", what, (int)items[i].key.n,
                 (const char *)items[i].key.at, p->sources->items[items[i - 1].span.source].name, row);
    }
}

static void check_ids(pol_program *p, const pol_statements *s)
{
    keyed *ids = POL_NEW_ARRAY(p->arena, keyed, s->n_grants + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_grants; i++)
        if (s->grants[i].statement)
            ids[n++] = (keyed){pol_bytes_text(s->grants[i].id), s->grants[i].statement->span};
    check_unique(p, ids, n, POL_D_STATEMENT_ID, "the statement id");
}

static void check_scopes(pol_program *p, const pol_statements *s)
{
    uint32_t n = 0, capacity = 0;
    keyed *names = NULL;
    for (uint32_t i = 0; i < s->n_scopes; i++)
        for (uint32_t k = 0; k < s->scopes[i]->names.n; k++) {
            const pol_name *name = &s->scopes[i]->names.items[k];
            POL_GROW(p->arena, names, n, capacity);
            names[n++] = (keyed){name->text, name->span};
            if (!name->text.n || memchr(name->text.at, ' ', name->text.n))
                pol_diag(p->diags, POL_D_SCOPE_NAME, name->span, "a scope is one word without blanks, as in a token's `scope` claim");
        }
    check_unique(p, names, n, POL_D_SCOPE_TWICE, "the scope");
}

static void check_schemas(pol_program *p, const pol_statements *s)
{
    keyed *paths = POL_NEW_ARRAY(p->arena, keyed, s->n_schemas + 1);
    for (uint32_t i = 0; i < s->n_schemas; i++) {
        pol_bytes path = s->schemas[i]->path, type = s->schemas[i]->resource_type.text;
        const char *key = pol_arena_printf(p->arena, type.n ? "%.*s %.*s" : "%.*s", (int)path.n, (const char *)path.at, (int)type.n, (const char *)type.at);
        paths[i] = (keyed){pol_bytes_text(key), s->schemas[i]->span};
    }
    check_unique(p, paths, s->n_schemas, POL_D_SCHEMA_TWICE, "the schema of");
}

/* ---- routes ---- */

enum { TEMPLATE_MAX = 4096 }; /* what the daemon takes */

static void check_segment(pol_program *p, const pol_statement *st, pol_bytes segment, bool last)
{
    bool opens = segment.n && segment.at[0] == '{', closes = segment.n && segment.at[segment.n - 1] == '}';
    bool rest = opens && closes && segment.n > 5 && pol_bytes_ends(segment, POL_BYTES("...}"));
    if (segment.n == 0 && !last)
        pol_diag(p->diags, POL_D_ROUTE_TEMPLATE, st->path_span, "a template has no empty segment but the last: no path does");
    else if (rest && !last)
        pol_diag(p->diags, POL_D_ROUTE_TEMPLATE, st->path_span, "`%.*s` takes the rest of the path, so it must be the last segment",
                 (int)segment.n, (const char *)segment.at);
    else if (opens != closes || (opens && segment.n < 3) || (!opens && segment.n && memchr(segment.at, '{', segment.n)))
        pol_diag(p->diags, POL_D_ROUTE_TEMPLATE, st->path_span,
                 "a segment of a template is a literal, `{name}` or, as the last one, `{rest...}`; this is `%.*s`", (int)segment.n,
                 (const char *)segment.at);
}

/* The template with all names taken out: two routes with equal shapes match the same paths. */
static pol_bytes template_shape(pol_program *p, const pol_statement *st)
{
    pol_buf shape = {0};
    pol_bytes t = st->path;
    for (size_t at = 1; at <= t.n;) {
        size_t end = at;
        while (end < t.n && t.at[end] != '/')
            end++;
        pol_bytes segment = pol_bytes_of(t.at + at, end - at);
        check_segment(p, st, segment, end == t.n);
        pol_buf_byte(&shape, '/');
        if (segment.n && segment.at[0] == '{')
            pol_buf_text(&shape, pol_bytes_ends(segment, POL_BYTES("...}")) ? "{...}" : "{}");
        else
            pol_buf_bytes(&shape, segment);
        at = end + 1;
    }
    pol_bytes copy = pol_buf_to_arena(&shape, p->arena);
    pol_buf_deinit(&shape);
    return copy;
}

static void check_routes(pol_program *p, const pol_statements *s)
{
    uint32_t n = 0, capacity = 0;
    keyed *keys = NULL;
    for (uint32_t i = 0; i < s->n_routes; i++) {
        const pol_statement *st = s->routes[i];
        if (!st->path.n || st->path.at[0] != '/') {
            pol_diag(p->diags, POL_D_ROUTE_TEMPLATE, st->path_span, "a route's template begins with `/`");
            continue;
        }
        if (st->path.n > TEMPLATE_MAX) {
            pol_diag(p->diags, POL_D_ROUTE_TEMPLATE, st->path_span, "a route's template has at most %d bytes", TEMPLATE_MAX);
            continue;
        }
        pol_bytes shape = template_shape(p, st);
        for (uint32_t k = 0; k < st->names.n; k++) {
            pol_bytes method = st->names.items[k].text;
            const char *key = pol_arena_printf(p->arena, "%.*s %.*s", (int)method.n, (const char *)method.at, (int)shape.n,
                                               (const char *)shape.at);
            POL_GROW(p->arena, keys, n, capacity);
            keys[n++] = (keyed){pol_bytes_text(key), st->span};
        }
    }
    check_unique(p, keys, n, POL_D_ROUTE_TWICE, "the route");
}

pol_value pol_statements_routes(const pol_program *program)
{
    const pol_statements *s = program->statements;
    pol_builder routes = pol_builder_new(program->arena);
    for (uint32_t i = 0; s && i < s->n_routes; i++) {
        const pol_statement *st = s->routes[i];
        for (uint32_t k = 0; k < st->names.n; k++) {
            pol_builder b = pol_builder_new(program->arena);
            pol_builder_put_text(&b, "method", pol_string(st->names.items[k].text));
            pol_builder_put_text(&b, "template", pol_string(st->path));
            pol_builder_put_text(&b, "action", pol_string(st->actions.items[0].text));
            pol_builder_put_text(&b, "type", pol_string(st->types.items[0].text));
            pol_builder_add(&routes, pol_builder_object(&b));
        }
    }
    pol_value set = pol_builder_set(&routes);
    pol_builder sorted = pol_builder_new(program->arena);
    for (uint32_t i = 0; i < set.n; i++)
        pol_builder_add(&sorted, pol_element(set, i));
    return pol_builder_array(&sorted);
}

/* ---- for later stages ---- */

pol_group *pol_hidden_group(const pol_program *program, const pol_module *m, const pol_rule *rule)
{
    uint32_t n = m->package->kind == POL_TERM_REF ? m->package->n : 1, used;
    pol_bytes *path = POL_NEW_ARRAY(program->arena, pol_bytes, n + 1);
    pol_document *document;
    for (uint32_t i = 0; i < n; i++)
        path[i] = (m->package->kind == POL_TERM_REF ? m->package->items[i] : m->package)->text;
    path[n] = rule->name->text;
    return pol_program_find(program, path, n + 1, &used, &document);
}

bool pol_assign_gives(const pol_statements *s, const pol_assign *a, pol_bytes role)
{
    const pol_names *names = &a->statement->names;
    int64_t wanted = pol_statements_role(s, role);
    if (names->n == 0) /* any but the derived ones */
        return wanted < 0 || !s->roles[wanted].derived;
    for (uint32_t i = 0; i < names->n; i++) {
        int64_t given = pol_statements_role(s, names->items[i].text);
        for (uint32_t k = 0; given >= 0 && k < s->roles[given].n_closure; k++)
            if (s->roles[given].closure[k] == wanted)
                return true;
    }
    return false;
}

/* ---- names of statements ---- */

pol_value pol_names_value(pol_arena *arena, const pol_names *names)
{
    pol_builder b = pol_builder_new(arena);
    for (uint32_t i = 0; i < names->n; i++)
        pol_builder_add(&b, names->items[i].star ? pol_string_text("*") : pol_string(names->items[i].text));
    return pol_builder_array(&b);
}

pol_value pol_grant_actions(pol_arena *arena, const pol_grant *g)
{
    return g->statement ? pol_names_value(arena, &g->statement->actions) : g->actions;
}

pol_value pol_grant_types(pol_arena *arena, const pol_grant *g)
{
    return g->statement ? pol_names_value(arena, &g->statement->types) : g->types;
}

bool pol_names_has(pol_value names, pol_value name)
{
    for (uint32_t i = 0; i < names.n; i++) {
        pol_value v = pol_element(names, i);
        if (pol_equal(v, name) || pol_bytes_is(pol_text(v), "*"))
            return true;
    }
    return false;
}

/* ---- roles that a token cannot claim ---- */

static bool reads_request(const pol_term *t);

static bool body_reads_request(const pol_body *body)
{
    for (uint32_t i = 0; body && i < body->n; i++) {
        const pol_expr *e = body->items[i];
        if ((e->key && reads_request(e->key)) || (e->left && reads_request(e->left)) || (e->right && reads_request(e->right)) ||
            body_reads_request(e->body) || body_reads_request(e->other))
            return true;
    }
    return false;
}

/* Does t name resource, action, context or request, as such or below input? */
static bool reads_request(const pol_term *t)
{
    static const char *const parts[] = {"resource", "action", "context", "request"};
    const pol_term *named = t->kind == POL_TERM_VAR ? t : NULL;
    if (t->kind == POL_TERM_REF && t->n > 1 && t->items[0]->kind == POL_TERM_VAR && pol_bytes_is(t->items[0]->text, "input"))
        named = t->items[1];
    for (size_t i = 0; named && i < sizeof parts / sizeof *parts; i++)
        if (pol_bytes_is(named->text, parts[i]))
            return true;
    for (uint32_t i = 0; i < t->n; i++)
        if (reads_request(t->items[i]))
            return true;
    return body_reads_request(t->body);
}

static void mark_derived(pol_statements *s)
{
    for (uint32_t i = 0; i < s->n_assigns; i++) {
        const pol_statement *st = s->assigns[i].statement;
        if (!body_reads_request(st->if_body))
            continue;
        for (uint32_t k = 0; k < st->names.n; k++) {
            int64_t role = pol_statements_role(s, st->names.items[k].text);
            if (role >= 0)
                s->roles[role].derived = true;
        }
    }
}

/* ---- data.polward ---- */

static void add_hidden_refs(pol_buf *out, const pol_module *m, const pol_statement *st)
{
    const pol_rule *rules[] = {st->if_rule, st->unless_rule, st->because_rule, st->returning_rule, st->from_rule};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i])
            continue;
        pol_buf_text(out, "data");
        for (uint32_t k = 0; k < (m->package->kind == POL_TERM_REF ? m->package->n : 1); k++) {
            const pol_term *segment = m->package->kind == POL_TERM_REF ? m->package->items[k] : m->package;
            pol_buf_byte(out, '[');
            pol_json_write_string(out, segment->text, POL_JSON_COMPACT);
            pol_buf_byte(out, ']');
        }
        pol_buf_byte(out, '[');
        pol_json_write_string(out, rules[i]->name->text, POL_JSON_COMPACT);
        pol_buf_text(out, "],\n");
    }
}

/* The result documents, as a module of their own. The arguments of the internal calls name the hidden rules, so that the later stages see what depends on what. */
static void add_result_module(pol_program *p, const pol_statements *s)
{
    pol_buf text = {0};
    pol_buf_text(&text, "package polward\n\nroles := internal.roles([\n");
    for (uint32_t i = 0; i < s->n_assigns; i++)
        add_hidden_refs(&text, s->assigns[i].module, s->assigns[i].statement);
    pol_buf_text(&text, "])\n\ndecision := internal.decision([data.polward.roles,\n");
    for (uint32_t i = 0; i < s->n_grants; i++)
        if (s->grants[i].statement)
            add_hidden_refs(&text, s->grants[i].module, s->grants[i].statement);
    pol_buf_text(&text, "])\n\nallow := internal.allow([data.polward.decision])\n\ntrace := internal.trace(data.polward.decision)\n\n"
                        "permissions contains name if {\n\tsome name in internal.actions()\n"
                        "\tdata.polward.allow with input.action.name as name\n}\n");
    uint32_t source = pol_source_add(p->sources, "polward.rego", pol_buf_view(&text), false);
    p->sources->items[source].generated = true;
    pol_buf_deinit(&text);
    POL_GROW(p->arena, p->modules, p->n_modules, p->modules_capacity);
    p->modules[p->n_modules] = pol_parse_module(p->arena, p->sources, source, p->diags);
    p->n_modules++;
}

static void check_reserved(pol_program *p)
{
    for (uint32_t i = 0; i < p->n_modules; i++) {
        const pol_term *package = p->modules[i]->package;
        const pol_term *first = package && package->kind == POL_TERM_REF ? package->items[0] : package;
        if (first && pol_bytes_is(first->text, "polward"))
            pol_diag(p->diags, POL_D_RESERVED, p->modules[i]->package_span,
                     "`data.polward` is reserved for the results of the bundle: choose another package name");
    }
    if (pol_is_defined(pol_object_member(p->data, "polward")))
        pol_diag(p->diags, POL_D_RESERVED, (pol_span){0, 0, 0},
                 "the data has a document `polward`, which is reserved for the results of the bundle");
}

bool pol_statements_prepare(pol_program *program)
{
    uint32_t errors = program->diags->n_errors, n_modules = program->n_modules;
    bool any = false;
    for (uint32_t i = 0; i < n_modules; i++)
        any |= program->modules[i]->n_statements > 0;
    if (!any)
        return true;
    pol_statements *s = POL_NEW(program->arena, pol_statements);
    program->statements = s;
    collect_tiers(program, s);
    check_reserved(program);
    pol_roles_collect(program, s);
    package_counts counts = {0};
    for (uint32_t i = 0; i < n_modules; i++)
        prepare_module(program, s, program->modules[i], &counts);
    for (uint32_t i = 0; i < s->n_grants; i++)
        if (!s->grants[i].statement)
            s->grants[i].tier = file_tier(program, s, s->grants[i].module);
    check_ids(program, s);
    check_scopes(program, s);
    check_schemas(program, s);
    pol_schemas_prepare(program, s);
    check_routes(program, s);
    mark_derived(s);
    program->has_statements = true;
    add_result_module(program, s);
    return program->diags->n_errors == errors;
}
