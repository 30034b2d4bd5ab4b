/* SPDX-License-Identifier: Apache-2.0
 * http-acl by hand: rules by the first segment of their prefix, methods and groups as bits (so at most 32 and 64 of them), the prefix compared last.
 */
#include "bench/limit/limit.h"

#include <string.h>

typedef struct {
    uint64_t groups;
    pol_bytes prefix;
    uint32_t methods;
    bool denies;
} rule;

typedef struct {
    rule *rules;
    uint32_t n, room;
} service;

typedef struct {
    limit_table services, methods, groups;
    service *of;
    pol_value path, method, groups_key, methods_key, prefix, effect, deny;
} acl;

static pol_value first_segment(pol_value path)
{
    pol_bytes text = pol_text(path);
    if (text.n == 0 || text.at[0] != '/')
        return pol_string_text("");
    const uint8_t *end = memchr(text.at + 1, '/', text.n - 1);
    return pol_string(pol_bytes_of(text.at + 1, end ? (size_t)(end - text.at - 1) : text.n - 1));
}

static void add_rule(acl *a, pol_arena *arena, pol_value value, bool denies)
{
    rule r = {.denies = denies, .prefix = pol_text(limit_member(value, a->prefix))};
    pol_value methods = limit_member(value, a->methods_key), groups = limit_member(value, a->groups_key);
    for (uint32_t i = 0; i < methods.n; i++)
        r.methods |= UINT32_C(1) << limit_table_add(&a->methods, pol_element(methods, i)) % 32;
    for (uint32_t i = 0; i < groups.n; i++)
        r.groups |= UINT64_C(1) << limit_table_add(&a->groups, pol_element(groups, i)) % 64;
    service *s = &a->of[limit_table_add(&a->services, first_segment(limit_member(value, a->prefix)))];
    if (s->n == s->room) {
        rule *more = pol_arena_zero(arena, s->room * 2 + 8, sizeof *more);
        if (s->n)
            memcpy(more, s->rules, s->n * sizeof *more);
        s->rules = more;
        s->room = s->room * 2 + 8;
    }
    s->rules[s->n++] = r;
}

static void add_lists(acl *a, pol_arena *arena, pol_value lists, bool denies)
{
    for (uint32_t i = 0; lists.tag == POL_OBJECT && i < lists.n; i++) {
        pol_value list = pol_member_value(lists, i);
        for (uint32_t j = 0; j < list.n; j++)
            add_rule(a, arena, pol_element(list, j), denies);
    }
}

static void *load(pol_arena *arena, pol_value data)
{
    acl *a = pol_arena_zero(arena, 1, sizeof *a);
    a->path = pol_string_text("path");
    a->method = pol_string_text("method");
    a->methods_key = pol_string_text("methods");
    a->groups_key = pol_string_text("groups");
    a->prefix = pol_string_text("prefix");
    a->effect = pol_string_text("effect");
    a->deny = pol_string_text("deny");
    pol_value rules = pol_object_member(data, "rules"), allows = pol_object_member(data, "allow_rules"),
              denies = pol_object_member(data, "deny_rules");
    uint32_t most = rules.n + allows.n + denies.n + 1;
    limit_table_init(&a->services, arena, most);
    limit_table_init(&a->methods, arena, 32);
    limit_table_init(&a->groups, arena, 64);
    a->of = pol_arena_zero(arena, most, sizeof *a->of);
    for (uint32_t i = 0; rules.tag == POL_ARRAY && i < rules.n; i++)
        add_rule(a, arena, pol_element(rules, i), pol_equal(limit_member(pol_element(rules, i), a->effect), a->deny));
    add_lists(a, arena, allows, false);
    add_lists(a, arena, denies, true);
    return a;
}

static bool decide(const void *state, pol_value input)
{
    const acl *a = state;
    pol_value path = limit_member(input, a->path), groups = limit_member(input, a->groups_key);
    uint32_t method = limit_table_find(&a->methods, limit_member(input, a->method));
    uint32_t number = limit_table_find(&a->services, first_segment(path));
    if (method == LIMIT_NONE || number == LIMIT_NONE)
        return false;
    uint64_t held = 0;
    for (uint32_t i = 0; i < groups.n; i++) {
        uint32_t group = limit_table_find(&a->groups, pol_element(groups, i));
        if (group != LIMIT_NONE)
            held |= UINT64_C(1) << group % 64;
    }
    const service *s = &a->of[number];
    bool allows = false;
    for (uint32_t i = 0; i < s->n; i++) {
        const rule *r = &s->rules[i];
        if ((r->groups & held) && r->methods >> method % 32 & 1 && pol_bytes_starts(pol_text(path), r->prefix)) {
            if (r->denies)
                return false;
            allows = true;
        }
    }
    return allows;
}

const limit limit_http_acl = {"http-acl", load, decide};
