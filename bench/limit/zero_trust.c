/* SPDX-License-Identifier: Apache-2.0
 * zero-trust by hand: the cheap refusals first, sets as tables, actions as bits of a mask, the route by comparing segments in place.
 */
#include "bench/limit/limit.h"

#include <string.h>

enum { MOST_SEGMENTS = 16 };

typedef struct {
    pol_value method;
    pol_bytes segments[MOST_SEGMENTS];
    uint32_t n_segments, action;
    pol_bytes scope;
} route;

typedef struct {
    limit_table revoked, tenants, actions, roles;
    pol_value *domains, *issuers, audience;
    uint32_t n_domains, n_issuers, n_routes, read, list, approve;
    route *routes;
    bool *suspended, *read_only;
    uint64_t *granted, owner, limited; /* masks of actions */
    int64_t *amounts;
    pol_value cert, fingerprint, spiffe_id, token, cnf, x5t, iss, nbf, exp, aud, now, request, method, path, scope, tenant_id, resource,
        tenant, owner_key, sub, amount, roles_key, break_glass, ticket, approved_by, until, responder;
} zero_trust;

static void name_keys(zero_trust *z)
{
    z->cert = pol_string_text("cert");
    z->fingerprint = pol_string_text("fingerprint");
    z->spiffe_id = pol_string_text("spiffe_id");
    z->token = pol_string_text("token");
    z->cnf = pol_string_text("cnf");
    z->x5t = pol_string_text("x5t#S256");
    z->iss = pol_string_text("iss");
    z->nbf = pol_string_text("nbf");
    z->exp = pol_string_text("exp");
    z->aud = pol_string_text("aud");
    z->now = pol_string_text("now");
    z->request = pol_string_text("request");
    z->method = pol_string_text("method");
    z->path = pol_string_text("path");
    z->scope = pol_string_text("scope");
    z->tenant_id = pol_string_text("tenant_id");
    z->resource = pol_string_text("resource");
    z->tenant = pol_string_text("tenant");
    z->owner_key = pol_string_text("owner");
    z->sub = pol_string_text("sub");
    z->amount = pol_string_text("amount");
    z->roles_key = pol_string_text("roles");
    z->break_glass = pol_string_text("break_glass");
    z->ticket = pol_string_text("ticket");
    z->approved_by = pol_string_text("approved_by");
    z->until = pol_string_text("until");
    z->responder = pol_string_text("incident-responder");
}

static pol_value *elements(pol_arena *arena, pol_value array, uint32_t *n)
{
    pol_value *out = pol_arena_zero(arena, array.n + 1, sizeof *out);
    for (*n = 0; *n < array.n; ++*n)
        out[*n] = pol_element(array, *n);
    return out;
}

static void load_routes(zero_trust *z, pol_arena *arena, pol_value routes)
{
    z->routes = pol_arena_zero(arena, routes.n + 1, sizeof *z->routes);
    for (uint32_t i = 0; i < routes.n; i++) {
        pol_value value = pol_element(routes, i), segments = pol_object_member(value, "segments");
        route *r = &z->routes[z->n_routes];
        if (segments.n > MOST_SEGMENTS)
            continue;
        *r = (route){.method = pol_object_member(value, "method"),
                     .n_segments = segments.n,
                     .action = limit_table_add(&z->actions, pol_object_member(value, "action")),
                     .scope = pol_text(pol_object_member(value, "scope"))};
        for (uint32_t j = 0; j < segments.n; j++)
            r->segments[j] = pol_text(pol_element(segments, j));
        z->n_routes++;
    }
}

static uint64_t mask_of(zero_trust *z, pol_value actions)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < actions.n; i++)
        mask |= UINT64_C(1) << limit_table_add(&z->actions, pol_element(actions, i)) % 64;
    return mask;
}

static void load_roles(zero_trust *z, pol_arena *arena, pol_value grants, pol_value limits)
{
    limit_table_init(&z->roles, arena, grants.n + limits.n);
    z->granted = pol_arena_zero(arena, grants.n + limits.n + 1, sizeof *z->granted);
    z->amounts = pol_arena_zero(arena, grants.n + limits.n + 1, sizeof *z->amounts);
    memset(z->amounts, 0xff, (grants.n + limits.n + 1) * sizeof *z->amounts);
    for (uint32_t i = 0; i < grants.n; i++)
        z->granted[limit_table_add(&z->roles, pol_member_key(grants, i))] = mask_of(z, pol_member_value(grants, i));
    for (uint32_t i = 0; i < limits.n; i++)
        z->amounts[limit_table_add(&z->roles, pol_member_key(limits, i))] = pol_member_value(limits, i).i;
}

static void *load(pol_arena *arena, pol_value data)
{
    zero_trust *z = pol_arena_zero(arena, 1, sizeof *z);
    name_keys(z);
    pol_value revoked = pol_object_member(data, "revoked_fingerprints"), tenants = pol_object_member(data, "tenants");
    limit_table_init(&z->revoked, arena, revoked.n);
    for (uint32_t i = 0; i < revoked.n; i++)
        limit_table_add(&z->revoked, pol_element(revoked, i));
    z->domains = elements(arena, pol_object_member(data, "trust_domains"), &z->n_domains);
    z->issuers = elements(arena, pol_object_member(data, "issuers"), &z->n_issuers);
    z->audience = pol_object_member(data, "audience");
    limit_table_init(&z->actions, arena, 64);
    load_routes(z, arena, pol_object_member(data, "routes"));
    z->read = limit_table_add(&z->actions, pol_string_text("read"));
    z->list = limit_table_add(&z->actions, pol_string_text("list"));
    z->approve = limit_table_add(&z->actions, pol_string_text("approve"));
    load_roles(z, arena, pol_object_member(data, "role_grants"), pol_object_member(data, "amount_limits"));
    z->owner = mask_of(z, pol_object_member(data, "owner_actions"));
    z->limited = mask_of(z, pol_object_member(data, "amount_limited"));
    limit_table_init(&z->tenants, arena, tenants.n);
    z->suspended = pol_arena_zero(arena, tenants.n + 1, sizeof *z->suspended);
    z->read_only = pol_arena_zero(arena, tenants.n + 1, sizeof *z->read_only);
    for (uint32_t i = 0; i < tenants.n; i++) {
        uint32_t n = limit_table_add(&z->tenants, pol_member_key(tenants, i));
        z->suspended[n] = pol_is_true(pol_object_member(pol_member_value(tenants, i), "suspended"));
        z->read_only[n] = pol_is_true(pol_object_member(pol_member_value(tenants, i), "read_only"));
    }
    return z;
}

static bool certificate_good(const zero_trust *z, pol_value cert, pol_value token)
{
    pol_value print = limit_member(cert, z->fingerprint), id = limit_member(cert, z->spiffe_id);
    if (!pol_is_defined(print) || !pol_equal(limit_member(limit_member(token, z->cnf), z->x5t), print) ||
        limit_table_find(&z->revoked, print) != LIMIT_NONE)
        return false;
    pol_bytes text = pol_text(id), scheme = pol_bytes_text("spiffe://");
    if (id.tag != POL_STRING || !pol_bytes_starts(text, scheme))
        return false;
    for (uint32_t i = 0; i < z->n_domains; i++) {
        size_t end = scheme.n + z->domains[i].n;
        if (text.n > end && text.at[end] == '/' && memcmp(text.at + scheme.n, z->domains[i].text, z->domains[i].n) == 0)
            return true;
    }
    return false;
}

static bool token_good(const zero_trust *z, pol_value token, int64_t now)
{
    pol_value nbf = limit_member(token, z->nbf), expires = limit_member(token, z->exp), aud = limit_member(token, z->aud),
              iss = limit_member(token, z->iss);
    if (nbf.tag != POL_INT || expires.tag != POL_INT || nbf.i > now || now >= expires.i)
        return false;
    if (!pol_equal(aud, z->audience) && !limit_array_has(aud, z->audience))
        return false;
    for (uint32_t i = 0; i < z->n_issuers; i++)
        if (pol_equal(z->issuers[i], iss))
            return true;
    return false;
}

static bool scope_held(pol_value scopes, pol_bytes wanted)
{
    pol_bytes text = pol_text(scopes);
    if (scopes.tag != POL_STRING)
        return false;
    for (size_t at = 0; at + wanted.n <= text.n; at++) {
        const uint8_t *end = memchr(text.at + at, ' ', text.n - at);
        size_t n = end ? (size_t)(end - text.at) - at : text.n - at;
        if (n == wanted.n && memcmp(text.at + at, wanted.at, n) == 0)
            return true;
        at += n;
    }
    return false;
}

static const route *route_of(const zero_trust *z, pol_value request)
{
    pol_value method = limit_member(request, z->method);
    pol_bytes path = pol_text(limit_member(request, z->path)), parts[MOST_SEGMENTS];
    uint32_t n = 0;
    while (path.n && path.at[0] == '/')
        path = pol_bytes_of(path.at + 1, path.n - 1);
    while (path.n && path.at[path.n - 1] == '/')
        path.n--;
    for (;;) {
        const uint8_t *end = memchr(path.at, '/', path.n);
        if (n == MOST_SEGMENTS)
            return NULL;
        parts[n++] = pol_bytes_of(path.at, end ? (size_t)(end - path.at) : path.n);
        if (!end)
            break;
        path = pol_bytes_of(end + 1, path.n - (size_t)(end + 1 - path.at));
    }
    for (uint32_t i = 0; i < z->n_routes; i++) {
        const route *r = &z->routes[i];
        if (r->n_segments != n || !pol_equal(r->method, method))
            continue;
        uint32_t j = 0;
        while (j < n && (pol_bytes_equal(r->segments[j], parts[j]) || (r->segments[j].n && r->segments[j].at[0] == '{' && parts[j].n)))
            j++;
        if (j == n)
            return r;
    }
    return NULL;
}

/* Scope, roles or ownership, and what is refused all the same. */
static bool ordinary(const zero_trust *z, pol_value input, pol_value token, pol_value resource, uint32_t tenant)
{
    const route *r = route_of(z, limit_member(input, z->request));
    if (!r || !scope_held(limit_member(token, z->scope), r->scope))
        return false;
    uint64_t bit = UINT64_C(1) << r->action % 64, granted = 0;
    pol_value roles = limit_member(token, z->roles_key), amount = limit_member(resource, z->amount);
    int64_t most = INT64_MIN;
    for (uint32_t i = 0; roles.tag == POL_ARRAY && i < roles.n; i++) {
        uint32_t role = limit_table_find(&z->roles, pol_element(roles, i));
        if (role == LIMIT_NONE)
            continue;
        granted |= z->granted[role];
        most = z->amounts[role] > most ? z->amounts[role] : most;
    }
    bool owner = pol_equal(limit_member(resource, z->owner_key), limit_member(token, z->sub));
    if (!(granted & bit) && !(owner && z->owner & bit))
        return false;
    if (z->limited & bit && most != INT64_MIN && (amount.tag != POL_INT || amount.i > most))
        return false;
    if (r->action == z->approve && owner)
        return false;
    return tenant == LIMIT_NONE || !z->read_only[tenant] || r->action == z->read || r->action == z->list;
}

static bool broken_glass(const zero_trust *z, pol_value input, pol_value token, int64_t now)
{
    pol_value glass = limit_member(input, z->break_glass), until = limit_member(glass, z->until), ticket = limit_member(glass, z->ticket),
              by = limit_member(glass, z->approved_by);
    return glass.tag == POL_OBJECT && limit_array_has(limit_member(token, z->roles_key), z->responder) && ticket.tag == POL_STRING &&
           pol_bytes_starts(pol_text(ticket), pol_bytes_text("INC-")) && pol_is_defined(by) &&
           !pol_equal(by, limit_member(token, z->sub)) && until.tag == POL_INT && now < until.i;
}

static bool decide(const void *state, pol_value input)
{
    const zero_trust *z = state;
    pol_value token = limit_member(input, z->token), now = limit_member(input, z->now), resource = limit_member(input, z->resource),
              tenant = limit_member(resource, z->tenant);
    if (now.tag != POL_INT || !pol_is_defined(tenant) || !pol_equal(limit_member(token, z->tenant_id), tenant))
        return false;
    uint32_t number = limit_table_find(&z->tenants, tenant);
    if ((number != LIMIT_NONE && z->suspended[number]) || !token_good(z, token, now.i) ||
        !certificate_good(z, limit_member(input, z->cert), token))
        return false;
    return ordinary(z, input, token, resource, number) || broken_glass(z, input, token, now.i);
}

const limit limit_zero_trust = {"zero-trust", load, decide};
