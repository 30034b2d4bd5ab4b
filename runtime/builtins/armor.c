/* SPDX-License-Identifier: Apache-2.0
 * PEM, base64 and DER arguments, and results that were written as JSON text while OpenSSL's objects were held.
 */
#include "runtime/builtins/armor.h"

#include "runtime/json.h"

/* Where Go's decoder stops: the first byte that cannot be, or the begin of an unfinished group. */
static size_t find_bad(pol_bytes s, pol_base64_kind kind)
{
    size_t in_group = 0, i = 0;
    for (; i < s.n; i++) {
        uint8_t c = s.at[i];
        bool url = kind != POL_BASE64;
        if (c == '\r' || c == '\n')
            continue;
        bool plain = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == (url ? '-' : '+') || c == (url ? '_' : '/');
        if (!plain && !(c == '=' && kind != POL_BASE64URL && in_group >= 2))
            return i;
        in_group = (in_group + 1) % 4;
    }
    return i - in_group;
}

bool pol_armor_base64(pol_arena *arena, pol_bytes text, pol_base64_kind kind, pol_bytes *out, size_t *bad_at)
{
    uint8_t *at = pol_arena_alloc(arena, text.n + 1);
    size_t n = 0;
    if (!pol_base64_decode(at, &n, text, kind, false)) {
        *bad_at = find_bad(text, kind);
        return false;
    }
    at[n] = 0;
    *out = pol_bytes_of(at, n);
    return true;
}

bool pol_armor_open(pol_eval *ev, pol_bytes text, pol_bytes *out)
{
    size_t bad_at;
    *out = text;
    if (pol_armor_is_pem(text))
        return true;
    if (pol_armor_base64(pol_eval_arena(ev), text, POL_BASE64, out, &bad_at))
        return true;
    pol_builtin_error(ev, "illegal base64 data at input byte %zu", bad_at);
    return false;
}

pol_value pol_armor_value(pol_eval *ev, pol_buf *json)
{
    size_t n = json->n;
    uint8_t *copy = pol_arena_try(pol_eval_arena(ev), n + 1);
    if (copy) {
        memcpy(copy, json->at ? json->at : (const uint8_t *)"", n);
        copy[n] = 0;
    }
    pol_buf_deinit(json);
    *json = (pol_buf){0};
    pol_value v;
    pol_error err;
    const pol_json_options options = {.borrow = true};
    if (!copy || !pol_json_read(pol_eval_arena(ev), pol_bytes_of(copy, n), &options, &v, &err))
        return pol_builtin_error(ev, "the result is too large");
    return v;
}
