/* SPDX-License-Identifier: Apache-2.0
 * Counting and the Prometheus page. */
#include "runtime/server/metrics.h"

#include "runtime/identity/chain_cache.h"
#include "runtime/identity/introspect.h"
#include "runtime/identity/revocation.h"
#include "runtime/identity/token_cache.h"
#include "runtime/server/log.h"
#include "runtime/server/decision_log.h"
#include "runtime/server/redis_store.h"
#include "runtime/server/shadow.h"
#include "runtime/server/source.h"
#include "runtime/server/tracer.h"

#include <stdio.h>
#include <unistd.h>

/* Upper bounds in nanoseconds; the last bucket of each is +Inf. */
static const uint64_t http_bounds[POL_HTTP_BUCKETS - 1] = {1000, 5000, 10000, 50000, 100000, 500000, 1000000, 10000000, 100000000, 1000000000};
static const char *const http_labels[POL_HTTP_BUCKETS] = {"1e-06", "5e-06", "1e-05", "5e-05", "0.0001", "0.0005",
                                                         "0.001", "0.01", "0.1", "1", "+Inf"};
static const uint64_t decision_bounds[POL_DECISION_BUCKETS - 1] = {100, 500, 1000, 5000, 10000, 50000, 100000, 1000000, 10000000, 100000000};
static const char *const decision_labels[POL_DECISION_BUCKETS] = {"1e-07", "5e-07", "1e-06", "5e-06", "1e-05", "5e-05",
                                                                 "0.0001", "0.001", "0.01", "0.1", "+Inf"};
_Static_assert(POL_HTTP_BUCKETS == POL_DECISION_BUCKETS, "one histogram type serves both");

static const int statuses[] = {200, 207, 301, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 429, 431, 500, 501, 503, 505};
enum { N_STATUSES = sizeof statuses / sizeof *statuses };
_Static_assert((int)N_STATUSES < (int)POL_STATUS_SLOTS, "the slot behind the known ones is for others");

static const char *const route_labels[POL_ROUTE_COUNT] = {
#define ROUTE(id, method, path, reach, errors, use, handler, label, doc) [POL_ROUTE_##id] = label,
#include "runtime/server/routes.def"
#undef ROUTE
    [POL_ROUTE_NONE] = "none",
};
static const char *const method_labels[] = {"get", "post", "other"};
static const char *const protocol_labels[] = {"authzen", "data", "gateway"};
static const char *const effect_labels[] = {"permit", "deny", "error"};

static void observe(pol_histogram *h, const uint64_t *bounds, unsigned n_bounds, uint64_t ns)
{
    unsigned i = 0;
    while (i < n_bounds && ns > bounds[i])
        i++;
    pol_count(&h->bucket[i], 1);
    pol_count(&h->sum_ns, ns);
}

void pol_metrics_http(pol_metrics *m, pol_route_id route, int status, pol_bytes method, uint64_t ns)
{
    unsigned slot = 0;
    while (slot < N_STATUSES && statuses[slot] != status)
        slot++;
    pol_method_slot kind = pol_bytes_is(method, "POST") ? POL_METHOD_POST : pol_bytes_is(method, "GET") ? POL_METHOD_GET : POL_METHOD_OTHER;
    observe(&m->http[route][slot][kind], http_bounds, POL_HTTP_BUCKETS - 1, ns);
}

void pol_metrics_decision(pol_metrics *m, pol_protocol protocol, pol_effect effect, uint64_t ns)
{
    pol_count(&m->decisions[protocol][effect], 1);
    observe(&m->decision[protocol], decision_bounds, POL_DECISION_BUCKETS - 1, ns);
}

/* Does it stand in a label as it is? */
static bool is_label(pol_bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.at[i];
        if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.')
            return false;
    }
    return true;
}

void pol_metrics_tier(pol_metrics *m, pol_bytes tier, pol_effect effect)
{
    if (tier.n == 0 || tier.n >= POL_TIER_NAME || !is_label(tier))
        tier = tier.n ? POL_BYTES("other") : POL_BYTES("none");
    for (unsigned i = 0; i < POL_TIER_SLOTS; i++) {
        if (i == POL_TIER_SLOTS - 1)
            tier = POL_BYTES("other");
        if (!atomic_load_explicit(&m->tiers[i].named, memory_order_relaxed)) {
            memcpy(m->tiers[i].name, tier.at, tier.n);
            atomic_store_explicit(&m->tiers[i].named, true, memory_order_release);
        }
        if (!pol_bytes_is(tier, m->tiers[i].name))
            continue;
        pol_count(&m->tiers[i].n[effect], 1);
        return;
    }
}

void pol_metrics_refusal(pol_metrics *m, const char *reason)
{
    for (unsigned i = 0; i < POL_REASON_SLOTS; i++) {
        const char *known = atomic_load_explicit(&m->refusals[i].reason, memory_order_relaxed);
        if (!known)
            atomic_store_explicit(&m->refusals[i].reason, reason, memory_order_release);
        else if (strcmp(known, reason) != 0)
            continue;
        pol_count(&m->refusals[i].n, 1);
        return;
    }
}

/* ---- the page ---- */

static uint64_t seen(const pol_counter *c)
{
    return atomic_load_explicit((pol_counter *)c, memory_order_relaxed);
}

/* The sum over all workers of the counter at an offset in pol_metrics. */
static uint64_t sum_at(const pol_server *server, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < server->n_workers; i++)
        sum += seen((const pol_counter *)(const void *)((const uint8_t *)&server->workers[i]->metrics + offset));
    return sum;
}

static void write_histogram(const pol_server *server, pol_buf *out, const char *name, const char *labels, size_t offset,
                            const char *const *bounds)
{
    uint64_t counts[POL_HTTP_BUCKETS], total = 0;
    for (unsigned i = 0; i < POL_HTTP_BUCKETS; i++) {
        counts[i] = sum_at(server, offset + offsetof(pol_histogram, bucket) + i * sizeof(pol_counter));
        total += counts[i];
    }
    if (total == 0)
        return;
    uint64_t so_far = 0;
    for (unsigned i = 0; i < POL_HTTP_BUCKETS; i++) {
        so_far += counts[i];
        pol_buf_printf(out, "%s_bucket{%s,le=\"%s\"} %llu\n", name, labels, bounds[i], (unsigned long long)so_far);
    }
    pol_buf_printf(out, "%s_sum{%s} %.9g\n", name, labels, (double)sum_at(server, offset + offsetof(pol_histogram, sum_ns)) / 1e9);
    pol_buf_printf(out, "%s_count{%s} %llu\n", name, labels, (unsigned long long)total);
}

static void write_http_duration(const pol_server *server, pol_buf *out, const char *name)
{
    for (unsigned r = 0; r < POL_ROUTE_COUNT; r++)
        for (unsigned s = 0; s <= N_STATUSES; s++)
            for (unsigned m = 0; m < POL_METHOD_SLOTS; m++) {
                char labels[128], code[8];
                snprintf(code, sizeof code, "%d", s < N_STATUSES ? statuses[s] : 0);
                snprintf(labels, sizeof labels, "code=\"%s\",handler=\"%s\",method=\"%s\"", s < N_STATUSES ? code : "other",
                         route_labels[r], method_labels[m]);
                write_histogram(server, out, name, labels, offsetof(pol_metrics, http[r][s][m]), http_labels);
            }
}

static void write_decisions(const pol_server *server, pol_buf *out, const char *name)
{
    for (unsigned p = 0; p < POL_PROTOCOL_COUNT; p++)
        for (unsigned e = 0; e < POL_EFFECT_COUNT; e++)
            pol_buf_printf(out, "%s{effect=\"%s\",protocol=\"%s\"} %llu\n", name, effect_labels[e], protocol_labels[p],
                           (unsigned long long)sum_at(server, offsetof(pol_metrics, decisions[p][e])));
}

/* Workers meet tiers in different orders, so each is summed by name: at its first place among all. */
static void write_tiers(const pol_server *server, pol_buf *out, const char *name)
{
    struct {
        const char *name;
        uint64_t n[POL_EFFECT_COUNT];
    } sums[POL_TIER_SLOTS] = {0};
    unsigned n_sums = 0;
    for (unsigned at = 0; at < server->n_workers * POL_TIER_SLOTS; at++) {
        pol_metrics *m = &server->workers[at / POL_TIER_SLOTS]->metrics;
        unsigned i = at % POL_TIER_SLOTS, k = 0;
        if (!atomic_load_explicit(&m->tiers[i].named, memory_order_acquire))
            continue;
        while (k < n_sums && strcmp(sums[k].name, m->tiers[i].name) != 0)
            k++;
        if (k == POL_TIER_SLOTS)
            continue;
        n_sums += k == n_sums;
        sums[k].name = m->tiers[i].name;
        for (unsigned e = 0; e < POL_EFFECT_COUNT; e++)
            sums[k].n[e] += seen(&m->tiers[i].n[e]);
    }
    for (unsigned k = 0; k < n_sums; k++) {
        for (unsigned e = 0; e < POL_EFFECT_COUNT; e++) {
            if (sums[k].n[e])
                pol_buf_printf(out, "%s{effect=\"%s\",tier=\"%s\"} %llu\n", name, effect_labels[e], sums[k].name, (unsigned long long)sums[k].n[e]);
        }
    }
}

static void write_decision_duration(const pol_server *server, pol_buf *out, const char *name)
{
    for (unsigned p = 0; p < POL_PROTOCOL_COUNT; p++) {
        char labels[64];
        snprintf(labels, sizeof labels, "protocol=\"%s\"", protocol_labels[p]);
        write_histogram(server, out, name, labels, offsetof(pol_metrics, decision[p]), decision_labels);
    }
}

/* Workers meet reasons in different orders, so each reason is summed by name. */
static void write_identity_failures(const pol_server *server, pol_buf *out, const char *name)
{
    struct {
        const char *reason;
        uint64_t n;
    } sums[POL_REASON_SLOTS];
    unsigned n_sums = 0;
    for (unsigned w = 0; w < server->n_workers; w++) {
        const pol_metrics *m = &server->workers[w]->metrics;
        for (unsigned i = 0; i < POL_REASON_SLOTS; i++) {
            const char *reason = atomic_load_explicit(&((pol_metrics *)m)->refusals[i].reason, memory_order_acquire);
            unsigned k = 0;
            if (!reason)
                break;
            while (k < n_sums && strcmp(sums[k].reason, reason) != 0)
                k++;
            if (k == POL_REASON_SLOTS)
                continue;
            if (k == n_sums) {
                sums[n_sums].reason = reason;
                sums[n_sums++].n = 0;
            }
            sums[k].n += seen(&m->refusals[i].n);
        }
    }
    for (unsigned i = 0; i < n_sums; i++)
        pol_buf_printf(out, "%s{reason=\"%s\"} %llu\n", name, sums[i].reason, (unsigned long long)sums[i].n);
}

static void write_plain(pol_buf *out, const char *name, const char *labels, double value)
{
    pol_buf_printf(out, "%s%s %.17g\n", name, labels, value);
}

static pol_revocation_counts count_ocsp(const pol_server *server)
{
    return pol_revocation_count(server->revocation, pol_clock_ns() / 1000000000);
}

static void write_ocsp_answers(const pol_server *server, pol_buf *out, const char *name)
{
    pol_revocation_counts counts = count_ocsp(server);
    write_plain(out, name, "{result=\"good\"}", (double)counts.good);
    write_plain(out, name, "{result=\"revoked\"}", (double)counts.revoked);
    write_plain(out, name, "{result=\"unknown\"}", (double)counts.unknown);
    write_plain(out, name, "{result=\"failed\"}", (double)counts.failed);
}

static void write_ocsp_watched(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", count_ocsp(server).watched);
}

static void write_ocsp_stapling(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", count_ocsp(server).stapling);
}

/* What all workers know of opaque tokens by themselves. */
static pol_opaque_counts count_opaque(const pol_server *server)
{
    pol_opaque_counts sum = {0};
    for (unsigned i = 0; i < server->n_workers; i++) {
        if (!server->workers[i]->view.opaque)
            continue;
        pol_opaque_counts counts = pol_opaque_cache_count(server->workers[i]->view.opaque);
        sum.hits += counts.hits;
        sum.misses += counts.misses;
        sum.entries += counts.entries;
    }
    return sum;
}

/* Of the two caches of what was verified. */
static void write_verified(const pol_server *server, pol_buf *out, const char *name, bool hits)
{
    uint64_t tokens = 0, chains = 0;
    for (unsigned i = 0; i < server->n_workers; i++) {
        const pol_worker *w = server->workers[i];
        pol_token_counts t = w->tokens ? pol_token_cache_count(w->tokens) : (pol_token_counts){0};
        pol_chain_counts c = w->chains ? pol_chain_cache_count(w->chains) : (pol_chain_counts){0};
        tokens += hits ? t.hits : t.misses;
        chains += hits ? c.hits : c.misses;
    }
    write_plain(out, name, "{cache=\"jwt\"}", (double)tokens);
    write_plain(out, name, "{cache=\"cert\"}", (double)chains);
}

static void write_cache_hits(const pol_server *server, pol_buf *out, const char *name)
{
    write_verified(server, out, name, true);
    write_plain(out, name, "{cache=\"introspection\"}", (double)count_opaque(server).hits);
    write_plain(out, name, "{cache=\"introspection_redis\"}", (double)pol_introspection_count(server->introspection).stored_hits);
}

static void write_cache_misses(const pol_server *server, pol_buf *out, const char *name)
{
    write_verified(server, out, name, false);
    write_plain(out, name, "{cache=\"introspection\"}", (double)count_opaque(server).misses);
    write_plain(out, name, "{cache=\"introspection_redis\"}", (double)pol_introspection_count(server->introspection).stored_misses);
}

static void write_cache_entries(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "{cache=\"introspection\"}", (double)count_opaque(server).entries);
}

/* ---- keys that are fetched ---- */

typedef struct {
    pol_buf *out;
    const char *name;
} key_rows;

/* of one issuer; more, "" or a further label */
static void write_of_issuer(const key_rows *rows, const char *issuer, const char *more, double value)
{
    POL_CLEAN(pol_buf_deinit) pol_buf labels = {0};
    pol_buf_text(&labels, "{issuer=\"");
    for (; *issuer; issuer++) {
        if (*issuer == '"' || *issuer == '\\')
            pol_buf_byte(&labels, '\\');
        pol_buf_byte(&labels, *issuer == '\n' ? ' ' : (uint8_t)*issuer);
    }
    pol_buf_printf(&labels, "\"%s}", more);
    pol_buf_byte(&labels, 0);
    write_plain(rows->out, rows->name, (const char *)labels.at, value);
}

static void write_fetches(void *context, const pol_key_source_state *state)
{
    write_of_issuer(context, state->issuer, ",result=\"fetched\"", (double)state->fetched);
    write_of_issuer(context, state->issuer, ",result=\"failed\"", (double)state->failed);
}

static void write_number_of_keys(void *context, const pol_key_source_state *state)
{
    write_of_issuer(context, state->issuer, "", state->n_keys);
}

static void write_age_of_keys(void *context, const pol_key_source_state *state)
{
    if (state->known)
        write_of_issuer(context, state->issuer, "", (double)state->age_ms / 1000);
}

static void write_key_fetches(const pol_server *server, pol_buf *out, const char *name)
{
    pol_key_sources_visit(server->key_sources, write_fetches, &(key_rows){out, name});
}

static void write_keys(const pol_server *server, pol_buf *out, const char *name)
{
    pol_key_sources_visit(server->key_sources, write_number_of_keys, &(key_rows){out, name});
}

static void write_keys_age(const pol_server *server, pol_buf *out, const char *name)
{
    pol_key_sources_visit(server->key_sources, write_age_of_keys, &(key_rows){out, name});
}

static void write_introspections(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", (double)pol_introspection_count(server->introspection).asked);
}

static void write_redis_up(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", server->redis && pol_redis_is_up(server->redis));
}

static void write_connections(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", atomic_load(&((pol_server *)server)->n_connections));
}

static void write_connections_refused(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", (double)seen(&server->n_refused));
}

static void write_workers(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", server->n_workers);
}

/* Of the last world that every worker has taken up. */
static void write_generation(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", (double)pol_server_status(server).generation);
}

static void write_bundle_loaded(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "{name=\"main\"}", (double)pol_server_status(server).succeeded);
}

static void write_bundle_failed(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "{name=\"main\"}", (double)pol_server_status(server).failed);
}

static void write_last_activation(const pol_server *server, pol_buf *out, const char *name)
{
    pol_reload_status status = pol_server_status(server);
    pol_buf_printf(out, "%s{active_revision=\"", name);
    for (const char *p = status.revision; *p; p++) {
        if (*p == '\\' || *p == '"')
            pol_buf_byte(out, '\\');
        if (*p == '\n')
            pol_buf_text(out, "\\n");
        else
            pol_buf_byte(out, (uint8_t)*p);
    }
    pol_buf_printf(out, "\",name=\"main\"} %lld\n", (long long)status.activated_ns);
}

static void write_source_time(const pol_server *server, pol_buf *out, const char *name, size_t offset)
{
    if (!server->source)
        return;
    pol_source_state state = pol_source_look(server->source);
    int64_t at = *(const int64_t *)(const void *)((const uint8_t *)&state + offset);
    if (at)
        pol_buf_printf(out, "%s{name=\"main\"} %lld\n", name, (long long)at);
}

static void write_bundle_download(const pol_server *server, pol_buf *out, const char *name)
{
    write_source_time(server, out, name, offsetof(pol_source_state, taken_ns));
}

static void write_bundle_answer(const pol_server *server, pol_buf *out, const char *name)
{
    write_source_time(server, out, name, offsetof(pol_source_state, answered_ns));
}

static void write_bundle_request(const pol_server *server, pol_buf *out, const char *name)
{
    write_source_time(server, out, name, offsetof(pol_source_state, asked_ns));
}

static void write_bundle_age(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", (double)(pol_clock_ns() - pol_server_status(server).activated_ns) / 1e9);
}

static void write_spans(const pol_server *server, pol_buf *out, const char *name)
{
    static const char *const labels[POL_SPANS_COUNT] = {"{result=\"sent\"}", "{result=\"failed\"}", "{result=\"lost\"}"};
    for (unsigned kind = 0; server->tracer && kind < POL_SPANS_COUNT; kind++)
        write_plain(out, name, labels[kind], (double)pol_tracer_count(server->tracer, (pol_spans)kind));
}

static void write_shadow_decisions(const pol_server *server, pol_buf *out, const char *name)
{
    for (unsigned kind = 0; server->shadow && kind < POL_SHADOW_COUNT; kind++) {
        char label[32];
        snprintf(label, sizeof label, "{result=\"%s\"}", pol_shadow_words[kind]);
        write_plain(out, name, label, (double)pol_shadow_count(server->shadow, (pol_shadow_kind)kind));
    }
}

static void write_log_waiting(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", (double)pol_decision_log_waiting(server->decision_log));
}

static void write_reload_failing(const pol_server *server, pol_buf *out, const char *name)
{
    write_plain(out, name, "", pol_server_status(server).failing);
}

static void write_log_events(const pol_server *server, pol_buf *out, const char *name)
{
    static const char *const kinds[POL_LOGGED_COUNT] = {"written", "dropped", "lost", "failed"};
    for (unsigned i = 0; i < POL_LOGGED_COUNT; i++)
        pol_buf_printf(out, "%s{result=\"%s\"} %llu\n", name, kinds[i],
                       (unsigned long long)pol_decision_log_count(server->decision_log, (pol_logged)i));
}

static void write_log_lost(const pol_server *server, pol_buf *out, const char *name)
{
    (void)server;
    pol_buf_printf(out, "%s %llu\n", name, (unsigned long long)pol_log_lost());
}

static void write_start_time(const pol_server *server, pol_buf *out, const char *name)
{
    pol_buf_printf(out, "%s %.3f\n", name, (double)server->started_ns / 1e9);
}

static void write_resident(const pol_server *server, pol_buf *out, const char *name)
{
    char text[128];
    unsigned long long total, resident;
    ssize_t n = server->statm >= 0 ? pread(server->statm, text, sizeof text - 1, 0) : 0;
    text[n > 0 ? n : 0] = 0;
    if (sscanf(text, "%llu %llu", &total, &resident) == 2)
        pol_buf_printf(out, "%s %llu\n", name, resident * (unsigned long long)sysconf(_SC_PAGESIZE));
}

static void write_info(const pol_server *server, pol_buf *out, const char *name)
{
    (void)server;
    write_plain(out, name, "{version=\"" POLWARD_VERSION "\"}", 1);
}

void pol_metrics_write(const pol_server *server, pol_buf *out)
{
#define COUNTER(field, name, help)                                                                                     \
    pol_buf_text(out, "# HELP " name " " help "\n# TYPE " name " counter\n");                                         \
    pol_buf_printf(out, name " %llu\n", (unsigned long long)sum_at(server, offsetof(pol_metrics, field)));
#define FAMILY(id, name, type, labels, help)                                                                           \
    pol_buf_text(out, "# HELP " name " " help "\n# TYPE " name " " type "\n");                                        \
    write_##id(server, out, name);
#include "runtime/server/metrics.def"
}
