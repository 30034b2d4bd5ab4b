/* SPDX-License-Identifier: Apache-2.0
 * The register machine. It trusts verify.c: indices, kinds of operands, jumps and definite assignment are not looked at again. Calls do not
 * recurse in C. Handlers stand in the order of ops.def.
 */
#include "runtime/eval.h"

#include <stdlib.h>

/* ---- calls ---- */

static size_t frame_size(const pol_bundle_function *fn)
{
    size_t size = fn->n_registers * sizeof(pol_value) + fn->n_iterators * sizeof(pol_iterator) + fn->n_builders * sizeof(pol_builder);
    return (size + 15) & ~(size_t)15;
}

static uint8_t *frame_end(const pol_frame *f)
{
    return (uint8_t *)f->r + frame_size(f->fn);
}

pol_frame *pol_frame_push(pol_eval *ev, const pol_insn *call, uint32_t i, const pol_value *args)
{
    const pol_bundle_function *fn = &ev->bundle->functions[i];
    pol_frame *caller = ev->frame, *f = caller ? caller + 1 : ev->frames;
    uint8_t *base = caller ? frame_end(caller) : ev->stack;
    ev->pc = call;
    if (f > ev->frames + ev->limits.depth || (size_t)(ev->stack_end - base) < frame_size(fn))
        pol_eval_end(ev, POL_E_DEPTH, "the decision called deeper than %u", ev->limits.depth);
    pol_charge(ev, 1 + fn->n_code / 8);
    pol_value *r = (pol_value *)(void *)base;
    pol_iterator *iterators = (pol_iterator *)(void *)(r + fn->n_registers);
    *f = (pol_frame){
        .fn = fn,
        .code = ev->bundle->code + fn->first_insn,
        .call = call,
        .k = ev->bundle->cells + fn->first_cell,
        .r = r,
        .iterators = iterators,
        .builders = (pol_builder *)(void *)(iterators + fn->n_iterators),
        .n_overrides = ev->n_overrides,
        .n_errors = ev->n_errors,
        .generation = ev->generation,
        .closed = ev->closed,
    };
    if (fn->n_params)
        memcpy(r, args, fn->n_params * sizeof *r);
    ev->frame = f;
    ev->pc = f->code;
    return f;
}

/* What the call changed is as it was before; a memoised rule's value is kept. */
static void leave(pol_eval *ev, pol_value value)
{
    pol_frame *f = ev->frame;
    if (ev->n_overrides > f->n_overrides)
        pol_override_end(ev, f->n_overrides);
    if (f->mock)
        ev->overrides[f->mock - 1].off = false;
    ev->generation = f->generation;
    ev->closed = f->closed;
    if (f->rule) {
        const pol_eval_error *error = NULL;
        if (ev->closed && ev->n_errors > f->n_errors) {
            pol_eval_error *kept = pol_arena_alloc(&ev->arena, sizeof *kept);
            *kept = ev->errors[f->n_errors];
            error = kept;
        }
        ev->memos[f->rule - 1] = (pol_memo){f->generation, value, error};
    }
    ev->pc = f->call;
    ev->frame = f->call ? f - 1 : NULL;
    if (!f->call)
        ev->result = value;
}

/* Undefined when an operand is undefined, when it gives no value, or when it noted an error. */
static pol_value call_builtin(pol_eval *ev, const pol_builtin *b, const pol_value *args, unsigned n_args)
{
    if (!(b->flags & POL_VARIADIC))
        for (unsigned i = 0; i < n_args; i++)
            if (!pol_is_defined(args[i]))
                return pol_undefined();
    pol_charge(ev, 1);
    ev->failed = false;
    ev->builtin = b;
    pol_value result = b->call(ev, args, n_args);
    ev->builtin = NULL;
    return ev->failed ? pol_undefined() : result;
}

typedef enum { CALL_VALUE, CALL_FRAME } call_outcome;

/* A call whose replacement goes first: either its value is there, or a frame was made. kind and target say what is called. */
static call_outcome call_replaced(pol_eval *ev, const pol_insn *pc, pol_override_kind kind, const pol_value *args, pol_value *value)
{
    uint32_t mock = pol_override_find(ev, kind, pc->c);
    const pol_bundle *bundle = ev->bundle;
    if (mock == 0 && kind == POL_MOCK_FUNCTION) {
        pol_frame_push(ev, pc, pc->c, args);
        return CALL_FRAME;
    }
    if (mock == 0) {
        *value = call_builtin(ev, bundle->bound[pc->c], args, bundle->builtins[pc->c].n_args);
        return CALL_VALUE;
    }
    pol_override *o = &ev->overrides[mock - 1];
    switch ((pol_replacement)o->by) {
    case POL_BY_FUNCTION:
        pol_frame_push(ev, pc, o->replacement, args);
        ev->frame->mock = mock;
        o->off = true;
        pol_generation_fresh(ev);
        return CALL_FRAME;
    case POL_BY_BUILTIN:
        *value = call_builtin(ev, bundle->bound[o->replacement], args, bundle->builtins[o->replacement].n_args);
        return CALL_VALUE;
    case POL_BY_VALUE:
        break;
    }
    *value = o->value;
    return CALL_VALUE;
}

/* ---- slow paths ---- */

/* Ends the decision; where errors fail closed it is noted instead, and the function that runs ends undefined. */
static POL_COLD void note_conflict(pol_eval *ev, const char *message)
{
    if (!ev->closed)
        pol_eval_end(ev, POL_E_CONFLICT, "%s", message);
    ev->failed = false;
    pol_eval_note_error(ev, POL_E_CONFLICT, pol_bytes_text(message));
}

static POL_COLD void note_two_values(pol_eval *ev, const pol_bundle_function *fn, bool with_inputs)
{
    const char *name = pol_bundle_name(ev->bundle, fn->name);
    note_conflict(ev, pol_arena_printf(&ev->arena, with_inputs ? "function %s produced conflicting values for the same inputs"
                                                               : "rule %s produced conflicting values", name));
}

void pol_eval_conflict(pol_eval *ev, const char *message)
{
    if (!ev->running)
        abort(); /* a body that raises conflicts is called by the machine only */
    ev->builtin = NULL;
    note_conflict(ev, message);
    ev->unwind = true;
    longjmp(ev->jump, POL_JUMP_UNWIND);
}

static inline uint64_t word_at(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t half_word_at(const uint8_t *at)
{
    uint32_t half;
    memcpy(&half, at, sizeof half);
    return half;
}

/* Two strings of one length, whose heads are equal: nearly always they are the same, so all of them is looked at in every case. Texts of
 * policies are mostly of 4 to 16 bytes: two pairs of words without a call (bench: zero-trust, http-acl-linear). */
static inline bool same_text(const uint8_t *a, const uint8_t *b, uint32_t n)
{
    if (a == b || n == 0)
        return true;
    if (n < 4 || n > 16)
        return memcmp(a, b, n) == 0;
    if (n < 8)
        return ((half_word_at(a) ^ half_word_at(b)) | (half_word_at(a + n - 4) ^ half_word_at(b + n - 4))) == 0;
    return ((word_at(a) ^ word_at(b)) | (word_at(a + n - 8) ^ word_at(b + n - 8))) == 0;
}

/* x[key] as pol_lookup reads it; names in objects of few members, which most reads are, at once. */
static inline pol_value look_up(pol_value x, pol_value key)
{
    if (x.tag != POL_OBJECT || key.tag != POL_STRING || x.n > POL_INDEX_MIN || x.flags)
        return pol_lookup(x, key);
    const pol_cell *cell = x.cells;
    for (uint32_t i = 0; i < x.n; i++, cell += 2)
        if (cell->raw.tag == POL_STRING && cell->raw.hash == key.hash && cell->raw.n == key.n &&
            same_text(pol_load(cell).text, key.text, key.n))
            return pol_load(cell + 1);
    return pol_undefined();
}

static inline bool is_equal(pol_eval *ev, pol_value a, pol_value b)
{
    if (a.tag == POL_STRING && b.tag == POL_STRING)
        return a.n == b.n && a.hash == b.hash && same_text(a.text, b.text, a.n);
    if (pol_is_collection(a) && a.tag == b.tag)
        pol_charge(ev, a.n < b.n ? a.n : b.n);
    return pol_equal(a, b);
}

static int compare(pol_eval *ev, pol_value a, pol_value b)
{
    if (a.tag == POL_INT && b.tag == POL_INT)
        return (a.i > b.i) - (a.i < b.i);
    if (pol_is_collection(a) && a.tag == b.tag)
        pol_charge(ev, a.n < b.n ? a.n : b.n);
    return pol_compare(a, b);
}

static bool has_value(pol_eval *ev, pol_value collection, pol_value wanted)
{
    if (collection.tag == POL_SET)
        return pol_find(collection, wanted) >= 0;
    if (collection.tag != POL_ARRAY && collection.tag != POL_OBJECT)
        return false;
    size_t step = collection.tag == POL_OBJECT ? 2 : 1;
    const pol_cell *cell = collection.cells + (step - 1);
    pol_charge(ev, collection.n / 8);
    for (uint32_t i = 0; i < collection.n; i++, cell += step)
        if (pol_equal(pol_load(cell), wanted))
            return true;
    return false;
}

/* Integers at once; all else by the built-in of the operator. */
static pol_value compute(pol_eval *ev, pol_arithmetic op, const pol_value *b, const pol_value *c)
{
    int64_t result;
    if (b->tag == POL_INT && c->tag == POL_INT) {
        switch (op) {
        case POL_ADD:
            if (!__builtin_add_overflow(b->i, c->i, &result))
                return pol_int(result);
            break;
        case POL_SUBTRACT:
            if (!__builtin_sub_overflow(b->i, c->i, &result))
                return pol_int(result);
            break;
        case POL_MULTIPLY:
            if (!__builtin_mul_overflow(b->i, c->i, &result))
                return pol_int(result);
            break;
        case POL_DIVIDE:
            if (c->i > 0 && b->i % c->i == 0)
                return pol_int(b->i / c->i);
            break;
        case POL_REMAINDER:
            if (c->i > 0)
                return pol_int(b->i % c->i);
            break;
        }
    }
    const pol_value operands[] = {*b, *c};
    return call_builtin(ev, ev->arithmetic[op], operands, 2);
}

/* The builder gives its cells away: what is added later must not reach into a value that was made. */
static pol_value finish(pol_builder *b, pol_value made)
{
    b->cells = NULL;
    b->n = b->capacity = 0;
    b->depth = 0;
    return made;
}

/* Undefined with *conflict set when one key has two values and strict is 1. */
static pol_value make_object(pol_eval *ev, pol_builder *b, bool strict, bool *conflict)
{
    pol_value key = pol_undefined();
    pol_charge(ev, b->n);
    if (b->n % 2)
        pol_eval_end(ev, POL_E_INTERNAL, "an object was to be made of elements without keys");
    pol_value made = strict ? pol_builder_object_strict(b, &key) : pol_builder_object(b);
    *conflict = pol_is_defined(key);
    return finish(b, made);
}

static pol_value make_tuple(pol_eval *ev, const pol_value *elements, uint32_t n)
{
    pol_charge(ev, n / 8);
    for (uint32_t i = 0; i < n; i++)
        if (!pol_is_defined(elements[i]))
            return pol_undefined();
    return pol_array_of(&ev->arena, elements, n);
}

static bool next(pol_iterator *it, pol_value *key, pol_value *value)
{
    pol_value v = it->collection;
    if (it->at == v.n)
        return false;
    uint32_t i = it->at++;
    if (v.tag == POL_OBJECT) {
        *key = pol_member_key(v, i);
        *value = pol_member_value(v, i);
        return true;
    }
    *value = pol_element(v, i);
    *key = v.tag == POL_ARRAY ? pol_int(i) : *value;
    return true;
}

/* ---- the loop ---- */

#define FALL()                                                                                     \
    do {                                                                                           \
        pc++;                                                                                      \
        goto *dispatch[pc->op];                                                                    \
    } while (0)
#define JUMP()                                                                                     \
    do {                                                                                           \
        pc += 1 + (int64_t)pc->j;                                                                  \
        goto *dispatch[pc->op];                                                                    \
    } while (0)
#define TEST(condition)                                                                            \
    do {                                                                                           \
        if (condition)                                                                             \
            FALL();                                                                                \
        JUMP();                                                                                    \
    } while (0)
/* r[A] = value; falls through when it is defined. */
#define GIVE(value)                                                                                \
    do {                                                                                           \
        pol_value given_ = (value);                                                                \
        if (!pol_is_defined(given_))                                                               \
            JUMP();                                                                                \
        r[pc->a] = given_;                                                                         \
        FALL();                                                                                    \
    } while (0)
#define K(i) pol_load(&f->k[i])
/* Before whatever may note an error or end the decision, so that the place is known. */
#define AT() (ev->pc = pc)

void pol_vm_run(pol_eval *ev)
{
    static const void *const plain[POL_OP_COUNT] = {
#define OP(name, a, b, c, j, flow, meaning) [POL_OP_##name] = &&L_##name,
#include "runtime/ops.def"
#undef OP
    };
    static const void *const watched[POL_OP_COUNT] = {[0 ... POL_OP_COUNT - 1] = &&L_watch};
    const void *const *const dispatch = ev->listener ? watched : plain;
    const pol_insn *pc;
    pol_frame *f;
    pol_value *r, value;
    bool conflict;

    value = pol_undefined();
    if (ev->unwind) {
        ev->unwind = false;
        goto L_leave;
    }

L_enter: /* ev->frame runs from ev->pc */
    f = ev->frame;
    r = f->r;
    pc = ev->pc;
    goto *dispatch[pc->op];

L_watch:
    ev->listener(ev->listener_context, (uint32_t)(f->fn - ev->bundle->functions), (uint32_t)(pc - f->code));
    goto *plain[pc->op];

L_leave: /* the running function's value is value */
    leave(ev, value);
    if (!ev->frame)
        return;
    f = ev->frame;
    r = f->r;
    pc = ev->pc;
    GIVE(value);

L_MOVE:
    r[pc->a] = r[pc->b];
    FALL();
L_CONST:
    r[pc->a] = K(pc->j);
    FALL();
L_UNDEF:
    r[pc->a] = pol_undefined();
    FALL();
L_INPUT:
    GIVE(ev->input);
L_GET:
    GIVE(look_up(r[pc->b], r[pc->c]));
L_GETK:
    GIVE(look_up(r[pc->b], K(pc->c)));

L_EQ:
    AT();
    TEST(is_equal(ev, r[pc->a], r[pc->b]));
L_EQK:
    AT();
    TEST(is_equal(ev, r[pc->a], K(pc->b)));
L_NE:
    AT();
    TEST(!is_equal(ev, r[pc->a], r[pc->b]));
L_LT:
    AT();
    TEST(compare(ev, r[pc->a], r[pc->b]) < 0);
L_LE:
    AT();
    TEST(compare(ev, r[pc->a], r[pc->b]) <= 0);
L_GT:
    AT();
    TEST(compare(ev, r[pc->a], r[pc->b]) > 0);
L_GE:
    AT();
    TEST(compare(ev, r[pc->a], r[pc->b]) >= 0);
L_IN:
    AT();
    TEST(has_value(ev, r[pc->b], r[pc->a]));
L_TRUE:
    TEST(pol_is_defined(r[pc->a]) && !pol_is_false(r[pc->a]));
L_DEFINED:
    TEST(pol_is_defined(r[pc->a]));
L_ISARRAY:
    TEST(r[pc->a].tag == POL_ARRAY && r[pc->a].n == pc->b);
L_ISOBJECT:
    TEST(r[pc->a].tag == POL_OBJECT && r[pc->a].n == pc->b);
L_COLLECTION:
    TEST(pol_is_collection(r[pc->a]));

L_UNWATCHED:
    TEST(!ev->listener);
L_JUMP:
    JUMP();
L_RETURN:
    value = r[pc->a];
    goto L_leave;
L_FAIL:
    value = pol_undefined();
    goto L_leave;
L_SCAN:
    if (!pol_is_collection(r[pc->b]))
        JUMP();
    f->iterators[pc->a] = (pol_iterator){r[pc->b], 0};
    FALL();
L_NEXT:
    if (ev->steps_left == 0) {
        AT();
        pol_charge(ev, 1);
    }
    ev->steps_left--;
    TEST(next(&f->iterators[pc->a], &r[pc->b], &r[pc->c]));

L_START:
    f->builders[pc->a] = pol_builder_new(&ev->arena);
    FALL();
L_PUSH:
    AT();
    if (pol_is_defined(r[pc->b]))
        pol_builder_add(&f->builders[pc->a], r[pc->b]);
    FALL();
L_PUT:
    AT();
    if (pol_is_defined(r[pc->b]) && pol_is_defined(r[pc->c]))
        pol_builder_put(&f->builders[pc->a], r[pc->b], r[pc->c]);
    FALL();
L_ARRAY:
    r[pc->a] = finish(&f->builders[pc->b], pol_builder_array(&f->builders[pc->b]));
    FALL();
L_SET:
    AT();
    pol_charge(ev, f->builders[pc->b].n);
    r[pc->a] = finish(&f->builders[pc->b], pol_builder_set(&f->builders[pc->b]));
    FALL();
L_OBJECT:
    AT();
    value = make_object(ev, &f->builders[pc->b], pc->c == 1, &conflict);
    if (conflict) {
        note_conflict(ev, "object keys must be unique");
        goto L_FAIL;
    }
    r[pc->a] = value;
    FALL();
L_TUPLE:
    AT();
    r[pc->a] = make_tuple(ev, &r[pc->b], pc->c);
    FALL();

L_ADD:
    AT();
    GIVE(compute(ev, POL_ADD, &r[pc->b], &r[pc->c]));
L_SUB:
    AT();
    GIVE(compute(ev, POL_SUBTRACT, &r[pc->b], &r[pc->c]));
L_MUL:
    AT();
    GIVE(compute(ev, POL_MULTIPLY, &r[pc->b], &r[pc->c]));
L_DIV:
    AT();
    GIVE(compute(ev, POL_DIVIDE, &r[pc->b], &r[pc->c]));
L_REM:
    AT();
    GIVE(compute(ev, POL_REMAINDER, &r[pc->b], &r[pc->c]));

L_RULE: {
    uint32_t rule = pc->b;
L_rule:;
    const pol_memo *memo = &ev->memos[rule];
    if (memo->generation == ev->generation) {
        AT();
        if (ev->closed && memo->error)
            pol_error_again(ev, memo->error);
        GIVE(memo->value);
    }
    pol_frame_push(ev, pc, rule, NULL);
    ev->frame->rule = rule + 1;
    goto L_enter;
L_RULEX:
    value = r[pc->b];
    if (value.tag != POL_INT || value.i < 0 || value.i >= ev->bundle->n_functions || !ev->bundle->functions[value.i].memoised)
        JUMP();
    rule = (uint32_t)value.i;
    goto L_rule;
}
L_CALL:
    pol_frame_push(ev, pc, pc->c, &r[pc->b]);
    goto L_enter;
L_CALLM:
    AT();
    if (call_replaced(ev, pc, POL_MOCK_FUNCTION, &r[pc->b], &value) == CALL_FRAME)
        goto L_enter;
    GIVE(value);
L_BUILTIN:
    AT();
    GIVE(call_builtin(ev, ev->bundle->bound[pc->c], &r[pc->b], ev->bundle->builtins[pc->c].n_args));
L_BUILTINM:
    AT();
    if (call_replaced(ev, pc, POL_MOCK_BUILTIN, &r[pc->b], &value) == CALL_FRAME)
        goto L_enter;
    GIVE(value);
L_MERGE:
    AT();
    if (!pol_is_defined(r[pc->a]))
        r[pc->a] = r[pc->b];
    else if (pol_is_defined(r[pc->b]) && !is_equal(ev, r[pc->a], r[pc->b])) {
        note_two_values(ev, f->fn, pc->c);
        goto L_FAIL;
    }
    FALL();

L_WITH:
    AT();
    pol_override_with(ev, K(pc->b), r[pc->a]);
    FALL();
L_MOCKFF:
    AT();
    pol_override_mock(ev, POL_MOCK_FUNCTION, pc->a, POL_BY_FUNCTION, pc->b, pol_undefined());
    FALL();
L_MOCKFB:
    AT();
    pol_override_mock(ev, POL_MOCK_FUNCTION, pc->a, POL_BY_BUILTIN, pc->b, pol_undefined());
    FALL();
L_MOCKFV:
    AT();
    pol_override_mock(ev, POL_MOCK_FUNCTION, pc->a, POL_BY_VALUE, 0, r[pc->b]);
    FALL();
L_MOCKBF:
    AT();
    pol_override_mock(ev, POL_MOCK_BUILTIN, pc->a, POL_BY_FUNCTION, pc->b, pol_undefined());
    FALL();
L_MOCKBB:
    AT();
    pol_override_mock(ev, POL_MOCK_BUILTIN, pc->a, POL_BY_BUILTIN, pc->b, pol_undefined());
    FALL();
L_MOCKBV:
    AT();
    pol_override_mock(ev, POL_MOCK_BUILTIN, pc->a, POL_BY_VALUE, 0, r[pc->b]);
    FALL();
L_ENDWITH: {
    uint32_t mine = ev->n_overrides - f->n_overrides, ended = pc->a < mine ? pc->a : mine;
    pol_override_end(ev, ev->n_overrides - ended);
    FALL();
}
L_OVERRIDE:
    if (!pol_override_read(ev, K(pc->b), &value))
        JUMP();
    r[pc->a] = value;
    FALL();
L_PATCH:
    AT();
    r[pc->a] = pol_override_patch(ev, K(pc->b), r[pc->a]);
    FALL();

L_CLOSED:
    ev->closed = pc->a == 1;
    pol_generation_fresh(ev);
    FALL();
L_MARK:
    r[pc->a] = pol_int(ev->n_errors);
    FALL();
L_TAINT:
    TEST(!pol_error_any(ev, r[pc->a]));
L_FORGIVE:
    pol_error_forget(ev, r[pc->a]);
    FALL();
L_ERROR:
    AT();
    GIVE(pol_error_since(ev, r[pc->b]));
}
