/* SPDX-License-Identifier: Apache-2.0
 * What etcd's JSON gateway (v3) answers, read: 64-bit numbers are texts, bytes base64, members that are zero or empty left out. Pure functions over bytes.
 */
#pragma once

#include "runtime/value.h"

typedef struct {
    bool has_value, deleted;
    pol_bytes value;         /* of the key, in the arena; with has_value */
    uint64_t revision;       /* of the store when it answered */
    bool created, canceled;  /* of a watch */
} pol_etcd_answer;

/* The answer to /v3/kv/range for key, or a line of /v3/watch's, of whose events the last one about key counts. text has a NUL behind it. NULL, or what is wrong. */
const char *pol_etcd_range_read(pol_arena *arena, pol_bytes text, pol_bytes key, pol_etcd_answer *out);
const char *pol_etcd_watch_read(pol_arena *arena, pol_bytes line, pol_bytes key, pol_etcd_answer *out);

/* The bodies of these questions. */
void pol_etcd_range_write(pol_buf *out, pol_bytes key);
void pol_etcd_watch_write(pol_buf *out, pol_bytes key, uint64_t from_revision);
