/* SPDX-License-Identifier: Apache-2.0
 * The query parameter `explain` of both protocols, and what it adds to an answer.
 */
#include "runtime/server/explain.h"

#include "runtime/explain.h"

pol_explain_wish pol_explain_asked(const pol_worker *worker, const pol_request *request)
{
    pol_explain_wish wish = {0};
    pol_bytes value;
    if (!worker->world->config->explain || !pol_http_parameter(request->head->query, "explain", &value))
        return wish;
    if (pol_bytes_is(value, "decision"))
        wish.kind = POL_EXPLAIN_DECISION;
    else if (pol_events_mode_read(value, &wish.mode))
        wish.kind = POL_EXPLAIN_EVENTS;
    return wish;
}

static pol_value lines_of(pol_arena *arena, pol_value events)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_builder lines = pol_builder_new(arena);
    pol_events_text(events, &text);
    for (size_t at = 0; at < text.n;) {
        const uint8_t *end = memchr(text.at + at, '\n', text.n - at);
        size_t n = end ? (size_t)(end - text.at) - at : text.n - at;
        pol_builder_add(&lines, pol_string_copy(arena, pol_bytes_of(text.at + at, n)));
        at += n + 1;
    }
    return pol_builder_array(&lines);
}

bool pol_decide_told(pol_worker *worker, pol_explain_wish wish, pol_entry entry, pol_value input, pol_value *result,
                     pol_value *events, pol_error *err)
{
    *events = pol_undefined();
    if (wish.kind != POL_EXPLAIN_EVENTS)
        return pol_decide(worker, entry, input, result, err);
    pol_error why;
    pol_eval_begin(worker->eval, worker->world->bundle);
    pol_events *told = pol_events_begin(worker->eval, wish.mode, &why);
    bool ok = pol_eval_run(worker->eval, entry, input, result, err);
    *events = told ? pol_events_end(told) : pol_empty(POL_ARRAY);
    if (wish.pretty)
        *events = lines_of(pol_eval_arena(worker->eval), *events);
    return ok;
}

pol_value pol_explain_told(pol_worker *worker, pol_value input)
{
    pol_value told;
    pol_error err;
    if (pol_explain(worker->eval, input, &told, &err))
        return told;
    pol_arena *arena = pol_eval_arena(worker->eval);
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "error", pol_string_copy(arena, pol_bytes_text(err.text)));
    return pol_builder_object(&b);
}
