/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family uuid: RFC 9562 (RFC 4122 before).
 */
#include "runtime/builtin.h"

#include <stdio.h>
#include <strings.h>

/* s as 16 bytes: with dashes, also after "urn:uuid:" or in braces, or 32 hex digits alone. */
static bool read_uuid(pol_bytes s, uint8_t id[16])
{
    static const uint8_t dashes[] = {8, 13, 18, 23};
    uint8_t hex[32];
    size_t n = 0;
    if (s.n == 45 && strncasecmp((const char *)s.at, "urn:uuid:", 9) == 0)
        s = pol_bytes_of(s.at + 9, 36);
    else if (s.n == 38 && s.at[0] == '{' && s.at[37] == '}')
        s = pol_bytes_of(s.at + 1, 36);
    if (s.n == 32)
        return pol_hex_decode(id, s);
    if (s.n != 36)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (memchr(dashes, (int)i, sizeof dashes)) {
            if (s.at[i] != '-')
                return false;
            continue;
        }
        hex[n++] = s.at[i];
    }
    return pol_hex_decode(id, pol_bytes_of(hex, n));
}

static const char *variant_of(const uint8_t id[16])
{
    uint8_t b = id[8];
    return (b & 0xc0) == 0x80   ? "RFC4122"
           : (b & 0xe0) == 0xc0 ? "Microsoft"
           : (b & 0xe0) == 0xe0 ? "Future"
                                : "Reserved";
}

/* Versions 1 and 2 hold a time, counted by 100 ns from 1582-10-15, and the maker's address. */
static void put_origin(pol_arena *arena, pol_builder *b, const uint8_t id[16])
{
    static const char *const kinds[] = {"global:unicast", "global:multicast", "local:unicast",
                                        "local:multicast"};
    static const int64_t to_1970 = 0x01b21dd213814000;
    int64_t time = 0;
    static const uint8_t order[] = {6, 7, 4, 5, 0, 1, 2, 3};
    for (size_t i = 0; i < sizeof order; i++)
        time = time << 8 | (i == 0 ? id[6] & 0x0f : id[order[i]]);
    const char *why = NULL;
    pol_value ns =
        pol_number_arithmetic(arena, POL_MULTIPLY, pol_int(time - to_1970), pol_int(100), &why);
    pol_builder_put_text(b, "time", ns);
    pol_builder_put_text(b, "clocksequence", pol_int((id[8] & 0x3f) << 8 | id[9]));
    pol_builder_put_text(b, "nodeid",
                         pol_string_printf(arena, "%02x-%02x-%02x-%02x-%02x-%02x", id[10], id[11],
                                           id[12], id[13], id[14], id[15]));
    pol_builder_put_text(b, "macvariables", pol_string_text(kinds[id[10] & 3]));
}

POL_BUILTIN(
    uuid_parse, "uuid.parse", "(uuid: string) object[string: any]",
    "Version and variant of the UUID, and what else its version holds; undefined when it is none.")
{
    static const char *const domains[] = {"Person", "Group", "Org"};
    uint8_t id[16];
    pol_arena *arena = pol_eval_arena(ev);
    if (!read_uuid(pol_arg_string(ev, args, 0), id))
        return pol_undefined();
    unsigned version = id[6] >> 4;
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "version", pol_int(version));
    pol_builder_put_text(&b, "variant", pol_string_text(variant_of(id)));
    if (version == 1 || version == 2)
        put_origin(arena, &b, id);
    if (version == 2) {
        pol_builder_put_text(&b, "id",
                             pol_int((int64_t)id[0] << 24 | id[1] << 16 | id[2] << 8 | id[3]));
        pol_builder_put_text(&b, "domain",
                             id[9] < 3 ? pol_string_text(domains[id[9]])
                                       : pol_string_printf(arena, "Domain%u", id[9]));
    }
    return pol_builder_object(&b);
}

POL_BUILTIN_FLAGS(uuid_rfc4122, "uuid.rfc4122", "(k: string) string",
                  "A random UUID of version 4, the same for the same `k` throughout a decision.",
                  POL_NONDETERMINISTIC)
{
    pol_value parts[] = {pol_string_text("uuid.rfc4122"), pol_string(pol_arg_string(ev, args, 0))};
    pol_value key = pol_array_of(pol_eval_arena(ev), parts, 2), kept = pol_eval_recall(ev, key);
    if (pol_is_defined(kept))
        return kept;
    uint64_t high = (pol_eval_random(ev) & ~0xf000ull) | 0x4000,
             low = (pol_eval_random(ev) & ~(3ull << 62)) | 2ull << 62;
    kept =
        pol_string_printf(pol_eval_arena(ev), "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
                          (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff),
                          (unsigned)(low >> 48), (unsigned long long)(low & 0xffffffffffff));
    pol_eval_remember(ev, key, kept);
    return kept;
}

POL_FAMILY(uuid) = {POL_ROW(uuid_parse), POL_ROW(uuid_rfc4122), POL_END};
