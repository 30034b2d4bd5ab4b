/* SPDX-License-Identifier: Apache-2.0
 * Redis as the second level of what is known of opaque tokens: asked by one thread of its own, which never keeps a decision longer than a short time. What comes from it counts only with
 * a MAC and an end; while it is down or slow it is not asked at all.
 */
#pragma once

#include "runtime/identity/introspect.h"

typedef struct pol_redis pol_redis;

typedef struct {
    const char *address;        /* "host:port", "[::1]:port" or the path of a unix socket */
    const char *user, *password; /* NULL: none */
    uint32_t timeout_ms;        /* of each answer */
} pol_redis_config;

/* Starts the thread, whether Redis is there or not. secret: what values are authenticated with, and shared by all who share the Redis. */
POL_MUST_USE bool pol_redis_new(const pol_redis_config *config, pol_bytes secret, pol_redis **out, pol_error *err);
/* What is under way is answered as not known. NULL is nothing. */
void pol_redis_free(pol_redis *redis);
pol_introspection_store pol_redis_as_store(pol_redis *redis);
/* Is it being asked now? From any thread. */
bool pol_redis_is_up(pol_redis *redis);
/* Whether address is one. */
POL_MUST_USE bool pol_redis_address_check(const char *address, pol_error *err);
