/* SPDX-License-Identifier: Apache-2.0
 * rbac-large by hand: users and permissions are numbered; each role has a row of bits with the permissions that it has itself or by
 * inheritance. A decision finds the user and the permission and looks at one bit of each role that the user is bound to.
 */
#include "bench/limit/limit.h"

typedef struct {
    limit_table users, actions, types, roles;
    uint32_t n_types;
    const uint32_t **bound; /* of each user: how many roles, then the roles */
    uint64_t **permits;     /* of each role, by action * n_types + type */
    pol_value user, action, resource, type;
} rbac;

static void number_grants(rbac *r, pol_value grants)
{
    for (uint32_t i = 0; i < grants.n; i++) {
        pol_value list = pol_member_value(grants, i);
        for (uint32_t j = 0; j < list.n; j++) {
            limit_table_add(&r->actions, limit_member(pol_element(list, j), r->action));
            limit_table_add(&r->types, limit_member(pol_element(list, j), r->type));
        }
    }
    r->n_types = r->types.n;
}

static uint64_t *permits_of(const rbac *r, pol_arena *arena, pol_value list)
{
    uint64_t *bits = limit_bits(arena, r->actions.n * r->n_types);
    for (uint32_t j = 0; list.tag == POL_ARRAY && j < list.n; j++) {
        uint32_t action = limit_table_find(&r->actions, limit_member(pol_element(list, j), r->action));
        limit_bit_set(bits, action * r->n_types + limit_table_find(&r->types, limit_member(pol_element(list, j), r->type)));
    }
    return bits;
}

static uint32_t count_grants(pol_value grants)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < grants.n; i++)
        n += pol_member_value(grants, i).n;
    return n;
}

static void bind(rbac *r, pol_arena *arena, pol_value bindings)
{
    limit_table_init(&r->users, arena, bindings.n);
    r->bound = pol_arena_zero(arena, bindings.n + 1, sizeof *r->bound);
    for (uint32_t i = 0; i < bindings.n; i++) {
        pol_value list = pol_member_value(bindings, i);
        uint32_t *bound = pol_arena_zero(arena, list.n + 1, sizeof *bound);
        for (uint32_t j = 0; j < list.n; j++) {
            uint32_t role = limit_table_find(&r->roles, pol_element(list, j));
            if (role != LIMIT_NONE)
                bound[++bound[0]] = role;
        }
        r->bound[limit_table_add(&r->users, pol_member_key(bindings, i))] = bound;
    }
}

static void *load(pol_arena *arena, pol_value data)
{
    rbac *r = pol_arena_zero(arena, 1, sizeof *r);
    r->user = pol_string_text("user");
    r->action = pol_string_text("action");
    r->resource = pol_string_text("resource");
    r->type = pol_string_text("type");
    pol_value parents = pol_object_member(data, "role_parents"), grants = pol_object_member(data, "role_grants");
    uint32_t most = count_grants(grants);
    limit_table_init(&r->roles, arena, parents.n + grants.n);
    limit_table_init(&r->actions, arena, most);
    limit_table_init(&r->types, arena, most);
    number_grants(r, grants);
    for (uint32_t i = 0; i < grants.n; i++)
        limit_table_add(&r->roles, pol_member_key(grants, i));
    uint64_t **above = pol_arena_zero(arena, parents.n + grants.n + 1, sizeof *above);
    limit_closure(arena, &r->roles, parents, above);
    uint32_t n = r->roles.n, words = (r->actions.n * r->n_types + 63) / 64;
    uint64_t **own = pol_arena_zero(arena, n + 1, sizeof *own);
    for (uint32_t i = 0; i < n; i++)
        own[i] = limit_bits(arena, r->actions.n * r->n_types);
    for (uint32_t i = 0; i < grants.n; i++)
        own[limit_table_find(&r->roles, pol_member_key(grants, i))] = permits_of(r, arena, pol_member_value(grants, i));
    r->permits = pol_arena_zero(arena, n + 1, sizeof *r->permits);
    for (uint32_t i = 0; i < n; i++) {
        r->permits[i] = limit_bits(arena, r->actions.n * r->n_types);
        for (uint32_t j = 0; j < n; j++)
            for (uint32_t w = 0; limit_bit(above[i], j) && w < words; w++)
                r->permits[i][w] |= own[j][w];
    }
    bind(r, arena, pol_object_member(data, "bindings"));
    return r;
}

static bool decide(const void *state, pol_value input)
{
    const rbac *r = state;
    uint32_t user = limit_table_find(&r->users, limit_member(input, r->user));
    uint32_t action = limit_table_find(&r->actions, limit_member(input, r->action));
    uint32_t type = limit_table_find(&r->types, limit_member(limit_member(input, r->resource), r->type));
    if (user == LIMIT_NONE || action == LIMIT_NONE || type == LIMIT_NONE)
        return false;
    const uint32_t *bound = r->bound[user];
    for (uint32_t i = 1; i <= bound[0]; i++)
        if (limit_bit(r->permits[bound[i]], action * r->n_types + type))
            return true;
    return false;
}

const limit limit_rbac = {"rbac-large", load, decide};
