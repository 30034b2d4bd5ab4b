/* SPDX-License-Identifier: Apache-2.0
 * What OPA's clients and operators ask beside decisions: policies, configuration, status; and what a daemon without a compiler
 * has no answer to.
 */
#include "runtime/server/decide.h"

#include "runtime/json.h"
#include "runtime/server/log.h"

static void answer_result(const pol_request *request, pol_answer *answer, pol_arena *arena, pol_value result)
{
    pol_bytes pretty;
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "result", result);
    answer->status = 200;
    pol_json_write(answer->body, pol_builder_object(&b),
                   POL_JSON_HTML | (pol_http_parameter(request->head->query, "pretty", &pretty) ? POL_JSON_PRETTY : 0));
    pol_buf_byte(answer->body, '\n');
}

static pol_value labels_of(const pol_worker *worker, pol_arena *arena)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "id", pol_string_text(worker->server->id));
    pol_builder_put_text(&b, "version", pol_string_text(POLWARD_VERSION));
    return pol_builder_object(&b);
}

void pol_serve_compiler_wanted(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    (void)worker;
    pol_answer_error(answer, request->head, POL_ERRORS_DATA, 501, "invalid_operation",
                     "queries are not compiled here: make a rule of it, build it into the bundle and ask for it under /v1/data");
}

/* A bundle holds no sources, so its entry points stand for them. */
void pol_serve_policies(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    pol_arena *arena = &worker->arena;
    pol_builder list = pol_builder_new(arena);
    const char *path;
    for (uint32_t i = 0; (path = pol_bundle_entry_path(worker->world->bundle, i)); i++) {
        pol_builder b = pol_builder_new(arena);
        pol_builder_put_text(&b, "id", pol_string_text(path));
        pol_builder_add(&list, pol_builder_object(&b));
    }
    answer_result(request, answer, arena, pol_builder_array(&list));
}

void pol_serve_config(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    pol_arena *arena = &worker->arena;
    pol_builder b = pol_builder_new(arena);
    const char *path = worker->world->config->default_decision;
    pol_builder_put_text(&b, "default_decision", pol_string_text(pol_arena_printf(arena, "/%s", path)));
    pol_builder_put_text(&b, "labels", labels_of(worker, arena));
    answer_result(request, answer, arena, pol_builder_object(&b));
}

static pol_value bundle_status(const pol_worker *worker, const pol_reload_status *status, pol_arena *arena)
{
    pol_builder b = pol_builder_new(arena);
    char *when = pol_arena_alloc(arena, 32);
    pol_time_text(worker->world->activated_ns, when);
    pol_builder_put_text(&b, "name", pol_string_text("main"));
    pol_builder_put_text(&b, "type", pol_string_text("snapshot"));
    pol_builder_put_text(&b, "active_revision", pol_string_text(worker->world->revision));
    pol_builder_put_text(&b, "last_successful_activation", pol_string_text(when));
    if (status->failing) {
        pol_builder_put_text(&b, "code", pol_string_text("bundle_error"));
        pol_builder_put_text(&b, "message", pol_string_copy(arena, pol_bytes_text(status->error)));
    }
    return pol_builder_object(&b);
}

void pol_serve_status(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    pol_arena *arena = &worker->arena;
    pol_reload_status status = pol_server_status(worker->server);
    pol_builder state = pol_builder_new(arena), plugins = pol_builder_new(arena), bundles = pol_builder_new(arena), b = pol_builder_new(arena);
    pol_builder_put_text(&state, "state", pol_string_text("OK"));
    pol_builder_put_text(&plugins, "bundle", pol_builder_object(&state));
    pol_builder_put_text(&bundles, "main", bundle_status(worker, &status, arena));
    pol_builder_put_text(&b, "labels", labels_of(worker, arena));
    pol_builder_put_text(&b, "bundles", pol_builder_object(&bundles));
    pol_builder_put_text(&b, "plugins", pol_builder_object(&plugins));
    answer_result(request, answer, arena, pol_builder_object(&b));
}
