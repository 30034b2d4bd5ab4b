/* SPDX-License-Identifier: Apache-2.0
 * `schema` statements before types are inferred: the files that they name are read, and the bundle's data is held against the schemas of it.
 */
#include "compiler/schema.h"

#include "grammar/parse.h"
#include "runtime/declared.h"
#include "runtime/engine.h"
#include "runtime/json.h"

enum { FAULTS_MAX = 10, FILE_BYTES_MAX = 1 << 20 };

typedef struct {
    pol_program *p;
    const pol_statement *schema;
    unsigned n_faults;
} data_check;

/* ---- files ---- */

static void read_file(pol_program *p, pol_statement *st)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_error err;
    pol_value schema;
    const char *source = p->sources->items[st->span.source].name, *slash = strrchr(source, '/');
    bool absolute = st->from_file.at[0] == '/';
    const char *path = pol_arena_printf(p->arena, "%.*s%.*s", slash && !absolute ? (int)(slash - source + 1) : 0, source, (int)st->from_file.n,
                                        (const char *)st->from_file.at);
    if (!pol_file_read(path, FILE_BYTES_MAX, &text, &err)) {
        pol_diag(p->diags, POL_D_SCHEMA_FILE, st->span, "the schema cannot be read: %s", err.text);
        return;
    }
    pol_bytes kept = pol_bytes_of(pol_arena_copy(p->arena, text.at, text.n), text.n);
    if (!pol_json_read(p->arena, kept, NULL, &schema, &err)) {
        pol_diag(p->diags, POL_D_SCHEMA_FILE, st->span, "%s: %s", path, err.text);
        return;
    }
    if (schema.tag != POL_OBJECT)
        pol_diag(p->diags, POL_D_SCHEMA_FILE, st->span, "%s: a JSON Schema is an object", path);
    else
        st->type = pol_schema_of_json(p->arena, schema, st->span);
}

/* ---- data ---- */

static void check(data_check *c, const pol_type_node *t, pol_value v, pol_buf *path);

static void fault(data_check *c, const pol_type_node *t, pol_value v, const pol_buf *path)
{
    POL_CLEAN(pol_buf_deinit) pol_buf wanted = {0};
    if (c->n_faults++ >= FAULTS_MAX)
        return;
    pol_type_node_print(t, &wanted);
    pol_buf_text(&wanted, ", and is ");
    if (v.tag == POL_STRING)
        pol_buf_quoted(&wanted, pol_text(v), 40);
    else if (pol_is_collection(v) || !pol_is_defined(v))
        pol_buf_text(&wanted, pol_is_defined(v) ? pol_type_name(v) : "missing");
    else
        pol_json_write(&wanted, v, POL_JSON_COMPACT);
    pol_diag(c->p->diags, POL_D_SCHEMA_DATA, c->schema->span, "`%.*s` must be %.*s", (int)path->n, (const char *)path->at, (int)wanted.n,
             (const char *)wanted.at);
}

static bool fits(data_check *c, const pol_type_node *t, pol_value v)
{
    POL_CLEAN(pol_buf_deinit) pol_buf path = {0};
    data_check quiet = {c->p, c->schema, FAULTS_MAX};
    check(&quiet, t, v, &path);
    return quiet.n_faults == FAULTS_MAX;
}

static void check_fields(data_check *c, const pol_type_node *t, pol_value v, pol_buf *path)
{
    size_t n = path->n;
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const pol_type_field *field = &t->fields[i];
        pol_value member = pol_object_get(v, pol_string(field->name));
        pol_buf_byte(path, '.');
        pol_buf_bytes(path, field->name);
        if (pol_is_defined(member))
            check(c, field->type, member, path);
        else if (!field->optional)
            fault(c, field->type, member, path);
        path->n = n;
    }
}

static void check_elements(data_check *c, const pol_type_node *of, pol_value v, pol_buf *path)
{
    size_t n = path->n;
    for (uint32_t i = 0; i < v.n && c->n_faults < 2 * FAULTS_MAX; i++) {
        pol_value key = v.tag == POL_OBJECT ? pol_member_key(v, i) : pol_int(i);
        pol_buf_byte(path, '[');
        pol_json_write(path, key, POL_JSON_COMPACT);
        pol_buf_byte(path, ']');
        check(c, of, v.tag == POL_OBJECT ? pol_member_value(v, i) : pol_element(v, i), path);
        path->n = n;
    }
}

static void check(data_check *c, const pol_type_node *t, pol_value v, pol_buf *path)
{
    bool ok = false;
    switch ((pol_type_kind)t->kind) {
    case POL_TYPE_NAME:
        ok = pol_is_declared(v, t->text);
        break;
    case POL_TYPE_LITERAL:
        ok = pol_equal(v, pol_term_value(c->p->arena, t->literal));
        break;
    case POL_TYPE_UNION:
        for (uint32_t i = 0; i < t->n_parts && !ok; i++)
            ok = fits(c, t->parts[i], v);
        break;
    case POL_TYPE_ARRAY:
    case POL_TYPE_SET:
        ok = v.tag == POL_ARRAY || v.tag == POL_SET;
        if (ok)
            check_elements(c, t->of, v, path);
        break;
    case POL_TYPE_MAP:
        ok = v.tag == POL_OBJECT;
        if (ok)
            check_elements(c, t->to, v, path);
        break;
    case POL_TYPE_OBJECT:
        ok = v.tag == POL_OBJECT;
        if (ok)
            check_fields(c, t, v, path);
        break;
    }
    if (!ok)
        fault(c, t, v, path);
}

static void check_data(pol_program *p, const pol_statement *st)
{
    POL_CLEAN(pol_buf_deinit) pol_buf path = {0};
    pol_value v = p->data, segments = pol_path_split(p->arena, st->path);
    data_check c = {.p = p, .schema = st};
    for (uint32_t i = 0; i < segments.n && pol_is_defined(v); i++)
        v = v.tag == POL_OBJECT ? pol_object_get(v, pol_element(segments, i)) : pol_undefined();
    if (!pol_is_defined(v))
        return;
    pol_buf_bytes(&path, st->path);
    check(&c, st->type, v, &path);
}

void pol_schemas_prepare(pol_program *program, pol_statements *s)
{
    for (uint32_t i = 0; i < s->n_schemas; i++) {
        pol_statement *st = s->schemas[i];
        if (!st->type && st->from_file.n)
            read_file(program, st);
        if (st->type && (pol_bytes_is(st->path, "data") || pol_bytes_starts(st->path, POL_BYTES("data."))))
            check_data(program, st);
    }
}
