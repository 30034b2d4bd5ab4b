/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family uri: references read as Go's net/url reads them, whose refusals are kept.
 */
#include "runtime/builtins/writer.h"

typedef struct {
    pol_bytes scheme, host, port, path, raw_path, query, fragment;
    const char *why; /* what is wrong; NULL: nothing */
    pol_bytes where; /* the characters that are meant, shown quoted behind why */
} reference;

static bool fail(reference *r, const char *why, pol_bytes where)
{
    r->why = why;
    r->where = where;
    return false;
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_one_of(uint8_t c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_unreserved(uint8_t c)
{
    return is_letter(c) || is_digit(c) || is_one_of(c, "-_.~");
}

/* s without its escapes, which in a host may only be those of bytes above ASCII and of '%'. */
static bool unescape(pol_eval *ev, reference *r, pol_bytes s, bool host, pol_bytes *out)
{
    uint8_t *at = pol_arena_alloc(pol_eval_arena(ev), s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.at[i];
        if (c == '%') {
            pol_bytes escape = pol_bytes_of(s.at + i, s.n - i < 3 ? s.n - i : 3);
            bool ok = escape.n == 3 && pol_hex_decode(&c, pol_bytes_of(escape.at + 1, 2));
            if (!ok || (host && c < 0x80 && c != '%'))
                return fail(r, "invalid URL escape", escape);
            i += 2;
        } else if (host && c < 0x80 && !is_unreserved(c) && !is_one_of(c, "!$&'()*+,;=:[]<>\"")) {
            return fail(r, "invalid character in host name", pol_bytes_of(s.at + i, 1));
        }
        at[n++] = c;
    }
    *out = pol_bytes_of(at, n);
    return true;
}

/* Whether escaping path the usual way gives text back: then text says no more than path. */
static bool is_usual_escape(pol_bytes text, pol_bytes path)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t at = 0;
    for (size_t i = 0; i < path.n; i++) {
        uint8_t c = path.at[i];
        bool plain = is_unreserved(c) || is_one_of(c, "$&+,/:;=@");
        uint8_t shown[3] = {plain ? c : '%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
        size_t n = plain ? 1 : 3;
        if (text.n - at < n || memcmp(text.at + at, shown, n) != 0)
            return false;
        at += n;
    }
    return at == text.n;
}

static bool is_port(pol_bytes s)
{
    if (s.n == 0)
        return true;
    for (size_t i = 1; i < s.n; i++)
        if (!is_digit(s.at[i]))
            return false;
    return s.at[0] == ':';
}

static size_t last_of(pol_bytes s, uint8_t c)
{
    for (size_t i = s.n; i > 0; i--)
        if (s.at[i - 1] == c)
            return i - 1;
    return s.n;
}

static bool read_authority(pol_eval *ev, reference *r, pol_bytes s)
{
    size_t at = last_of(s, '@');
    if (at < s.n) {
        for (size_t i = 0; i < at; i++)
            if (!is_unreserved(s.at[i]) && !is_one_of(s.at[i], ":!$&'()*+,;=%@"))
                return fail(r, "net/url: invalid userinfo", POL_BYTES(""));
        pol_bytes unused;
        POL_TRY(unescape(ev, r, pol_bytes_of(s.at, at), false, &unused));
        s = pol_bytes_of(s.at + at + 1, s.n - at - 1);
    }
    bool bracketed = s.n && s.at[0] == '[';
    size_t close = last_of(s, ']'), colon = last_of(s, ':');
    if (bracketed && close == s.n)
        return fail(r, "missing ']' in host", POL_BYTES(""));
    size_t end = bracketed ? close + 1 : colon;
    pol_bytes port = pol_bytes_of(s.at + end, s.n - end);
    if (!is_port(port))
        return fail(r, "invalid port after host:", port);
    POL_TRY(unescape(ev, r, pol_bytes_of(s.at, end), true, &r->host));
    if (bracketed && r->host.n >= 2)
        r->host = pol_bytes_of(r->host.at + 1, r->host.n - 2);
    r->port = port.n ? pol_bytes_of(port.at + 1, port.n - 1) : port;
    return true;
}

/* The scheme of s, in lower case, taken off its beginning. */
static bool take_scheme(pol_eval *ev, reference *r, pol_bytes *s)
{
    for (size_t i = 0; i < s->n; i++) {
        uint8_t c = s->at[i];
        if (c == ':' && i == 0)
            return fail(r, "missing protocol scheme", POL_BYTES(""));
        if (c == ':') {
            uint8_t *lower = pol_arena_copy(pol_eval_arena(ev), s->at, i);
            for (size_t k = 0; k < i; k++)
                lower[k] = is_letter(lower[k]) ? lower[k] | 0x20 : lower[k];
            r->scheme = pol_bytes_of(lower, i);
            *s = pol_bytes_of(s->at + i + 1, s->n - i - 1);
            return true;
        }
        if (!is_letter(c) && (i == 0 || (!is_digit(c) && !is_one_of(c, "+-."))))
            return true;
    }
    return true;
}

/* Cuts s at the first c; *rest is what stands behind it. */
static void cut_at(pol_bytes *s, uint8_t c, pol_bytes *rest)
{
    const uint8_t *at = s->n ? memchr(s->at, c, s->n) : NULL;
    if (!at)
        return;
    *rest = pol_bytes_of(at + 1, s->n - (size_t)(at - s->at) - 1);
    s->n = (size_t)(at - s->at);
}

static bool read_reference(pol_eval *ev, pol_bytes s, reference *r)
{
    *r = (reference){0};
    pol_charge(ev, 1 + s.n / 4);
    for (size_t i = 0; i < s.n; i++)
        if (s.at[i] < ' ' || s.at[i] == 0x7f)
            return fail(r, "net/url: invalid control character in URL", POL_BYTES(""));
    pol_bytes fragment = {0};
    cut_at(&s, '#', &fragment);
    POL_TRY(unescape(ev, r, fragment, false, &r->fragment));
    POL_TRY(take_scheme(ev, r, &s));
    cut_at(&s, '?', &r->query);
    bool rooted = s.n && s.at[0] == '/';
    if (!rooted && r->scheme.n) /* opaque: "mailto:a@b" has no path */
        return true;
    pol_bytes first = s, rest = {0};
    cut_at(&first, '/', &rest);
    if (!rooted && first.n && memchr(first.at, ':', first.n))
        return fail(r, "first path segment in URL cannot contain colon", POL_BYTES(""));
    bool three = pol_bytes_starts(s, POL_BYTES("///"));
    if (pol_bytes_starts(s, POL_BYTES("//")) && (r->scheme.n || !three)) {
        pol_bytes authority = pol_bytes_of(s.at + 2, s.n - 2);
        const uint8_t *slash = authority.n ? memchr(authority.at, '/', authority.n) : NULL;
        size_t n = slash ? (size_t)(slash - authority.at) : authority.n;
        POL_TRY(read_authority(ev, r, pol_bytes_of(authority.at, n)));
        s = pol_bytes_of(authority.at + n, authority.n - n);
    }
    POL_TRY(unescape(ev, r, s, false, &r->path));
    r->raw_path = is_usual_escape(s, r->path) ? r->path : s;
    return true;
}

static void put(pol_builder *b, const char *name, pol_bytes s)
{
    if (s.n)
        pol_builder_put_text(b, name, pol_string(s));
}

POL_BUILTIN(uri_parse, "uri.parse", "(uri: string) object[string: string]",
            "The parts of the URI that are there: scheme, hostname, port, path, raw_path, "
            "raw_query, fragment.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    reference r;
    if (pol_builtin_failed(ev))
        return pol_undefined();
    if (!read_reference(ev, s, &r)) {
        pol_bytes shown = pol_quoted(ev, s),
                  where = r.where.n ? pol_quoted(ev, r.where) : POL_BYTES("");
        return pol_builtin_error(ev, "parse %.*s: %s%s%.*s", (int)shown.n, (const char *)shown.at,
                                 r.why, where.n ? " " : "", (int)where.n, (const char *)where.at);
    }
    pol_builder b = pol_builder_new(pol_eval_arena(ev));
    put(&b, "scheme", r.scheme);
    put(&b, "hostname", r.host);
    put(&b, "port", r.port);
    put(&b, "path", r.path);
    put(&b, "raw_path", r.raw_path);
    put(&b, "raw_query", r.query);
    put(&b, "fragment", r.fragment);
    return pol_builder_object(&b);
}

POL_BUILTIN(uri_is_valid, "uri.is_valid", "(uri: string) boolean",
            "True of a URI that `uri.parse` can read and that is not empty.")
{
    pol_bytes s = pol_arg_string(ev, args, 0);
    reference r;
    return pol_bool(s.n && read_reference(ev, s, &r));
}

POL_FAMILY(uri) = {POL_ROW(uri_parse), POL_ROW(uri_is_valid), POL_END};
