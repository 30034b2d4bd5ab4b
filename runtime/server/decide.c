/* SPDX-License-Identifier: Apache-2.0
 * Decisions, whatever protocol asks for them. */
#include "runtime/server/decide.h"

#include "runtime/identity/chain_cache.h"
#include "runtime/identity/token_cache.h"
#include "runtime/json.h"
#include "runtime/server/decision_log.h"
#include "runtime/server/log.h"
#include "runtime/server/shadow.h"
#include "runtime/server/tracer.h"

#include <openssl/rand.h>
#include <stdlib.h>

static void put_hex(char **out, const uint8_t *bytes, size_t n)
{
    pol_hex_encode((uint8_t *)*out, pol_bytes_of(bytes, n));
    *out += 2 * n;
}

void pol_uuid_text(uint8_t bytes[16], char out[POL_ID_TEXT])
{
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    char *at = out;
    for (unsigned i = 0; i < sizeof groups; i++) {
        if (i)
            *at++ = '-';
        put_hex(&at, bytes, groups[i]);
        bytes += groups[i];
    }
    *at = 0;
}

void pol_random(pol_worker *worker, void *out, size_t n)
{
    if (worker->ids_left < n) {
        /* ids that repeat would make two decisions one in every log */
        if (RAND_bytes(worker->ids, sizeof worker->ids) != 1)
            abort();
        worker->ids_left = sizeof worker->ids;
    }
    worker->ids_left -= (uint8_t)n;
    memcpy(out, worker->ids + worker->ids_left, n);
}

void pol_decision_id(pol_worker *worker, char out[POL_ID_TEXT])
{
    uint8_t bytes[16];
    pol_random(worker, bytes, sizeof bytes);
    pol_uuid_text(bytes, out);
}

pol_description pol_describe_connection(pol_worker *worker, const pol_request *request)
{
    const pol_peer *peer = request->peer;
    worker->identity_known = false;
    return (pol_description){
        .unix_socket = peer->unix_socket,
        .has_credentials = peer->has_credentials,
        .uid = peer->uid,
        .gid = peer->gid,
        .pid = peer->pid,
        .tls_leaf = peer->leaf,
        .tls_chain = peer->chain,
        .replay = worker->server->replay,
        .view = &worker->view,
        .tokens = worker->tokens,
        .chains = worker->chains,
        .tls_is_subject = worker->world->config->tls_peer_is == POL_PEER_IS_SUBJECT,
    };
}

/* How often what an identity is made of was found in the worker's caches. */
static uint64_t known_identities(const pol_worker *worker)
{
    uint64_t n = worker->tokens ? pol_token_cache_count(worker->tokens).hits : 0;
    n += worker->chains ? pol_chain_cache_count(worker->chains).hits : 0;
    return n + (worker->view.opaque ? pol_opaque_cache_count(worker->view.opaque).hits : 0);
}

pol_identity *pol_identify(pol_worker *worker, const pol_description *d)
{
    uint64_t known = known_identities(worker);
    pol_identity *identity = pol_identity_verify(&worker->arena, worker->world->trust, d, pol_clock_ns());
    worker->identity_known = known_identities(worker) != known;
    return worker->view.pending ? NULL : identity;
}

bool pol_decide(pol_worker *worker, pol_entry entry, pol_value input, pol_value *result, pol_error *err)
{
    pol_eval_begin(worker->eval, worker->world->bundle);
    return pol_eval_run(worker->eval, entry, input, result, err);
}

pol_value pol_allow_of(pol_value result)
{
    if (result.tag != POL_OBJECT)
        return result;
    pol_value allow = pol_object_member(result, "allow");
    return pol_is_defined(allow) ? allow : pol_object_member(result, "decision");
}

static void log_decision(const pol_outcome *outcome, int64_t took_ns)
{
    static const char *const effects[] = {"permit", "deny", "error"}, *const protocols[] = {"authzen", "data", "gateway"};
    pol_log_line line = pol_log_begin(POL_LOG_INFO, "decision");
    pol_log_text(&line, "id", outcome->id);
    pol_log_text(&line, "protocol", protocols[outcome->protocol]);
    pol_log_text(&line, "effect", effects[outcome->effect]);
    if (outcome->reason)
        pol_log_text(&line, "reason", outcome->reason);
    if (outcome->path.n)
        pol_log_bytes(&line, "path", outcome->path);
    if (line.on && pol_is_defined(outcome->rules)) {
        pol_buf_text(&line.text, ",\"rules\":");
        pol_json_write(&line.text, outcome->rules, POL_JSON_COMPACT);
    }
    pol_log_number(&line, "took_us", took_ns / 1000);
    pol_log_end(&line);
}

void pol_decision_note(pol_worker *worker, const pol_request *request, const pol_outcome *outcome)
{
    int64_t took_ns = pol_monotonic_ns() - request->begun_ns;
    pol_value tier = outcome->result.tag == POL_OBJECT ? pol_object_member(outcome->result, "tier") : pol_undefined();
    pol_metrics_tier(&worker->metrics, tier.tag == POL_STRING ? pol_text(tier) : (pol_bytes){0}, outcome->effect);
    pol_metrics_decision(&worker->metrics, outcome->protocol, outcome->effect, (uint64_t)took_ns);
    worker->span.on = false;
    if (worker->server->tracer)
        pol_tracer_note(worker, request, outcome, took_ns);
    if (worker->server->decision_log)
        pol_decision_log_note(worker, request, outcome);
    if (worker->server->shadow)
        pol_shadow_note(worker, outcome);
    if (worker->world->config->log_decisions)
        log_decision(outcome, took_ns);
}
