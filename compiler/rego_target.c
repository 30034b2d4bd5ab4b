/* SPDX-License-Identifier: Apache-2.0
 * The modules of the Rego target: those of the bundle with their statements' bodies as rules, and one, `polward`, that decides as the language page says
 * (section 2). Slow and plain: what it is for is being read, and being equal.
 */
#include "compiler/rego_target.h"

#include "compiler/statements.h"
#include "runtime/engine.h"
#include "runtime/json.h"

#include <ctype.h>

typedef struct {
    pol_program *p;
    pol_statements *s;
    pol_rego_errors *errors;
    pol_buf out; /* of module polward */
} target;

static void put_json(pol_buf *out, pol_value v)
{
    pol_json_write(out, v, POL_JSON_COMPACT);
}

static void put_text(pol_buf *out, const char *text)
{
    pol_json_write_string(out, pol_bytes_text(text), POL_JSON_COMPACT);
}

/* ---- the bundle's own modules ---- */

/* "$permit-1-if" as a name that authors could write. */
static void rename_hidden(pol_arena *arena, pol_rule *r)
{
    pol_bytes name = r->name->text;
    if (r->name->kind != POL_TERM_VAR || !name.n || name.at[0] != '$')
        return;
    uint8_t *renamed = pol_arena_copy(arena, name.at, name.n);
    renamed[0] = '_';
    for (size_t i = 0; i < name.n; i++)
        if (!isalnum(renamed[i]))
            renamed[i] = '_';
    r->name->text = pol_bytes_text(pol_arena_printf(arena, "polward%.*s", (int)name.n, (const char *)renamed));
}

static pol_value module_text(target *t, pol_module *m)
{
    static const char *const parts[] = {"subject", "action", "resource", "context", "token", "cert", "request", "peer"};
    pol_buf text = {0}, body = {0};
    pol_module plain = *m;
    plain.n_statements = 0;
    plain.n_imports = 0;
    pol_module_print(&plain, t->p->sources, &body);
    const uint8_t *line = memchr(body.at, '\n', body.n);
    size_t head = line ? (size_t)(line - body.at) + 1 : body.n;
    pol_buf_add(&text, body.at, head);
    pol_buf_byte(&text, '\n');
    for (uint32_t i = 0; i < m->n_imports; i++) {
        pol_buf_text(&text, "import ");
        pol_term_print(m->imports[i].path, &text);
        if (m->imports[i].alias.n)
            pol_buf_printf(&text, " as %.*s", (int)m->imports[i].alias.n, (const char *)m->imports[i].alias.at);
        pol_buf_byte(&text, '\n');
    }
    for (size_t i = 0; t->p->sources->items[m->source].polward && i < sizeof parts / sizeof *parts; i++)
        pol_buf_printf(&text, "import input.%s\n", parts[i]);
    pol_buf_add(&text, body.at + head, body.n - head);
    pol_value v = pol_string(pol_buf_to_arena(&text, t->p->arena));
    pol_buf_deinit(&text);
    pol_buf_deinit(&body);
    return v;
}

/* ---- names in module polward ---- */

static void put_rule(target *t, const pol_module *m, const pol_rule *rule, const char *suffix)
{
    pol_buf_text(&t->out, "data");
    for (uint32_t k = 0; k < (m->package->kind == POL_TERM_REF ? m->package->n : 1); k++) {
        const pol_term *segment = m->package->kind == POL_TERM_REF ? m->package->items[k] : m->package;
        pol_buf_byte(&t->out, '[');
        pol_json_write_string(&t->out, segment->text, POL_JSON_COMPACT);
        pol_buf_byte(&t->out, ']');
    }
    pol_buf_printf(&t->out, ".%.*s%s", (int)rule->name->text.n, (const char *)rule->name->text.at, suffix);
}

static bool may_fail(target *t, const pol_module *m, const pol_rule *rule)
{
    return rule && pol_rego_may_fail(t->errors, m, rule->name->text);
}

/* ---- roles ---- */

static void put_roles_of_assign(target *t, const pol_statement *st)
{
    pol_builder names = pol_builder_new(t->p->arena);
    for (uint32_t i = 0; i < st->names.n; i++)
        pol_builder_add(&names, pol_string(st->names.items[i].text));
    for (uint32_t i = 0; st->names.n == 0 && i < t->s->n_roles; i++)
        if (!t->s->roles[i].derived)
            pol_builder_add(&names, pol_string(t->s->roles[i].name));
    put_json(&t->out, pol_builder_array(&names));
}

static void put_roles(target *t)
{
    pol_builder closures = pol_builder_new(t->p->arena);
    for (uint32_t i = 0; i < t->s->n_roles; i++) {
        pol_builder held = pol_builder_new(t->p->arena);
        for (uint32_t k = 0; k < t->s->roles[i].n_closure; k++)
            pol_builder_add(&held, pol_string(t->s->roles[t->s->roles[i].closure[k]].name));
        pol_builder_put(&closures, pol_string(t->s->roles[i].name), pol_builder_array(&held));
    }
    pol_buf_text(&t->out, "inherits := ");
    put_json(&t->out, pol_builder_object(&closures));
    pol_buf_text(&t->out, "\n\ngiven contains name if {\n\tsome name in []\n}\n\ndoubtful contains name if {\n\tsome name in []\n}\n");
    for (uint32_t i = 0; i < t->s->n_assigns; i++) {
        const pol_assign *a = &t->s->assigns[i];
        const pol_statement *st = a->statement;
        const pol_rule *rule = st->from_rule ? st->from_rule : st->if_rule;
        pol_buf_printf(&t->out, "\nassignable_%u := ", i);
        put_roles_of_assign(t, st);
        pol_buf_printf(&t->out, "\n\ngiven contains name if {\n\tsome name in assignable_%u\n\t", i);
        if (st->from_rule)
            pol_buf_text(&t->out, "name in ");
        put_rule(t, a->module, rule, "");
        pol_buf_text(&t->out, "\n}\n");
        if (!may_fail(t, a->module, rule))
            continue;
        pol_buf_printf(&t->out, "\ndoubtful contains name if {\n\tsome assigned in assignable_%u\n\tsome name in inherits[assigned]\n\t", i);
        put_rule(t, a->module, rule, "__error");
        pol_buf_text(&t->out, "\n}\n\nerrors contains {\"rule\": ");
        put_text(&t->out, a->name);
        pol_buf_text(&t->out, "} if ");
        put_rule(t, a->module, rule, "__error");
        pol_buf_byte(&t->out, '\n');
    }
    pol_buf_text(&t->out, "\nroles contains name if {\n\tsome assigned in given\n\tsome name in inherits[assigned]\n}\n\n"
                          "pseudo contains \"anyone\"\n\npseudo contains \"authenticated\" if _ = input.token\n\n"
                          "pseudo contains \"authenticated\" if _ = input.cert\n\n"
                          "held_for_permits := roles | pseudo\n\nheld_for_forbids := (roles | pseudo) | doubtful\n");
}

/* ---- statements ---- */

static void put_matches(target *t, const pol_grant *g)
{
    pol_buf_text(&t->out, "\tmatches(");
    put_json(&t->out, pol_grant_types(t->p->arena, g));
    pol_buf_text(&t->out, ", type)\n\tmatches(");
    put_json(&t->out, pol_grant_actions(t->p->arena, g));
    pol_buf_text(&t->out, ", action)\n");
}

static void put_head(target *t, const pol_grant *g)
{
    pol_buf_printf(&t->out, "\napplicable contains {\"id\": \"%s\", \"effect\": \"%s\", \"tier\": \"%.*s\", \"weight\": %d} if {\n", g->id,
                   g->forbid ? "forbid" : "permit", (int)t->s->tiers[g->tier].name.n, (const char *)t->s->tiers[g->tier].name.at,
                   t->s->tiers[g->tier].weight);
    put_matches(t, g);
    pol_buf_text(&t->out, "\tsome role in ");
    put_json(&t->out, pol_names_value(t->p->arena, &g->statement->names));
    pol_buf_printf(&t->out, "\n\trole in %s\n", g->forbid ? "held_for_forbids" : "held_for_permits");
}

static void put_condition(target *t, const pol_grant *g, const char *before, const pol_rule *rule, const char *suffix)
{
    pol_buf_printf(&t->out, "\t%s", before);
    put_rule(t, g->module, rule, suffix);
    pol_buf_byte(&t->out, '\n');
}

static void put_statement(target *t, const pol_grant *g)
{
    const pol_statement *st = g->statement;
    const pol_rule *conditions[] = {st->if_rule, st->unless_rule, g->forbid ? NULL : st->returning_rule};
    put_head(t, g);
    if (st->if_rule)
        put_condition(t, g, "", st->if_rule, "");
    if (st->unless_rule)
        put_condition(t, g, "not ", st->unless_rule, "");
    if (!g->forbid && may_fail(t, g->module, st->unless_rule))
        put_condition(t, g, "not ", st->unless_rule, "__error");
    if (!g->forbid && st->returning_rule)
        put_condition(t, g, "_ = ", st->returning_rule, "");
    pol_buf_text(&t->out, "}\n");
    if (g->forbid && may_fail(t, g->module, st->if_rule)) {
        put_head(t, g);
        put_condition(t, g, "", st->if_rule, "__error");
        pol_buf_text(&t->out, "}\n");
    }
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        if (!may_fail(t, g->module, conditions[i]))
            continue;
        pol_buf_printf(&t->out, "\nerrors contains {\"rule\": \"%s\"} if {\n", g->id);
        put_matches(t, g);
        pol_buf_text(&t->out, "\tsome role in ");
        put_json(&t->out, pol_names_value(t->p->arena, &g->statement->names));
        pol_buf_printf(&t->out, "\n\trole in %s\n", g->forbid ? "held_for_forbids" : "held_for_permits");
        if (i && st->if_rule)
            put_condition(t, g, "", st->if_rule, "");
        put_condition(t, g, "", conditions[i], "__error");
        pol_buf_text(&t->out, "}\n");
    }
    if (st->because_rule) {
        pol_buf_printf(&t->out, "\nbecause[\"%s\"] := ", g->id);
        put_rule(t, g->module, st->because_rule, "\n");
    }
    if (st->returning_rule) {
        pol_buf_printf(&t->out, "\nreturning[\"%s\"] := ", g->id);
        put_rule(t, g->module, st->returning_rule, "\n");
    }
}

/* Permits of role graphs in data. */
static void put_graph(target *t)
{
    pol_builder list = pol_builder_new(t->p->arena);
    for (uint32_t i = 0; i < t->s->n_grants; i++) {
        const pol_grant *g = &t->s->grants[i];
        if (g->statement)
            continue;
        const pol_tier *tier = &t->s->tiers[g->tier];
        pol_builder told = pol_builder_new(t->p->arena), one = pol_builder_new(t->p->arena);
        pol_builder_put_text(&told, "id", pol_string_text(g->id));
        pol_builder_put_text(&told, "effect", pol_string_text("permit"));
        pol_builder_put_text(&told, "tier", pol_string(tier->name));
        pol_builder_put_text(&told, "weight", pol_int(tier->weight));
        pol_builder_put_text(&one, "applies", pol_builder_object(&told));
        pol_builder_put_text(&one, "role", pol_string(g->role));
        pol_builder_put_text(&one, "types", g->types);
        pol_builder_put_text(&one, "actions", g->actions);
        pol_builder_add(&list, pol_builder_object(&one));
    }
    pol_buf_text(&t->out, "\ngraph_permits := ");
    put_json(&t->out, pol_builder_array(&list));
    pol_buf_text(&t->out, "\n\napplicable contains permit.applies if {\n\tsome permit in graph_permits\n\tpermit.role in held_for_permits\n"
                          "\tmatches(permit.types, type)\n\tmatches(permit.actions, action)\n}\n");
}

static void put_scopes(target *t)
{
    pol_builder list = pol_builder_new(t->p->arena);
    for (uint32_t i = 0; i < t->s->n_scopes; i++) {
        pol_builder one = pol_builder_new(t->p->arena);
        pol_builder_put_text(&one, "names", pol_names_value(t->p->arena, &t->s->scopes[i]->names));
        pol_builder_put_text(&one, "types", pol_names_value(t->p->arena, &t->s->scopes[i]->types));
        pol_builder_put_text(&one, "actions", pol_names_value(t->p->arena, &t->s->scopes[i]->actions));
        pol_builder_add(&list, pol_builder_object(&one));
    }
    int weight = 0;
    for (uint32_t i = 0; i < t->s->n_tiers; i++)
        if (pol_bytes_is(t->s->tiers[i].name, POL_TIER_SCOPE))
            weight = t->s->tiers[i].weight;
    pol_buf_text(&t->out, "\nscopes := ");
    put_json(&t->out, pol_builder_array(&list));
    pol_buf_printf(&t->out,
                   "\n\nwanted_scopes := {name | some scope in scopes; matches(scope.types, type); matches(scope.actions, action); some name in scope.names}\n\n"
                   "scope_held if {\n\tsome name in wanted_scopes\n\tname in input.token.scopes\n}\n\n"
                   "applicable contains {\"id\": \"scope\", \"effect\": \"forbid\", \"tier\": \"scope\", \"weight\": %d} if {\n\t_ = input.token\n"
                   "\tsome scope in scopes\n\tmatches(scope.types, type)\n\tnot scope_held\n}\n\n"
                   "because[\"scope\"] := concat(\"\", [\"" POL_SCOPES_NEEDED "\", concat(\", \", sort(wanted_scopes))]) if count(wanted_scopes) > 0\n\n"
                   "because[\"scope\"] := \"no scope covers this action\" if count(wanted_scopes) == 0\n",
                   weight);
}

/* ---- what must be known of the input ---- */

static pol_value json_schema(pol_arena *arena, pol_value type);

static bool allows_null(pol_value type)
{
    pol_bytes kind = pol_text(pol_element(type, 0));
    pol_value of = pol_element(type, 1);
    if (pol_bytes_is(kind, "null") || pol_bytes_is(kind, "any") || (pol_bytes_is(kind, "literal") && of.tag == POL_NULL))
        return true;
    for (uint32_t i = 0; pol_bytes_is(kind, "union") && i < of.n; i++)
        if (allows_null(pol_element(of, i)))
            return true;
    return false;
}

static pol_value schema_of_object(pol_arena *arena, pol_value fields, pol_builder *b)
{
    pol_builder properties = pol_builder_new(arena), required = pol_builder_new(arena);
    for (uint32_t i = 0; i < fields.n; i++) {
        pol_value field = pol_element(fields, i), type = pol_element(field, 2), schema = json_schema(arena, type);
        bool optional = pol_equal(pol_element(field, 1), pol_bool(true));
        if (!optional) {
            pol_builder_add(&required, pol_element(field, 0));
        } else if (!allows_null(type)) { /* null counts as absent */
            pol_value null[] = {pol_string_text("null"), pol_null()};
            pol_value parts[] = {type, pol_array_of(arena, null, 2)};
            pol_value either[] = {pol_string_text("union"), pol_array_of(arena, parts, 2)};
            schema = json_schema(arena, pol_array_of(arena, either, 2));
        }
        pol_builder_put(&properties, pol_element(field, 0), schema);
    }
    pol_builder_put_text(b, "type", pol_string_text("object"));
    pol_builder_put_text(b, "properties", pol_builder_object(&properties));
    pol_builder_put_text(b, "required", pol_builder_array(&required));
    return pol_builder_object(b);
}

/* A type as lower_input.c writes it, as a JSON Schema. */
static pol_value json_schema(pol_arena *arena, pol_value type)
{
    static const char *const names[][2] = {{"bool", "boolean"}, {"null", "null"}, {"number", "number"}, {"integer", "integer"}, {"string", "string"},
                                           {"cidr", "string"}, {"uri", "string"}};
    pol_bytes kind = pol_text(pol_element(type, 0));
    pol_value of = pol_element(type, 1);
    pol_builder b = pol_builder_new(arena), parts = pol_builder_new(arena);
    if (pol_bytes_is(kind, "object"))
        return schema_of_object(arena, of, &b);
    if (pol_bytes_is(kind, "literal")) {
        pol_builder_add(&parts, of);
        pol_builder_put_text(&b, "enum", pol_builder_array(&parts));
    } else if (pol_bytes_is(kind, "list") || pol_bytes_is(kind, "map")) {
        bool list = pol_bytes_is(kind, "list");
        pol_builder_put_text(&b, "type", pol_string_text(list ? "array" : "object"));
        pol_builder_put_text(&b, list ? "items" : "additionalProperties", json_schema(arena, of));
    } else if (pol_bytes_is(kind, "union")) {
        for (uint32_t i = 0; i < of.n; i++)
            pol_builder_add(&parts, json_schema(arena, pol_element(of, i)));
        pol_builder_put_text(&b, "anyOf", pol_builder_array(&parts));
    } else if (pol_bytes_is(kind, "time")) {
        pol_builder_put_text(&b, "type", pol_string_text("string"));
        pol_builder_put_text(&b, "format", pol_string_text("date-time"));
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pol_bytes_is(kind, names[i][0]))
            pol_builder_put_text(&b, "type", pol_string_text(names[i][1]));
    return pol_builder_object(&b);
}

/* Of what is only a way to what is in it the kind alone. */
static pol_value shallow(pol_arena *arena, pol_value type)
{
    pol_bytes kind = pol_text(pol_element(type, 0));
    pol_value of = pol_element(type, 1), any[] = {pol_string_text("any"), pol_null()};
    pol_value pair[] = {pol_element(type, 0), pol_array_of(arena, any, 2)};
    if (pol_bytes_is(kind, "object"))
        pair[1] = pol_empty(POL_ARRAY);
    if (pol_bytes_is(kind, "union")) {
        pol_builder parts = pol_builder_new(arena);
        for (uint32_t i = 0; i < of.n; i++)
            pol_builder_add(&parts, shallow(arena, pol_element(of, i)));
        pair[1] = pol_builder_array(&parts);
    }
    bool holds = pol_bytes_is(kind, "object") || pol_bytes_is(kind, "union") || pol_bytes_is(kind, "list") || pol_bytes_is(kind, "map");
    return holds ? pol_array_of(arena, pair, 2) : type;
}

/* [path, required, whole, type, path as text, type as text] as one rule, or two: fault(n). */
static void put_entry(target *t, uint32_t n, pol_value entry)
{
    pol_arena *arena = t->p->arena;
    pol_value path = pol_element(entry, 0), type = pol_element(entry, 3);
    bool required = pol_equal(pol_element(entry, 1), pol_bool(true)), whole = pol_equal(pol_element(entry, 2), pol_bool(true)), null = allows_null(type);
    pol_buf holder = {0};
    pol_buf_printf(&holder, "\tv0 := input\n");
    for (uint32_t i = 0; i + 1 < path.n; i++) {
        pol_buf_printf(&holder, pol_element(path, i).tag == POL_NULL ? "\tsome v%u in v%u" : "\tv%u := v%u[", i + 1, i);
        if (pol_element(path, i).tag != POL_NULL) {
            put_json(&holder, pol_element(path, i));
            pol_buf_byte(&holder, ']');
        }
        pol_buf_byte(&holder, '\n');
    }
    pol_value last = path.n ? pol_element(path, path.n - 1) : pol_null();
    unsigned at = path.n ? path.n - 1 : 0;
    pol_buf_printf(&t->out, "\nfault(%u) if {\n%.*s", n, (int)holder.n, (const char *)holder.at);
    if (last.tag == POL_NULL) {
        pol_buf_printf(&t->out, path.n ? "\tsome v in v%u\n" : "\tv := v%u\n", at);
    } else {
        pol_buf_printf(&t->out, "\tv := v%u[", at);
        put_json(&t->out, last);
        pol_buf_text(&t->out, "]\n");
    }
    if (!null)
        pol_buf_text(&t->out, "\tv != null\n");
    /* json.match_schema takes objects */
    pol_buf_text(&t->out, "\tnot json.match_schema({\"value\": v}, {\"properties\": {\"value\": ");
    put_json(&t->out, json_schema(arena, whole ? type : shallow(arena, type)));
    pol_buf_text(&t->out, "}})[0]\n}\n");
    if (required && last.tag != POL_NULL) {
        pol_buf_printf(&t->out, "\nfault(%u) if {\n%.*s\tholds(v%u)\n\tnot there_%u(v%u)\n}\n\nthere_%u(v) if {\n\t_ = v[", n, (int)holder.n,
                       (const char *)holder.at, at, n, at, n);
        put_json(&t->out, last);
        pol_buf_byte(&t->out, ']');
        if (!null) {
            pol_buf_text(&t->out, "\n\tv[");
            put_json(&t->out, last);
            pol_buf_text(&t->out, "] != null");
        }
        pol_buf_text(&t->out, "\n}\n");
    }
    pol_buf_deinit(&holder);
}

static void put_input_checks(target *t, pol_value checks)
{
    pol_arena *arena = t->p->arena;
    pol_builder distinct = pol_builder_new(arena), index = pol_builder_new(arena);
    for (uint32_t i = 0; i < checks.n; i++)
        for (uint32_t k = 0; k < pol_member_value(checks, i).n; k++) {
            pol_value entries = pol_member_value(pol_member_value(checks, i), k);
            for (uint32_t e = 0; e < entries.n; e++)
                pol_builder_add(&distinct, pol_element(entries, e));
        }
    pol_value all = pol_builder_set(&distinct);
    for (uint32_t i = 0; i < checks.n; i++) {
        pol_builder row = pol_builder_new(arena);
        for (uint32_t k = 0; k < pol_member_value(checks, i).n; k++) {
            pol_value entries = pol_member_value(pol_member_value(checks, i), k);
            pol_builder numbers = pol_builder_new(arena);
            for (uint32_t e = 0; e < entries.n; e++)
                for (uint32_t n = 0; n < all.n; n++)
                    if (pol_equal(pol_element(all, n), pol_element(entries, e)))
                        pol_builder_add(&numbers, pol_int(n));
            pol_builder_put(&row, pol_member_key(pol_member_value(checks, i), k), pol_builder_array(&numbers));
        }
        pol_builder_put(&index, pol_member_key(checks, i), pol_builder_object(&row));
    }
    pol_buf_text(&t->out, "\ninput_checks := ");
    put_json(&t->out, pol_builder_object(&index));
    pol_buf_text(&t->out, "\n\nholds(v) if is_object(v)\n\nholds(v) if is_array(v)\n\nfault(-1) if false\n\ninvalid contains n if {\n"
                          "\trow := object.get(input_checks, type, object.get(input_checks, \"*\", {}))\n"
                          "\tsome n in object.get(row, action, object.get(row, \"*\", []))\n\tfault(n)\n}\n\n"
                          "errors contains {\"code\": \"input_invalid\", \"message\": message} if {\n\tsome n, message in input_messages\n\tn in invalid\n}\n");
    pol_builder messages = pol_builder_new(arena);
    for (uint32_t n = 0; n < all.n; n++) {
        pol_value entry = pol_element(all, n), path = pol_element(entry, 4), type = pol_element(entry, 5);
        pol_builder_add(&messages, pol_string_text(pol_arena_printf(arena, "%.*s must be %.*s", (int)path.n, (const char *)path.text, (int)type.n,
                                                                    (const char *)type.text)));
        put_entry(t, n, entry);
    }
    pol_buf_text(&t->out, "\ninput_messages := ");
    put_json(&t->out, pol_builder_array(&messages));
    pol_buf_byte(&t->out, '\n');
}

/* ---- permissions ---- */

static void put_named(target *t)
{
    pol_builder list = pol_builder_new(t->p->arena);
    for (uint32_t i = 0; i < t->s->n_grants + t->s->n_scopes + t->s->n_routes; i++) {
        uint32_t at = i < t->s->n_grants ? 0 : i - t->s->n_grants;
        const pol_grant *g = i < t->s->n_grants ? &t->s->grants[i] : NULL;
        const pol_statement *st = g ? NULL : at < t->s->n_scopes ? t->s->scopes[at] : t->s->routes[at - t->s->n_scopes];
        pol_value pair[] = {g ? pol_grant_types(t->p->arena, g) : pol_names_value(t->p->arena, &st->types),
                            g ? pol_grant_actions(t->p->arena, g) : pol_names_value(t->p->arena, &st->actions)};
        pol_builder_add(&list, pol_array_of(t->p->arena, pair, 2));
    }
    pol_buf_text(&t->out, "\nnamed := ");
    put_json(&t->out, pol_builder_set(&list)); /* an array in JSON */
    pol_buf_text(&t->out, "\n\npermissions contains name if {\n\tsome pair in named\n\tmatches(pair[0], type)\n\tsome name in pair[1]\n\tname != \"*\"\n"
                          "\tallow with input.action.name as name\n}\n");
}

/* ---- the decision ---- */

static const char decision_text[] =
    "\ndefault type := \"\"\n\ntype := input.resource.type\n\ndefault action := \"\"\n\naction := input.action.name\n\n"
    "matches(names, _) if \"*\" in names\n\nmatches(names, name) if name in names\n\n"
    "errors contains error if {\n\tsome error in []\n}\n\nbecause[id] := text if {\n\tsome id, text in {}\n}\n\n"
    "returning[id] := value if {\n\tsome id, value in {}\n}\n\n"
    "valid if count(invalid) == 0\n\ntop := max([statement.weight | some statement in applicable]) if valid\n\n"
    "deciding contains statement if {\n\tsome statement in applicable\n\tstatement.weight == top\n}\n\n"
    "forbidden if {\n\tsome statement in deciding\n\tstatement.effect == \"forbid\"\n}\n\n"
    "default effect := \"none\"\n\neffect := \"forbid\" if forbidden\n\neffect := \"permit\" if {\n\tcount(deciding) > 0\n\tnot forbidden\n}\n\n"
    "rules := sort([statement.id | some statement in deciding; statement.effect == effect])\n\n"
    "default allow := false\n\nallow if effect == \"permit\"\n\n"
    "told := {\n\t\"allow\": allow,\n\t\"effect\": effect,\n\t\"rules\": sort({id | some id in rules}),\n\t\"roles\": sort(roles),\n"
    "\t\"reasons\": [{\"rule\": id, \"text\": because[id]} | some id in sort({id | some id in rules})],\n"
    "\t\"context\": [{\"rule\": id, \"value\": returning[id]} | some id in sort({id | some id in rules})],\n\t\"errors\": sort(errors),\n}\n\n"
    "tier := name if {\n\tsome statement in deciding\n\tname := statement.tier\n}\n\n"
    "decision := object.union(told, {\"tier\": tier})\n\ndecision := told if not tier\n";

pol_value pol_rego_target(pol_program *program, pol_value input_checks)
{
    pol_arena *arena = program->arena;
    target t = {.p = program, .s = program->statements};
    pol_builder modules = pol_builder_new(arena);
    uint32_t n = program->n_modules - (t.s != NULL); /* the last one is `polward`, as we plan it */
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < program->modules[i]->n_rules; k++)
            rename_hidden(arena, program->modules[i]->rules[k]);
    t.errors = pol_rego_errors_new(program);
    for (uint32_t i = 0; t.s && i < n; i++)
        pol_rego_guard(t.errors, program->modules[i]);
    for (uint32_t i = 0; i < n; i++)
        pol_builder_put_text(&modules, program->sources->items[program->modules[i]->source].name, module_text(&t, program->modules[i]));
    if (t.s) {
        pol_buf_text(&t.out, "package polward\n\n");
        put_roles(&t);
        for (uint32_t i = 0; i < t.s->n_grants; i++)
            if (t.s->grants[i].statement)
                put_statement(&t, &t.s->grants[i]);
        put_graph(&t);
        put_scopes(&t);
        put_named(&t);
        put_input_checks(&t, input_checks.tag == POL_OBJECT ? input_checks : pol_empty(POL_OBJECT));
        pol_buf_text(&t.out, decision_text);
        pol_builder_put_text(&modules, "polward.rego", pol_string(pol_buf_to_arena(&t.out, arena)));
        pol_buf_deinit(&t.out);
    }
    return pol_builder_object(&modules);
}
