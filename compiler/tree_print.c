/* SPDX-License-Identifier: Apache-2.0
 * The tree as text: canonical source, which parses to the same tree, and a dump of the nodes for tests of the parser.
 */
#include "compiler/tree.h"
#include "runtime/json.h"

/* ---- terms ---- */

static const struct {
    const char *name, *op;
    int precedence;
} operators[] = {
    {"eq", "=", 0},   {"assign", ":=", 0}, {"internal.member_2", "in", 1}, {"equal", "==", 2}, {"neq", "!=", 2}, {"lt", "<", 2}, {"lte", "<=", 2},
    {"gt", ">", 2},   {"gte", ">=", 2},    {"or", "|", 3},                 {"and", "&", 4},    {"plus", "+", 5}, {"minus", "-", 5},
    {"mul", "*", 6},  {"div", "/", 6},     {"rem", "%", 6},
};

/* FIRST is added for what stands first behind an opening bracket, where `x |` would begin a comprehension. */
enum { PRECEDENCE_TERM = 7, PRECEDENCE_MASK = 7, FIRST = 8 };

static int operator_of(const pol_term *t)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (pol_is_infix(t, operators[i].name))
            return (int)i;
    return -1;
}

static void print_term(const pol_term *t, pol_buf *out, int precedence);
static void print_body(const pol_body *body, pol_buf *out, const char *separator, int first);

static void print_items(const pol_term *t, uint32_t from, pol_buf *out)
{
    for (uint32_t i = from; i < t->n; i++) {
        if (i > from)
            pol_buf_text(out, ", ");
        print_term(t->items[i], out, i == 0 ? FIRST : 0);
    }
}

static bool is_name(pol_bytes s)
{
    if (s.n == 0 || (s.at[0] >= '0' && s.at[0] <= '9'))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static void print_ref(const pol_term *t, pol_buf *out)
{
    print_term(t->items[0], out, PRECEDENCE_TERM);
    for (uint32_t i = 1; i < t->n; i++) {
        const pol_term *operand = t->items[i];
        if (operand->kind == POL_TERM_STRING && is_name(operand->text)) {
            pol_buf_byte(out, '.');
            pol_buf_bytes(out, operand->text);
        } else {
            pol_buf_byte(out, '[');
            print_term(operand, out, 0);
            pol_buf_byte(out, ']');
        }
    }
}

static void print_call(const pol_term *t, pol_buf *out, int precedence)
{
    int op = operator_of(t);
    if (op >= 0) {
        bool bar = (precedence & FIRST) && pol_bytes_is(t->items[0]->text, "or");
        bool parens = operators[op].precedence < (precedence & PRECEDENCE_MASK) || operators[op].precedence == 0 || bar;
        if (parens)
            pol_buf_byte(out, '(');
        print_term(t->items[1], out, operators[op].precedence | (parens ? 0 : precedence & FIRST));
        pol_buf_printf(out, " %s ", operators[op].op);
        print_term(t->items[2], out, operators[op].precedence + 1);
        if (parens)
            pol_buf_byte(out, ')');
    } else if (t->infix && t->n == 4) {
        pol_buf_byte(out, '(');
        print_term(t->items[1], out, 2);
        pol_buf_text(out, ", ");
        print_term(t->items[2], out, 2);
        pol_buf_text(out, " in ");
        print_term(t->items[3], out, 2);
        pol_buf_byte(out, ')');
    } else {
        print_term(t->items[0], out, PRECEDENCE_TERM);
        pol_buf_byte(out, '(');
        print_items(t, 1, out);
        pol_buf_byte(out, ')');
    }
}

static void print_withs(const pol_expr *e, pol_buf *out)
{
    for (uint32_t i = 0; i < e->n_withs; i++) {
        pol_buf_text(out, " with ");
        print_term(e->withs[i].target, out, PRECEDENCE_TERM);
        pol_buf_text(out, " as ");
        print_term(e->withs[i].value, out, 2);
    }
}

static void print_template(const pol_term *t, pol_buf *out)
{
    pol_buf_text(out, "$\"");
    for (uint32_t i = 0; i < t->n; i++) {
        const pol_term *piece = t->items[i];
        if (piece->kind == POL_TERM_STRING) {
            pol_buf text = {0};
            pol_json_write_string(&text, piece->text, POL_JSON_COMPACT);
            for (size_t k = 1; k + 1 < text.n; k++) {
                if (text.at[k] == '{')
                    pol_buf_byte(out, '\\');
                pol_buf_byte(out, text.at[k]);
            }
            pol_buf_deinit(&text);
        } else {
            pol_buf_byte(out, '{');
            print_term(piece, out, 0);
            if (piece->kind < POL_TERM_ARRAY_COMPREHENSION && piece->body && piece->body->n)
                print_withs(piece->body->items[0], out);
            pol_buf_byte(out, '}');
        }
    }
    pol_buf_byte(out, '"');
}

static void print_object(const pol_term *t, pol_buf *out)
{
    pol_buf_byte(out, '{');
    for (uint32_t i = 0; i < t->n; i += 2) {
        if (i)
            pol_buf_text(out, ", ");
        print_term(t->items[i], out, i == 0 ? FIRST : 0);
        pol_buf_text(out, ": ");
        print_term(t->items[i + 1], out, i == 0 ? FIRST : 0);
    }
    pol_buf_byte(out, '}');
}

static void print_comprehension(const pol_term *t, pol_buf *out)
{
    bool array = t->kind == POL_TERM_ARRAY_COMPREHENSION;
    pol_buf_byte(out, array ? '[' : '{');
    print_term(t->items[0], out, t->n > 1 ? FIRST : PRECEDENCE_TERM);
    if (t->n > 1) {
        pol_buf_text(out, ": ");
        print_term(t->items[1], out, PRECEDENCE_TERM);
    }
    pol_buf_text(out, " | ");
    print_body(t->body, out, "; ", 0);
    pol_buf_byte(out, array ? ']' : '}');
}

static void print_term(const pol_term *t, pol_buf *out, int precedence)
{
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_NULL:
        pol_buf_text(out, "null");
        break;
    case POL_TERM_BOOL:
        pol_buf_text(out, t->boolean ? "true" : "false");
        break;
    case POL_TERM_NUMBER:
    case POL_TERM_VAR:
        pol_buf_bytes(out, t->text);
        break;
    case POL_TERM_STRING:
        pol_json_write_string(out, t->text, POL_JSON_COMPACT);
        break;
    case POL_TERM_TEMPLATE:
        print_template(t, out);
        break;
    case POL_TERM_REF:
        print_ref(t, out);
        break;
    case POL_TERM_CALL:
        print_call(t, out, precedence);
        break;
    case POL_TERM_ARRAY:
        pol_buf_byte(out, '[');
        print_items(t, 0, out);
        pol_buf_byte(out, ']');
        break;
    case POL_TERM_SET:
        pol_buf_text(out, t->n ? "{" : "set(");
        print_items(t, 0, out);
        pol_buf_text(out, t->n ? "}" : ")");
        break;
    case POL_TERM_OBJECT:
        print_object(t, out);
        break;
    default:
        print_comprehension(t, out);
    }
}

void pol_term_print(const pol_term *term, pol_buf *out)
{
    print_term(term, out, 0);
}

/* ---- expressions ---- */

static void print_braced(const pol_body *body, pol_buf *out)
{
    pol_buf_text(out, "{ ");
    print_body(body, out, "; ", FIRST);
    pol_buf_text(out, " }");
}

static void print_domain(const pol_expr *e, pol_buf *out)
{
    if (e->key) {
        print_term(e->key, out, 2);
        pol_buf_text(out, ", ");
    }
    print_term(e->left, out, 2);
    pol_buf_text(out, " in ");
    print_term(e->right, out, 2);
}

static void print_expr(const pol_expr *e, pol_buf *out, int first);

static void print_negated(const pol_expr *e, pol_buf *out)
{
    const pol_expr *inner = e->body->items[0];
    bool plain = !inner->n_withs && (inner->kind == POL_EXPR_TERM || inner->kind == POL_EXPR_ASSIGN || inner->kind == POL_EXPR_UNIFY);
    pol_buf_text(out, plain ? "not " : "not (");
    print_expr(inner, out, 0);
    pol_buf_text(out, plain ? "" : ")");
}

static void print_expr(const pol_expr *e, pol_buf *out, int first)
{
    switch ((pol_expr_kind)e->kind) {
    case POL_EXPR_TERM:
        print_term(e->left, out, first);
        break;
    case POL_EXPR_ASSIGN:
    case POL_EXPR_UNIFY:
        print_term(e->left, out, 1 | first);
        pol_buf_text(out, e->kind == POL_EXPR_ASSIGN ? " := " : " = ");
        print_term(e->right, out, 1);
        break;
    case POL_EXPR_NOT:
        if (e->braces) {
            pol_buf_text(out, "not ");
            print_braced(e->body, out);
        } else {
            print_negated(e, out);
        }
        break;
    case POL_EXPR_SOME:
        pol_buf_text(out, "some ");
        for (uint32_t i = 0; i < e->n_terms; i++) {
            pol_buf_text(out, i ? ", " : "");
            print_term(e->terms[i], out, 0);
        }
        break;
    case POL_EXPR_SOME_IN:
        pol_buf_text(out, "some ");
        print_domain(e, out);
        break;
    case POL_EXPR_EVERY:
        pol_buf_text(out, "every ");
        print_domain(e, out);
        pol_buf_byte(out, ' ');
        print_braced(e->body, out);
        break;
    case POL_EXPR_AND:
    case POL_EXPR_OR:
        print_braced(e->body, out);
        pol_buf_text(out, e->kind == POL_EXPR_AND ? " and " : " or ");
        print_braced(e->other, out);
        break;
    }
    print_withs(e, out);
}

void pol_expr_print(const pol_expr *e, pol_buf *out)
{
    print_expr(e, out, 0);
}

/* Would its text begin with a minus, which goes on with the line before? */
static bool begins_with_minus(const pol_expr *e)
{
    const pol_term *t = e->kind == POL_EXPR_TERM || e->kind == POL_EXPR_ASSIGN || e->kind == POL_EXPR_UNIFY ? e->left : NULL;
    while (t && t->n && (t->kind == POL_TERM_REF || t->kind == POL_TERM_CALL))
        t = t->items[t->infix ? 1 : 0];
    return t && t->kind == POL_TERM_NUMBER && t->text.at[0] == '-';
}

static void print_body(const pol_body *body, pol_buf *out, const char *separator, int first)
{
    for (uint32_t i = 0; body && i < body->n; i++) {
        if (i && begins_with_minus(body->items[i]) && separator[0] != ';')
            pol_buf_byte(out, ';');
        if (i)
            pol_buf_text(out, separator);
        print_expr(body->items[i], out, i ? 0 : first);
    }
}

/* ---- rules ---- */

static void print_if(const pol_body *body, pol_buf *out)
{
    pol_buf_text(out, " if {\n\t");
    print_body(body, out, "\n\t", FIRST);
    pol_buf_text(out, "\n}");
}

static void print_rule(const pol_rule *r, pol_buf *out)
{
    if (r->is_default)
        pol_buf_text(out, "default ");
    print_term(r->name, out, 0);
    if (r->has_args) {
        pol_buf_byte(out, '(');
        for (uint32_t i = 0; i < r->n_args; i++) {
            pol_buf_text(out, i ? ", " : "");
            print_term(r->args[i], out, 0);
        }
        pol_buf_byte(out, ')');
    }
    if (r->contains) {
        pol_buf_text(out, " contains ");
        print_term(r->key, out, 0);
    }
    for (const pol_rule *at = r; at; at = at->next_else) {
        if (at->is_else)
            pol_buf_text(out, " else");
        if (at->value) {
            pol_buf_text(out, " := ");
            print_term(at->value, out, 0);
        }
        if (at->body.n)
            print_if(&at->body, out);
    }
    pol_buf_text(out, "\n");
}

/* ---- statements ---- */

static void print_names(const pol_names *names, pol_buf *out)
{
    for (uint32_t i = 0; i < names->n; i++) {
        const pol_name *n = &names->items[i];
        pol_buf_text(out, i ? ", " : "");
        if (n->quoted)
            pol_json_write_string(out, n->text, POL_JSON_COMPACT);
        else
            pol_buf_bytes(out, n->star ? POL_BYTES("*") : n->text);
    }
}

void pol_type_node_print(const pol_type_node *t, pol_buf *out)
{
    switch ((pol_type_kind)t->kind) {
    case POL_TYPE_NAME:
        pol_buf_bytes(out, t->text);
        break;
    case POL_TYPE_LITERAL:
        print_term(t->literal, out, 0);
        break;
    case POL_TYPE_ARRAY:
    case POL_TYPE_SET:
        pol_buf_text(out, t->kind == POL_TYPE_ARRAY ? "[" : "set(");
        pol_type_node_print(t->of, out);
        pol_buf_text(out, t->kind == POL_TYPE_ARRAY ? "]" : ")");
        break;
    case POL_TYPE_OBJECT:
        pol_buf_text(out, "{");
        for (uint32_t i = 0; i < t->n_fields; i++) {
            pol_buf_text(out, i ? ", " : "");
            if (is_name(t->fields[i].name))
                pol_buf_bytes(out, t->fields[i].name);
            else
                pol_json_write_string(out, t->fields[i].name, POL_JSON_COMPACT);
            pol_buf_text(out, t->fields[i].optional ? "?: " : ": ");
            pol_type_node_print(t->fields[i].type, out);
        }
        pol_buf_text(out, "}");
        break;
    case POL_TYPE_MAP:
        pol_buf_text(out, "{[");
        pol_type_node_print(t->of, out);
        pol_buf_text(out, "]: ");
        pol_type_node_print(t->to, out);
        pol_buf_text(out, "}");
        break;
    case POL_TYPE_UNION:
        for (uint32_t i = 0; i < t->n_parts; i++) {
            pol_buf_text(out, i ? " | " : "");
            pol_type_node_print(t->parts[i], out);
        }
        break;
    }
}

static void print_clause(const char *word, const pol_body *body, pol_buf *out)
{
    if (!body)
        return;
    pol_buf_printf(out, "\n\t%s {\n\t\t", word);
    print_body(body, out, "\n\t\t", FIRST);
    pol_buf_text(out, "\n\t}");
}

static void print_grant(const pol_statement *s, pol_buf *out)
{
    pol_buf_text(out, s->kind == POL_STATEMENT_PERMIT ? "permit " : "forbid ");
    print_names(&s->names, out);
    pol_buf_text(out, " to ");
    print_names(&s->actions, out);
    pol_buf_text(out, " on ");
    print_names(&s->types, out);
    if (s->tier.text.n) {
        pol_buf_text(out, " at ");
        print_names(&(pol_names){.items = (pol_name *)(uintptr_t)&s->tier, .n = 1}, out);
    }
    if (s->id.text.n) {
        pol_buf_text(out, " as ");
        pol_json_write_string(out, s->id.text, POL_JSON_COMPACT);
    }
    if (s->because) {
        pol_buf_text(out, "\n\tbecause ");
        print_term(s->because, out, 0);
    }
    if (s->returning) {
        pol_buf_text(out, "\n\treturning ");
        print_term(s->returning, out, 0);
    }
    print_clause("if", s->if_body, out);
    print_clause("unless", s->unless_body, out);
}

static void print_statement(const pol_statement *s, pol_buf *out)
{
    static const char *const words[] = {"tier ", "schema ", "role ", "assign ", "scope ", "route "};
    if (s->kind < POL_STATEMENT_PERMIT)
        pol_buf_text(out, words[s->kind]);
    switch ((pol_statement_kind)s->kind) {
    case POL_STATEMENT_SCHEMA:
        pol_buf_bytes(out, s->path);
        pol_buf_byte(out, ' ');
        if (s->resource_type.text.n) {
            print_names(&(pol_names){.items = (pol_name *)(uintptr_t)&s->resource_type, .n = 1}, out);
            pol_buf_byte(out, ' ');
        }
        if (s->type) {
            pol_type_node_print(s->type, out);
        } else {
            pol_buf_text(out, "from ");
            pol_json_write_string(out, s->from_file, POL_JSON_COMPACT);
        }
        break;
    case POL_STATEMENT_TIER:
    case POL_STATEMENT_ROLE:
    case POL_STATEMENT_ASSIGN:
        print_names(&s->names, out);
        if (s->parents.n) {
            pol_buf_text(out, " inherits ");
            print_names(&s->parents, out);
        }
        if (s->from) {
            pol_buf_text(out, s->names.n ? " from " : "from ");
            print_term(s->from, out, 0);
        }
        print_clause("if", s->if_body, out);
        break;
    case POL_STATEMENT_SCOPE:
    case POL_STATEMENT_ROUTE:
        print_names(&s->names, out);
        if (s->kind == POL_STATEMENT_ROUTE) {
            pol_buf_byte(out, ' ');
            pol_json_write_string(out, s->path, POL_JSON_COMPACT);
        }
        pol_buf_text(out, s->kind == POL_STATEMENT_ROUTE ? " is " : " covers ");
        print_names(&s->actions, out);
        pol_buf_text(out, " on ");
        print_names(&s->types, out);
        break;
    case POL_STATEMENT_PERMIT:
    case POL_STATEMENT_FORBID:
        print_grant(s, out);
        break;
    }
    pol_buf_byte(out, '\n');
}

void pol_rule_print(const pol_rule *rule, pol_buf *out)
{
    print_rule(rule, out);
}

void pol_statement_print(const pol_statement *statement, pol_buf *out)
{
    print_statement(statement, out);
}

/* ---- modules ---- */

/* A further body is a definition of its own here; its else branches are printed with it. */
void pol_module_print(const pol_module *module, const pol_sources *sources, pol_buf *out)
{
    uint32_t r = 0, s = 0;
    (void)sources;
    pol_buf_text(out, "package ");
    print_term(module->package, out, 0);
    pol_buf_text(out, "\n");
    for (uint32_t i = 0; i < module->n_imports; i++) {
        pol_buf_text(out, "\nimport ");
        print_term(module->imports[i].path, out, 0);
        if (module->imports[i].alias.n)
            pol_buf_printf(out, " as %.*s", (int)module->imports[i].alias.n, (const char *)module->imports[i].alias.at);
    }
    if (module->n_imports)
        pol_buf_byte(out, '\n');
    while (r < module->n_rules || s < module->n_statements) {
        bool rule = s == module->n_statements ||
                    (r < module->n_rules && module->rules[r]->span.start < module->statements[s]->span.start);
        pol_buf_byte(out, '\n');
        if (rule)
            print_rule(module->rules[r++], out);
        else
            print_statement(module->statements[s++], out);
    }
}

/* ---- dump ---- */

static void dump_place(const pol_sources *sources, pol_span span, pol_buf *out)
{
    uint32_t row, col, end_row, end_col;
    pol_source_place(sources, span, &row, &col);
    pol_source_place(sources, (pol_span){span.source, span.end, span.end}, &end_row, &end_col);
    pol_buf_printf(out, " %u:%u-%u:%u\n", row, col, end_row, end_col);
}

static void dump_line(const char *kind, pol_bytes text, pol_span span, const pol_sources *sources, unsigned depth, pol_buf *out)
{
    for (unsigned i = 0; i < depth; i++)
        pol_buf_text(out, "  ");
    pol_buf_text(out, kind);
    if (text.n) {
        pol_buf_byte(out, ' ');
        pol_buf_quoted(out, text, 60);
    }
    dump_place(sources, span, out);
}

static void dump_body(const pol_body *body, const pol_sources *sources, unsigned depth, pol_buf *out);

static void dump_term(const pol_term *t, const pol_sources *sources, unsigned depth, pol_buf *out)
{
    static const char *const kinds[] = {
        "null", "bool", "number", "string", "template", "var", "ref", "call", "array", "set", "object", "array-comprehension",
        "set-comprehension", "object-comprehension",
    };
    if (!t)
        return;
    pol_bytes text = t->kind == POL_TERM_BOOL ? pol_bytes_text(t->boolean ? "true" : "false") : t->text;
    dump_line(kinds[t->kind], text, t->span, sources, depth, out);
    for (uint32_t i = 0; i < t->n; i++)
        dump_term(t->items[i], sources, depth + 1, out);
    dump_body(t->body, sources, depth + 1, out);
}

static void dump_body(const pol_body *body, const pol_sources *sources, unsigned depth, pol_buf *out)
{
    static const char *const kinds[] = {"term", "assign", "unify", "not", "some", "some-in", "every", "and", "or"};
    for (uint32_t i = 0; body && i < body->n; i++) {
        const pol_expr *e = body->items[i];
        dump_line(kinds[e->kind], pol_bytes_of(NULL, 0), e->span, sources, depth, out);
        dump_term(e->key, sources, depth + 1, out);
        dump_term(e->left, sources, depth + 1, out);
        dump_term(e->right, sources, depth + 1, out);
        for (uint32_t k = 0; k < e->n_terms; k++)
            dump_term(e->terms[k], sources, depth + 1, out);
        dump_body(e->body, sources, depth + 1, out);
        dump_body(e->other, sources, depth + 1, out);
        for (uint32_t k = 0; k < e->n_withs; k++) {
            dump_line("with", pol_bytes_of(NULL, 0), e->withs[k].span, sources, depth + 1, out);
            dump_term(e->withs[k].target, sources, depth + 2, out);
            dump_term(e->withs[k].value, sources, depth + 2, out);
        }
    }
}

static void dump_rule(const pol_rule *r, const pol_sources *sources, unsigned depth, pol_buf *out)
{
    dump_line(r->is_else ? "else" : r->is_default ? "default" : r->contains ? "contains" : r->has_args ? "function" : "rule",
              pol_bytes_of(NULL, 0), r->span, sources, depth, out);
    dump_term(r->is_else ? NULL : r->name, sources, depth + 1, out);
    for (uint32_t i = 0; i < r->n_args; i++)
        dump_term(r->args[i], sources, depth + 1, out);
    dump_term(r->key, sources, depth + 1, out);
    dump_term(r->value, sources, depth + 1, out);
    dump_body(&r->body, sources, depth + 1, out);
    if (r->next_else)
        dump_rule(r->next_else, sources, depth + 1, out);
}

static void dump_names(const char *kind, const pol_names *names, const pol_sources *sources, unsigned depth, pol_buf *out)
{
    for (uint32_t i = 0; i < names->n; i++)
        dump_line(kind, names->items[i].star ? POL_BYTES("*") : names->items[i].text, names->items[i].span, sources, depth, out);
}

static void dump_type(const pol_type_node *t, const pol_sources *sources, unsigned depth, pol_buf *out)
{
    static const char *const kinds[] = {"type", "literal", "array", "set", "object", "map", "union"};
    dump_line(kinds[t->kind], t->text, t->span, sources, depth, out);
    dump_term(t->literal, sources, depth + 1, out);
    if (t->of)
        dump_type(t->of, sources, depth + 1, out);
    if (t->to)
        dump_type(t->to, sources, depth + 1, out);
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const pol_type_field *field = &t->fields[i];
        dump_line(field->optional ? "optional" : "field", field->name, field->span, sources, depth + 1, out);
        dump_type(field->type, sources, depth + 2, out);
    }
    for (uint32_t i = 0; i < t->n_parts; i++)
        dump_type(t->parts[i], sources, depth + 1, out);
}

static void dump_part(const char *kind, const pol_term *term, const pol_sources *sources, pol_buf *out)
{
    if (!term)
        return;
    dump_line(kind, pol_bytes_of(NULL, 0), term->span, sources, 1, out);
    dump_term(term, sources, 2, out);
}

static void dump_condition(const char *kind, const pol_body *body, const pol_sources *sources, pol_buf *out)
{
    if (!body || !body->n)
        return;
    dump_line(kind, pol_bytes_of(NULL, 0), body->items[0]->span, sources, 1, out);
    dump_body(body, sources, 2, out);
}

static void dump_statement(const pol_statement *s, const pol_sources *sources, pol_buf *out)
{
    static const char *const kinds[] = {"tier", "schema", "role", "assign", "scope", "route", "permit", "forbid"};
    dump_line(kinds[s->kind], s->path, s->span, sources, 0, out);
    dump_names("name", &s->names, sources, 1, out);
    dump_names("parent", &s->parents, sources, 1, out);
    dump_names("action", &s->actions, sources, 1, out);
    dump_names("type", &s->types, sources, 1, out);
    if (s->tier.text.n)
        dump_line("at", s->tier.text, s->tier.span, sources, 1, out);
    if (s->id.text.n)
        dump_line("as", s->id.text, s->id.span, sources, 1, out);
    if (s->resource_type.text.n)
        dump_line("of", s->resource_type.text, s->resource_type.span, sources, 1, out);
    if (s->type)
        dump_type(s->type, sources, 1, out);
    if (s->from_file.n)
        dump_line("file", s->from_file, s->span, sources, 1, out);
    dump_part("from", s->from, sources, out);
    dump_part("because", s->because, sources, out);
    dump_part("returning", s->returning, sources, out);
    dump_condition("if", s->if_body, sources, out);
    dump_condition("unless", s->unless_body, sources, out);
}

void pol_module_dump(const pol_module *module, const pol_sources *sources, pol_buf *out)
{
    pol_buf_printf(out, "module %s\n", sources->items[module->source].name);
    dump_line("package", pol_bytes_of(NULL, 0), module->package_span, sources, 0, out);
    dump_term(module->package, sources, 1, out);
    for (uint32_t i = 0; i < module->n_imports; i++) {
        dump_line("import", module->imports[i].alias, module->imports[i].span, sources, 0, out);
        dump_term(module->imports[i].path, sources, 1, out);
    }
    for (uint32_t i = 0; i < module->n_rules; i++)
        dump_rule(module->rules[i], sources, 0, out);
    for (uint32_t i = 0; i < module->n_statements; i++)
        dump_statement(module->statements[i], sources, out);
}
