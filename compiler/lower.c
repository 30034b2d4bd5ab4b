/* SPDX-License-Identifier: Apache-2.0
 * Terms and expressions into steps of a plan. Relies on bodies that safety.c put in order: what an expression needs is bound before it. Knows nothing of files,
 * packages or the bundle.
 */
#include "compiler/lower.h"
#include "grammar/parse.h"

enum { TUPLE_MAX = 32 }; /* longer array literals go through a builder, so that they need few registers */

static pol_place enter(pol_lowering *l, pol_part_kind kind, pol_span span)
{
    pol_place before = l->place;
    if (span.end > span.start)
        l->place = enter_part(l, kind, span, place_of(l->program, span));
    return before;
}

/* What needs no explanation of its own: constants, and what a reference begins with. */
static pol_place enter_within(pol_lowering *l, pol_span span)
{
    pol_place before = l->place;
    if (span.end > span.start) {
        l->place = place_of(l->program, span);
        l->place.part = before.part;
    }
    return before;
}

/* ---- asking of terms ---- */

static bool is_local(const pol_term *t)
{
    return t->kind == POL_TERM_VAR && t->bound == POL_BOUND_LOCAL;
}

static bool is_unbound(const pol_lowering *l, const pol_term *t)
{
    return is_local(t) && !is_bound(l, t->local);
}

/* Is there a variable to be bound in t by destructuring? Only arrays and the values of objects are patterns. */
static bool is_pattern(const pol_lowering *l, const pol_term *t)
{
    if (is_unbound(l, t))
        return true;
    if (t->kind != POL_TERM_ARRAY && t->kind != POL_TERM_OBJECT)
        return false;
    for (uint32_t i = 0; i < t->n; i++)
        if ((t->kind == POL_TERM_ARRAY || i % 2) && is_pattern(l, t->items[i]))
            return true;
    return false;
}

/* Would lowering t bind a variable or open a loop? Comprehensions keep theirs to themselves. */
static bool yields(const pol_lowering *l, const pol_term *t)
{
    if (!t)
        return false;
    if (is_unbound(l, t))
        return true;
    if (t->kind == POL_TERM_CALL && t->builtin && (t->builtin->flags & POL_RELATION))
        return true;
    if (t->kind != POL_TERM_REF && t->kind != POL_TERM_CALL && t->kind != POL_TERM_ARRAY && t->kind != POL_TERM_SET &&
        t->kind != POL_TERM_OBJECT)
        return false;
    for (uint32_t i = t->kind == POL_TERM_CALL; i < t->n; i++)
        if (yields(l, t->items[i]))
            return true;
    return false;
}

static bool expr_yields(const pol_lowering *l, const pol_expr *e)
{
    return e->kind == POL_EXPR_SOME_IN ||
           ((e->kind == POL_EXPR_TERM || e->kind == POL_EXPR_ASSIGN || e->kind == POL_EXPR_UNIFY) &&
            (yields(l, e->left) || yields(l, e->right)));
}

pol_value lower_constant(pol_lowering *l, const pol_term *term)
{
    if (term->kind >= POL_TERM_TEMPLATE && term->kind <= POL_TERM_CALL)
        return pol_undefined();
    return pol_term_value(l->arena, term);
}

static bool is_mocked(const pol_lowering *l, const pol_builtin *b)
{
    for (uint32_t i = 0; i < l->program->n_mocked_builtins; i++)
        if (l->program->mocked_builtins[i] == b)
            return true;
    return false;
}

/* ---- errors that fail closed ---- */

static uint32_t add_mark(pol_lowering *l)
{
    if (!l->closed)
        return 0;
    uint32_t mark = new_register(l);
    add_op(l, POL_OP_MARK, mark, 0, 0);
    return mark;
}

static void add_taint(pol_lowering *l, uint32_t mark)
{
    if (l->closed)
        add_op(l, POL_OP_TAINT, mark, 0, 0);
}

/* ---- terms ---- */

static uint32_t lower_array(pol_lowering *l, const pol_term *t)
{
    uint32_t dst = new_register(l);
    if (t->n <= TUPLE_MAX) {
        uint32_t *regs = POL_NEW_ARRAY(l->arena, uint32_t, t->n ? t->n : 1);
        for (uint32_t i = 0; i < t->n; i++)
            regs[i] = lower_value(l, t->items[i]);
        uint32_t first = new_registers(l, t->n);
        for (uint32_t i = 0; i < t->n; i++)
            add_op(l, POL_OP_MOVE, first + i, regs[i], 0);
        add_op(l, POL_OP_TUPLE, dst, first, t->n);
        return dst;
    }
    /* Values first: a loop that one of them opens must begin a new array each time. */
    uint32_t *regs = POL_NEW_ARRAY(l->arena, uint32_t, t->n);
    for (uint32_t i = 0; i < t->n; i++)
        regs[i] = lower_value(l, t->items[i]);
    uint32_t b = new_builder(l);
    add_op(l, POL_OP_START, b, 0, 0);
    for (uint32_t i = 0; i < t->n; i++)
        add_op(l, POL_OP_PUSH, b, regs[i], 0);
    add_op(l, POL_OP_ARRAY, dst, b, 0);
    return dst;
}

static uint32_t lower_set_or_object(pol_lowering *l, const pol_term *t)
{
    bool object = t->kind == POL_TERM_OBJECT;
    uint32_t *regs = POL_NEW_ARRAY(l->arena, uint32_t, t->n ? t->n : 1);
    for (uint32_t i = 0; i < t->n; i++)
        regs[i] = lower_value(l, t->items[i]);
    uint32_t dst = new_register(l), b = new_builder(l);
    add_op(l, POL_OP_START, b, 0, 0);
    for (uint32_t i = 0; i < t->n; i += object ? 2 : 1) {
        if (object)
            add_op(l, POL_OP_PUT, b, regs[i], regs[i + 1]);
        else
            add_op(l, POL_OP_PUSH, b, regs[i], 0);
    }
    add_op(l, object ? POL_OP_OBJECT : POL_OP_SET, dst, b, 0);
    return dst;
}

static uint32_t lower_comprehension(pol_lowering *l, const pol_term *t)
{
    uint32_t dst = new_register(l), b = new_builder(l), mark = add_mark(l);
    add_op(l, POL_OP_START, b, 0, 0);
    open_block(l);
    lower_body(l, t->body);
    uint32_t key = lower_value(l, t->items[0]);
    if (t->kind == POL_TERM_OBJECT_COMPREHENSION)
        add_op(l, POL_OP_PUT, b, key, lower_value(l, t->items[1]));
    else
        add_op(l, POL_OP_PUSH, b, key, 0);
    close_region(l);
    add_taint(l, mark);
    pol_op op = t->kind == POL_TERM_ARRAY_COMPREHENSION ? POL_OP_ARRAY
                : t->kind == POL_TERM_SET_COMPREHENSION ? POL_OP_SET
                                                        : POL_OP_OBJECT;
    add_op(l, op, dst, b, op == POL_OP_OBJECT);
    return dst;
}

static void add_with(pol_lowering *l, const pol_with *w, uint32_t value);
static uint32_t lower_with_value(pol_lowering *l, const pol_with *w);

/* What is embedded in a template stands in a set: empty when it is undefined, and the built-in shows that. Its `with`
 * modifiers are those of the one expression in its body. */
static uint32_t lower_embedded(pol_lowering *l, const pol_term *t)
{
    if (t->kind == POL_TERM_STRING)
        return load(l, lower_constant(l, t));
    bool comprehension = t->kind >= POL_TERM_ARRAY_COMPREHENSION;
    const pol_expr *e = !comprehension && t->body && t->body->n ? t->body->items[0] : NULL;
    uint32_t dst = new_register(l), b = new_builder(l), mark = add_mark(l), n_withs = e ? e->n_withs : 0;
    uint32_t *values = POL_NEW_ARRAY(l->arena, uint32_t, n_withs + 1);
    add_op(l, POL_OP_START, b, 0, 0);
    open_block(l);
    for (uint32_t i = 0; i < n_withs; i++)
        values[i] = lower_with_value(l, &e->withs[i]);
    open_block(l);
    for (uint32_t i = 0; i < n_withs; i++)
        add_with(l, &e->withs[i], values[i]);
    add_op(l, POL_OP_PUSH, b, lower_value(l, t), 0);
    close_region(l);
    if (n_withs)
        add_op(l, POL_OP_ENDWITH, n_withs, 0, 0);
    close_region(l);
    add_taint(l, mark);
    add_op(l, POL_OP_SET, dst, b, 0);
    return dst;
}

static uint32_t call_builtin(pol_lowering *l, const pol_builtin *builtin, const char *name, const uint32_t *args, uint32_t n)
{
    uint32_t dst = new_register(l), first = new_registers(l, n);
    for (uint32_t i = 0; i < n; i++)
        add_op(l, POL_OP_MOVE, first + i, args[i], 0);
    pol_op op = builtin && is_mocked(l, builtin) ? POL_OP_BUILTINM : POL_OP_BUILTIN;
    add_op(l, op, dst, first, import_builtin(l->plan, name, n));
    return dst;
}

static uint32_t lower_template(pol_lowering *l, const pol_term *t)
{
    uint32_t b = new_builder(l), parts = new_register(l);
    uint32_t *regs = POL_NEW_ARRAY(l->arena, uint32_t, t->n ? t->n : 1);
    for (uint32_t i = 0; i < t->n; i++)
        regs[i] = lower_embedded(l, t->items[i]);
    add_op(l, POL_OP_START, b, 0, 0);
    for (uint32_t i = 0; i < t->n; i++)
        add_op(l, POL_OP_PUSH, b, regs[i], 0);
    add_op(l, POL_OP_ARRAY, parts, b, 0);
    return call_builtin(l, NULL, "internal.template_string", &parts, 1);
}

/* cur[operand], for each that there is. */
static uint32_t lower_operand(pol_lowering *l, uint32_t cur, const pol_term *operand)
{
    pol_value k = lower_constant(l, operand);
    uint32_t dst;
    if (pol_is_defined(k)) {
        dst = new_register(l);
        add_op(l, POL_OP_GETK, dst, cur, constant(l, k));
        return dst;
    }
    if (is_pattern(l, operand)) {
        uint32_t key;
        open_loop(l, cur, &key, &dst);
        lower_pattern(l, operand, key);
        return dst;
    }
    uint32_t key = lower_value(l, operand);
    dst = new_register(l);
    add_op(l, POL_OP_GET, dst, cur, key);
    return dst;
}

static uint32_t lower_term(pol_lowering *l, const pol_term *t, bool explained);

static bool is_name_operand(const pol_term *t)
{
    return t->kind == POL_TERM_STRING;
}

static uint32_t lower_ref(pol_lowering *l, const pol_term *t)
{
    const pol_term *head = t->items[0];
    uint32_t cur, i = 1;
    if (head->kind == POL_TERM_VAR && head->bound == POL_BOUND_DATA) {
        pol_bytes *path = POL_NEW_ARRAY(l->arena, pol_bytes, t->n), *below = POL_NEW_ARRAY(l->arena, pol_bytes, t->n);
        uint32_t n = 0, n_below = 0, used;
        for (; n + 1 < t->n && is_name_operand(t->items[n + 1]); n++)
            path[n] = t->items[n + 1]->text;
        for (uint32_t k = n + 2; k < t->n && is_name_operand(t->items[k]); k++)
            below[n_below++] = t->items[k]->text;
        if (n + 1 < t->n && lower_children(l, path, n, below, n_below, &cur)) {
            cur = lower_operand(l, cur, t->items[n + 1]);
            i = n + 2 + n_below;
        } else {
            cur = lower_data(l, path, n, &used);
            i = 1 + used;
        }
    } else {
        cur = lower_term(l, head, head->kind != POL_TERM_VAR);
    }
    for (; i < t->n; i++)
        cur = lower_operand(l, cur, t->items[i]);
    return cur;
}

/* true or false of a test that can fail. */
static uint32_t test_value(pol_lowering *l, pol_op op, uint32_t a, uint32_t b)
{
    uint32_t dst = load(l, pol_bool(false));
    open_block(l);
    add_op(l, op, a, b, 0);
    load_into(l, dst, pol_bool(true));
    close_region(l);
    return dst;
}

static const struct {
    const char *name;
    uint16_t op;
} comparisons[] = {
    {"equal", POL_OP_EQ},          {"neq", POL_OP_NE}, {"lt", POL_OP_LT}, {"lte", POL_OP_LE}, {"gt", POL_OP_GT}, {"gte", POL_OP_GE},
    {"internal.member_2", POL_OP_IN},
}, arithmetics[] = {
    {"plus", POL_OP_ADD}, {"minus", POL_OP_SUB}, {"mul", POL_OP_MUL}, {"div", POL_OP_DIV}, {"rem", POL_OP_REM},
};

static int comparison_of(const pol_lowering *l, const pol_term *call)
{
    if (!call->builtin || call->n != 3 || is_mocked(l, call->builtin))
        return -1;
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        if (strcmp(call->builtin->name, comparisons[i].name) == 0)
            return comparisons[i].op;
    return -1;
}

static int arithmetic_of(const pol_lowering *l, const pol_term *call)
{
    if (!call->builtin || call->n != 3 || is_mocked(l, call->builtin))
        return -1;
    for (size_t i = 0; i < sizeof arithmetics / sizeof *arithmetics; i++)
        if (strcmp(call->builtin->name, arithmetics[i].name) == 0)
            return arithmetics[i].op;
    return -1;
}

static bool is_unification(const pol_term *call)
{
    return call->builtin && call->n == 3 &&
           (strcmp(call->builtin->name, "eq") == 0 || strcmp(call->builtin->name, "assign") == 0);
}

/* print shows what is undefined, so its arguments never make it undefined. */
static uint32_t lower_print(pol_lowering *l, const pol_term *t)
{
    uint32_t n = t->n - 1;
    uint32_t *args = POL_NEW_ARRAY(l->arena, uint32_t, n ? n : 1);
    for (uint32_t i = 0; i < n; i++) {
        args[i] = new_register(l);
        add_op(l, POL_OP_UNDEF, args[i], 0, 0);
        open_block(l);
        add_op(l, POL_OP_MOVE, args[i], lower_value(l, t->items[i + 1]), 0);
        close_region(l);
    }
    return call_builtin(l, t->builtin, t->builtin->name, args, n);
}

static uint32_t lower_unification(pol_lowering *l, const pol_term *a, const pol_term *b);

/* A call's value. An argument more than the arity is a pattern for the result. */
static uint32_t lower_call(pol_lowering *l, const pol_term *t)
{
    uint32_t n = t->n - 1, reg;
    if (t->builtin && strcmp(t->builtin->name, "print") == 0)
        return lower_print(l, t);
    if (is_unification(t))
        return lower_unification(l, t->items[1], t->items[2]);
    if (t->builtin && lower_intrinsic(l, t->builtin->name, &reg))
        return reg;
    uint32_t arity = t->group ? t->group->arity : pol_builtin_arity(t->builtin);
    uint32_t n_in = n > arity ? arity : n;
    uint32_t *args = POL_NEW_ARRAY(l->arena, uint32_t, n ? n : 1);
    for (uint32_t i = 0; i < n_in; i++)
        args[i] = lower_value(l, t->items[i + 1]);
    int op;
    if (t->group) {
        reg = new_register(l);
        uint32_t first = new_registers(l, n_in);
        for (uint32_t i = 0; i < n_in; i++)
            add_op(l, POL_OP_MOVE, first + i, args[i], 0);
        add_op(l, t->group->mocked ? POL_OP_CALLM : POL_OP_CALL, reg, first, function_of_group(l, t->group));
    } else if ((op = comparison_of(l, t)) >= 0) {
        reg = test_value(l, (pol_op)op, args[0], args[1]);
    } else if ((op = arithmetic_of(l, t)) >= 0) {
        reg = new_register(l);
        add_op(l, (pol_op)op, reg, args[0], args[1]);
    } else {
        reg = call_builtin(l, t->builtin, t->builtin->name, args, n_in);
    }
    if (t->builtin && (t->builtin->flags & POL_RELATION)) {
        uint32_t key, value;
        open_loop(l, reg, &key, &value);
        reg = value;
    }
    if (n > arity) {
        lower_pattern(l, t->items[n], reg);
        reg = load(l, pol_bool(true));
    }
    return reg;
}

uint32_t lower_value(pol_lowering *l, const pol_term *t)
{
    return lower_term(l, t, true);
}

static uint32_t lower_term(pol_lowering *l, const pol_term *t, bool explained)
{
    uint32_t reg = 0, used;
    pol_value k = lower_constant(l, t);
    pol_place before = explained && !pol_is_defined(k) ? enter(l, POL_PART_TERM, t->span) : enter_within(l, t->span);
    if (pol_is_defined(k)) {
        reg = load(l, k);
    } else {
        switch ((pol_term_kind)t->kind) {
        case POL_TERM_VAR:
            if (t->bound == POL_BOUND_INPUT) {
                reg = new_register(l);
                add_op(l, POL_OP_INPUT, reg, 0, 0);
            } else if (t->bound == POL_BOUND_DATA) {
                reg = lower_data(l, NULL, 0, &used);
            } else if (is_bound(l, t->local)) {
                reg = local_register(l, t->local);
                if (l->place.part != before.part)
                    l->plan->parts[l->place.part - 1].variable = reg + 1;
            } else {
                add_failure(l); /* safety.c refuses what would come here */
                reg = load(l, pol_null());
            }
            break;
        case POL_TERM_REF:
            reg = lower_ref(l, t);
            break;
        case POL_TERM_CALL:
            reg = lower_call(l, t);
            break;
        case POL_TERM_TEMPLATE:
            reg = lower_template(l, t);
            break;
        case POL_TERM_ARRAY:
            reg = lower_array(l, t);
            break;
        case POL_TERM_SET:
        case POL_TERM_OBJECT:
            reg = lower_set_or_object(l, t);
            break;
        case POL_TERM_ARRAY_COMPREHENSION:
        case POL_TERM_SET_COMPREHENSION:
        case POL_TERM_OBJECT_COMPREHENSION:
            reg = lower_comprehension(l, t);
            break;
        default:
            reg = load(l, k);
        }
    }
    l->place = before;
    return reg;
}

/* ---- unification ---- */

static void lower_object_pattern(pol_lowering *l, const pol_term *pattern, uint32_t reg)
{
    add_op(l, POL_OP_ISOBJECT, reg, pattern->n / 2, 0);
    for (uint32_t i = 0; i < pattern->n; i += 2)
        lower_pattern(l, pattern->items[i + 1], lower_operand(l, reg, pattern->items[i]));
}

void lower_pattern(pol_lowering *l, const pol_term *pattern, uint32_t reg)
{
    if (is_unbound(l, pattern)) {
        bind_local(l, pattern->local, reg);
        return;
    }
    if (!is_pattern(l, pattern)) {
        pol_value k = lower_constant(l, pattern);
        if (pol_is_defined(k))
            add_op(l, POL_OP_EQK, reg, constant(l, k), 0);
        else
            add_op(l, POL_OP_EQ, reg, lower_value(l, pattern), 0);
        return;
    }
    if (pattern->kind == POL_TERM_OBJECT) {
        lower_object_pattern(l, pattern, reg);
        return;
    }
    add_op(l, POL_OP_ISARRAY, reg, pattern->n, 0);
    for (uint32_t i = 0; i < pattern->n; i++) {
        uint32_t element = new_register(l);
        add_op(l, POL_OP_GETK, element, reg, constant(l, pol_int(i)));
        lower_pattern(l, pattern->items[i], element);
    }
}

/* The value for key, a constant, in an object literal; NULL when it has none. */
static const pol_term *member_of(pol_lowering *l, const pol_term *object, pol_value key)
{
    for (uint32_t i = 0; i < object->n; i += 2) {
        pol_value k = lower_constant(l, object->items[i]);
        if (pol_is_defined(k) && pol_equal(k, key))
            return object->items[i + 1];
    }
    return NULL;
}

static void unify(pol_lowering *l, const pol_term *a, const pol_term *b);

static void unify_objects(pol_lowering *l, const pol_term *a, const pol_term *b)
{
    if (a->n != b->n) {
        add_failure(l);
        return;
    }
    for (uint32_t i = 0; i < a->n; i += 2) {
        pol_value key = lower_constant(l, a->items[i]);
        const pol_term *other = pol_is_defined(key) ? member_of(l, b, key) : NULL;
        if (other)
            unify(l, a->items[i + 1], other);
        else
            add_failure(l);
    }
}

/* Elements that can be compared or bound at once go first, so that [x, 1] = [y, y] finds y bound when it comes to x. */
static void unify_arrays(pol_lowering *l, const pol_term *a, const pol_term *b)
{
    if (a->n != b->n) {
        add_failure(l);
        return;
    }
    bool *done = POL_NEW_ARRAY(l->arena, bool, a->n ? a->n : 1);
    for (uint32_t left = a->n, before = left + 1; left && left < before;) {
        before = left;
        for (uint32_t i = 0; i < a->n; i++) {
            if (done[i] || (is_unbound(l, a->items[i]) && is_unbound(l, b->items[i])))
                continue;
            unify(l, a->items[i], b->items[i]);
            done[i] = true;
            left--;
        }
    }
}

static void unify(pol_lowering *l, const pol_term *a, const pol_term *b)
{
    bool pattern_a = is_pattern(l, a), pattern_b = is_pattern(l, b);
    if (pattern_a && pattern_b && a->kind == b->kind && (a->kind == POL_TERM_ARRAY || a->kind == POL_TERM_OBJECT)) {
        if (a->kind == POL_TERM_ARRAY)
            unify_arrays(l, a, b);
        else
            unify_objects(l, a, b);
    } else if (is_unbound(l, a) && is_unbound(l, b)) {
        return; /* two wildcards: anything equals anything */
    } else if (pattern_b) {
        lower_pattern(l, b, lower_value(l, a));
    } else {
        uint32_t reg = lower_value(l, b);
        lower_pattern(l, a, reg);
    }
}

static uint32_t lower_unification(pol_lowering *l, const pol_term *a, const pol_term *b)
{
    unify(l, a, b);
    return load(l, pol_bool(true));
}

/* ---- expressions ---- */

/* Falls through, once, when what add adds holds; whatever it binds is forgotten. */
static void lower_exists(pol_lowering *l, const pol_body *body)
{
    open_not(l);
    open_not(l);
    lower_body(l, body);
    add_exit(l, 0);
    close_region(l);
    add_exit(l, 0);
    close_region(l);
}

static void lower_not(pol_lowering *l, const pol_expr *e)
{
    uint32_t mark = add_mark(l);
    open_not(l);
    lower_body(l, e->body);
    if (l->closed)
        add_op(l, POL_OP_FORGIVE, mark, 0, 0);
    add_exit(l, 0);
    close_region(l);
    add_taint(l, mark);
}

static void lower_or(pol_lowering *l, const pol_expr *e)
{
    open_not(l);
    const pol_body *sides[] = {e->body, e->other};
    for (int i = 0; i < 2; i++) {
        open_not(l);
        lower_body(l, sides[i]);
        add_exit(l, 0);
        close_region(l);
    }
    add_exit(l, 0);
    close_region(l);
}

static void lower_some_in(pol_lowering *l, const pol_expr *e)
{
    uint32_t domain = lower_value(l, e->right), key, value;
    open_loop(l, domain, &key, &value);
    if (e->key)
        lower_pattern(l, e->key, key);
    lower_pattern(l, e->left, value);
}

/* No element without the body. */
static void lower_every(pol_lowering *l, const pol_expr *e)
{
    uint32_t domain = lower_value(l, e->right), mark = add_mark(l), key, value;
    add_op(l, POL_OP_COLLECTION, domain, 0, 0);
    open_not(l);
    open_loop(l, domain, &key, &value);
    if (e->key && is_local(e->key))
        bind_local(l, e->key->local, key);
    if (is_local(e->left))
        bind_local(l, e->left->local, value);
    open_not(l);
    lower_body(l, e->body);
    add_exit(l, 0);
    close_region(l);
    add_exit(l, 0);
    close_region(l);
    add_taint(l, mark);
}

static void lower_member_3(pol_lowering *l, const pol_term *call)
{
    uint32_t key = lower_value(l, call->items[1]), value = lower_value(l, call->items[2]);
    uint32_t collection = lower_value(l, call->items[3]), found = new_register(l);
    add_op(l, POL_OP_GET, found, collection, key);
    add_op(l, POL_OP_EQ, found, value, 0);
}

static void lower_statement_term(pol_lowering *l, const pol_term *t)
{
    pol_value k = lower_constant(l, t);
    if (pol_is_defined(k)) {
        if (pol_is_false(k))
            add_failure(l);
        return;
    }
    if (t->kind == POL_TERM_CALL && t->builtin) {
        int op = comparison_of(l, t);
        if (op >= 0) {
            uint32_t a = lower_value(l, t->items[1]);
            add_op(l, (pol_op)op, a, lower_value(l, t->items[2]), 0);
            return;
        }
        if (is_unification(t)) {
            unify(l, t->items[1], t->items[2]);
            return;
        }
        if (strcmp(t->builtin->name, "internal.member_3") == 0 && t->n == 4 && !is_mocked(l, t->builtin)) {
            lower_member_3(l, t);
            return;
        }
        if (strcmp(t->builtin->name, "print") == 0) {
            lower_print(l, t);
            return;
        }
    }
    uint32_t reg = lower_value(l, t);
    bool never_false = t->kind == POL_TERM_ARRAY || t->kind == POL_TERM_OBJECT || t->kind == POL_TERM_SET ||
                       t->kind == POL_TERM_TEMPLATE || t->kind >= POL_TERM_ARRAY_COMPREHENSION;
    if (!never_false)
        add_op(l, POL_OP_TRUE, reg, 0, 0);
}

static void lower_plain(pol_lowering *l, const pol_expr *e)
{
    switch ((pol_expr_kind)e->kind) {
    case POL_EXPR_TERM:
        lower_statement_term(l, e->left);
        break;
    case POL_EXPR_ASSIGN:
    case POL_EXPR_UNIFY:
        unify(l, e->left, e->right);
        break;
    case POL_EXPR_NOT:
        lower_not(l, e);
        break;
    case POL_EXPR_SOME:
        break;
    case POL_EXPR_SOME_IN:
        lower_some_in(l, e);
        break;
    case POL_EXPR_EVERY:
        lower_every(l, e);
        break;
    case POL_EXPR_AND:
        lower_exists(l, e->body);
        lower_exists(l, e->other);
        break;
    case POL_EXPR_OR:
        lower_or(l, e);
        break;
    }
}

/* ---- with ---- */

static pol_value path_constant(pol_lowering *l, const pol_term *target)
{
    pol_builder b = pol_builder_new(l->arena);
    const pol_term *head = target->kind == POL_TERM_REF ? target->items[0] : target;
    pol_builder_add(&b, pol_string_text(head->bound == POL_BOUND_INPUT ? "input" : "data"));
    for (uint32_t i = 1; target->kind == POL_TERM_REF && i < target->n; i++)
        pol_builder_add(&b, lower_constant(l, target->items[i]));
    return pol_builder_array(&b);
}

static uint32_t lower_with_value(pol_lowering *l, const pol_with *w)
{
    return w->value_group || w->value_builtin ? 0 : lower_value(l, w->value);
}

static void add_with(pol_lowering *l, const pol_with *w, uint32_t value)
{
    if (w->group) {
        uint32_t f = function_of_group(l, w->group);
        if (w->value_group)
            add_op(l, POL_OP_MOCKFF, f, function_of_group(l, w->value_group), 0);
        else if (w->value_builtin)
            add_op(l, POL_OP_MOCKFB, f, import_builtin(l->plan, w->value_builtin->name, pol_builtin_arity(w->value_builtin)), 0);
        else
            add_op(l, POL_OP_MOCKFV, f, value, 0);
    } else if (w->builtin) {
        uint32_t b = import_builtin(l->plan, w->builtin->name, pol_builtin_arity(w->builtin));
        if (w->value_group)
            add_op(l, POL_OP_MOCKBF, b, function_of_group(l, w->value_group), 0);
        else if (w->value_builtin)
            add_op(l, POL_OP_MOCKBB, b, import_builtin(l->plan, w->value_builtin->name, pol_builtin_arity(w->value_builtin)), 0);
        else
            add_op(l, POL_OP_MOCKBV, b, value, 0);
    } else {
        add_op(l, POL_OP_WITH, value, constant(l, path_constant(l, w->target)), 0);
    }
}

/* Numbers of the variables that e would bind, in locals; their count. */
static void collect_unbound(pol_lowering *l, const pol_term *t, uint32_t *locals, uint32_t *n)
{
    if (!t)
        return;
    if (is_unbound(l, t)) {
        for (uint32_t i = 0; i < *n; i++)
            if (locals[i] == t->local)
                return;
        locals[(*n)++] = t->local;
        return;
    }
    if (t->kind == POL_TERM_REF || t->kind == POL_TERM_CALL || t->kind == POL_TERM_ARRAY || t->kind == POL_TERM_SET ||
        t->kind == POL_TERM_OBJECT)
        for (uint32_t i = t->kind == POL_TERM_CALL; i < t->n; i++)
            collect_unbound(l, t->items[i], locals, n);
}

/* The overrides must end before the rest of the body runs, and be there again for the next solution. So all solutions are
 * found first, and the rest of the body goes over what they bind. A value asked for (of a plain term) is one of a solution's parts. */
static uint32_t lower_with(pol_lowering *l, const pol_expr *e, bool want_value)
{
    uint32_t *values = POL_NEW_ARRAY(l->arena, uint32_t, e->n_withs);
    for (uint32_t i = 0; i < e->n_withs; i++)
        values[i] = lower_with_value(l, &e->withs[i]);
    uint32_t *locals = POL_NEW_ARRAY(l->arena, uint32_t, l->n_locals ? l->n_locals : 1), n = 0;
    if (expr_yields(l, e)) {
        collect_unbound(l, e->key, locals, &n);
        collect_unbound(l, e->left, locals, &n);
        collect_unbound(l, e->right, locals, &n);
    }
    uint32_t b = new_builder(l), solutions = new_register(l), tuple = new_register(l), key, solution;
    add_op(l, POL_OP_START, b, 0, 0);
    open_block(l);
    for (uint32_t i = 0; i < e->n_withs; i++)
        add_with(l, &e->withs[i], values[i]);
    uint32_t value = 0;
    if (want_value)
        value = lower_value(l, e->left);
    else
        lower_plain(l, e);
    uint32_t first = new_registers(l, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        if (is_bound(l, locals[i]))
            add_op(l, POL_OP_MOVE, first + i, local_register(l, locals[i]), 0);
        else
            load_into(l, first + i, pol_null());
    }
    if (want_value)
        add_op(l, POL_OP_MOVE, first + n, value, 0);
    add_op(l, POL_OP_TUPLE, tuple, first, n + want_value);
    add_op(l, POL_OP_PUSH, b, tuple, 0);
    if (!in_loop(l))
        add_exit(l, 0);
    close_region(l);
    add_op(l, POL_OP_ENDWITH, e->n_withs, 0, 0);
    add_op(l, POL_OP_ARRAY, solutions, b, 0);
    open_loop(l, solutions, &key, &solution);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t reg = new_register(l);
        add_op(l, POL_OP_GETK, reg, solution, constant(l, pol_int(i)));
        bind_local(l, locals[i], reg);
    }
    uint32_t result = new_register(l);
    if (want_value)
        add_op(l, POL_OP_GETK, result, solution, constant(l, pol_int(n)));
    return result;
}

void lower_expr(pol_lowering *l, const pol_expr *e)
{
    pol_place before = enter(l, POL_PART_CONDITION, e->span);
    if (e->n_withs)
        lower_with(l, e, false);
    else
        lower_plain(l, e);
    l->place = before;
}

uint32_t lower_expr_value(pol_lowering *l, const pol_expr *e)
{
    if (e->kind != POL_EXPR_TERM || (e->left->kind == POL_TERM_CALL && is_unification(e->left))) {
        lower_expr(l, e);
        return load(l, pol_bool(true));
    }
    pol_place before = enter(l, POL_PART_CONDITION, e->span);
    uint32_t reg = e->n_withs ? lower_with(l, e, true) : lower_value(l, e->left);
    l->place = before;
    return reg;
}

void lower_body(pol_lowering *l, const pol_body *body)
{
    pol_place before = l->place;
    if (body && body->n) {
        l->place = enter_part(l, POL_PART_BODY, body->items[0]->span, before);
        l->plan->parts[l->place.part - 1].place = place_of(l->program, body->items[0]->span); /* what is added stays where the rule is */
    }
    for (uint32_t i = 0; body && i < body->n; i++)
        lower_expr(l, body->items[i]);
    l->place = before;
}
