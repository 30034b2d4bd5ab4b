/* SPDX-License-Identifier: Apache-2.0
 * Counters: each worker counts for itself, without a lock or a shared cache line; a scrape sums what it sees.
 */
#pragma once

#include "runtime/bytes.h"

#include <stdatomic.h>

typedef _Atomic uint64_t pol_counter;

typedef enum {
#define ROUTE(id, method, path, reach, errors, use, handler, label, doc) POL_ROUTE_##id,
#include "runtime/server/routes.def"
#undef ROUTE
    POL_ROUTE_NONE,
    POL_ROUTE_COUNT
} pol_route_id;

enum {
    POL_HTTP_BUCKETS = 11,     /* +Inf included */
    POL_DECISION_BUCKETS = 11,
    POL_STATUS_SLOTS = 24,
    POL_TIER_SLOTS = 32,
    POL_TIER_NAME = 48, /* bytes, with a NUL */
    POL_REASON_SLOTS = 64,
};

typedef enum { POL_METHOD_GET, POL_METHOD_POST, POL_METHOD_OTHER, POL_METHOD_SLOTS } pol_method_slot;
typedef enum { POL_PROTOCOL_AUTHZEN, POL_PROTOCOL_DATA, POL_PROTOCOL_GATEWAY, POL_PROTOCOL_COUNT } pol_protocol;
typedef enum { POL_EFFECT_PERMIT, POL_EFFECT_DENY, POL_EFFECT_ERROR, POL_EFFECT_COUNT } pol_effect;

typedef struct {
    pol_counter bucket[POL_HTTP_BUCKETS], sum_ns;
} pol_histogram;

/* Written by one worker, read by all. */
typedef struct {
#define COUNTER(field, name, help) pol_counter field;
#include "runtime/server/metrics.def"
    pol_histogram http[POL_ROUTE_COUNT][POL_STATUS_SLOTS][POL_METHOD_SLOTS];
    pol_histogram decision[POL_PROTOCOL_COUNT];
    pol_counter decisions[POL_PROTOCOL_COUNT][POL_EFFECT_COUNT];
    struct {
        _Atomic bool named;
        char name[POL_TIER_NAME]; /* written once, before named */
        pol_counter n[POL_EFFECT_COUNT];
    } tiers[POL_TIER_SLOTS];
    struct {
        const char *_Atomic reason; /* a static string */
        pol_counter n;
    } refusals[POL_REASON_SLOTS];
} pol_metrics;

static inline void pol_count(pol_counter *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}
void pol_metrics_http(pol_metrics *m, pol_route_id route, int status, pol_bytes method, uint64_t ns);
void pol_metrics_decision(pol_metrics *m, pol_protocol protocol, pol_effect effect, uint64_t ns);
/* tier n == 0: none decided. */
void pol_metrics_tier(pol_metrics *m, pol_bytes tier, pol_effect effect);
void pol_metrics_refusal(pol_metrics *m, const char *reason);

struct pol_server;
/* The whole page. */
void pol_metrics_write(const struct pol_server *server, pol_buf *out);
