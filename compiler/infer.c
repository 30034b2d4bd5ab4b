/* SPDX-License-Identifier: Apache-2.0
 * The type checker: follows values through local variables, comprehensions, rules, user functions
 * and built-in signatures. An operand is wrong when no value of its type can be right, so what is
 * not known (input, base data) is never wrong. As in OPA, a comparison with == is checked where it
 * is an expression of its own.
 */
#include "compiler/infer.h"
#include "compiler/unify.h"
#include "grammar/parse.h"

#define REPORT(x, ...)                                                                             \
    do {                                                                                           \
        pol_diag((x)->c->diags, __VA_ARGS__);                                                      \
        (x)->failed = true;                                                                        \
    } while (0)

static void check_term(pol_inference *x, pol_term *t);
static void check_body(pol_inference *x, pol_body *body);

static const char *type_text(pol_inference *x, const pol_type *t)
{
    pol_buf buf = {0};
    pol_type_write(&buf, t);
    const char *text = (const char *)pol_arena_copy(x->arena, buf.at, buf.n);
    pol_buf_deinit(&buf);
    return text;
}

static const char *term_text(pol_inference *x, const pol_term *t)
{
    pol_bytes text = pol_source_text(x->c->program->sources, t->span);
    const uint8_t *line = text.n ? memchr(text.at, '\n', text.n) : NULL;
    int n = line ? (int)(line - text.at) : text.n > 60 ? 60 : (int)text.n;
    return pol_arena_printf(x->arena, "%.*s", n, (const char *)text.at);
}

/* ---- refs ---- */

/* The names that a closed object has; NULL when it is none. */
static pol_bytes *member_names(pol_inference *x, const pol_type *t, uint32_t *n)
{
    *n = 0;
    if (t->kind != POL_TYPE_KIND_OBJECT || t->rest)
        return NULL;
    pol_bytes *names = POL_NEW_ARRAY(x->arena, pol_bytes, t->n_properties + 1);
    for (uint32_t k = 0; k < t->n_properties; k++)
        if (t->properties[k].key.tag == POL_STRING)
            names[(*n)++] = pol_text(t->properties[k].key);
    return names;
}

static const char *list_names(pol_inference *x, const pol_bytes *names, uint32_t n)
{
    pol_buf buf = {0};
    for (uint32_t i = 0; i < n && i < 16; i++)
        pol_buf_printf(&buf, "%s%.*s", i ? ", " : "", (int)names[i].n, (const char *)names[i].at);
    if (n > 16)
        pol_buf_text(&buf, ", ...");
    const char *text = (const char *)pol_arena_copy(x->arena, buf.at, buf.n);
    pol_buf_deinit(&buf);
    return text;
}

static void refuse_operand(pol_inference *x, const pol_term *ref, uint32_t i, const pol_type *t)
{
    const pol_term *key = ref->items[i];
    uint32_t n;
    pol_bytes *names = member_names(x, t, &n);
    if (!names || !n || key->kind != POL_TERM_STRING) {
        REPORT(x, POL_D_TYPE_REF, ref->span,
               "`%s` cannot be there: what stands before `%s` is %s, which has no such element",
               term_text(x, ref), term_text(x, key), type_text(x, t));
        return;
    }
    REPORT(x, POL_D_TYPE_REF, ref->span, "`%s` cannot be there: the object has %s, and no `%s`",
           term_text(x, ref), list_names(x, names, n), term_text(x, key));
    pol_diag_suggest(x->c->diags, key->text, names, n);
}

/* The operands from i on, of a value of type t. */
static void check_operands(pol_inference *x, pol_term *ref, uint32_t i, const pol_type *t)
{
    for (; i < ref->n; i++) {
        pol_term *key = ref->items[i];
        const pol_type *keys = pol_type_keys(x->arena, t);
        if (!keys) {
            refuse_operand(x, ref, i, t);
            return;
        }
        const pol_type *next;
        if (pol_is_constant(key)) {
            next = pol_type_select(x->arena, t, pol_term_value(x->arena, key));
        } else {
            bool empty = t->kind == POL_TYPE_KIND_ARRAY && !t->n && !t->rest; /* as in OPA, no mistake: nothing is iterated */
            next = empty ? pol_type_any() : pol_type_values(x->arena, t);
            const pol_type *known = pol_type_of(x, key);
            bool fits = key->kind == POL_TERM_VAR || !known ? pol_unify_term(x, key, keys, false)
                                                            : pol_types_meet(known, keys);
            if (!fits)
                next = NULL;
        }
        if (!next) {
            refuse_operand(x, ref, i, t);
            return;
        }
        t = next;
    }
}

static void check_data_ref(pol_inference *x, pol_term *ref)
{
    const pol_rule_node *node = x->c->tree;
    const pol_type *base = x->data ? x->data : pol_type_any();
    for (uint32_t i = 1; i < ref->n; i++) {
        pol_term *key = ref->items[i];
        if (!pol_is_constant(key)) {
            check_operands(x, ref, i, node == x->c->tree ? pol_type_any() : base);
            return;
        }
        node = pol_rule_node_child(node, key);
        if (!node) {
            check_operands(x, ref, i, base);
            return;
        }
        base = pol_type_select(x->arena, base, pol_term_value(x->arena, key));
        base = base ? base : pol_type_any();
        if (!node->n_rules)
            continue;
        if (node->rules[0]->rule->n_args) {
            if (i + 1 == ref->n)
                REPORT(x, POL_D_FUNCTION_VALUE, ref->span,
                       "`%s` is a function and no value: call it", term_text(x, ref));
            return;
        }
        const pol_type *t = pol_type_of_node(node);
        check_operands(x, ref, i + 1, t ? t : pol_type_any());
        return;
    }
}

static void check_ref(pol_inference *x, pol_term *ref)
{
    pol_term *head = ref->items[0];
    for (uint32_t i = 0; i < ref->n; i++)
        check_term(x, ref->items[i]);
    if (head->kind == POL_TERM_VAR && head->bound == POL_BOUND_DATA) {
        check_data_ref(x, ref);
        return;
    }
    const pol_type *t = pol_type_of(x, head);
    check_operands(x, ref, 1, t ? t : pol_type_any());
}

/* ---- calls ---- */

/* An operator as it is written. */
static const char *operator_of(const pol_term *call, const char *name)
{
    static const struct {
        const char *name, *sign;
    } operators[] = {{"plus", "+"}, {"minus", "-"}, {"mul", "*"}, {"div", "/"},
                     {"rem", "%"},  {"and", "&"},   {"or", "|"}};
    for (size_t i = 0; call->infix && i < sizeof operators / sizeof *operators; i++)
        if (strcmp(name, operators[i].name) == 0)
            return operators[i].sign;
    return name;
}

static void refuse_argument(pol_inference *x, const pol_term *call, const char *name, uint32_t i,
                            const pol_type *wanted)
{
    const pol_term *argument = call->items[i + 1];
    const char *got = type_text(x, pol_type_of(x, argument));
    if (call->infix)
        REPORT(x, POL_D_TYPE_ARGUMENT, call->span, "`%s` takes %s, and `%s` is %s",
               operator_of(call, name), type_text(x, wanted), term_text(x, argument), got);
    else
        REPORT(x, POL_D_TYPE_ARGUMENT, call->span, "`%s` takes %s as argument %u, and `%s` is %s",
               name, type_text(x, wanted), i + 1, term_text(x, argument), got);
}

/* In Rego values of every two types have an order: null < 1 < "a". In .pol modules that is told of where both are known. */
static void warn_of_order(pol_inference *x, const pol_term *call, const char *name)
{
    static const char *const orders[] = {"lt", "lte", "gt", "gte"};
    bool is_order = false;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        is_order |= strcmp(name, orders[i]) == 0;
    if (!x->data || !is_order || call->n != 3)
        return;
    const pol_type *a = pol_type_of(x, call->items[1]), *b = pol_type_of(x, call->items[2]);
    if (!a || !b || pol_type_is_any(a) || pol_type_is_any(b) || pol_type_is_one_kind(a, b))
        return;
    pol_diag(x->c->diags, POL_D_TYPE_ORDER, call->span,
             "`%s` is %s and `%s` is %s: where their types differ, the order is null < boolean < number < string < array < object < set",
             term_text(x, call->items[1]), type_text(x, a), term_text(x, call->items[2]), type_text(x, b));
}

static void check_call_types(pol_inference *x, pol_term *call)
{
    pol_signature s;
    const char *name = call->group ? call->group->name : call->builtin ? call->builtin->name : "";
    warn_of_order(x, call, name);
    if (!pol_signature_of(x, call, &s) || s.rest)
        return;
    for (uint32_t i = 0; i + 1 < call->n; i++) {
        const pol_type *wanted = i < s.n ? s.arguments[i] : s.result;
        if (wanted && !pol_unify_term(x, call->items[i + 1], wanted, false)) {
            refuse_argument(x, call, name, i, wanted);
            return;
        }
    }
}

/* A text that is none of the literals of a type may be one of them misspelt. */
static void suggest_literal(pol_inference *x, const pol_term *text, const pol_type *t)
{
    if (text->kind != POL_TERM_STRING || !t || t->kind != POL_TYPE_KIND_ANY)
        return;
    pol_bytes *names = POL_NEW_ARRAY(x->arena, pol_bytes, t->n + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i++)
        if (t->parts[i]->literal.tag == POL_STRING)
            names[n++] = pol_text(t->parts[i]->literal);
    pol_diag_suggest(x->c->diags, text->text, names, n);
}

/* `x in xs` and `k, x in xs`: something in xs must be able to be x. Of what is no collection `in` is false. */
static void check_member(pol_inference *x, pol_term *call, bool with_key)
{
    const pol_term *collection = call->items[with_key ? 3 : 2];
    const pol_type *domain = pol_type_of(x, collection), *values = domain ? pol_type_values(x->arena, domain) : NULL;
    if (!values)
        return;
    for (uint32_t i = 1; i <= 1u + with_key; i++) {
        const pol_type *wanted = i == 1 && with_key ? pol_type_keys(x->arena, domain) : values;
        if (!wanted || pol_unify_term(x, call->items[i], wanted, false))
            continue;
        REPORT(x, POL_D_TYPE_MATCH, call->span, "this can never hold: `%s` is %s, and %s of `%s` are %s", term_text(x, call->items[i]),
               type_text(x, pol_type_of(x, call->items[i])), wanted == values ? "the values" : "the keys", term_text(x, collection),
               type_text(x, wanted));
        suggest_literal(x, call->items[i], wanted);
        return;
    }
}

static void check_call(pol_inference *x, pol_term *call)
{
    for (uint32_t i = 1; i < call->n; i++)
        check_term(x, call->items[i]);
    check_call_types(x, call);
    bool with_key = call->builtin && strcmp(call->builtin->name, "internal.member_3") == 0;
    if (with_key || (call->builtin && strcmp(call->builtin->name, "internal.member_2") == 0))
        check_member(x, call, with_key);
}

static void check_term(pol_inference *x, pol_term *t)
{
    if (!t)
        return;
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_REF:
        check_ref(x, t);
        return;
    case POL_TERM_CALL:
        check_call(x, t);
        return;
    case POL_TERM_ARRAY_COMPREHENSION:
    case POL_TERM_SET_COMPREHENSION:
    case POL_TERM_OBJECT_COMPREHENSION:
        check_body(x, t->body);
        break;
    default:
        break;
    }
    for (uint32_t i = 0; i < t->n; i++)
        check_term(x, t->items[i]);
}

/* ---- expressions ---- */

static void check_equal(pol_inference *x, pol_term *a, pol_term *b, pol_span span)
{
    if (pol_unify_terms(x, a, b))
        return;
    REPORT(x, POL_D_TYPE_MATCH, span, "these two can never be equal: `%s` is %s, `%s` is %s",
           term_text(x, a), type_text(x, pol_type_of(x, a)), term_text(x, b),
           type_text(x, pol_type_of(x, b)));
    suggest_literal(x, a, pol_type_of(x, b));
    suggest_literal(x, b, pol_type_of(x, a));
}

static bool is_equality(const pol_term *t)
{
    return t->kind == POL_TERM_CALL && t->n == 3 && t->builtin &&
           strcmp(t->builtin->name, "equal") == 0;
}

static void check_withs(pol_inference *x, pol_expr *e)
{
    for (uint32_t i = 0; i < e->n_withs; i++) {
        pol_with *w = &e->withs[i];
        if (!w->value_builtin && !w->value_group)
            check_term(x, w->value);
        if ((w->builtin || w->group) && (w->value_builtin || w->value_group) &&
            !pol_functions_fit(x, w))
            REPORT(x, POL_D_WITH_ARITY, w->target->span,
                   "`%s` cannot be replaced by `%s`, which takes other arguments",
                   term_text(x, w->target), term_text(x, w->value));
    }
}

static void check_some_in(pol_inference *x, pol_expr *e)
{
    check_term(x, e->right);
    const pol_type *domain = pol_type_of(x, e->right);
    const pol_type *keys = domain ? pol_type_keys(x->arena, domain) : NULL,
                   *values = domain ? pol_type_values(x->arena, domain) : NULL;
    if (e->key)
        check_term(x, e->key);
    check_term(x, e->left);
    bool scalar = domain && !keys && domain->kind != POL_TYPE_KIND_OBJECT && domain->kind != POL_TYPE_KIND_SET;
    if (scalar && !pol_is_constant(e->right)) /* a constant is let through, as in OPA */
        REPORT(x, POL_D_TYPE_MATCH, e->span, "nothing can be in `%s`: it is %s", term_text(x, e->right), type_text(x, domain));
    else if (!pol_unify_term(x, e->left, values ? values : pol_type_any(), false) ||
        (e->key && !pol_unify_term(x, e->key, keys ? keys : pol_type_any(), false)))
        REPORT(x, POL_D_TYPE_MATCH, e->span, "nothing in `%s`, which is %s, can be like this",
               term_text(x, e->right), type_text(x, domain));
}

static void set_any(pol_inference *x, const pol_term *var)
{
    if (var && var->kind == POL_TERM_VAR)
        x->locals->items[var->local].type = pol_type_any();
}

static bool replaces_input(const pol_expr *e)
{
    for (uint32_t i = 0; i < e->n_withs; i++)
        if (pol_is_rooted(e->withs[i].target, POL_BOUND_INPUT))
            return true;
    return false;
}

static void check_plain(pol_inference *x, pol_expr *e);

static void check_expr(pol_inference *x, pol_expr *e)
{
    const pol_type *input = x->input;
    check_withs(x, e);
    if (replaces_input(e))
        x->input = NULL;
    check_plain(x, e);
    x->input = input;
}

static void check_plain(pol_inference *x, pol_expr *e)
{
    switch ((pol_expr_kind)e->kind) {
    case POL_EXPR_TERM:
        if (!is_equality(e->left)) {
            check_term(x, e->left);
            break;
        }
        check_term(x, e->left->items[1]);
        check_term(x, e->left->items[2]);
        check_equal(x, e->left->items[1], e->left->items[2], e->span);
        break;
    case POL_EXPR_ASSIGN:
    case POL_EXPR_UNIFY:
        check_term(x, e->right);
        check_term(x, e->left);
        check_equal(x, e->left, e->right, e->span);
        break;
    case POL_EXPR_SOME_IN:
        check_some_in(x, e);
        break;
    case POL_EXPR_EVERY:
        check_term(x, e->right);
        set_any(x, e->key);
        set_any(x, e->left);
        check_body(x, e->body);
        break;
    case POL_EXPR_NOT:
    case POL_EXPR_AND:
    case POL_EXPR_OR:
        check_body(x, e->body);
        check_body(x, e->other);
        break;
    case POL_EXPR_SOME:
        break;
    }
}

static void check_body(pol_inference *x, pol_body *body)
{
    for (uint32_t i = 0; body && i < body->n; i++)
        check_expr(x, body->items[i]);
}

/* ---- rules ---- */

static const pol_type *known(const pol_type *t)
{
    return t ? t : pol_type_any();
}

/* p[x].q := v is an object of objects. */
static const pol_type *nest_type(pol_inference *x, const pol_rule *rule, const pol_type *t)
{
    uint32_t first = 1;
    if (rule->name->kind != POL_TERM_REF)
        return t;
    while (first < rule->name->n && pol_is_constant(rule->name->items[first]))
        first++;
    for (uint32_t i = rule->name->n; i-- > first;) {
        const pol_term *key = rule->name->items[i];
        if (pol_is_constant(key)) {
            pol_property *property = POL_NEW(x->arena, pol_property);
            *property = (pol_property){pol_term_value(x->arena, key), t};
            t = pol_type_object(x->arena, property, 1, NULL, NULL);
        } else {
            t = pol_type_object(x->arena, NULL, 0, known(pol_type_of(x, key)), t);
        }
    }
    return t;
}

static void add_function(pol_inference *x, pol_rule_info *b)
{
    pol_rule_node *node = b->node;
    const pol_rule *rule = b->rule;
    if (!node->argument_types)
        node->argument_types = POL_NEW_ARRAY(x->arena, const pol_type *, rule->n_args);
    uint32_t n = node->rules[0]->rule->n_args;
    for (uint32_t i = 0; i < rule->n_args && i < n; i++)
        node->argument_types[i] =
            pol_type_or(x->arena, node->argument_types[i], known(pol_type_of(x, rule->args[i])));
}

static void check_rule(pol_checker *c, pol_rule_info *b)
{
    pol_inference x = {.c = c,
                       .arena = c->arena,
                       .locals = b->locals,
                       .input = b->module->polward ? c->request : NULL,
                       .data = b->module->polward ? c->data : NULL};
    pol_rule *rule = b->rule;
    for (uint32_t i = 0; i < b->locals->n; i++)
        if (b->locals->items[i].argument)
            b->locals->items[i].type = NULL;
    check_body(&x, &rule->body);
    for (uint32_t i = 1; rule->name->kind == POL_TERM_REF && i < rule->name->n; i++)
        check_term(&x, rule->name->items[i]);
    check_term(&x, rule->key);
    check_term(&x, rule->value);
    for (uint32_t i = 0; i < b->locals->n; i++)
        if (!b->locals->items[i].type)
            b->locals->items[i].type = pol_type_any();
    if (x.failed) {
        b->node->open = true;
        return;
    }
    if (rule->n_args)
        add_function(&x, b);
    const pol_type *t = rule->contains ? pol_type_set(c->arena, known(pol_type_of(&x, rule->key)))
                        : rule->value  ? known(pol_type_of(&x, rule->value))
                                       : pol_type_scalar(POL_TYPE_KIND_BOOL);
    b->node->type = pol_type_or(c->arena, b->node->type, nest_type(&x, rule, t));
}

void pol_check_types(pol_checker *c, const pol_rule_order *order)
{
    for (uint32_t i = 0; i < c->n_modules && !c->request; i++)
        if (c->modules[i].polward) {
            c->request = pol_request_type(c);
            c->data = pol_data_type(c);
        }
    for (uint32_t i = 0; i < order->n; i++) {
        if (order->items[i]->failed)
            order->items[i]->node->open = true;
        else
            check_rule(c, order->items[i]);
    }
}

void pol_check_query_types(pol_checker *c, pol_body *body, pol_locals *locals)
{
    pol_inference x = {.c = c, .arena = c->arena, .locals = locals};
    check_body(&x, body);
}
