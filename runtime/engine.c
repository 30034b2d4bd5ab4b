/* SPDX-License-Identifier: Apache-2.0
 * Evaluators: one thread's machine with what outlives a decision, and what built-ins may ask of it. Budgets end a decision by the one longjmp to the
 * one setjmp here.
 */
#include "runtime/engine.h"

#include "runtime/vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static const pol_limits default_limits = {.instructions = 1000000, .arena_bytes = (size_t)16 << 20, .depth = 256};

static void end_for_memory(void *context)
{
    pol_eval *ev = context;
    pol_eval_end(ev, POL_E_ARENA, "the decision used up its %zu bytes of memory", ev->limits.arena_bytes);
}

pol_eval *pol_eval_new(const pol_limits *limits)
{
    static const char *const names[] = {"plus", "minus", "mul", "div", "rem"};
    pol_eval *ev = calloc(1, sizeof *ev);
    if (!ev)
        abort();
    ev->limits = limits ? *limits : default_limits;
    if (ev->limits.instructions == 0 || ev->limits.instructions > INT64_MAX)
        ev->limits.instructions = default_limits.instructions;
    if (ev->limits.arena_bytes == 0)
        ev->limits.arena_bytes = default_limits.arena_bytes;
    if (ev->limits.depth == 0)
        ev->limits.depth = default_limits.depth;
    for (int i = 0; i < 5; i++)
        ev->arithmetic[i] = pol_builtin_find(pol_bytes_text(names[i]));
    pol_arena_init(&ev->arena, 0);
    ev->arena.exhausted = end_for_memory;
    ev->arena.context = ev;
    ev->patterns = pol_pattern_cache_new();
    ev->last_context = 1;
    return ev;
}

void pol_eval_free(pol_eval *ev)
{
    if (!ev)
        return;
    pol_pattern_cache_free(ev->patterns);
    pol_arena_deinit(&ev->arena);
    free(ev->registers);
    free(ev->iterators);
    free(ev->builders);
    free(ev->frames);
    free(ev->memos);
    free(ev->overrides);
    free(ev->mocks);
    free(ev);
}

/* ---- a decision ---- */

void pol_eval_begin(pol_eval *ev, const pol_bundle *bundle)
{
    ev->arena.budget_bytes = 0; /* the input's reader has limits of its own; the budget is the machine's */
    pol_arena_reset(&ev->arena);
    ev->bundle = bundle;
    if (bundle->n_functions > ev->memos_capacity) {
        free(ev->memos);
        ev->memos = calloc(bundle->n_functions, sizeof *ev->memos);
        if (!ev->memos)
            abort();
        ev->memos_capacity = bundle->n_functions;
    }
    ev->errors = NULL;
    ev->n_errors = ev->errors_capacity = 0;
    ev->n_overrides = ev->n_mocks = ev->mocks_from = 0;
    ev->closed = ev->has_clock = ev->has_seed = false;
    ev->trust = NULL;
    ev->line = NULL;
    ev->running = NULL;
    ev->pc = NULL;
    ev->recalled = pol_builder_new(&ev->arena);
    ev->left = (int64_t)ev->limits.instructions;
    ev->failure_place = (pol_eval_error){0};
}

void pol_eval_set_clock(pol_eval *ev, int64_t now_ns)
{
    ev->now_ns = now_ns;
    ev->has_clock = now_ns != 0;
}

void pol_eval_set_seed(pol_eval *ev, uint64_t seed)
{
    ev->seed = seed;
    ev->has_seed = true;
}

void pol_eval_set_trust(pol_eval *ev, const struct pol_trust *trust)
{
    ev->trust = trust;
}

void pol_eval_set_output(pol_eval *ev, void (*line)(void *context, bool note, pol_bytes text), void *context)
{
    ev->line = line;
    ev->line_context = context;
}

void pol_eval_set_listener(pol_eval *ev, pol_listener listener, void *context)
{
    ev->listener = listener;
    ev->listener_context = context;
}

static pol_value decide(pol_eval *ev, pol_entry entry)
{
    pol_value v = entry.function < 0 ? pol_bundle_data(ev->bundle) : pol_vm_run(ev, (uint32_t)entry.function);
    if (entry.rest.tag != POL_ARRAY)
        return pol_undefined();
    for (uint32_t i = 0; i < entry.rest.n && pol_is_defined(v); i++) {
        pol_value key = pol_element(entry.rest, i), found = pol_lookup(v, key);
        /* a path's segments are texts; of an array they are positions */
        if (!pol_is_defined(found) && v.tag == POL_ARRAY && key.tag == POL_STRING && key.n && key.n < 10) {
            uint64_t position = 0;
            for (uint32_t d = 0; d < key.n; d++)
                position = key.text[d] >= '0' && key.text[d] <= '9' ? 10 * position + (uint64_t)(key.text[d] - '0') : UINT32_MAX;
            found = position < v.n ? pol_element(v, (uint32_t)position) : pol_undefined();
        }
        v = found;
    }
    return v;
}

bool pol_eval_run(pol_eval *ev, pol_entry entry, pol_value input, pol_value *result, pol_error *err)
{
    *result = pol_undefined();
    ev->input = input;
    ev->n_errors = 0;
    ev->context = ++ev->last_context;
    ev->left = (int64_t)ev->limits.instructions;
    if (entry.function >= 0 && (uint32_t)entry.function >= ev->bundle->n_functions)
        return pol_fail(err, POL_E_USAGE, "an entry point of another bundle");
    ev->arena.budget_bytes = pol_arena_used(&ev->arena) + ev->limits.arena_bytes;
    if (setjmp(ev->end)) {
        ev->is_running = false;
        ev->arena.budget_bytes = 0;
        *result = pol_undefined();
        if (err)
            *err = ev->failure;
        return false;
    }
    ev->is_running = true;
    pol_value v = decide(ev, entry);
    ev->is_running = false;
    ev->arena.budget_bytes = 0;
    *result = v;
    return true;
}

pol_eval_error pol_eval_failure(const pol_eval *ev)
{
    return ev->failure_place;
}

const pol_eval_error *pol_eval_errors(const pol_eval *ev, unsigned *n)
{
    *n = ev->n_errors;
    return ev->errors;
}

uint64_t pol_eval_instructions(const pol_eval *ev)
{
    return ev->limits.instructions - (uint64_t)(ev->left < 0 ? 0 : ev->left);
}

/* ---- ends and errors ---- */

/* Where the running instruction comes from. */
static pol_eval_error place_of(const pol_eval *ev)
{
    pol_eval_error e = {0};
    if (!ev->pc)
        return e;
    const pol_bundle_place *place = &ev->bundle->places[ev->pc - 1 - ev->bundle->code];
    e.file = place->file < ev->bundle->n_files ? pol_bundle_name(ev->bundle, ev->bundle->files[place->file]) : NULL;
    e.row = place->row;
    e.col = place->col;
    return e;
}

void pol_eval_end(pol_eval *ev, pol_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    ev->failure.code = code;
    vsnprintf(ev->failure.text, sizeof ev->failure.text, fmt, args);
    va_end(args);
    if (!ev->is_running)
        abort(); /* memory taken outside a decision has no budget */
    ev->failure_place = place_of(ev);
    ev->failure_place.code = code;
    ev->failure_place.message = ev->failure.text;
    ev->arena.budget_bytes = 0;
    longjmp(ev->end, 1);
}

void pol_eval_conflict(pol_eval *ev, const char *message)
{
    pol_eval_end(ev, POL_E_CONFLICT, "%s", message);
}

void pol_eval_note_error(pol_eval *ev, pol_code code, pol_bytes message)
{
    ev->call_failed = true;
    pol_eval_error e = place_of(ev);
    e.code = code;
    e.message = pol_arena_printf(&ev->arena, "%s%s%.*s", ev->running ? ev->running : "", ev->running ? ": " : "", (int)message.n,
                                 (const char *)message.at);
    POL_GROW(&ev->arena, ev->errors, ev->n_errors, ev->errors_capacity);
    ev->errors[ev->n_errors++] = e;
}

bool pol_builtin_failed(const pol_eval *ev)
{
    return ev->call_failed;
}

/* ---- what built-ins ask for ---- */

pol_arena *pol_eval_arena(pol_eval *ev)
{
    return &ev->arena;
}

void pol_charge(pol_eval *ev, uint64_t n)
{
    if (n > (uint64_t)(ev->left < 0 ? 0 : ev->left)) {
        ev->left = 0;
        if (ev->is_running)
            pol_eval_end(ev, POL_E_INSTRUCTIONS, "the decision used up its %llu instructions", (unsigned long long)ev->limits.instructions);
        return;
    }
    ev->left -= (int64_t)n;
}

int64_t pol_eval_now_ns(pol_eval *ev)
{
    if (!ev->has_clock) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        ev->now_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
        ev->has_clock = true;
    }
    return ev->now_ns;
}

pol_value pol_eval_recall(pol_eval *ev, pol_value key)
{
    pol_charge(ev, ev->recalled.n);
    for (uint32_t i = 0; i + 1 < ev->recalled.n; i += 2)
        if (pol_equal(pol_load(&ev->recalled.cells[i]), key))
            return pol_load(&ev->recalled.cells[i + 1]);
    return pol_undefined();
}

void pol_eval_remember(pol_eval *ev, pol_value key, pol_value value)
{
    pol_builder_put(&ev->recalled, key, value);
}

uint64_t pol_eval_random(pol_eval *ev)
{
    if (!ev->has_seed) {
        uint64_t bits;
        if (getrandom(&bits, sizeof bits, 0) != sizeof bits)
            pol_eval_end(ev, POL_E_INTERNAL, "the system gives no random bits");
        return bits;
    }
    /* SplitMix64: one seed, one sequence */
    uint64_t z = ev->seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void pol_eval_print(pol_eval *ev, pol_bytes line)
{
    if (ev->line)
        ev->line(ev->line_context, false, line);
}

void pol_eval_note(pol_eval *ev, pol_bytes line)
{
    if (ev->line)
        ev->line(ev->line_context, true, line);
}

const struct pol_pattern *pol_eval_pattern(pol_eval *ev, pol_bytes pattern)
{
    char why[256];
    const pol_pattern *p = pol_pattern_cache_get(ev->patterns, pattern, why, sizeof why);
    if (!p)
        pol_builtin_error(ev, "%s", why);
    return p;
}

const struct pol_trust *pol_eval_trust(const pol_eval *ev)
{
    return ev->trust;
}
