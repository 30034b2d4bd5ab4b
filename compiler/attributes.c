/* SPDX-License-Identifier: Apache-2.0
 * "No missing attribute grants" (language page, section 2): a read of a part of the input that may be missing is refused wherever undefined could turn the
 * answer towards allow.
 */
#include "compiler/polarity.h"
#include "compiler/schema.h"

typedef struct {
    pol_program *p;
    pol_statements *s;
    pol_value permitted; /* set of the types that permits name, `*` as "*" */
} attributes;

static bool is_segment(pol_value path, uint32_t i, const char *name)
{
    return i < path.n && pol_element(path, i).tag == POL_STRING && pol_bytes_is(pol_text(pol_element(path, i)), name);
}

static pol_value prefix(pol_arena *arena, pol_value path, uint32_t n)
{
    pol_builder b = pol_builder_new(arena);
    for (uint32_t i = 0; i < n; i++)
        pol_builder_add(&b, pol_element(path, i));
    return pol_builder_array(&b);
}

/* Does a schema of a resource type say that path, all of it, is there? */
static bool is_required(const attributes *a, pol_bytes type, pol_value path)
{
    for (uint32_t i = 0; i < a->s->n_schemas; i++) {
        const pol_statement *schema = a->s->schemas[i];
        uint32_t root = schema->type ? pol_schema_root(schema, type, path) : 0;
        if (root == 1 && pol_schema_at(schema, root, path).required)
            return true;
    }
    return false;
}

/* Subject, action and resource are always there, with what identifies them; of other parts the schema has to say so. */
static bool is_always_there(pol_value path)
{
    if (is_segment(path, 0, "subject"))
        return path.n == 1 || (path.n == 2 && (is_segment(path, 1, "id") || is_segment(path, 1, "type")));
    if (is_segment(path, 0, "action"))
        return path.n == 1 || (path.n == 2 && is_segment(path, 1, "name"));
    return is_segment(path, 0, "resource") && (path.n == 1 || (path.n == 2 && is_segment(path, 1, "type")));
}

/* May path be missing though what holds it is there, in a request of one of the types? For `*` those count that a permit can allow. */
static bool may_miss(const attributes *a, const pol_names *types, pol_value path)
{
    if (is_always_there(path))
        return false;
    bool resource = is_segment(path, 0, "resource");
    if (!resource)
        return !is_required(a, pol_bytes_of(NULL, 0), path);
    bool star = false;
    for (uint32_t i = 0; i < types->n; i++) {
        star |= types->items[i].star;
        if (!types->items[i].star && !is_required(a, types->items[i].text, path))
            return true;
    }
    for (uint32_t i = 0; star && i < a->permitted.n; i++)
        if (!is_required(a, pol_text(pol_element(a->permitted, i)), path))
            return true;
    return false;
}

/* The shortest part of path that may be missing; 0 segments: none. */
static uint32_t missing_part(const attributes *a, const pol_names *types, pol_value path)
{
    for (uint32_t n = 1; n <= path.n; n++)
        if (may_miss(a, types, prefix(a->p->arena, path, n)))
            return n;
    return 0;
}

/* An optional member of the object at path, where a schema says that it has one; n == 0: none. */
static pol_bytes optional_member(const attributes *a, const pol_names *types, pol_value path)
{
    for (uint32_t i = 0; i < a->s->n_schemas; i++) {
        const pol_statement *schema = a->s->schemas[i];
        bool named = schema->resource_type.text.n == 0;
        for (uint32_t k = 0; k < types->n; k++)
            named |= types->items[k].star || pol_bytes_equal(types->items[k].text, schema->resource_type.text);
        uint32_t root = schema->type && named ? pol_schema_root(schema, schema->resource_type.text, path) : 0;
        const pol_type_node *type = root ? pol_schema_at(schema, root, path).type : NULL;
        type = type ? pol_schema_holder(type) : NULL;
        for (uint32_t k = 0; type && type->kind == POL_TYPE_OBJECT && k < type->n_fields; k++)
            if (type->fields[k].optional)
                return type->fields[k].name;
    }
    return pol_bytes_of(NULL, 0);
}

static bool is_within(pol_span inner, pol_span outer)
{
    return inner.source == outer.source && inner.start >= outer.start && inner.end <= outer.end;
}

/* what: "this forbid would not apply", with the mend. */
static void check_read(const attributes *a, const pol_names *types, const pol_loose_read *read, pol_span statement, const char *what)
{
    pol_buf text = {0}, from = {0};
    uint32_t n = missing_part(a, types, read->path), row, col;
    pol_bytes member = n || !read->whole ? pol_bytes_of(NULL, 0) : optional_member(a, types, read->path);
    if (n || member.n) {
        pol_read_path_print(n ? prefix(a->p->arena, read->path, n) : read->path, &text);
        if (member.n)
            pol_buf_printf(&text, ".%.*s", (int)member.n, (const char *)member.at);
        if (!is_within(read->span, statement)) {
            pol_source_place(a->p->sources, statement, &row, &col);
            pol_buf_printf(&from, " (for the statement in %s, line %u)", a->p->sources->items[statement.source].name, row);
        }
        pol_diag(a->p->diags, POL_D_MISSING_ATTRIBUTE, read->span, "`%.*s` may be missing, and then %s%.*s", (int)text.n, (const char *)text.at, what,
                 (int)from.n, (const char *)from.at);
    }
    pol_buf_deinit(&text);
    pol_buf_deinit(&from);
}

static const pol_rule_reads *reads_of(const attributes *a, const pol_module *m, const pol_rule *rule, unsigned signs)
{
    static const pol_rule_reads none;
    return rule ? pol_polarity_rule(a->s->polarity, pol_hidden_group(a->p, m, rule), signs) : &none;
}

static void check_assign(const attributes *a, const pol_assign *assign, const pol_grant *forbid)
{
    const pol_statement *st = assign->statement;
    const pol_rule *rules[] = {st->if_rule, st->from_rule};
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        const pol_rule_reads *reads = reads_of(a, assign->module, rules[r], POL_READ_PLUS | POL_READ_MINUS);
        for (uint32_t i = 0; i < reads->loose.n; i++) {
            const pol_loose_read *read = &reads->loose.items[i];
            bool verified = is_segment(read->path, 0, "token") || is_segment(read->path, 0, "cert") || is_segment(read->path, 0, "peer");
            if (!verified)
                check_read(a, &forbid->statement->types, read, st->span,
                           pol_arena_printf(a->p->arena,
                                            "the role would not be held, which the forbid %s names: require it in the schema, or read it with `object.get`",
                                            forbid->id));
        }
    }
}

/* A role that is given because something is missing. Which type the request has is not known here: what any permit can allow. */
static void check_given(const attributes *a, const pol_assign *assign)
{
    pol_name star = {.star = true};
    pol_names any = {.items = &star, .n = 1};
    const pol_statement *st = assign->statement;
    const pol_rule *rules[] = {st->if_rule, st->from_rule};
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        const pol_rule_reads *reads = reads_of(a, assign->module, rules[r], POL_READ_PLUS);
        for (uint32_t i = 0; i < reads->loose.n; i++)
            check_read(a, &any, &reads->loose.items[i], st->span,
                       "the role could be held: put a condition that needs it before, require it in the schema, or read it with `object.get`");
    }
}

static void check_grant(const attributes *a, const pol_grant *g)
{
    const pol_statement *st = g->statement;
    const pol_rule_reads *if_reads = reads_of(a, g->module, st->if_rule, g->forbid ? POL_READ_MINUS : POL_READ_PLUS);
    const pol_rule_reads *unless_reads = reads_of(a, g->module, st->unless_rule, g->forbid ? POL_READ_PLUS : POL_READ_MINUS);
    const char *what = g->forbid ? "this forbid would not apply: write it with `unless`, require it in the schema, or read it with `object.get`"
                                 : "this permit could apply: put a condition that needs it before, require it in the schema, or read it with `object.get`";
    for (uint32_t i = 0; i < if_reads->loose.n; i++)
        check_read(a, &st->types, &if_reads->loose.items[i], st->span, what);
    for (uint32_t i = 0; i < unless_reads->loose.n; i++) /* a permit's `if` is around its `unless` */
        if (g->forbid || !pol_is_guarded(&if_reads->guards, unless_reads->loose.items[i].path))
            check_read(a, &st->types, &unless_reads->loose.items[i], st->span, what);
    if (!g->forbid) {
        const pol_rule_reads *returning = reads_of(a, g->module, st->returning_rule, POL_READ_PLUS);
        for (uint32_t i = 0; i < returning->loose.n; i++)
            if (!pol_is_guarded(&if_reads->guards, returning->loose.items[i].path))
                check_read(a, &st->types, &returning->loose.items[i], st->span, what);
        return;
    }
    for (uint32_t i = 0; i < a->s->n_assigns; i++)
        for (uint32_t k = 0; k < st->names.n; k++)
            if (pol_assign_gives(a->s, &a->s->assigns[i], st->names.items[k].text)) {
                check_assign(a, &a->s->assigns[i], g);
                break;
            }
}

static pol_value permitted_types(pol_program *program, const pol_statements *s)
{
    pol_builder b = pol_builder_new(program->arena);
    for (uint32_t i = 0; i < s->n_grants; i++) {
        pol_value types = s->grants[i].forbid ? pol_empty(POL_ARRAY) : pol_grant_types(program->arena, &s->grants[i]);
        for (uint32_t k = 0; k < types.n; k++)
            pol_builder_add(&b, pol_element(types, k));
    }
    return pol_builder_set(&b);
}

bool pol_attributes_check(pol_program *program)
{
    pol_statements *s = program->statements;
    uint32_t errors = program->diags->n_errors;
    if (!s)
        return true;
    s->polarity = pol_polarity_new(program);
    attributes a = {program, s, permitted_types(program, s)};
    for (uint32_t i = 0; i < s->n_assigns; i++)
        check_given(&a, &s->assigns[i]);
    for (uint32_t i = 0; i < s->n_grants; i++)
        if (s->grants[i].statement)
            check_grant(&a, &s->grants[i]);
    return program->diags->n_errors == errors;
}
