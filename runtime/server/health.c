/* SPDX-License-Identifier: Apache-2.0
 * The endpoints that say how the daemon is. */
#include "runtime/server/answer.h"

#include "runtime/json.h"
#include "runtime/server/log.h"
#include "runtime/server/source.h"

static void put_text(pol_buf *out, const char *name, const char *value)
{
    pol_buf_printf(out, "\"%s\": ", name);
    pol_json_write_string(out, pol_bytes_text(value), POL_JSON_COMPACT);
}

/* How the fetching of the bundle goes, where it is fetched. */
static void put_source(pol_buf *out, const pol_server *server)
{
    char when[32];
    if (!server->source)
        return;
    pol_source_state state = pol_source_look(server->source);
    pol_buf_printf(out, ", \"source\": {\"failures\": %llu", (unsigned long long)state.failures);
    if (state.answered_ns) {
        pol_time_text(state.answered_ns, when);
        pol_buf_printf(out, ", \"answered\": \"%s\"", when);
    }
    if (state.error[0]) {
        pol_buf_text(out, ", ");
        put_text(out, "error", state.error);
    }
    pol_buf_byte(out, '}');
}

/* OPA's clients look at the status alone; the body is for people and monitors. A failed reload is no reason to be taken out of
 * service: the last good bundle answers. */
void pol_serve_health(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    char when[32];
    pol_reload_status status = pol_server_status(worker->server);
    pol_buf *out = answer->body;
    (void)request;
    answer->status = 200;
    pol_buf_printf(out, "{\"status\": \"%s\", \"generation\": %llu, \"bundle\": {", status.failing ? "reload-failing" : "ok",
                   (unsigned long long)worker->world->generation);
    put_text(out, "revision", worker->world->revision);
    pol_buf_text(out, ", ");
    put_text(out, "sha256", worker->world->digest);
    pol_time_text(worker->world->activated_ns, when);
    pol_buf_printf(out, ", \"activated\": \"%s\"}", when);
    if (status.failing) {
        pol_time_text(status.failed_ns, when);
        pol_buf_printf(out, ", \"reload\": {\"failed\": \"%s\", ", when);
        put_text(out, "error", status.error);
        pol_buf_byte(out, '}');
    }
    put_source(out, worker->server);
    pol_buf_text(out, "}\n");
}

void pol_serve_live(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    (void)worker;
    (void)request;
    answer->status = 200;
    pol_buf_text(answer->body, "{}\n");
}

void pol_serve_ready(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    if (atomic_load(&worker->server->draining)) {
        pol_buf_text(answer->headers, "Retry-After: 1\r\n");
        pol_answer_error(answer, request->head, POL_ERRORS_DATA, 503, NULL, "stopping");
        return;
    }
    answer->status = 200;
    pol_buf_text(answer->body, "{}\n");
}

void pol_serve_metrics(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    (void)request;
    answer->status = 200;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
    pol_metrics_write(worker->server, answer->body);
}
