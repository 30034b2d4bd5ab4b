/* SPDX-License-Identifier: Apache-2.0
 * Spans: made by workers as the JSON that they are sent as, joined into batches by the tracer's thread.
 */
#include "runtime/server/tracer.h"

#include "runtime/json.h"
#include "runtime/server/decision_upload.h"
#include "runtime/server/log.h"
#include "runtime/server/ring.h"
#include "runtime/server/trace_context.h"

#include <openssl/sha.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_MS = 20, SAMPLED = 1, FLAGS_KNOWN = 0x100, PARENT_IS_REMOTE = 0x200, ONE = 1000000 };

/* Of one worker. */
typedef struct {
    pol_ring ring;
    pol_buf span; /* the one in hand */
} channel;

struct pol_tracer {
    channel *channels;
    unsigned n_channels;
    uint64_t sample;
    pol_upload *upload;
    int stop; /* an eventfd */
    bool started;
    pthread_t thread;
    pol_buf line;
    pol_counter sent, failed, lost;
};

/* ---- the worker's side ---- */

static void put_text(pol_buf *out, const char *key, pol_bytes text)
{
    pol_buf_printf(out, "%s{\"key\":\"%s\",\"value\":{\"stringValue\":", out->at[out->n - 1] == '[' ? "" : ",", key);
    pol_json_write_string(out, text, POL_JSON_COMPACT);
    pol_buf_text(out, "}}");
}

static pol_bytes text_of(pol_value v)
{
    return v.tag == POL_STRING ? pol_text(v) : (pol_bytes){0};
}

static void put_principal(pol_buf *out, const pol_config *config, pol_value input)
{
    POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
    pol_value subject = pol_object_member(input, "subject");
    pol_bytes type = text_of(pol_object_member(subject, "type")), id = text_of(pol_object_member(subject, "id"));
    if (config->tracing_principal == POL_PRINCIPAL_NONE || id.n == 0)
        return;
    pol_buf_bytes(&name, type);
    pol_buf_byte(&name, ':');
    pol_buf_bytes(&name, id);
    if (config->tracing_principal == POL_PRINCIPAL_HASH) {
        uint8_t digest[SHA256_DIGEST_LENGTH], text[2 * SHA256_DIGEST_LENGTH];
        SHA256(name.at, name.n, digest);
        pol_hex_encode(text, pol_bytes_of(digest, sizeof digest));
        put_text(out, "authz.principal", pol_bytes_of(text, sizeof text));
        return;
    }
    put_text(out, "authz.principal", pol_buf_view(&name));
}

static void put_rules(pol_buf *out, pol_value rules)
{
    POL_CLEAN(pol_buf_deinit) pol_buf names = {0};
    for (uint32_t i = 0; rules.tag == POL_ARRAY && i < rules.n; i++) {
        if (i)
            pol_buf_byte(&names, ',');
        pol_buf_bytes(&names, text_of(pol_element(rules, i)));
    }
    if (names.n)
        put_text(out, "authz.rule_id", pol_buf_view(&names));
}

static void put_baggage(pol_buf *out, pol_arena *arena, const pol_config *config, const pol_http_head *head)
{
    pol_bytes header = config->tracing_baggage.n ? pol_http_header_get(head, "baggage") : (pol_bytes){0};
    for (unsigned i = 0; header.n && i < config->tracing_baggage.n; i++) {
        const char *key = config->tracing_baggage.items[i];
        uint8_t *value = pol_arena_alloc(arena, header.n + 1);
        size_t n;
        if (!pol_baggage_get(header, pol_bytes_text(key), value, &n))
            continue;
        POL_CLEAN(pol_buf_deinit) pol_buf name = {0};
        pol_buf_printf(&name, "%s{\"key\":", out->at[out->n - 1] == '[' ? "" : ",");
        pol_json_write_string(&name, pol_bytes_text(pol_arena_printf(arena, "baggage.%s", key)), POL_JSON_COMPACT);
        pol_buf_bytes(out, pol_buf_view(&name));
        pol_buf_text(out, ",\"value\":{\"stringValue\":");
        pol_json_write_string(out, pol_bytes_of(value, n), POL_JSON_COMPACT);
        pol_buf_text(out, "}}");
    }
}

static void put_hex(pol_buf *out, const char *name, const uint8_t *bytes, size_t n)
{
    char text[2 * POL_TRACE_ID + 1] = {0};
    pol_hex_encode((uint8_t *)text, pol_bytes_of(bytes, n));
    pol_buf_printf(out, "\"%s\":\"%s\",", name, text);
}

static void put_attributes(pol_buf *out, pol_worker *worker, const pol_request *request, const pol_outcome *outcome)
{
    static const char *const effects[] = {"permit", "deny", "error"};
    const pol_config *config = worker->world->config;
    pol_bytes configured = pol_bytes_text(config->decision ? config->decision : ""), tier = {0};
    if (outcome->result.tag == POL_OBJECT)
        tier = text_of(pol_object_member(outcome->result, "tier"));
    pol_buf_text(out, "\"attributes\":[");
    put_text(out, "authz.effect", pol_bytes_text(effects[outcome->effect]));
    put_text(out, "authz.decision_id", pol_bytes_text(outcome->id));
    put_text(out, "authz.policy", outcome->protocol == POL_PROTOCOL_DATA ? outcome->path : configured);
    if (pol_is_defined(outcome->input))
        put_principal(out, config, outcome->input);
    put_rules(out, outcome->rules);
    if (tier.n)
        put_text(out, "authz.tier", tier);
    if (outcome->reason)
        put_text(out, "authz.reason", pol_bytes_text(outcome->reason));
    pol_buf_printf(out, ",{\"key\":\"authz.cache_hit\",\"value\":{\"boolValue\":%s}}", worker->identity_known ? "true" : "false");
    put_baggage(out, &worker->arena, config, request->head);
    pol_buf_byte(out, ']');
}

/* A caller that traces decides for its whole trace; else as many as the setting says. */
static bool is_sampled(pol_worker *worker, const pol_trace_context *parent, uint64_t sample)
{
    uint32_t random;
    if (parent->has_parent)
        return parent->flags & SAMPLED;
    pol_random(worker, &random, sizeof random);
    return (uint64_t)random * ONE >> 32 < sample;
}

void pol_tracer_note(pol_worker *worker, const pol_request *request, const pol_outcome *outcome, int64_t took_ns)
{
    pol_tracer *tracer = worker->server->tracer;
    channel *to = &tracer->channels[worker->number];
    pol_buf *out = &to->span;
    pol_trace_context parent = pol_trace_context_read(request->head);
    pol_span *span = &worker->span;
    span->on = is_sampled(worker, &parent, tracer->sample);
    if (!span->on)
        return;
    if (parent.has_parent)
        memcpy(span->trace_id, parent.trace_id, sizeof span->trace_id);
    else
        pol_random(worker, span->trace_id, sizeof span->trace_id);
    pol_random(worker, span->span_id, sizeof span->span_id);
    int64_t end_ns = pol_clock_ns();
    pol_buf_clear(out);
    pol_buf_byte(out, '{');
    put_hex(out, "traceId", span->trace_id, sizeof span->trace_id);
    put_hex(out, "spanId", span->span_id, sizeof span->span_id);
    if (parent.has_parent)
        put_hex(out, "parentSpanId", parent.parent_id, sizeof parent.parent_id);
    if (parent.state.n) {
        pol_buf_text(out, "\"traceState\":");
        pol_json_write_string(out, parent.state, POL_JSON_COMPACT);
        pol_buf_byte(out, ',');
    }
    unsigned flags = FLAGS_KNOWN | (parent.has_parent ? PARENT_IS_REMOTE | parent.flags : SAMPLED);
    pol_buf_printf(out, "\"flags\":%u,\"name\":\"authz.decide\",\"kind\":2,\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\",", flags,
                   (long long)(end_ns - took_ns), (long long)end_ns);
    put_attributes(out, worker, request, outcome);
    if (outcome->effect == POL_EFFECT_ERROR)
        pol_buf_printf(out, ",\"status\":{\"code\":2,\"message\":\"%s\"}}", outcome->reason ? outcome->reason : "");
    else
        pol_buf_text(out, ",\"status\":{}}");
    pol_ring_put(&to->ring, pol_buf_view(out));
}

/* ---- the thread's side ---- */

static void empty_ring(pol_tracer *tracer, pol_ring *ring)
{
    for (uint64_t end = pol_ring_waiting(ring), n = 0; n < end && pol_ring_take(ring, &tracer->line); n += tracer->line.n) {
        if (!pol_upload_add(tracer->upload, pol_buf_view(&tracer->line)))
            pol_count(&tracer->lost, 1);
    }
}

static void *run(void *context)
{
    pol_tracer *tracer = context;
    struct pollfd stop = {.fd = tracer->stop, .events = POLLIN};
    for (bool ending = false; !ending;) {
        ending = poll(&stop, 1, LOOK_MS) > 0;
        for (unsigned i = 0; i < tracer->n_channels; i++)
            empty_ring(tracer, &tracer->channels[i].ring);
        pol_upload_step(tracer->upload, false, &tracer->sent, &tracer->failed);
    }
    while (pol_upload_step(tracer->upload, true, &tracer->sent, &tracer->failed))
        poll(NULL, 0, LOOK_MS);
    return NULL;
}

/* ---- life ---- */

bool pol_tracer_new(pol_server *server, const pol_config *config, unsigned n_workers, pol_tracer **out, pol_error *err)
{
    *out = NULL;
    if (!config->tracing_url)
        return true;
    pol_tracer *tracer = calloc(1, sizeof *tracer);
    if (!tracer)
        return pol_fail(err, POL_E_MEMORY, "no memory for the tracer");
    *out = tracer;
    tracer->sample = config->tracing_sample;
    tracer->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    tracer->channels = calloc(n_workers, sizeof *tracer->channels);
    while (tracer->channels && tracer->n_channels < n_workers && pol_ring_init(&tracer->channels[tracer->n_channels].ring, (size_t)config->tracing_buffer))
        tracer->n_channels++;
    if (tracer->n_channels < n_workers || tracer->stop < 0)
        return pol_fail(err, POL_E_MEMORY, "no memory for the tracer's buffers");
    char head[512];
    snprintf(head, sizeof head,
             "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"pold\"}},{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"%s\"}}]},"
             "\"scopeSpans\":[{\"scope\":{\"name\":\"polward\",\"version\":\"" POLWARD_VERSION "\"},\"spans\":[",
             server->id);
    const pol_upload_config upload = {.url = config->tracing_url, .ca_file = config->tracing_ca, .max_bytes = (size_t)config->tracing_buffer, .head = head, .tail = "]}]}]}", .what = "spans could not be sent"};
    return pol_upload_new(server->fetcher, &upload, &tracer->upload, err);
}

bool pol_tracer_start(pol_tracer *tracer, pol_error *err)
{
    if (!tracer)
        return true;
    int failed = pthread_create(&tracer->thread, NULL, run, tracer);
    tracer->started = failed == 0;
    return tracer->started || pol_fail(err, POL_E_IO, "the tracer's thread could not be started: %s", strerror(failed));
}

void pol_tracer_free(pol_tracer *tracer)
{
    if (!tracer)
        return;
    uint64_t one = 1;
    ssize_t written = write(tracer->stop, &one, sizeof one);
    (void)written;
    if (tracer->started)
        pthread_join(tracer->thread, NULL);
    for (unsigned i = 0; i < tracer->n_channels; i++) {
        pol_ring_deinit(&tracer->channels[i].ring);
        pol_buf_deinit(&tracer->channels[i].span);
    }
    free(tracer->channels);
    pol_upload_free(tracer->upload);
    pol_buf_deinit(&tracer->line);
    close(tracer->stop);
    free(tracer);
}

static uint64_t seen(const pol_counter *counter)
{
    return atomic_load_explicit((pol_counter *)(uintptr_t)counter, memory_order_relaxed);
}

uint64_t pol_tracer_count(const pol_tracer *tracer, pol_spans kind)
{
    if (!tracer)
        return 0;
    if (kind != POL_SPANS_LOST)
        return seen(kind == POL_SPANS_SENT ? &tracer->sent : &tracer->failed);
    uint64_t n = seen(&tracer->lost);
    for (unsigned i = 0; i < tracer->n_channels; i++)
        n += seen(&tracer->channels[i].ring.lost);
    return n;
}
