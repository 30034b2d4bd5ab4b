/* SPDX-License-Identifier: Apache-2.0
 * The walk over bodies with a sign. It follows places of the input through local variables, arguments and rules that are only another name for one. A rule
 * is walked once for each sign and each choice of places for its arguments, so that rules which share others cost no more than their number.
 */
#include "compiler/polarity.h"
#include "compiler/check.h"
#include "grammar/parse.h"
#include "runtime/json.h"

enum { PATH_MAX_SEGMENTS = 64, BOTH = POL_READ_PLUS | POL_READ_MINUS };

/* WHOLE: an operand; ELEMENTS: iterated, or right of `in`; PLACE: a way to what is in it, or handed on under another name. */
typedef enum { USE_WHOLE, USE_ELEMENTS, USE_PLACE } use;

struct pol_polarity {
    const pol_program *program;
    pol_arena *arena;
    pol_namemap names; /* group, signs, places of arguments, places replaced: number of its result */
    pol_rule_reads **results;
    uint32_t n_results, capacity;
};

typedef struct {
    pol_value place; /* undefined: it stands for no part of the input */
    bool bound;
} local_state;

/* One rule, or function with its arguments, being walked. */
typedef struct {
    pol_polarity *p;
    pol_arena *arena;
    pol_rule_reads *to;
    pol_guards *guards; /* of the body, where what is read with `+` must be there for it to hold; NULL elsewhere */
    local_state *locals;
    uint32_t n_locals;
    pol_value replaced; /* array of places that a `with` around gives other values */
} walk;

static void walk_term(walk *w, const pol_term *t, unsigned signs, use as);
static void walk_body(walk *w, const pol_body *body, unsigned signs, pol_guards *guards);
static const pol_rule_reads *reads_of_group(walk *w, pol_group *group, unsigned signs, const pol_value *arguments, uint32_t n);

static unsigned flipped(unsigned signs)
{
    return (signs & POL_READ_PLUS ? POL_READ_MINUS : 0) | (signs & POL_READ_MINUS ? POL_READ_PLUS : 0);
}

void pol_reads_add(pol_arena *arena, pol_reads *reads, pol_value path, unsigned signs, pol_span span)
{
    for (uint32_t i = 0; i < reads->n; i++)
        if (pol_equal(reads->items[i].path, path)) {
            reads->items[i].signs |= (uint8_t)signs;
            return;
        }
    POL_GROW(arena, reads->items, reads->n, reads->capacity);
    reads->items[reads->n++] = (pol_read){.path = path, .signs = (uint8_t)signs, .span = span};
}

/* ---- places ---- */

static pol_value extended(walk *w, pol_value place, pol_value segment)
{
    if (!pol_is_defined(place) || place.n >= PATH_MAX_SEGMENTS)
        return place;
    pol_builder b = pol_builder_new(w->arena);
    for (uint32_t i = 0; i < place.n; i++)
        pol_builder_add(&b, pol_element(place, i));
    pol_builder_add(&b, segment);
    return pol_builder_array(&b);
}

static local_state *state_of(walk *w, uint32_t local)
{
    if (local >= w->n_locals) {
        uint32_t n = 2 * local + 8;
        local_state *locals = POL_NEW_ARRAY(w->arena, local_state, n);
        for (uint32_t i = 0; i < n; i++)
            locals[i] = i < w->n_locals ? w->locals[i] : (local_state){pol_undefined(), false};
        w->locals = locals;
        w->n_locals = n;
    }
    return &w->locals[local];
}

static bool is_local(const pol_term *t)
{
    return t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL;
}

static void name_place(walk *w, const pol_term *var, pol_value place)
{
    if (is_local(var) && pol_is_defined(place))
        state_of(w, var->local)->place = place;
}

/* Bodies are in order: what stands in an expression has a value after it. */
static void mark_bound(walk *w, const pol_term *t)
{
    if (!t || pol_is_comprehension(t))
        return;
    if (is_local(t))
        state_of(w, t->local)->bound = true;
    for (uint32_t i = 0; i < t->n; i++)
        mark_bound(w, t->items[i]);
}

static pol_group *group_of_ref(const walk *w, const pol_term *ref, uint32_t *used, pol_document **document)
{
    pol_bytes *path = POL_NEW_ARRAY(w->arena, pol_bytes, ref->n);
    uint32_t n = 0;
    for (; n + 1 < ref->n && ref->items[n + 1]->kind == POL_TERM_STRING; n++)
        path[n] = ref->items[n + 1]->text;
    return pol_program_find(w->p->program, path, n, used, document);
}

/* A variable without a value yet iterates. */
static pol_value segment_of(walk *w, const pol_term *operand)
{
    if (pol_is_constant(operand))
        return pol_term_value(w->arena, operand);
    return is_local(operand) && !state_of(w, operand->local)->bound ? pol_null() : pol_bool(false);
}

static pol_value with_operands(walk *w, pol_value place, const pol_term *ref, uint32_t from)
{
    for (uint32_t i = from; i < ref->n; i++)
        place = extended(w, place, segment_of(w, ref->items[i]));
    return place;
}

/* The place of the input that t names; undefined when it names none. Rules on the way are walked by whoever reads t. */
static pol_value place_of(walk *w, const pol_term *t)
{
    if (t->kind == POL_TERM_VAR)
        return t->bound == POL_BOUND_INPUT ? pol_empty(POL_ARRAY) : is_local(t) ? state_of(w, t->local)->place : pol_undefined();
    if (t->kind != POL_TERM_REF)
        return pol_undefined();
    const pol_term *head = t->items[0];
    if (head->kind != POL_TERM_VAR || head->bound != POL_BOUND_DATA)
        return with_operands(w, place_of(w, head), t, 1);
    uint32_t used = 0;
    pol_document *document;
    pol_group *group = group_of_ref(w, t, &used, &document);
    if (!group || group->kind != POL_GROUP_COMPLETE)
        return pol_undefined();
    return with_operands(w, reads_of_group(w, group, 0, NULL, 0)->place, t, 1 + used);
}

static bool is_below(pol_value path, pol_value place)
{
    for (uint32_t i = 0; i < place.n; i++)
        if (i >= path.n || !pol_equal(pol_element(path, i), pol_element(place, i)))
            return false;
    return true;
}

/* A part is there when a guard has it, or what is in it. Two elements by keys that are computed, or found while iterating, need not be the same. */
bool pol_is_guarded(const pol_guards *guards, pol_value path)
{
    for (uint32_t i = 0; i < path.n; i++)
        if (pol_element(path, i).tag == POL_NULL || pol_element(path, i).tag == POL_BOOL)
            return false;
    for (uint32_t i = 0; i < guards->n; i++)
        if (is_below(guards->items[i], path))
            return true;
    return false;
}

static void add_loose(walk *w, pol_loose_read read)
{
    pol_loose_reads *loose = &w->to->loose;
    POL_GROW(w->arena, loose->items, loose->n, loose->capacity);
    loose->items[loose->n++] = read;
}

static void add_read(walk *w, pol_value place, unsigned signs, use as, pol_span span)
{
    for (uint32_t i = 0; i < w->replaced.n; i++)
        if (is_below(place, pol_element(w->replaced, i)))
            return;
    pol_reads_add(w->arena, &w->to->reads, place, signs | (as == USE_PLACE ? 0 : POL_READ_WHOLE), span);
    if (signs & POL_READ_MINUS)
        add_loose(w, (pol_loose_read){place, as != USE_PLACE, span});
    else if (signs && w->guards) {
        POL_GROW(w->arena, w->guards->items, w->guards->n, w->guards->capacity);
        w->guards->items[w->guards->n++] = place;
    }
}

/* ---- rules ---- */

static void add_all(walk *w, const pol_rule_reads *from)
{
    for (uint32_t i = 0; i < from->reads.n; i++)
        pol_reads_add(w->arena, &w->to->reads, from->reads.items[i].path, from->reads.items[i].signs, from->reads.items[i].span);
    for (uint32_t i = 0; i < from->loose.n; i++)
        add_loose(w, from->loose.items[i]);
}

static void walk_rule(walk *w, const pol_rule *r, unsigned signs, const pol_value *arguments, uint32_t n)
{
    w->locals = NULL;
    w->n_locals = 0;
    for (uint32_t i = 0; i < r->n_args; i++) {
        if (i < n)
            name_place(w, r->args[i], arguments[i]);
        if (r->args[i]->kind != POL_TERM_VAR)
            walk_term(w, r->args[i], signs, USE_WHOLE);
        mark_bound(w, r->args[i]);
    }
    walk_body(w, &r->body, signs, &w->to->guards);
    for (uint32_t i = 1; r->name && r->name->kind == POL_TERM_REF && i < r->name->n; i++)
        walk_term(w, r->name->items[i], signs, USE_WHOLE);
    if (r->key)
        walk_term(w, r->key, signs, USE_WHOLE);
    if (r->value)
        walk_term(w, r->value, signs, USE_PLACE);
}

static void walk_rules(walk *w, const pol_group *group, unsigned signs, const pol_value *arguments, uint32_t n, pol_rule_reads *result)
{
    bool choice = group->default_rule != NULL;
    for (uint32_t i = 0; i < group->n_rules; i++)
        choice |= group->rules[i]->next_else != NULL;
    if (choice && signs)
        signs = BOTH;
    for (uint32_t i = 0; i < group->n_rules; i++)
        for (const pol_rule *r = group->rules[i]; r; r = r->next_else) {
            walk_rule(w, r, signs, arguments, n);
            if (group->n_rules == 1 && !choice && group->kind == POL_GROUP_COMPLETE && r->value)
                result->place = place_of(w, r->value);
        }
    if (group->default_rule)
        walk_rule(w, group->default_rule, signs, arguments, n);
    if (group->n_rules != 1 || choice)
        result->guards.n = 0;
}

static pol_bytes key_of(walk *w, const pol_group *group, unsigned signs, const pol_value *arguments, uint32_t n)
{
    pol_buf key = {0};
    pol_buf_printf(&key, "%u %u", group->index, signs);
    for (uint32_t i = 0; i < n; i++) {
        pol_buf_byte(&key, ' ');
        if (pol_is_defined(arguments[i]))
            pol_json_write(&key, arguments[i], POL_JSON_COMPACT);
    }
    if (w->replaced.n) {
        pol_buf_text(&key, " with ");
        pol_json_write(&key, w->replaced, POL_JSON_COMPACT);
    }
    pol_bytes text = pol_buf_to_arena(&key, w->arena);
    pol_buf_deinit(&key);
    return text;
}

static const pol_rule_reads *reads_of_group(walk *w, pol_group *group, unsigned signs, const pol_value *arguments, uint32_t n)
{
    pol_polarity *p = w->p;
    uint32_t number = p->n_results;
    uint32_t found = *pol_namemap_put(w->arena, &p->names, key_of(w, group, signs, arguments, n), number);
    if (found != number)
        return p->results[found];
    pol_rule_reads *result = POL_NEW(w->arena, pol_rule_reads);
    result->place = pol_undefined();
    POL_GROW(w->arena, p->results, p->n_results, p->capacity);
    p->results[p->n_results++] = result;
    walk inner = {.p = p, .arena = w->arena, .to = result, .replaced = w->replaced};
    walk_rules(&inner, group, signs, arguments, n, result);
    return result;
}

static void walk_documents(walk *w, const pol_document *document, unsigned signs)
{
    if (document->group && document->group->kind != POL_GROUP_FUNCTION && !document->group->hidden)
        add_all(w, reads_of_group(w, document->group, signs, NULL, 0));
    for (uint32_t i = 0; i < document->n_children; i++)
        walk_documents(w, document->children[i], signs);
}

static void walk_data(walk *w, const pol_term *ref, pol_value place, unsigned signs, use as)
{
    uint32_t used = 0;
    pol_document *document = NULL;
    pol_group *group = group_of_ref(w, ref, &used, &document);
    if (!group) {
        if (document && document != w->p->program->root)
            walk_documents(w, document, signs ? BOTH : 0);
        return;
    }
    bool partial = group->kind == POL_GROUP_SET || group->kind == POL_GROUP_OBJECT;
    if (partial && signs && as == USE_WHOLE && 1 + used == ref->n)
        signs = BOTH;
    const pol_rule_reads *read = reads_of_group(w, group, signs, NULL, 0);
    add_all(w, read);
    if (pol_is_defined(place))
        add_read(w, place, signs, as, ref->span);
}

/* ---- terms ---- */

static void walk_ref(walk *w, const pol_term *t, unsigned signs, use as)
{
    const pol_term *head = t->items[0];
    pol_value place = place_of(w, t);
    for (uint32_t i = 1; i < t->n; i++)
        if (!pol_is_constant(t->items[i]))
            walk_term(w, t->items[i], signs, USE_WHOLE);
    for (uint32_t i = 1; i < t->n; i++)
        mark_bound(w, t->items[i]);
    if (head->kind == POL_TERM_VAR && head->bound == POL_BOUND_DATA) {
        walk_data(w, t, place, signs, as);
        return;
    }
    if (pol_is_defined(place))
        add_read(w, place, signs, as, t->span);
    else
        walk_term(w, head, signs, USE_PLACE);
}

/* object.get(x, key or path, default) reads x; what it looks for may be missing. */
static void walk_object_get(walk *w, const pol_term *t, unsigned signs)
{
    pol_value place = place_of(w, t->items[1]);
    const pol_term *key = t->items[2];
    walk_term(w, t->items[1], signs, USE_PLACE);
    walk_term(w, t->items[2], signs, USE_WHOLE);
    walk_term(w, t->items[3], signs, USE_WHOLE);
    if (!pol_is_defined(place))
        return;
    for (uint32_t i = 0; key->kind == POL_TERM_ARRAY && i < key->n; i++)
        place = extended(w, place, segment_of(w, key->items[i]));
    if (key->kind != POL_TERM_ARRAY)
        place = extended(w, place, segment_of(w, key));
    add_read(w, place, 0, USE_WHOLE, t->span);
}

static void walk_function(walk *w, const pol_term *t, unsigned signs)
{
    uint32_t n = t->n - 1 < t->group->arity ? t->n - 1 : t->group->arity;
    pol_value *places = POL_NEW_ARRAY(w->arena, pol_value, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        places[i] = place_of(w, t->items[i + 1]);
        walk_term(w, t->items[i + 1], signs, USE_PLACE);
    }
    add_all(w, reads_of_group(w, t->group, signs, places, n));
}

static bool is_builtin(const pol_term *t, const char *name)
{
    return t->builtin && strcmp(t->builtin->name, name) == 0;
}

static void walk_call(walk *w, const pol_term *t, unsigned signs)
{
    if (t->group) {
        walk_function(w, t, signs);
        return;
    }
    if (is_builtin(t, "object.get") && t->n == 4) {
        walk_object_get(w, t, signs);
        return;
    }
    bool member = is_builtin(t, "internal.member_2") || is_builtin(t, "internal.member_3");
    bool unification = is_builtin(t, "eq") || is_builtin(t, "assign");
    pol_value left = unification ? place_of(w, t->items[1]) : pol_undefined(), right = unification ? place_of(w, t->items[2]) : pol_undefined();
    if (is_builtin(t, "print"))
        signs = 0;
    for (uint32_t i = 1; i < t->n; i++)
        walk_term(w, t->items[i], signs, unification ? USE_PLACE : member && i + 1 == t->n ? USE_ELEMENTS : USE_WHOLE);
    if (unification && t->n == 3) {
        name_place(w, t->items[1], right);
        name_place(w, t->items[2], left);
    }
}

static void walk_withs(walk *w, const pol_with *withs, uint32_t n, unsigned signs, pol_value *before)
{
    *before = w->replaced;
    for (uint32_t i = 0; i < n; i++)
        if (withs[i].value && !withs[i].value_group && !withs[i].value_builtin)
            walk_term(w, withs[i].value, signs, USE_WHOLE);
    for (uint32_t i = 0; i < n; i++) {
        pol_value target = pol_is_rooted(withs[i].target, POL_BOUND_INPUT) ? place_of(w, withs[i].target) : pol_undefined();
        if (pol_is_defined(target))
            w->replaced = extended(w, w->replaced, target);
    }
}

static void walk_template(walk *w, const pol_term *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        const pol_expr *e = pol_embedded_expr(t->items[i]);
        pol_value before;
        walk_withs(w, e ? e->withs : NULL, e ? e->n_withs : 0, 0, &before);
        walk_term(w, t->items[i], 0, USE_WHOLE);
        w->replaced = before;
    }
}

/* What a comprehension's body and head need does not make the expression around it fail. */
static void walk_comprehension(walk *w, const pol_term *t, unsigned signs, use as)
{
    pol_guards *before = w->guards, own = {0};
    if (as == USE_WHOLE && signs)
        signs = BOTH;
    walk_body(w, t->body, signs, &own);
    w->guards = NULL;
    for (uint32_t i = 0; i < t->n; i++)
        walk_term(w, t->items[i], signs, USE_WHOLE);
    w->guards = before;
}

static void walk_term(walk *w, const pol_term *t, unsigned signs, use as)
{
    pol_value place;
    switch ((pol_term_kind)t->kind) {
    case POL_TERM_VAR:
        place = place_of(w, t);
        if (pol_is_defined(place))
            add_read(w, place, signs, as, t->span);
        return;
    case POL_TERM_REF:
        walk_ref(w, t, signs, as);
        return;
    case POL_TERM_CALL:
        walk_call(w, t, signs);
        return;
    case POL_TERM_TEMPLATE:
        walk_template(w, t);
        return;
    case POL_TERM_ARRAY_COMPREHENSION:
    case POL_TERM_SET_COMPREHENSION:
    case POL_TERM_OBJECT_COMPREHENSION:
        walk_comprehension(w, t, signs, as);
        return;
    default:
        break;
    }
    for (uint32_t i = 0; i < t->n; i++)
        walk_term(w, t->items[i], signs, USE_WHOLE);
}

/* ---- expressions ---- */

static void walk_domain(walk *w, const pol_expr *e, unsigned signs, use as)
{
    pol_value domain = place_of(w, e->right);
    walk_term(w, e->right, signs, as);
    if (e->kind == POL_EXPR_SOME_IN)
        walk_term(w, e->left, signs, USE_PLACE);
    name_place(w, e->left, extended(w, domain, pol_null()));
    mark_bound(w, e->key);
    mark_bound(w, e->left);
}

static void walk_equation(walk *w, const pol_expr *e, unsigned signs)
{
    pol_value left = place_of(w, e->left), right = place_of(w, e->right);
    walk_term(w, e->right, signs, USE_PLACE);
    walk_term(w, e->left, signs, USE_PLACE);
    name_place(w, e->left, right);
    name_place(w, e->right, left);
    mark_bound(w, e->left);
    mark_bound(w, e->right);
}

static void walk_exprs(walk *w, const pol_body *body, unsigned signs);

static void walk_expr(walk *w, const pol_expr *e, unsigned signs)
{
    pol_value before;
    pol_guards own = {0}, other = {0};
    walk_withs(w, e->withs, e->n_withs, signs, &before);
    switch ((pol_expr_kind)e->kind) {
    case POL_EXPR_TERM:
        walk_term(w, e->left, signs, USE_WHOLE);
        mark_bound(w, e->left);
        break;
    case POL_EXPR_ASSIGN:
    case POL_EXPR_UNIFY:
        walk_equation(w, e, signs);
        break;
    case POL_EXPR_NOT:
        walk_body(w, e->body, flipped(signs), &own);
        break;
    case POL_EXPR_SOME:
        break;
    case POL_EXPR_SOME_IN:
        walk_domain(w, e, signs, USE_ELEMENTS);
        break;
    case POL_EXPR_EVERY:
        walk_domain(w, e, signs, USE_WHOLE);
        walk_body(w, e->body, signs, &own);
        break;
    case POL_EXPR_AND:
        walk_exprs(w, e->body, signs);
        walk_exprs(w, e->other, signs);
        break;
    case POL_EXPR_OR:
        walk_body(w, e->body, signs, &own);
        walk_body(w, e->other, signs, &other);
        break;
    }
    w->replaced = before;
}

static void walk_exprs(walk *w, const pol_body *body, unsigned signs)
{
    for (uint32_t i = 0; body && i < body->n; i++)
        walk_expr(w, body->items[i], signs);
}

/* A condition guards all of its body, in whatever order they stand, and the bodies in it. */
static void walk_body(walk *w, const pol_body *body, unsigned signs, pol_guards *guards)
{
    pol_guards *before = w->guards;
    pol_loose_reads *loose = &w->to->loose;
    uint32_t first = loose->n, kept = first;
    w->guards = guards;
    walk_exprs(w, body, signs);
    w->guards = before;
    for (uint32_t i = first; i < loose->n; i++)
        if (!pol_is_guarded(guards, loose->items[i].path))
            loose->items[kept++] = loose->items[i];
    loose->n = kept;
}

/* ---- the whole ---- */

pol_polarity *pol_polarity_new(const pol_program *program)
{
    pol_polarity *p = POL_NEW(program->arena, pol_polarity);
    p->program = program;
    p->arena = program->arena;
    return p;
}

const pol_rule_reads *pol_polarity_rule(pol_polarity *p, pol_group *group, unsigned signs)
{
    walk w = {.p = p, .arena = p->arena, .replaced = pol_empty(POL_ARRAY)};
    return reads_of_group(&w, group, signs, NULL, 0);
}

void pol_read_path_print(pol_value path, pol_buf *out)
{
    for (uint32_t i = 0; i < path.n; i++) {
        pol_value segment = pol_element(path, i);
        if (segment.tag == POL_STRING) {
            pol_buf_text(out, i ? "." : "");
            pol_buf_bytes(out, pol_text(segment));
            continue;
        }
        pol_buf_byte(out, '[');
        if (segment.tag == POL_NULL || segment.tag == POL_BOOL)
            pol_buf_byte(out, '_');
        else
            pol_json_write(out, segment, POL_JSON_COMPACT);
        pol_buf_byte(out, ']');
    }
}
