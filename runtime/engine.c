/* SPDX-License-Identifier: Apache-2.0
 * Evaluators: set up, run, ended by a limit; and what built-ins ask of the decision that runs. The one setjmp of the project is here.
 */
#include "runtime/eval.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { INSTRUCTIONS_DEFAULT = 1000000, ARENA_DEFAULT = 16 * 1024 * 1024, DEPTH_DEFAULT = 256, DEPTH_LIMIT = 100000 };
enum { STACK_MIN = 4 * 1024 * 1024, STACK_PER_CALL = 8 * 1024 };

static void *must_have(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* ---- limits ---- */

void pol_eval_end(pol_eval *ev, pol_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    ev->end.code = code;
    vsnprintf(ev->end.text, sizeof ev->end.text, fmt, args);
    va_end(args);
    ev->failure = pol_eval_place(ev);
    ev->failure.code = code;
    ev->failure.message = ev->end.text;
    longjmp(ev->jump, POL_JUMP_END);
}

static void end_for_memory(void *context)
{
    pol_eval *ev = context;
    if (ev->running)
        pol_eval_end(ev, POL_E_ARENA, "the decision needed more than %zu bytes of memory", ev->limits.arena_bytes);
}

void pol_charge(pol_eval *ev, uint64_t n)
{
    if (n <= ev->steps_left) {
        ev->steps_left -= n;
        return;
    }
    ev->steps_left = 0;
    if (ev->running)
        pol_eval_end(ev, POL_E_INSTRUCTIONS, "the decision used more than %llu instructions",
                     (unsigned long long)ev->limits.instructions);
}

pol_eval_error pol_eval_place(const pol_eval *ev)
{
    const pol_bundle *b = ev->bundle;
    if (!ev->frame || !ev->pc)
        return (pol_eval_error){0};
    const pol_bundle_place *place = &b->places[ev->pc - b->code];
    return (pol_eval_error){
        .file = place->file < b->n_files ? pol_bundle_name(b, b->files[place->file]) : NULL,
        .row = place->row,
        .col = place->col,
    };
}

/* ---- setting up ---- */

pol_eval *pol_eval_new(const pol_limits *limits)
{
    static const char *const operators[] = {
        [POL_ADD] = "plus", [POL_SUBTRACT] = "minus", [POL_MULTIPLY] = "mul", [POL_DIVIDE] = "div", [POL_REMAINDER] = "rem",
    };
    pol_eval *ev = must_have(calloc(1, sizeof *ev));
    if (limits)
        ev->limits = *limits;
    if (!ev->limits.instructions)
        ev->limits.instructions = INSTRUCTIONS_DEFAULT;
    if (!ev->limits.arena_bytes)
        ev->limits.arena_bytes = ARENA_DEFAULT;
    if (!ev->limits.depth)
        ev->limits.depth = DEPTH_DEFAULT;
    if (ev->limits.depth > DEPTH_LIMIT)
        ev->limits.depth = DEPTH_LIMIT;
    size_t stack = (size_t)ev->limits.depth * STACK_PER_CALL;
    if (stack < STACK_MIN)
        stack = STACK_MIN;
    ev->frames = must_have(malloc(((size_t)ev->limits.depth + 1) * sizeof *ev->frames));
    ev->stack = must_have(malloc(stack));
    ev->stack_end = ev->stack + stack;
    ev->patterns = must_have(pol_pattern_cache_new());
    for (unsigned i = 0; i < sizeof operators / sizeof *operators; i++)
        ev->arithmetic[i] = must_have((void *)(uintptr_t)pol_builtin_find(pol_bytes_text(operators[i])));
    pol_arena_init(&ev->arena, 0);
    ev->arena.exhausted = end_for_memory;
    ev->arena.context = ev;
    return ev;
}

void pol_eval_free(pol_eval *ev)
{
    if (!ev)
        return;
    pol_eval_free(ev->explainer);
    pol_arena_deinit(&ev->arena);
    pol_pattern_cache_free(ev->patterns);
    free(ev->frames);
    free(ev->stack);
    free(ev->memos);
    free(ev);
}

void pol_eval_begin(pol_eval *ev, const pol_bundle *bundle)
{
    ev->bundle = bundle;
    if (bundle->n_functions > ev->n_memos) {
        free(ev->memos);
        ev->memos = must_have(calloc(bundle->n_functions, sizeof *ev->memos));
        ev->n_memos = bundle->n_functions;
    }
    pol_arena_reset(&ev->arena);
    ev->arena.budget_bytes = 0;
    ev->overrides = NULL;
    ev->errors = NULL;
    ev->kept = NULL;
    ev->n_overrides = ev->n_given = ev->overrides_capacity = 0;
    ev->n_errors = ev->errors_capacity = 0;
    ev->n_kept = ev->kept_capacity = 0;
    ev->frame = NULL;
    ev->pc = NULL;
    ev->builtin = NULL;
    ev->failed = false;
    ev->now_ns = 0;
    ev->random = ev->seed;
    ev->input = ev->result = pol_undefined();
    ev->failure = (pol_eval_error){0};
    ev->steps_left = ev->limits.instructions;
}

void pol_eval_set_clock(pol_eval *ev, int64_t now_ns)
{
    ev->clock_ns = now_ns;
    ev->now_ns = 0;
}

void pol_eval_set_seed(pol_eval *ev, uint64_t seed)
{
    ev->seed = ev->random = seed;
    ev->seeded = true;
}

void pol_eval_set_trust(pol_eval *ev, const struct pol_trust *trust)
{
    ev->trust = trust;
}

void pol_eval_set_output(pol_eval *ev, void (*line)(void *context, bool note, pol_bytes text), void *context)
{
    ev->output = line;
    ev->output_context = context;
}

void pol_eval_set_listener(pol_eval *ev, pol_listener listener, void *context)
{
    ev->listener = listener;
    ev->listener_context = context;
}

/* ---- running ---- */

/* A path's segments are texts; of an array they are positions. */
static pol_value position_of(pol_value segment)
{
    int64_t position = 0;
    if (segment.tag != POL_STRING || segment.n == 0 || segment.n > 9 || (segment.text[0] == '0' && segment.n > 1))
        return segment;
    for (uint32_t i = 0; i < segment.n; i++) {
        if (segment.text[i] < '0' || segment.text[i] > '9')
            return segment;
        position = 10 * position + (segment.text[i] - '0');
    }
    return pol_int(position);
}

static pol_value look_below(pol_value value, pol_value rest)
{
    if (rest.tag != POL_ARRAY)
        return pol_undefined();
    for (uint32_t i = 0; i < rest.n && pol_is_defined(value); i++) {
        pol_value segment = pol_element(rest, i);
        value = pol_lookup(value, value.tag == POL_ARRAY ? position_of(segment) : segment);
    }
    return value;
}

static bool run(pol_eval *ev, pol_entry entry, bool closed, pol_value input, pol_value *result, pol_error *err)
{
    *result = pol_undefined();
    size_t used = pol_arena_used(&ev->arena);
    ev->arena.budget_bytes = ev->limits.arena_bytes > SIZE_MAX - used ? 0 : used + ev->limits.arena_bytes;
    ev->steps_left = ev->limits.instructions;
    ev->n_overrides = ev->n_given;
    ev->n_errors = 0;
    ev->input = input;
    ev->closed = closed;
    ev->failed = ev->unwind = false;
    ev->builtin = NULL;
    ev->frame = NULL;
    ev->result = pol_undefined();
    ev->failure = (pol_eval_error){0};
    pol_generation_fresh(ev);
    if (entry.function < 0) {
        *result = look_below(pol_bundle_data(ev->bundle), entry.rest);
        return true;
    }
    if ((uint32_t)entry.function >= ev->bundle->n_functions || ev->bundle->functions[entry.function].n_params)
        return pol_fail(err, POL_E_INTERNAL, "the entry point is of another bundle");
    ev->running = true;
    switch (setjmp(ev->jump)) {
    case 0:
        pol_frame_push(ev, NULL, (uint32_t)entry.function, NULL);
        pol_vm_run(ev);
        break;
    case POL_JUMP_UNWIND:
        pol_vm_run(ev);
        break;
    default:
        ev->running = false;
        ev->arena.budget_bytes = 0;
        if (err)
            *err = ev->end;
        return false;
    }
    ev->running = false;
    ev->arena.budget_bytes = 0;
    *result = look_below(ev->result, entry.rest);
    return true;
}

bool pol_eval_run(pol_eval *ev, pol_entry entry, pol_value input, pol_value *result, pol_error *err)
{
    return run(ev, entry, false, input, result, err);
}

bool pol_eval_run_closed(pol_eval *ev, uint32_t function, pol_value input, pol_value *result, pol_error *err)
{
    return run(ev, (pol_entry){.function = (int32_t)function, .rest = pol_empty(POL_ARRAY)}, true, input, result, err);
}

pol_eval_error pol_eval_failure(const pol_eval *ev)
{
    return ev->failure;
}

const pol_eval_error *pol_eval_errors(const pol_eval *ev, unsigned *n)
{
    *n = ev->n_errors;
    return ev->errors;
}

pol_eval *pol_eval_explainer(pol_eval *ev)
{
    if (ev->explains)
        return NULL;
    if (!ev->explainer)
        ev->explainer = pol_eval_new(&ev->limits);
    pol_eval *own = ev->explainer;
    own->explains = true;
    own->limits.instructions = ev->steps_left;
    pol_eval_begin(own, ev->bundle);
    own->clock_ns = pol_eval_now_ns(ev);
    own->trust = ev->trust;
    own->seed = own->random = ev->seed;
    own->seeded = ev->seeded;
    for (uint32_t i = 0; i < ev->n_overrides; i++) {
        POL_GROW(&own->arena, own->overrides, own->n_given, own->overrides_capacity);
        own->overrides[own->n_given++] = ev->overrides[i];
    }
    return own;
}

uint64_t pol_eval_instructions(const pol_eval *ev)
{
    return ev->limits.instructions - ev->steps_left;
}

/* ---- for built-ins ---- */

bool pol_builtin_failed(const pol_eval *ev)
{
    return ev->failed;
}

pol_arena *pol_eval_arena(pol_eval *ev)
{
    return &ev->arena;
}

int64_t pol_eval_now_ns(pol_eval *ev)
{
    if (ev->clock_ns)
        return ev->clock_ns;
    if (ev->now_ns == 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        ev->now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
    return ev->now_ns;
}

pol_value pol_eval_recall(pol_eval *ev, pol_value key)
{
    pol_charge(ev, ev->n_kept / 8);
    for (uint32_t i = 0; i < ev->n_kept; i++)
        if (pol_equal(ev->kept[i].key, key))
            return ev->kept[i].value;
    return pol_undefined();
}

void pol_eval_remember(pol_eval *ev, pol_value key, pol_value value)
{
    POL_GROW(&ev->arena, ev->kept, ev->n_kept, ev->kept_capacity);
    ev->kept[ev->n_kept++] = (pol_kept){key, value};
}

/* With a seed: SplitMix64, so that a decision can be repeated. */
uint64_t pol_eval_random(pol_eval *ev)
{
    uint64_t bits;
    if (!ev->seeded) {
        if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
            abort();
        return bits;
    }
    bits = ev->random += 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

void pol_eval_print(pol_eval *ev, pol_bytes line)
{
    if (ev->output)
        ev->output(ev->output_context, false, line);
}

void pol_eval_note(pol_eval *ev, pol_bytes line)
{
    if (ev->output)
        ev->output(ev->output_context, true, line);
}

const struct pol_pattern *pol_eval_pattern(pol_eval *ev, pol_bytes pattern)
{
    char why[200] = "";
    const pol_pattern *found = pol_pattern_cache_get(ev->patterns, pattern, why, sizeof why);
    if (!found)
        pol_builtin_error(ev, "%s", why);
    return found;
}

const struct pol_trust *pol_eval_trust(const pol_eval *ev)
{
    return ev->trust;
}
