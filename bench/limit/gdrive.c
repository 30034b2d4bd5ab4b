/* SPDX-License-Identifier: Apache-2.0
 * gdrive by hand: everything that is in something is numbered, and has a row of bits with all that it lies in; a user has the number of
 * the view and rows of what is owned.
 */
#include "bench/limit/limit.h"

typedef struct {
    uint32_t view;
    uint64_t *documents, *folders;
} person;

typedef struct {
    limit_table things, users, actions;
    uint64_t **within, *public;
    uint32_t words;
    person *people;
    pol_value principal, action, resource;
} gdrive;

enum { READ, WRITE, SHARE, CHANGE_OWNER, CREATE };

static uint64_t *owned(gdrive *g, pol_arena *arena, pol_value list)
{
    uint64_t *bits = limit_bits(arena, g->things.n);
    for (uint32_t i = 0; list.tag == POL_ARRAY && i < list.n; i++) {
        uint32_t thing = limit_table_find(&g->things, pol_element(list, i));
        if (thing != LIMIT_NONE)
            limit_bit_set(bits, thing);
    }
    return bits;
}

static void *load(pol_arena *arena, pol_value data)
{
    static const char *const actions[] = {"Action::\"read\"", "Action::\"write\"", "Action::\"share\"", "Action::\"changeOwner\"",
                                          "Action::\"createDocument\""};
    gdrive *g = pol_arena_zero(arena, 1, sizeof *g);
    g->principal = pol_string_text("principal");
    g->action = pol_string_text("action");
    g->resource = pol_string_text("resource");
    pol_value parents = pol_object_member(data, "parents"), users = pol_object_member(data, "users"),
              public = pol_object_member(data, "public");
    limit_table_init(&g->things, arena, parents.n);
    limit_table_init(&g->users, arena, users.n);
    limit_table_init(&g->actions, arena, 5);
    for (uint32_t i = 0; i < sizeof actions / sizeof *actions; i++)
        limit_table_add(&g->actions, pol_string_text(actions[i]));
    g->within = pol_arena_zero(arena, parents.n + 1, sizeof *g->within);
    limit_closure(arena, &g->things, parents, g->within);
    g->words = (g->things.n + 63) / 64;
    g->public = limit_bits(arena, g->things.n);
    for (uint32_t i = 0; i < public.n; i++)
        if (pol_is_true(pol_member_value(public, i)) && limit_table_find(&g->things, pol_member_key(public, i)) != LIMIT_NONE)
            limit_bit_set(g->public, limit_table_find(&g->things, pol_member_key(public, i)));
    g->people = pol_arena_zero(arena, users.n + 1, sizeof *g->people);
    for (uint32_t i = 0; i < users.n; i++) {
        pol_value user = pol_member_value(users, i);
        g->people[limit_table_add(&g->users, pol_member_key(users, i))] =
            (person){limit_table_find(&g->things, pol_object_member(user, "view")),
                     owned(g, arena, pol_object_member(user, "ownedDocuments")), owned(g, arena, pol_object_member(user, "ownedFolders"))};
    }
    return g;
}

static bool common(const uint64_t *a, const uint64_t *b, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        if (a[i] & b[i])
            return true;
    return false;
}

static bool decide(const void *state, pol_value input)
{
    const gdrive *g = state;
    uint32_t thing = limit_table_find(&g->things, limit_member(input, g->resource));
    uint32_t action = limit_table_find(&g->actions, limit_member(input, g->action));
    uint32_t user = limit_table_find(&g->users, limit_member(input, g->principal));
    if (thing == LIMIT_NONE || action == LIMIT_NONE)
        return false;
    if (action == READ && limit_bit(g->public, thing))
        return true;
    if (user == LIMIT_NONE)
        return false;
    const person *p = &g->people[user];
    switch (action) {
    case READ:
        if (p->view != LIMIT_NONE && limit_bit(g->within[thing], p->view))
            return true;
        return limit_bit(p->documents, thing) || common(p->folders, g->within[thing], g->words);
    case WRITE:
    case SHARE:
        return limit_bit(p->documents, thing) || common(p->folders, g->within[thing], g->words);
    case CHANGE_OWNER:
        return limit_bit(p->documents, thing);
    default:
        return limit_bit(p->folders, thing);
    }
}

const limit limit_gdrive = {"gdrive", load, decide};
