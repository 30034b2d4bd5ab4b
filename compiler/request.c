/* SPDX-License-Identifier: Apache-2.0
 * The type of the input document in .pol modules: what pold assembles, with what `schema`
 * statements say of the parts that are open without them.
 */
#include "compiler/check.h"
#include "grammar/parse.h"

/* cert, token, request and peer are what a verifier or the listener gives: nothing else can be
 * there. */
static const char assembled[] =
    "() {subject: {id: string, type: string, ...}, action: {name: string, ...}, resource: {type: "
    "string, ...},"
    " context: object[string: any],"
    " token: {header: object[string: any], claims: object[string: any], scopes: array[string], "
    "issuer: string, subject: string,"
    " client_id: string, expires_at: any, bound: boolean, kind: string},"
    " cert: {subject: string, issuer: string, serial: string, fingerprint_sha256: string, "
    "not_before: any, not_after: any,"
    " san: {dns: array[string], uri: array[string], email: array[string], ip: array[string]}, "
    "spiffe_id: string, trust_domain: string,"
    " chain_length: number, revocation: string, source: string},"
    " request: {method: string, path: string, query: object[string: array[string]], headers: "
    "object[string: any], host: string,"
    " scheme: string, source: {ip: string, port: number}, body: any, time: any},"
    " peer: {uid: number, gid: number, pid: number, user: string, cert: any, transport: string}, "
    "...}";

static const pol_type *type_of_name(pol_bytes name)
{
    static const struct {
        const char *name;
        pol_kind kind;
    } names[] = {
        {"string", POL_TYPE_KIND_STRING},  {"number", POL_TYPE_KIND_NUMBER},
        {"integer", POL_TYPE_KIND_NUMBER}, {"bool", POL_TYPE_KIND_BOOL},
        {"null", POL_TYPE_KIND_NULL},      {"time", POL_TYPE_KIND_STRING},
        {"cidr", POL_TYPE_KIND_STRING},    {"uri", POL_TYPE_KIND_STRING},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pol_bytes_is(name, names[i].name))
            return pol_type_scalar(names[i].kind);
    return pol_type_any();
}

static const pol_type *type_of_node(pol_arena *arena, const pol_type_node *node)
{
    const pol_type *t = NULL;
    switch ((pol_type_kind)node->kind) {
    case POL_TYPE_NAME:
        return type_of_name(node->text);
    case POL_TYPE_LITERAL:
        return pol_type_literal(arena, pol_term_value(arena, node->literal));
    case POL_TYPE_ARRAY:
        return pol_type_array(arena, NULL, 0, type_of_node(arena, node->of));
    case POL_TYPE_SET:
        return pol_type_set(arena, type_of_node(arena, node->of));
    case POL_TYPE_MAP:
        return pol_type_object(arena, NULL, 0, type_of_node(arena, node->of),
                               type_of_node(arena, node->to));
    case POL_TYPE_UNION:
        for (uint32_t i = 0; i < node->n_parts; i++)
            t = pol_type_or(arena, t, type_of_node(arena, node->parts[i]));
        return t;
    case POL_TYPE_OBJECT: {
        pol_property *properties = POL_NEW_ARRAY(arena, pol_property, node->n_fields + 1);
        for (uint32_t i = 0; i < node->n_fields; i++)
            properties[i] = (pol_property){pol_string(node->fields[i].name),
                                           type_of_node(arena, node->fields[i].type)};
        return pol_type_object(arena, properties, node->n_fields, NULL, NULL);
    }
    }
    return pol_type_any();
}

/* object with what is at path replaced by t; the type itself where the path leads nowhere. */
static const pol_type *put(pol_arena *arena, const pol_type *object, pol_bytes path,
                           const pol_type *t)
{
    if (path.n == 0)
        return t;
    if (object->kind != POL_TYPE_KIND_OBJECT)
        object = pol_type_object(arena, NULL, 0, pol_type_any(), pol_type_any());
    const uint8_t *dot = memchr(path.at, '.', path.n);
    size_t n = dot ? (size_t)(dot - path.at) : path.n;
    pol_value key = pol_string(pol_bytes_of(path.at, n));
    pol_bytes rest = dot ? pol_bytes_of(dot + 1, path.n - n - 1) : pol_bytes_of(NULL, 0);
    pol_property *properties = POL_NEW_ARRAY(arena, pol_property, object->n_properties + 1);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < object->n_properties; i++)
        if (!pol_equal(object->properties[i].key, key))
            properties[kept++] = object->properties[i];
    const pol_type *before = pol_type_select(arena, object, key);
    properties[kept++] = (pol_property){key, put(arena, before ? before : pol_type_any(), rest, t)};
    return pol_type_object(arena, properties, kept, object->keys, object->rest);
}

typedef struct {
    pol_namemap declared; /* types of resources with a schema */
    pol_property *fields;
    uint32_t n_fields, capacity;
    bool open; /* a statement names a type without one, or a schema is elsewhere */
} resource_fields;

static void add_field(pol_arena *arena, resource_fields *r, pol_bytes name, const pol_type *t)
{
    POL_GROW(arena, r->fields, r->n_fields, r->capacity);
    r->fields[r->n_fields++] = (pol_property){pol_string(name), t};
}

static void add_resource_schema(pol_arena *arena, resource_fields *r, const pol_statement *st)
{
    pol_namemap_put(arena, &r->declared, st->resource_type.text, 0);
    const pol_type *t = st->type ? type_of_node(arena, st->type) : pol_type_any();
    if (t->kind != POL_TYPE_KIND_OBJECT || t->rest)
        r->open = true;
    for (uint32_t i = 0; t->kind == POL_TYPE_KIND_OBJECT && i < t->n_properties; i++)
        add_field(arena, r, pol_text(t->properties[i].key), t->properties[i].type);
}

/* Captures of a route are strings of the resource. */
static void add_captures(pol_arena *arena, resource_fields *r, pol_bytes template)
{
    for (size_t i = 0; i < template.n; i++) {
        if (template.at[i] != '{')
            continue;
        size_t start = i + 1;
        while (i < template.n && template.at[i] != '}' && template.at[i] != '.')
            i++;
        if (i > start)
            add_field(arena, r, pol_bytes_of(template.at + start, i - start),
                      pol_type_scalar(POL_TYPE_KIND_STRING));
    }
}

static const pol_type *type_of_resource(pol_arena *arena, const pol_program *p)
{
    resource_fields r = {0};
    for (uint32_t i = 0; i < p->n_modules; i++)
        for (uint32_t k = 0; k < p->modules[i]->n_statements; k++) {
            const pol_statement *st = p->modules[i]->statements[k];
            if (st->kind == POL_STATEMENT_SCHEMA && st->resource_type.text.n)
                add_resource_schema(arena, &r, st);
            else if (st->kind == POL_STATEMENT_ROUTE)
                add_captures(arena, &r, st->path);
        }
    if (!r.declared.n)
        return NULL;
    for (uint32_t i = 0; i < p->n_modules; i++)
        for (uint32_t k = 0; k < p->modules[i]->n_statements; k++) {
            const pol_names *types = &p->modules[i]->statements[k]->types;
            for (uint32_t n = 0; n < types->n; n++)
                if (!types->items[n].star && !pol_namemap_find(&r.declared, types->items[n].text))
                    r.open = true;
        }
    add_field(arena, &r, POL_BYTES("id"), pol_type_scalar(POL_TYPE_KIND_STRING));
    add_field(arena, &r, POL_BYTES("type"), pol_type_scalar(POL_TYPE_KIND_STRING));
    add_field(arena, &r, POL_BYTES("properties"), pol_type_any());
    return pol_type_object(arena, r.fields, r.n_fields, r.open ? pol_type_any() : NULL,
                           r.open ? pol_type_any() : NULL);
}

/* What JWT and RFC 9068 give a meaning needs no declaring: RFC 7519 section 4.1, RFC 9068 section 2.2, RFC 8705 section 3.1. */
static const pol_type *put_registered_claims(pol_arena *arena, const pol_type *t)
{
    static const char *const names[] = {"iss",       "sub", "aud", "exp",   "nbf",    "iat",   "jti",         "client_id",
                                        "auth_time", "acr", "amr", "scope", "groups", "roles", "entitlements", "cnf"};
    const pol_type *claims = pol_type_select(arena, pol_type_select(arena, t, pol_string_text("token")), pol_string_text("claims"));
    for (size_t i = 0; claims && i < sizeof names / sizeof *names; i++) {
        if (pol_type_select(arena, claims, pol_string_text(names[i])))
            continue;
        const char *path = pol_arena_printf(arena, "token.claims.%s", names[i]);
        t = put(arena, t, pol_bytes_text(path), pol_type_any());
    }
    return t;
}

const pol_type *pol_request_type(pol_checker *c)
{
    const pol_program *p = c->program;
    pol_signature s;
    if (!pol_signature_read(c->arena, assembled, &s))
        return pol_type_any();
    const pol_type *t = s.result, *resource = type_of_resource(c->arena, p);
    for (uint32_t i = 0; i < p->n_modules; i++)
        for (uint32_t k = 0; k < p->modules[i]->n_statements; k++) {
            const pol_statement *st = p->modules[i]->statements[k];
            if (st->kind == POL_STATEMENT_SCHEMA && st->type && !st->resource_type.text.n &&
                !pol_bytes_starts(st->path, POL_BYTES("data")))
                t = put(c->arena, t, st->path, type_of_node(c->arena, st->type));
        }
    t = put_registered_claims(c->arena, t);
    return resource ? put(c->arena, t, POL_BYTES("resource"), resource) : t;
}

const pol_type *pol_data_type(pol_checker *c)
{
    const pol_program *p = c->program;
    const pol_type *t = pol_type_any();
    for (uint32_t i = 0; i < p->n_modules; i++)
        for (uint32_t k = 0; k < p->modules[i]->n_statements; k++) {
            const pol_statement *st = p->modules[i]->statements[k];
            if (st->kind == POL_STATEMENT_SCHEMA && st->type && pol_bytes_starts(st->path, POL_BYTES("data.")))
                t = put(c->arena, t, pol_bytes_of(st->path.at + 5, st->path.n - 5), type_of_node(c->arena, st->type));
        }
    return t;
}
