/* SPDX-License-Identifier: Apache-2.0
 * The machine: verified instructions over registers. Policy recursion is a stack of frames, never one of C. After the verifier nothing is checked
 * again but what depends on values: every register of a frame begins as undefined, every iterator and builder as empty, so that no order of
 * instructions reads what was not set.
 */
#include "runtime/vm.h"

#include <stdlib.h>

/* ---- growing stacks ---- */

static void *grow(void *items, uint32_t *capacity, uint64_t wanted, size_t size)
{
    uint64_t n = *capacity ? *capacity : 64;
    while (n < wanted)
        n *= 2;
    void *more = realloc(items, n * size);
    if (!more)
        abort();
    *capacity = (uint32_t)n;
    return more;
}

static void reserve(pol_eval *ev, const pol_bundle_function *fn)
{
    if ((uint64_t)ev->n_registers + fn->n_registers > ev->registers_capacity)
        ev->registers = grow(ev->registers, &ev->registers_capacity, (uint64_t)ev->n_registers + fn->n_registers, sizeof *ev->registers);
    if ((uint64_t)ev->n_iterators + fn->n_iterators > ev->iterators_capacity)
        ev->iterators = grow(ev->iterators, &ev->iterators_capacity, (uint64_t)ev->n_iterators + fn->n_iterators, sizeof *ev->iterators);
    if ((uint64_t)ev->n_builders + fn->n_builders > ev->builders_capacity)
        ev->builders = grow(ev->builders, &ev->builders_capacity, (uint64_t)ev->n_builders + fn->n_builders, sizeof *ev->builders);
}

/* Bases of a function's stacks; its registers are cleared. */
static void enter_function(pol_eval *ev, uint32_t function, uint32_t *registers, uint32_t *iterators, uint32_t *builders)
{
    const pol_bundle_function *fn = &ev->bundle->functions[function];
    if (ev->n_frames > ev->limits.depth || ev->n_registers + (uint32_t)fn->n_registers > POL_REGISTERS_MAX)
        pol_eval_end(ev, POL_E_DEPTH, "the decision calls deeper than %u", ev->limits.depth);
    reserve(ev, fn);
    *registers = ev->n_registers;
    *iterators = ev->n_iterators;
    *builders = ev->n_builders;
    memset(ev->registers + ev->n_registers, 0, fn->n_registers * sizeof *ev->registers);
    memset(ev->iterators + ev->n_iterators, 0, fn->n_iterators * sizeof *ev->iterators);
    for (uint32_t i = 0; i < fn->n_builders; i++)
        ev->builders[ev->n_builders + i] = pol_builder_new(&ev->arena);
    ev->n_registers += fn->n_registers;
    ev->n_iterators += fn->n_iterators;
    ev->n_builders += fn->n_builders;
    ev->function = function;
}

static pol_frame *push_frame(pol_eval *ev)
{
    if (ev->n_frames == ev->frames_capacity)
        ev->frames = grow(ev->frames, &ev->frames_capacity, (uint64_t)ev->n_frames + 1, sizeof *ev->frames);
    return &ev->frames[ev->n_frames++];
}

/* ---- overrides ---- */

static void new_context(pol_eval *ev)
{
    ev->context = ++ev->last_context;
}

/* document with value at path[from..]; what is no object on the way becomes one. */
static pol_value put_at(pol_eval *ev, pol_value document, pol_value path, uint32_t from, pol_value value)
{
    if (from >= path.n)
        return value;
    pol_value key = pol_element(path, from);
    pol_value object = document.tag == POL_OBJECT ? document : pol_empty(POL_OBJECT);
    pol_value inner = put_at(ev, pol_object_get(object, key), path, from + 1, value);
    pol_value out = pol_is_defined(inner) ? pol_object_with(&ev->arena, object, key, inner) : object;
    if (!pol_is_defined(out))
        pol_eval_end(ev, POL_E_LIMIT, "a document nested deeper than %d", POL_DEPTH_MAX);
    return out;
}

static pol_override *push_override(pol_eval *ev)
{
    if (ev->n_overrides == ev->overrides_capacity)
        ev->overrides = grow(ev->overrides, &ev->overrides_capacity, (uint64_t)ev->n_overrides + 1, sizeof *ev->overrides);
    pol_override *o = &ev->overrides[ev->n_overrides++];
    *o = (pol_override){.input = ev->input, .context = ev->context};
    new_context(ev);
    return o;
}

POL_COLD static void begin_with(pol_eval *ev, pol_value path, pol_value value)
{
    pol_override *o = push_override(ev);
    o->path = path;
    o->value = value;
    if (path.tag == POL_ARRAY && path.n && path.n <= POL_DEPTH_MAX && pol_equal(pol_element(path, 0), pol_string_text("input")))
        ev->input = put_at(ev, ev->input, path, 1, value);
}

POL_COLD static void begin_mock(pol_eval *ev, pol_insn in, pol_value value)
{
    push_override(ev)->path = pol_empty(POL_ARRAY);
    if (ev->n_mocks == ev->mocks_capacity)
        ev->mocks = grow(ev->mocks, &ev->mocks_capacity, (uint64_t)ev->n_mocks + 1, sizeof *ev->mocks);
    bool of_builtin = in.op == POL_OP_MOCKBF || in.op == POL_OP_MOCKBB || in.op == POL_OP_MOCKBV;
    bool by_function = in.op == POL_OP_MOCKFF || in.op == POL_OP_MOCKBF, by_builtin = in.op == POL_OP_MOCKFB || in.op == POL_OP_MOCKBB;
    ev->mocks[ev->n_mocks++] = (pol_mock){
        .of_builtin = of_builtin,
        .kind = by_function ? POL_MOCK_FUNCTION : by_builtin ? POL_MOCK_BUILTIN : POL_MOCK_VALUE,
        .index = in.a,
        .by = in.b,
        .value = value,
    };
}

/* The newest n overrides end, but none of another function's. */
static void end_overrides(pol_eval *ev, uint32_t n, uint32_t least)
{
    while (n-- && ev->n_overrides > least) {
        pol_override *o = &ev->overrides[--ev->n_overrides];
        ev->input = o->input;
        ev->context = o->context;
        if (o->path.n == 0 && ev->n_mocks)
            ev->n_mocks--;
    }
}

static const pol_mock *find_mock(const pol_eval *ev, bool of_builtin, uint32_t index)
{
    for (uint32_t i = ev->n_mocks; i > ev->mocks_from; i--)
        if (ev->mocks[i - 1].of_builtin == of_builtin && ev->mocks[i - 1].index == index)
            return &ev->mocks[i - 1];
    return NULL;
}

static bool is_prefix(pol_value prefix, pol_value path)
{
    if (prefix.tag != POL_ARRAY || path.tag != POL_ARRAY || prefix.n == 0 || prefix.n > path.n)
        return false;
    for (uint32_t i = 0; i < prefix.n; i++)
        if (!pol_equal(pol_element(prefix, i), pol_element(path, i)))
            return false;
    return true;
}

/* The newest override that covers path, or NULL. */
static const pol_override *find_cover(const pol_eval *ev, pol_value path)
{
    for (uint32_t i = ev->n_overrides; i > 0; i--)
        if (is_prefix(ev->overrides[i - 1].path, path))
            return &ev->overrides[i - 1];
    return NULL;
}

POL_COLD static pol_value read_override(const pol_override *o, pol_value path)
{
    pol_value v = o->value;
    for (uint32_t i = o->path.n; i < path.n && pol_is_defined(v); i++)
        v = pol_lookup(v, pol_element(path, i));
    return v;
}

POL_COLD static pol_value patch_document(pol_eval *ev, pol_value document, pol_value path)
{
    const pol_override *cover = find_cover(ev, path);
    uint32_t from = cover ? (uint32_t)(cover - ev->overrides) + 1 : 0;
    for (uint32_t i = from; i < ev->n_overrides; i++) {
        const pol_override *o = &ev->overrides[i];
        if (o->path.n > path.n && o->path.n <= POL_DEPTH_MAX && is_prefix(path, o->path))
            document = put_at(ev, document, o->path, path.n, o->value);
    }
    return document;
}

/* ---- errors ---- */

static pol_value place_value(pol_eval *ev, const pol_eval_error *e)
{
    pol_builder b = pol_builder_new(&ev->arena);
    pol_builder_put_text(&b, "file", pol_string_text(e->file ? e->file : ""));
    pol_builder_put_text(&b, "row", pol_int(e->row));
    pol_builder_put_text(&b, "col", pol_int(e->col));
    return pol_builder_object(&b);
}

POL_COLD static pol_value error_value(pol_eval *ev, uint32_t i)
{
    const pol_eval_error *e = &ev->errors[i];
    pol_builder b = pol_builder_new(&ev->arena);
    pol_builder_put_text(&b, "code", pol_string_text(pol_code_text(e->code)));
    pol_builder_put_text(&b, "message", pol_string_text(e->message));
    pol_builder_put_text(&b, "location", place_value(ev, e));
    return pol_builder_object(&b);
}

static void add_error(pol_eval *ev, const pol_eval_error *e)
{
    POL_GROW(&ev->arena, ev->errors, ev->n_errors, ev->errors_capacity);
    ev->errors[ev->n_errors++] = *e;
}

/* A mark as a count of errors; what is none is 0. */
static uint32_t mark_of(const pol_eval *ev, pol_value v)
{
    return v.tag == POL_INT && v.i >= 0 && v.i <= ev->n_errors ? (uint32_t)v.i : v.tag == POL_INT && v.i > 0 ? ev->n_errors : 0;
}

/* ---- values ---- */

static pol_value must_fit(pol_eval *ev, pol_value v)
{
    if (!pol_is_defined(v))
        pol_eval_end(ev, POL_E_LIMIT, "a collection nested deeper than %d", POL_DEPTH_MAX);
    return v;
}

static pol_value make_object(pol_eval *ev, pol_builder *b, bool strict)
{
    pol_value conflict = pol_undefined();
    pol_charge(ev, b->n / 2);
    pol_value v = strict ? pol_builder_object_strict(b, &conflict) : pol_builder_object(b);
    if (pol_is_defined(conflict))
        pol_eval_conflict(ev, "object keys must be unique");
    return must_fit(ev, v);
}

POL_COLD static pol_value merge(pol_eval *ev, pol_value a, pol_value b, bool function)
{
    if (!pol_is_defined(a))
        return b;
    if (pol_is_defined(b) && !pol_equal(a, b))
        pol_eval_conflict(ev, function ? "functions must not produce multiple outputs for same inputs"
                                       : "complete rules must not produce multiple outputs");
    return a;
}

static bool contains(pol_eval *ev, pol_value v, pol_value collection)
{
    if (collection.tag == POL_SET)
        return pol_set_has(collection, v);
    if (collection.tag != POL_ARRAY && collection.tag != POL_OBJECT)
        return false;
    pol_charge(ev, collection.n);
    for (uint32_t i = 0; i < collection.n; i++)
        if (pol_equal(collection.tag == POL_ARRAY ? pol_element(collection, i) : pol_member_value(collection, i), v))
            return true;
    return false;
}

static bool next_element(pol_iterator *it, pol_value *key, pol_value *value)
{
    if (it->at >= it->collection.n)
        return false;
    uint32_t i = it->at++;
    switch (it->collection.tag) {
    case POL_ARRAY:
        *key = pol_int(i);
        *value = pol_element(it->collection, i);
        return true;
    case POL_SET:
        *key = *value = pol_element(it->collection, i);
        return true;
    default:
        *key = pol_member_key(it->collection, i);
        *value = pol_member_value(it->collection, i);
        return true;
    }
}

/* args may lie in the registers: nothing that runs here makes them move. */
static pol_value call_builtin(pol_eval *ev, const pol_builtin *b, const pol_value *args, uint32_t n)
{
    ev->running = b->name;
    ev->call_failed = false;
    pol_value v = b->call(ev, args, n);
    ev->running = NULL;
    return ev->call_failed ? pol_undefined() : v;
}

POL_COLD static pol_value calculate(pol_eval *ev, unsigned op, pol_value a, pol_value b)
{
    const pol_value args[] = {a, b};
    return call_builtin(ev, ev->arithmetic[op], args, 2);
}

/* ---- the loop ---- */

#define R(i) r[i]
#define K(i) pol_load(&k[i])
#define NEXT_INSN()                                                                                                    \
    do {                                                                                                               \
        if (__builtin_expect(--ev->left < 0, 0))                                                                       \
            goto spent;                                                                                                \
        in = *pc++;                                                                                                    \
        goto *dispatch[in.op];                                                                                         \
    } while (0)
#define TAKE_JUMP()                                                                                                    \
    do {                                                                                                               \
        pc += in.j;                                                                                                    \
        NEXT_INSN();                                                                                                   \
    } while (0)
#define UNLESS(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            TAKE_JUMP();                                                                                               \
        NEXT_INSN();                                                                                                   \
    } while (0)
#define ARITHMETIC(overflows, index)                                                                                   \
    do {                                                                                                               \
        int64_t i_;                                                                                                    \
        pol_value a_ = R(in.b), b_ = R(in.c), v_;                                                                      \
        if (a_.tag == POL_INT && b_.tag == POL_INT && !overflows(a_.i, b_.i, &i_)) {                                   \
            v_ = pol_int(i_);                                                                                          \
        } else {                                                                                                       \
            ev->pc = pc;                                                                                               \
            v_ = calculate(ev, index, a_, b_);                                                                         \
        }                                                                                                              \
        if (!pol_is_defined(v_))                                                                                       \
            TAKE_JUMP();                                                                                               \
        R(in.a) = v_;                                                                                                  \
        NEXT_INSN();                                                                                                   \
    } while (0)

static inline bool never_small(int64_t a, int64_t b, int64_t *out)
{
    (void)a;
    (void)b;
    *out = 0;
    return true;
}

/* Computed goto is GNU C; the address of a label is what the table is for. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"

pol_value pol_vm_run(pol_eval *ev, uint32_t start)
{
    static const void *const plain[POL_OP_COUNT] = {
#define OP(name, a, b, c, j, flow, meaning) [POL_OP_##name] = &&L_##name,
#include "runtime/ops.def"
#undef OP
    };
    static const void *const traced[POL_OP_COUNT] = {
#define OP(name, a, b, c, j, flow, meaning) [POL_OP_##name] = &&traced_insn,
#include "runtime/ops.def"
#undef OP
    };
    const void *const *dispatch = ev->listener ? traced : plain;
    const pol_bundle *bundle = ev->bundle;
    const pol_bundle_function *fn;
    const pol_insn *pc;
    const pol_cell *k;
    pol_value *r, result;
    pol_insn in;
    uint32_t registers, iterators, builders, function = start, callee;
    uint16_t first_arg = 0;
    bool hide_mocks = false;

    ev->n_frames = ev->n_registers = ev->n_iterators = ev->n_builders = 0;
    enter_function(ev, function, &registers, &iterators, &builders);

load_function:
    fn = &bundle->functions[function];
    pc = bundle->code + fn->first_insn;
    k = bundle->cells + fn->first_cell;
    r = ev->registers + registers;
    NEXT_INSN();

spent:
    ev->pc = pc;
    pol_eval_end(ev, POL_E_INSTRUCTIONS, "the decision used up its %llu instructions", (unsigned long long)ev->limits.instructions);

traced_insn:
    ev->listener(ev->listener_context, function, (uint32_t)(pc - 1 - (bundle->code + fn->first_insn)));
    goto *plain[in.op];

    /* ---- values ---- */
L_MOVE:
    R(in.a) = R(in.b);
    NEXT_INSN();
L_CONST:
    R(in.a) = K(in.j);
    NEXT_INSN();
L_UNDEF:
    R(in.a) = pol_undefined();
    NEXT_INSN();
L_INPUT:
    if (!pol_is_defined(ev->input))
        TAKE_JUMP();
    R(in.a) = ev->input;
    NEXT_INSN();
L_GET:
    result = pol_lookup(R(in.b), R(in.c));
    if (!pol_is_defined(result))
        TAKE_JUMP();
    R(in.a) = result;
    NEXT_INSN();
L_GETK:
    result = pol_lookup(R(in.b), K(in.c));
    if (!pol_is_defined(result))
        TAKE_JUMP();
    R(in.a) = result;
    NEXT_INSN();

    /* ---- tests ---- */
L_EQ:
    UNLESS(pol_equal(R(in.a), R(in.b)));
L_EQK:
    UNLESS(pol_equal(R(in.a), K(in.b)));
L_NE:
    UNLESS(!pol_equal(R(in.a), R(in.b)));
L_LT:
    UNLESS(pol_compare(R(in.a), R(in.b)) < 0);
L_LE:
    UNLESS(pol_compare(R(in.a), R(in.b)) <= 0);
L_GT:
    UNLESS(pol_compare(R(in.a), R(in.b)) > 0);
L_GE:
    UNLESS(pol_compare(R(in.a), R(in.b)) >= 0);
L_IN:
    ev->pc = pc;
    UNLESS(contains(ev, R(in.a), R(in.b)));
L_TRUE:
    UNLESS(pol_is_defined(R(in.a)) && !pol_is_false(R(in.a)));
L_DEFINED:
    UNLESS(pol_is_defined(R(in.a)));
L_ISARRAY:
    UNLESS(R(in.a).tag == POL_ARRAY && R(in.a).n == in.b);
L_ISOBJECT:
    UNLESS(R(in.a).tag == POL_OBJECT && R(in.a).n == in.b);

    /* ---- control ---- */
L_JUMP:
    TAKE_JUMP();
L_RETURN:
    result = R(in.a);
    goto leave;
L_FAIL:
    result = pol_undefined();
    goto leave;
L_SCAN:
    if (!pol_is_collection(R(in.b)))
        TAKE_JUMP();
    ev->iterators[iterators + in.a] = (pol_iterator){.collection = R(in.b)};
    NEXT_INSN();
L_NEXT:
    UNLESS(next_element(&ev->iterators[iterators + in.a], &R(in.b), &R(in.c)));

    /* ---- collections ---- */
L_START:
    ev->builders[builders + in.a] = pol_builder_new(&ev->arena);
    NEXT_INSN();
L_PUSH:
    if (pol_is_defined(R(in.b)))
        pol_builder_add(&ev->builders[builders + in.a], R(in.b));
    NEXT_INSN();
L_PUT:
    if (pol_is_defined(R(in.b)) && pol_is_defined(R(in.c)))
        pol_builder_put(&ev->builders[builders + in.a], R(in.b), R(in.c));
    NEXT_INSN();
L_ARRAY:
    ev->pc = pc;
    R(in.a) = must_fit(ev, pol_builder_array(&ev->builders[builders + in.b]));
    ev->builders[builders + in.b] = pol_builder_new(&ev->arena);
    NEXT_INSN();
L_SET:
    ev->pc = pc;
    pol_charge(ev, ev->builders[builders + in.b].n);
    R(in.a) = must_fit(ev, pol_builder_set(&ev->builders[builders + in.b]));
    ev->builders[builders + in.b] = pol_builder_new(&ev->arena);
    NEXT_INSN();
L_OBJECT:
    ev->pc = pc;
    if (ev->builders[builders + in.b].n % 2) /* PUSH and PUT mixed: no compiler does */
        pol_builder_add(&ev->builders[builders + in.b], pol_null());
    R(in.a) = make_object(ev, &ev->builders[builders + in.b], in.c == 1);
    ev->builders[builders + in.b] = pol_builder_new(&ev->arena);
    NEXT_INSN();
L_TUPLE: {
    ev->pc = pc;
    pol_builder b = pol_builder_new(&ev->arena);
    for (uint32_t i = 0; i < in.c; i++)
        pol_builder_add(&b, pol_is_defined(R(in.b + i)) ? R(in.b + i) : pol_null());
    R(in.a) = must_fit(ev, pol_builder_array(&b));
    NEXT_INSN();
}

    /* ---- arithmetic ---- */
L_ADD:
    ARITHMETIC(__builtin_add_overflow, 0);
L_SUB:
    ARITHMETIC(__builtin_sub_overflow, 1);
L_MUL:
    ARITHMETIC(__builtin_mul_overflow, 2);
L_DIV:
    ARITHMETIC(never_small, 3);
L_REM:
    ARITHMETIC(never_small, 4);

    /* ---- calls ---- */
L_RULE:
    callee = in.b;
    goto rule;
L_RULEX:
    result = R(in.b);
    if (result.tag != POL_INT || result.i < 0 || result.i >= bundle->n_functions || bundle->functions[result.i].n_params)
        TAKE_JUMP();
    callee = (uint32_t)result.i;
    goto rule;
L_CALL:
    callee = in.c;
    first_arg = in.b;
    goto call;
L_CALLM: {
    const pol_mock *mock = find_mock(ev, false, in.c);
    callee = in.c;
    first_arg = in.b;
    if (!mock)
        goto call;
    callee = mock->by;
    hide_mocks = true;
    if (mock->kind == POL_MOCK_FUNCTION)
        goto call;
    hide_mocks = false;
    result = mock->value;
    if (mock->kind == POL_MOCK_BUILTIN) {
        ev->pc = pc;
        result = call_builtin(ev, bundle->bound[callee], &R(in.b), bundle->builtins[callee].n_args);
    }
    goto called;
}
L_BUILTIN:
    ev->pc = pc;
    result = call_builtin(ev, bundle->bound[in.c], &R(in.b), bundle->builtins[in.c].n_args);
    goto called;
L_BUILTINM: {
    const pol_mock *mock = find_mock(ev, true, in.c);
    ev->pc = pc;
    if (!mock) {
        result = call_builtin(ev, bundle->bound[in.c], &R(in.b), bundle->builtins[in.c].n_args);
        goto called;
    }
    if (mock->kind == POL_MOCK_FUNCTION) {
        callee = mock->by;
        first_arg = in.b;
        hide_mocks = true;
        goto call;
    }
    result = mock->value;
    if (mock->kind == POL_MOCK_BUILTIN)
        result = call_builtin(ev, bundle->bound[mock->by], &R(in.b), bundle->builtins[mock->by].n_args);
    goto called;
}
called:
    if (!pol_is_defined(result))
        TAKE_JUMP();
    R(in.a) = result;
    NEXT_INSN();
L_MERGE:
    ev->pc = pc;
    R(in.a) = merge(ev, R(in.a), R(in.b), in.c == 1);
    NEXT_INSN();

rule: {
    const pol_memo *memo = &ev->memos[callee];
    if (memo->context != ev->context || !bundle->functions[callee].memoised)
        goto call;
    if (memo->error && ev->closed)
        add_error(ev, memo->error);
    result = memo->value;
    goto called;
}

call: {
    ev->pc = pc;
    pol_frame *frame = push_frame(ev);
    *frame = (pol_frame){
        .function = function, .pc = pc, .registers = registers, .iterators = iterators, .builders = builders, .dst = in.a,
        .closed = ev->closed, .memoised = bundle->functions[callee].memoised, .callee = callee, .n_overrides = ev->n_overrides,
        .n_mocks = ev->n_mocks, .mocks_from = ev->mocks_from, .n_errors = ev->n_errors, .context = ev->context, .input = ev->input,
    };
    uint32_t from = registers;
    if (hide_mocks) { /* a replacement that calls what it replaces calls the original */
        ev->mocks_from = ev->n_mocks;
        new_context(ev);
        hide_mocks = false;
    }
    enter_function(ev, callee, &registers, &iterators, &builders);
    for (uint32_t i = 0; i < bundle->functions[callee].n_params; i++)
        ev->registers[registers + i] = ev->registers[from + first_arg + i];
    function = callee;
    goto load_function;
}

leave: {
    ev->n_registers = registers;
    ev->n_iterators = iterators;
    ev->n_builders = builders;
    if (ev->n_frames == 0)
        return result;
    const pol_frame *frame = &ev->frames[--ev->n_frames];
    const pol_eval_error *error = ev->n_errors > frame->n_errors ? &ev->errors[frame->n_errors] : NULL;
    ev->n_overrides = frame->n_overrides;
    ev->n_mocks = frame->n_mocks;
    ev->mocks_from = frame->mocks_from;
    ev->context = frame->context;
    ev->input = frame->input;
    ev->closed = frame->closed;
    if (frame->memoised) {
        pol_memo *memo = &ev->memos[frame->callee];
        *memo = (pol_memo){.context = ev->context, .value = result};
        if (error && ev->closed) {
            pol_eval_error *kept = pol_arena_alloc(&ev->arena, sizeof *kept);
            *kept = *error;
            memo->error = kept;
        }
    }
    registers = frame->registers;
    iterators = frame->iterators;
    builders = frame->builders;
    function = frame->function;
    ev->function = function;
    fn = &bundle->functions[function];
    pc = frame->pc;
    k = bundle->cells + fn->first_cell;
    r = ev->registers + registers;
    in = pc[-1];
    goto called;
}

    /* ---- with ---- */
L_WITH:
    ev->pc = pc;
    begin_with(ev, K(in.b), R(in.a));
    NEXT_INSN();
L_MOCKFF:
L_MOCKFB:
L_MOCKBF:
L_MOCKBB:
    begin_mock(ev, in, pol_undefined());
    NEXT_INSN();
L_MOCKFV:
L_MOCKBV:
    begin_mock(ev, in, R(in.b));
    NEXT_INSN();
L_ENDWITH:
    end_overrides(ev, in.a, ev->n_frames ? ev->frames[ev->n_frames - 1].n_overrides : 0);
    NEXT_INSN();
L_OVERRIDE: {
    pol_value path = K(in.b);
    const pol_override *cover = find_cover(ev, path);
    if (!cover)
        TAKE_JUMP();
    R(in.a) = read_override(cover, path);
    NEXT_INSN();
}
L_PATCH:
    ev->pc = pc;
    R(in.a) = patch_document(ev, R(in.a), K(in.b));
    NEXT_INSN();

    /* ---- errors that fail closed ---- */
L_CLOSED:
    ev->closed = in.a == 1;
    new_context(ev);
    NEXT_INSN();
L_MARK:
    R(in.a) = pol_int(ev->n_errors);
    NEXT_INSN();
L_TAINT:
    UNLESS(!ev->closed || ev->n_errors <= mark_of(ev, R(in.a)));
L_FORGIVE:
    if (ev->closed)
        ev->n_errors = mark_of(ev, R(in.a));
    NEXT_INSN();
L_ERROR:
    ev->pc = pc;
    if (mark_of(ev, R(in.b)) >= ev->n_errors)
        TAKE_JUMP();
    R(in.a) = error_value(ev, mark_of(ev, R(in.b)));
    NEXT_INSN();
}

#pragma GCC diagnostic pop
