/* SPDX-License-Identifier: Apache-2.0
 * Types of terms and the unification of terms with types, after OPA's checker: a variable gets its
 * type where it is first met.
 */
#include "compiler/unify.h"
#include "grammar/parse.h"

enum { PATTERN_MAX = 2000 };

/* ---- functions ---- */

static const pol_rule_node *node_of_group(const pol_checker *c, const pol_group *group)
{
    const pol_rule_node *node = c->tree;
    for (uint32_t i = 0; node && i < group->n_path; i++) {
        pol_term segment = {.kind = POL_TERM_STRING, .text = group->path[i]};
        node = pol_rule_node_child(node, &segment);
    }
    return node;
}

static bool group_signature(pol_inference *x, const pol_group *group, pol_signature *out)
{
    const pol_rule_node *node = node_of_group(x->c, group);
    if (!node || node->open || !node->argument_types || !node->type)
        return false;
    *out =
        (pol_signature){.arguments = node->argument_types, .n = group->arity, .result = node->type};
    return true;
}

/* Signatures are read once each. */
static bool builtin_signature(pol_inference *x, const pol_builtin *b, pol_signature *out)
{
    pol_checker *c = x->c;
    uint32_t at =
        *pol_namemap_put(c->arena, &c->signature_names, pol_bytes_text(b->name), c->n_signatures);
    if (at == c->n_signatures) {
        pol_signature s;
        if (!pol_signature_read(c->arena, b->signature, &s))
            s = (pol_signature){.rest = pol_type_any()};
        POL_GROW(c->arena, c->signatures, c->n_signatures, c->signatures_capacity);
        c->signatures[c->n_signatures++] = s;
    }
    *out = c->signatures[at];
    return !(b->flags & POL_VARIADIC);
}

bool pol_signature_of(pol_inference *x, const pol_term *call, pol_signature *out)
{
    if (call->group)
        return group_signature(x, call->group, out);
    return call->builtin && builtin_signature(x, call->builtin, out);
}

bool pol_functions_fit(pol_inference *x, const pol_with *w)
{
    pol_signature target, value;
    if (!(w->group ? group_signature(x, w->group, &target)
                   : builtin_signature(x, w->builtin, &target)) ||
        !(w->value_group ? group_signature(x, w->value_group, &value)
                         : builtin_signature(x, w->value_builtin, &value)))
        return true;
    if (target.n != value.n)
        return false;
    for (uint32_t i = 0; i < target.n; i++)
        if (!pol_types_meet(target.arguments[i], value.arguments[i]))
            return false;
    return true;
}

/* ---- types of terms ---- */

static const pol_type *known(const pol_type *t)
{
    return t ? t : pol_type_any();
}

static bool has_rules_below(const pol_rule_node *node)
{
    for (uint32_t i = 0; i < node->n_children; i++)
        if (node->children[i]->n_rules || has_rules_below(node->children[i]))
            return true;
    return false;
}

const pol_type *pol_type_of_node(const pol_rule_node *node)
{
    return node->open || has_rules_below(node) ? NULL : node->type;
}

static const pol_type *select_operands(pol_inference *x, const pol_type *t, const pol_term *ref,
                                       uint32_t i)
{
    for (; t && i < ref->n; i++)
        t = pol_is_constant(ref->items[i])
                ? pol_type_select(x->arena, t, pol_term_value(x->arena, ref->items[i]))
                : pol_type_values(x->arena, t);
    return t;
}

static const pol_type *type_of_ref(pol_inference *x, const pol_term *ref)
{
    const pol_term *head = ref->items[0];
    if (head->kind != POL_TERM_VAR || head->bound != POL_BOUND_DATA)
        return select_operands(x, pol_type_of(x, head), ref, 1);
    const pol_rule_node *node = x->c->tree;
    for (uint32_t i = 1; i < ref->n; i++) {
        node = pol_is_constant(ref->items[i]) ? pol_rule_node_child(node, ref->items[i]) : NULL;
        if (!node)
            return x->data ? known(select_operands(x, x->data, ref, 1)) : pol_type_any();
        if (node->n_rules) {
            const pol_type *t = node->rules[0]->rule->n_args ? NULL : pol_type_of_node(node);
            return select_operands(x, t ? t : pol_type_any(), ref, i + 1);
        }
    }
    return pol_type_any();
}

static const pol_type *type_of_array(pol_inference *x, const pol_term *t)
{
    const pol_type **parts = POL_NEW_ARRAY(x->arena, const pol_type *, t->n + 1);
    for (uint32_t i = 0; i < t->n; i++)
        if (!(parts[i] = pol_type_of(x, t->items[i])))
            return NULL;
    return pol_type_array(x->arena, parts, t->n, NULL);
}

static const pol_type *type_of_set(pol_inference *x, const pol_term *t)
{
    const pol_type *of = NULL;
    for (uint32_t i = 0; i < t->n; i++) {
        const pol_type *one = pol_type_of(x, t->items[i]);
        if (!one)
            return NULL;
        of = pol_type_or(x->arena, of, one);
    }
    return pol_type_set(x->arena, of ? of : pol_type_any());
}

static const pol_type *type_of_object(pol_inference *x, const pol_term *t)
{
    pol_property *properties = POL_NEW_ARRAY(x->arena, pol_property, t->n / 2 + 1);
    const pol_type *keys = NULL, *rest = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i += 2) {
        const pol_type *key = pol_type_of(x, t->items[i]), *value = pol_type_of(x, t->items[i + 1]);
        if (!key || !value)
            return NULL;
        if (pol_is_constant(t->items[i])) {
            properties[n++] = (pol_property){pol_term_value(x->arena, t->items[i]), value};
        } else {
            keys = pol_type_or(x->arena, keys, key);
            rest = pol_type_or(x->arena, rest, value);
        }
    }
    if (t->n == 0)
        keys = rest = pol_type_any();
    return pol_type_object(x->arena, properties, n, keys, rest);
}

static const pol_type *type_of_call(pol_inference *x, const pol_term *t)
{
    pol_signature s;
    return pol_signature_of(x, t, &s) && s.result ? s.result : pol_type_any();
}

const pol_type *pol_type_of(pol_inference *x, const pol_term *t)
{
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_NULL:
        return pol_type_scalar(POL_TYPE_KIND_NULL);
    case POL_TERM_BOOL:
        return pol_type_scalar(POL_TYPE_KIND_BOOL);
    case POL_TERM_NUMBER:
        return pol_type_scalar(POL_TYPE_KIND_NUMBER);
    case POL_TERM_STRING:
    case POL_TERM_TEMPLATE:
        return pol_type_scalar(POL_TYPE_KIND_STRING);
    case POL_TERM_VAR:
        if (t->bound == POL_BOUND_LOCAL)
            return x->locals->items[t->local].type;
        return t->bound == POL_BOUND_INPUT && x->input ? x->input : pol_type_any();
    case POL_TERM_REF:
        return type_of_ref(x, t);
    case POL_TERM_CALL:
        return type_of_call(x, t);
    case POL_TERM_ARRAY:
        return type_of_array(x, t);
    case POL_TERM_SET:
        return type_of_set(x, t);
    case POL_TERM_OBJECT:
        return type_of_object(x, t);
    case POL_TERM_ARRAY_COMPREHENSION:
        return pol_type_array(x->arena, NULL, 0, known(pol_type_of(x, t->items[0])));
    case POL_TERM_SET_COMPREHENSION:
        return pol_type_set(x->arena, known(pol_type_of(x, t->items[0])));
    case POL_TERM_OBJECT_COMPREHENSION:
        return pol_type_object(x->arena, NULL, 0, known(pol_type_of(x, t->items[0])),
                               known(pol_type_of(x, t->items[1])));
    }
    return pol_type_any();
}

/* ---- unification ---- */

static bool unify_array(pol_inference *x, const pol_term *t, const pol_type *wanted, bool widen)
{
    if (t->n != wanted->n && !wanted->rest)
        return false;
    for (uint32_t i = 0; i < t->n; i++) {
        const pol_type *element = i < wanted->n ? wanted->parts[i] : wanted->rest;
        if (!element || !pol_unify_term(x, t->items[i], element, widen))
            return false;
    }
    return true;
}

static bool unify_object(pol_inference *x, const pol_term *t, const pol_type *wanted, bool widen)
{
    if (t->n / 2 != wanted->n_properties && !wanted->rest)
        return false;
    for (uint32_t i = 0; i < t->n; i += 2) {
        if (!pol_is_constant(t->items[i])) {
            pol_unify_term(x, t->items[i + 1], pol_type_any(), widen);
            continue;
        }
        const pol_type *value =
            pol_type_select(x->arena, wanted, pol_term_value(x->arena, t->items[i]));
        if (!value || !pol_unify_term(x, t->items[i + 1], value, widen))
            return false;
    }
    return true;
}

static bool unify_collection(pol_inference *x, const pol_term *t, const pol_type *wanted,
                             bool widen)
{
    if (pol_type_is_any(wanted)) {
        for (uint32_t i = 0; i < t->n; i++)
            if (t->kind != POL_TERM_OBJECT || i % 2)
                pol_unify_term(x, t->items[i], wanted, true);
        return true;
    }
    if (wanted->kind == POL_TYPE_KIND_ANY) {
        bool fits = false;
        for (uint32_t i = 0; i < wanted->n; i++)
            fits |= pol_unify_term(x, t, wanted->parts[i], true);
        return fits;
    }
    if (t->kind == POL_TERM_ARRAY)
        return wanted->kind == POL_TYPE_KIND_ARRAY && unify_array(x, t, wanted, widen);
    if (t->kind == POL_TERM_OBJECT)
        return wanted->kind == POL_TYPE_KIND_OBJECT && unify_object(x, t, wanted, widen);
    if (wanted->kind != POL_TYPE_KIND_SET)
        return false;
    for (uint32_t i = 0; i < t->n; i++)
        if (!pol_unify_term(x, t->items[i], wanted->rest, widen))
            return false;
    return true;
}

bool pol_unify_term(pol_inference *x, const pol_term *t, const pol_type *wanted, bool widen)
{
    if (t->kind == POL_TERM_ARRAY || t->kind == POL_TERM_OBJECT || t->kind == POL_TERM_SET)
        return unify_collection(x, t, wanted, widen);
    if (t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL) {
        pol_local *l = &x->locals->items[t->local];
        if (l->type && !widen)
            return pol_types_meet(l->type, wanted);
        l->type = pol_type_or(x->arena, l->type, wanted);
        return true;
    }
    const pol_type *own = pol_type_of(x, t);
    return !own || pol_types_meet(own, wanted);
}

/* Neither side is known as a whole: element by element where both are written out. */
static bool unify_unknown(pol_inference *x, const pol_term *a, const pol_term *b)
{
    if (a->kind == POL_TERM_ARRAY && b->kind == POL_TERM_ARRAY) {
        if (a->n != b->n)
            return false;
        for (uint32_t i = 0; i < a->n; i++)
            if (!pol_unify_terms(x, a->items[i], b->items[i]))
                return false;
        return true;
    }
    if (a->kind == POL_TERM_OBJECT && b->kind == POL_TERM_OBJECT && a->n == b->n &&
        a->n <= PATTERN_MAX) {
        for (uint32_t i = 0; i < a->n; i += 2)
            for (uint32_t k = 0; k < b->n; k += 2)
                if (a->items[i]->kind == POL_TERM_STRING && b->items[k]->kind == POL_TERM_STRING &&
                    pol_bytes_equal(a->items[i]->text, b->items[k]->text) &&
                    !pol_unify_terms(x, a->items[i + 1], b->items[k + 1]))
                    return false;
        return true;
    }
    pol_unify_term(x, a, pol_type_any(), false);
    pol_unify_term(x, b, pol_type_any(), false);
    return true;
}

bool pol_unify_terms(pol_inference *x, const pol_term *a, const pol_term *b)
{
    const pol_type *type_a = pol_type_of(x, a), *type_b = pol_type_of(x, b);
    if (!type_a && !type_b)
        return unify_unknown(x, a, b);
    if (!type_a)
        return pol_unify_term(x, a, type_b, false);
    if (!type_b)
        return pol_unify_term(x, b, type_a, false);
    /* Against what a schema says: of two constants the author may know. */
    if (pol_is_constant(a) != pol_is_constant(b)) {
        const pol_term *constant = pol_is_constant(a) ? a : b;
        const pol_type *literal = pol_type_literal(x->arena, pol_term_value(x->arena, constant));
        return pol_types_meet(literal, constant == a ? type_b : type_a);
    }
    return pol_types_meet(type_a, type_b);
}
