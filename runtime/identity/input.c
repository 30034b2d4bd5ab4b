/* SPDX-License-Identifier: Apache-2.0
 * The input document of a decision from the description of a request: what is verified, what a caller says, and that the two agree.
 * The arena's budget is lifted while this runs, because certificates are held meanwhile; what is made is bounded by a small
 * multiple of the description, which the adaptors bound.
 */
#include "runtime/calendar.h"
#include "runtime/identity/oauth.h"
#include "runtime/identity/replay.h"
#include "runtime/identity/route.h"
#include "runtime/identity/trust.h"
#include "runtime/identity/xfcc.h"
#include "runtime/json.h"

#include <stdio.h>
#include <strings.h>

static const char anonymous[] = "polward:anonymous";

enum { PROOF_LEEWAY_S = 5 };

typedef struct {
    pol_arena *arena;
    const pol_trust *trust;
    const pol_description *d;
    int64_t now_ns;
    const char *why; /* the first refusal */
    /* what was verified */
    pol_value token, cert, cert_subject; /* documents; cert_subject: the id that the certificate gives */
    pol_verified_token verified;
    bool has_spiffe_id, has_fingerprint;
    uint8_t fingerprint[32];
    pol_value subject, action, resource;
} assembly;

static void refuse(assembly *a, const char *reason)
{
    if (!a->why)
        a->why = reason;
}

static bool is_id(pol_value v)
{
    return v.tag == POL_STRING && v.n > 0 && !pol_bytes_is(pol_text(v), anonymous);
}

static bool has_null(pol_value object)
{
    for (uint32_t i = 0; object.tag == POL_OBJECT && i < object.n; i++) {
        pol_value member = pol_member_value(object, i);
        if (member.tag == POL_NULL || has_null(member))
            return true;
    }
    return false;
}

static pol_value copy_without_nulls(pol_arena *arena, pol_value v)
{
    if (v.tag != POL_OBJECT)
        return v;
    pol_builder b = pol_builder_new(arena);
    for (uint32_t i = 0; i < v.n; i++) {
        pol_value member = pol_member_value(v, i);
        if (member.tag != POL_NULL)
            pol_builder_put(&b, pol_member_key(v, i), copy_without_nulls(arena, member));
    }
    return pol_builder_object(&b);
}

/* v without members that are null, at any depth of objects. Elements of arrays stay. */
static pol_value drop_nulls(pol_arena *arena, pol_value v)
{
    return has_null(v) ? copy_without_nulls(arena, v) : v;
}

static pol_value with(assembly *a, pol_value object, const char *name, pol_value value)
{
    if (!pol_is_defined(value))
        return object;
    return pol_object_with(a->arena, object, pol_string_text(name), value);
}

/* ---- token ---- */

static pol_value header_of(const assembly *a, const char *name)
{
    return pol_object_member(a->d->request.headers, name);
}

/* RFC 6750, 2.1, and RFC 9449, 7.1: the token of an Authorization header; n == 0 when it is of another scheme. */
static bool read_authorization(pol_bytes header, pol_bytes *token, bool *is_dpop)
{
    *token = (pol_bytes){0};
    size_t n = 0;
    while (n < header.n && header.at[n] != ' ')
        n++;
    *is_dpop = n == 4 && strncasecmp((const char *)header.at, "DPoP", 4) == 0;
    if (!*is_dpop && (n != 6 || strncasecmp((const char *)header.at, "Bearer", 6) != 0))
        return true;
    size_t from = n;
    while (from < header.n && header.at[from] == ' ')
        from++;
    *token = pol_bytes_of(header.at + from, header.n - from);
    for (size_t i = 0; i < token->n; i++) {
        if (token->at[i] <= ' ' || token->at[i] >= 0x7f)
            return false;
    }
    return token->n > 0;
}

typedef enum { BY_FIELD, BY_BEARER, BY_DPOP } token_way;

static pol_bytes find_token(assembly *a, token_way *way)
{
    const pol_description *d = a->d;
    pol_bytes shown = {0};
    bool is_dpop = false;
    pol_value header = header_of(a, "authorization");
    if (pol_is_defined(header) && (header.tag != POL_STRING || !read_authorization(pol_text(header), &shown, &is_dpop)))
        refuse(a, pol_reason_authorization_form);
    if (shown.n && d->token.n)
        refuse(a, pol_reason_token_multiple);
    *way = d->token.n ? BY_FIELD : is_dpop ? BY_DPOP : BY_BEARER;
    return d->token.n ? d->token : shown;
}

static pol_value make_token(assembly *a, bool bound)
{
    pol_value claims = a->verified.claims, scope = pol_object_member(claims, "scope"), scopes = pol_empty(POL_ARRAY);
    if (!pol_is_defined(scope))
        scope = pol_object_member(claims, "scp");
    if (pol_is_defined(scope) && !pol_scopes_read(a->arena, scope, &scopes))
        refuse(a, pol_reason_token_scopes);
    pol_builder b = pol_builder_new(a->arena);
    pol_builder_put_text(&b, "header", a->verified.header);
    pol_builder_put_text(&b, "claims", claims);
    pol_builder_put_text(&b, "scopes", scopes);
    pol_builder_put_text(&b, "issuer", pol_object_member(claims, "iss"));
    pol_builder_put_text(&b, "bound", pol_bool(bound));
    pol_builder_put_text(&b, "kind", pol_string_text(a->verified.is_opaque ? "opaque" : "jwt"));
    static const struct {
        const char *claim, *member;
    } optional[] = {{"sub", "subject"}, {"client_id", "client_id"}, {"exp", "expires_at"}};
    for (unsigned i = 0; i < sizeof optional / sizeof *optional; i++) {
        pol_value v = pol_object_member(claims, optional[i].claim);
        if (pol_is_defined(v))
            pol_builder_put_text(&b, optional[i].member, v);
    }
    return pol_builder_object(&b);
}

static const char *check_proof(assembly *a, pol_bytes token, pol_bytes jkt)
{
    static const char *const algorithms[] = {"ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"};
    const pol_description *d = a->d;
    pol_value proof = header_of(a, "dpop");
    if (!d->replay)
        return pol_reason_binding_unknown;
    if (!pol_is_defined(proof))
        return pol_reason_dpop_missing;
    if (proof.tag != POL_STRING)
        return pol_reason_dpop_form;
    pol_value url = pol_string_printf(a->arena, "%.*s://%.*s%.*s", (int)d->request.scheme.n, (const char *)d->request.scheme.at, (int)d->request.host.n,
                                      (const char *)d->request.host.at, (int)d->request.path.n, (const char *)d->request.path.at);
    pol_dpop_rules rules = {.access_token = token, .jkt = jkt, .method = d->request.method, .url = pol_text(url), .algorithms = algorithms,
                            .n_algorithms = sizeof algorithms / sizeof *algorithms, .max_age_s = pol_trust_dpop_age(a->trust), .leeway_s = PROOF_LEEWAY_S};
    pol_bytes jti = {0};
    const char *why = pol_dpop_check(a->arena, pol_text(proof), &rules, a->now_ns, &jti);
    int64_t now_s = a->now_ns / 1000000000;
    /* a proof may be dated up to the leeway ahead, and is good for its age and the leeway from then */
    if (!why && !pol_replay_note(d->replay, jkt, jti, now_s, now_s + pol_trust_dpop_age(a->trust) + 2 * PROOF_LEEWAY_S + 1))
        why = pol_reason_dpop_replay;
    return why;
}

/* What the token says that it is bound to must be here; where it says nothing, configuration may tie its subject to the certificate. */
static const char *check_binding(assembly *a, pol_bytes token, token_way way, bool *bound)
{
    pol_value claims = a->verified.claims, cnf = pol_object_member(claims, "cnf");
    pol_value jkt = pol_object_member(cnf, "jkt");
    const uint8_t *fingerprint = a->has_fingerprint ? a->fingerprint : NULL;
    const char *name = a->verified.bound_name;
    *bound = false;
    if (!pol_is_defined(jkt)) {
        /* RFC 9449, 7.1: the scheme DPoP is for tokens that are bound to a key */
        const char *why = way == BY_DPOP ? pol_reason_binding_mismatch : pol_binding_check(claims, fingerprint, bound);
        if (!why && !*bound)
            *bound = name && fingerprint && a->cert_subject.tag == POL_STRING && pol_bytes_is(pol_text(a->cert_subject), name);
        return why;
    }
    if (jkt.tag != POL_STRING)
        return pol_reason_binding_form;
    /* RFC 9449, 7.2: no downgrade of such a token to a bearer's */
    if (way == BY_BEARER)
        return pol_reason_binding_mismatch;
    if (pol_is_defined(pol_object_member(cnf, "x5t#S256"))) {
        const char *why = pol_binding_check(claims, fingerprint, bound);
        if (why)
            return why;
    }
    const char *why = check_proof(a, token, pol_text(jkt));
    *bound = !why;
    return why;
}

/* After the certificate: binding needs its fingerprint. */
static void take_token(assembly *a)
{
    token_way way;
    pol_bytes token = find_token(a, &way);
    bool bound = false;
    if (token.n == 0 || a->why)
        return;
    const char *why = pol_trust_token(a->trust, a->d->tokens, a->d->view, a->arena, token, a->now_ns, &a->verified);
    if (!why)
        why = check_binding(a, token, way, &bound);
    if (why) {
        refuse(a, why);
        return;
    }
    pol_value made = make_token(a, bound);
    if (!a->why)
        a->token = made;
}

/* ---- certificate ---- */

static pol_value read_document(assembly *a, const pol_buf *json)
{
    pol_value v;
    pol_error err;
    return pol_json_read(a->arena, pol_buf_view(json), NULL, &v, &err) ? v : pol_undefined();
}

static pol_value make_cert(assembly *a, X509 *leaf, const pol_cert_facts *facts)
{
    pol_buf json = {0};
    pol_cert_write(&json, leaf, facts);
    pol_value v = read_document(a, &json);
    pol_buf_deinit(&json);
    return v;
}

/* Verifies the chain, and notes what that costs to know. */
static const char *learn_cert(assembly *a, const pol_chain *chain, const char *source, const uint8_t key[POL_CHAIN_DIGEST], pol_known_chain *out)
{
    pol_verified_chain verified;
    const char *word, *why = pol_trust_chain(a->trust, chain, a->now_ns, &verified);
    if (why)
        return why;
    why = pol_trust_revocation(a->trust, &verified.links, a->now_ns, &word, NULL);
    pol_cert_facts facts = {.chain_length = verified.length, .revocation = word, .source = source, .spiffe_id = verified.spiffe_id};
    *out = (pol_known_chain){.document = make_cert(a, chain->leaf, &facts), .links = verified.links, .from_s = a->now_ns / 1000000000,
                             .until_s = verified.until_s};
    if (!pol_is_defined(out->document))
        return pol_reason_internal_error;
    pol_cert_fingerprint(chain->leaf, out->fingerprint);
    if (a->d->chains)
        pol_chain_cache_add(a->d->chains, key, out);
    return why;
}

/* One that verified before, under the same roots. True: *why is its refusal or NULL. */
static bool recall_cert(assembly *a, const uint8_t key[POL_CHAIN_DIGEST], pol_known_chain *out, const char **why)
{
    const char *word;
    bool is_watched;
    if (!a->trust || !a->d->chains || !pol_chain_cache_find(a->d->chains, key, a->now_ns / 1000000000, a->arena, out))
        return false;
    *why = pol_trust_revocation(a->trust, &out->links, a->now_ns, &word, &is_watched);
    pol_value then = pol_object_member(out->document, "revocation");
    if (!*why && is_watched && !(then.tag == POL_STRING && pol_bytes_is(pol_text(then), word)))
        out->document = with(a, out->document, "revocation", pol_string_text(word));
    return is_watched || *why == pol_reason_cert_revoked;
}

/* pem NULL: the certificate of the TLS connection, whose path the handshake has verified; what OpenSSL leaves out is judged here. */
static const char *verify_cert(assembly *a, const pol_bytes *pem, const char *source, pol_known_chain *out)
{
    uint8_t key[POL_CHAIN_DIGEST];
    const char *why;
    pol_bytes form = pem ? *pem : (pol_bytes){0};
    if (!pem) {
        int n = i2d_X509(a->d->tls_leaf, NULL);
        unsigned char *der = n > 0 ? pol_arena_alloc(a->arena, (size_t)n) : NULL, *end = der;
        if (n <= 0 || i2d_X509(a->d->tls_leaf, &end) != n)
            return pol_reason_cert_malformed;
        form = pol_bytes_of(der, (size_t)n);
    }
    pol_chain_cache_key(pol_trust_id(a->trust), source, form, key);
    if (recall_cert(a, key, out, &why))
        return why;
    pol_chain chain = {.leaf = a->d->tls_leaf, .rest = (STACK_OF(X509) *)a->d->tls_chain};
    if (!pem)
        return learn_cert(a, &chain, source, key, out);
    if (!pol_chain_read(*pem, &chain))
        return pol_reason_cert_malformed;
    why = learn_cert(a, &chain, source, key, out);
    pol_chain_deinit(&chain);
    return why;
}

/* The id that a certificate gives: SPIFFE ID, else subject. */
static pol_value id_of_cert(pol_value document)
{
    pol_value id = pol_object_member(document, "spiffe_id");
    return pol_is_defined(id) ? id : pol_object_member(document, "subject");
}

/* input.cert */
static void take_subjects_cert(assembly *a, const pol_bytes *pem, const char *source)
{
    pol_known_chain known;
    const char *why = verify_cert(a, pem, source, &known);
    if (why) {
        refuse(a, why);
        return;
    }
    a->cert = known.document;
    a->cert_subject = id_of_cert(known.document);
    a->has_spiffe_id = pol_is_defined(pol_object_member(known.document, "spiffe_id"));
    memcpy(a->fingerprint, known.fingerprint, sizeof a->fingerprint);
    a->has_fingerprint = true;
}

/* input.peer.cert */
static pol_value take_peers_cert(assembly *a)
{
    pol_known_chain known;
    const char *why = verify_cert(a, NULL, "tls", &known);
    if (why)
        refuse(a, why);
    return why ? pol_undefined() : known.document;
}

/* Whose word on certificates of others counts, by the socket's credentials or by a certificate that is verified as all are. */
static bool is_proxy(assembly *a)
{
    const pol_description *d = a->d;
    pol_known_chain known;
    if (!d->tls_leaf || d->tls_is_subject)
        return d->unix_socket && d->has_credentials && pol_trust_is_proxy(a->trust, &d->uid, (pol_bytes){0});
    if (verify_cert(a, NULL, "tls", &known))
        return false;
    pol_value id = id_of_cert(known.document);
    return id.tag == POL_STRING && pol_trust_is_proxy(a->trust, NULL, pol_text(id));
}

/* The last element is what the proxy says of who connected to it; those before are what it was told. Without the certificate itself
 * there is nothing that could be verified. */
static void take_forwarded_cert(assembly *a, pol_value header)
{
    pol_value elements = pol_undefined();
    const char *why = header.tag == POL_STRING ? pol_xfcc_parse(a->arena, pol_text(header), &elements) : pol_reason_xfcc_form;
    if (why || elements.n == 0) {
        refuse(a, why ? why : pol_reason_xfcc_form);
        return;
    }
    pol_value last = pol_element(elements, elements.n - 1), pem = pol_object_member(last, "chain");
    if (!pol_is_defined(pem))
        pem = pol_object_member(last, "cert");
    if (pem.tag == POL_STRING)
        take_subjects_cert(a, &(pol_bytes){(const uint8_t *)pem.text, pem.n}, "xfcc");
}

static void take_cert(assembly *a)
{
    pol_value forwarded = header_of(a, "x-forwarded-client-cert");
    bool by_tls = a->d->tls_leaf && a->d->tls_is_subject, by_proxy = pol_is_defined(forwarded) && is_proxy(a);
    if (by_tls + by_proxy + (a->d->cert_pem.n > 0) > 1)
        refuse(a, pol_reason_cert_multiple);
    else if (by_tls)
        take_subjects_cert(a, NULL, "tls");
    else if (by_proxy)
        take_forwarded_cert(a, forwarded);
    else if (a->d->cert_pem.n)
        take_subjects_cert(a, &a->d->cert_pem, "request");
}

/* ---- subject ---- */

/* What the token or certificate says: id and type. Undefined when there is neither. */
static pol_value verified_id(assembly *a, const char **type)
{
    if (pol_is_defined(a->token)) {
        pol_value sub = pol_object_member(a->verified.claims, "sub"), client = pol_object_member(a->verified.claims, "client_id");
        bool is_client = a->verified.is_client || !pol_is_defined(sub) || (client.tag == POL_STRING && pol_equal(sub, client));
        pol_value id = pol_is_defined(sub) ? sub : client;
        if (!is_id(id)) {
            refuse(a, pol_reason_token_subject);
            return pol_undefined();
        }
        *type = is_client ? "client" : "user";
        if (a->verified.subject_prefix)
            id = pol_string_printf(a->arena, "%s%.*s", a->verified.subject_prefix, (int)id.n, (const char *)id.text);
        if (!is_id(id))
            refuse(a, pol_reason_token_subject);
        return id;
    }
    if (pol_is_defined(a->cert)) {
        *type = a->has_spiffe_id ? "workload" : "client";
        if (!is_id(a->cert_subject))
            refuse(a, pol_reason_subject_id);
        return a->cert_subject;
    }
    return pol_undefined();
}

static void take_subject(assembly *a)
{
    const char *type = "user";
    pol_value id = verified_id(a, &type), given = drop_nulls(a->arena, a->d->subject);
    pol_value given_id = pol_object_member(given, "id"), given_type = pol_object_member(given, "type");
    if (pol_is_defined(given_id) && given_id.tag != POL_STRING)
        refuse(a, pol_reason_subject_form);
    if (pol_is_defined(given_type) && (given_type.tag != POL_STRING || given_type.n == 0))
        refuse(a, pol_reason_subject_form);
    if (given_id.tag == POL_STRING && !is_id(given_id))
        refuse(a, pol_reason_subject_id);
    if (pol_is_defined(id) && pol_is_defined(given_id) && !pol_equal(id, given_id))
        refuse(a, pol_reason_subject_mismatch);
    bool named = given.tag == POL_OBJECT && given.n > 0;
    if (!pol_is_defined(id) && named && (!pol_is_defined(given_id) || !pol_is_defined(given_type)))
        refuse(a, pol_reason_subject_form);
    a->subject = named ? given : pol_empty(POL_OBJECT);
    if (!pol_is_defined(id) && !named) {
        id = pol_string_text(anonymous);
        type = "anonymous";
    }
    a->subject = with(a, a->subject, "id", pol_is_defined(id) ? id : given_id);
    /* that no user stands behind a token is the token's to say, not the caller's */
    bool client_token = pol_is_defined(a->token) && strcmp(type, "client") == 0;
    if (!pol_is_defined(given_type) || client_token)
        a->subject = with(a, a->subject, "type", pol_string_text(type));
}

/* ---- action and resource ---- */

static pol_value lower(assembly *a, pol_bytes s)
{
    uint8_t *out = pol_arena_copy(a->arena, s.at, s.n);
    for (size_t i = 0; i < s.n; i++)
        out[i] = out[i] >= 'A' && out[i] <= 'Z' ? out[i] | 32 : out[i];
    return pol_string(pol_bytes_of(out, s.n));
}

/* A member of `properties` under the same name at the top, unless it is one of the three that have a meaning there. */
static pol_value lift_properties(assembly *a, pol_value resource)
{
    pol_value properties = pol_object_member(resource, "properties");
    if (!pol_is_defined(properties))
        return resource;
    if (properties.tag != POL_OBJECT) {
        refuse(a, pol_reason_resource_form);
        return resource;
    }
    pol_builder b = pol_builder_new(a->arena);
    for (uint32_t i = 0; i < resource.n; i++)
        pol_builder_put(&b, pol_member_key(resource, i), pol_member_value(resource, i));
    for (uint32_t i = 0; i < properties.n; i++) {
        pol_value key = pol_member_key(properties, i), value = pol_member_value(properties, i), own = pol_object_get(resource, key);
        bool kept = key.tag == POL_STRING && (pol_bytes_is(pol_text(key), "type") || pol_bytes_is(pol_text(key), "id") ||
                                              pol_bytes_is(pol_text(key), "properties"));
        if (kept)
            continue;
        /* two values for one attribute: which one a policy sees must not depend on us */
        if (pol_is_defined(own) && !pol_equal(own, value))
            refuse(a, pol_reason_resource_form);
        pol_builder_put(&b, key, value);
    }
    return pol_builder_object(&b);
}

/* object[name] is value; what the caller named must agree. */
static pol_value agree(assembly *a, pol_value object, pol_value name, pol_value value)
{
    pol_value given = pol_object_get(object, name);
    if (pol_is_defined(given) && !pol_equal(given, value))
        refuse(a, pol_reason_route_mismatch);
    return pol_object_with(a->arena, object, name, value);
}

static void apply_route(assembly *a, pol_value route, pol_value captures)
{
    a->action = agree(a, a->action, pol_string_text("name"), pol_object_member(route, "action"));
    a->resource = agree(a, a->resource, pol_string_text("type"), pol_object_member(route, "type"));
    for (uint32_t i = 0; i < captures.n; i++)
        a->resource = agree(a, a->resource, pol_member_key(captures, i), pol_member_value(captures, i));
}

static void apply_plain_http(assembly *a, pol_bytes normal)
{
    if (!pol_is_defined(pol_object_member(a->action, "name")))
        a->action = with(a, a->action, "name", lower(a, a->d->request.method));
    if (a->resource.n == 0) {
        a->resource = with(a, a->resource, "type", pol_string_text("http"));
        a->resource = with(a, a->resource, "id", pol_string(normal));
    }
}

static bool is_name(pol_value v)
{
    return v.tag == POL_STRING && v.n > 0;
}

static void take_target(assembly *a, pol_value routes, const pol_bytes *normal)
{
    pol_value action = drop_nulls(a->arena, a->d->action), resource = drop_nulls(a->arena, a->d->resource);
    a->action = action.tag == POL_OBJECT ? action : pol_empty(POL_OBJECT);
    a->resource = lift_properties(a, resource.tag == POL_OBJECT ? resource : pol_empty(POL_OBJECT));
    if (normal) {
        pol_value captures = pol_empty(POL_OBJECT);
        pol_value route = pol_route_find(a->arena, routes, a->d->request.method, *normal, &captures);
        if (pol_is_defined(route))
            apply_route(a, route, captures);
        else
            apply_plain_http(a, *normal);
    }
    if (!is_name(pol_object_member(a->action, "name")))
        refuse(a, pol_reason_action_form);
    pol_value id = pol_object_member(a->resource, "id");
    if (!is_name(pol_object_member(a->resource, "type")) || (pol_is_defined(id) && id.tag != POL_STRING))
        refuse(a, pol_reason_resource_form);
}

/* ---- the described request ---- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A part of a query: '+' is a space, escapes are decoded. */
static bool decode_form(assembly *a, pol_bytes s, pol_value *out)
{
    uint8_t *text = pol_arena_alloc(a->arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.at[i] == '+' ? ' ' : s.at[i];
        if (c == '%') {
            int high = i + 2 < s.n ? hex_digit(s.at[i + 1]) : -1, low = i + 2 < s.n ? hex_digit(s.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        text[n++] = c;
    }
    *out = pol_string(pol_bytes_of(text, n));
    return pol_utf8_valid(pol_bytes_of(text, n));
}

/* name=value&... as an object of lists. */
static pol_value read_query(assembly *a, pol_bytes query)
{
    enum { PARAMETERS_MAX = 256 }; /* grouping them takes its square */
    pol_builder names = pol_builder_new(a->arena), pairs = pol_builder_new(a->arena);
    for (size_t at = 0; at < query.n;) {
        const uint8_t *amp = memchr(query.at + at, '&', query.n - at);
        size_t n = amp ? (size_t)(amp - query.at) - at : query.n - at;
        pol_bytes part = pol_bytes_of(query.at + at, n);
        at += n + 1;
        if (n == 0)
            continue;
        const uint8_t *equals = memchr(part.at, '=', n);
        size_t n_name = equals ? (size_t)(equals - part.at) : n;
        pol_value name, value = pol_string_text("");
        if (pairs.n == 2 * PARAMETERS_MAX || !decode_form(a, pol_bytes_of(part.at, n_name), &name) ||
            (equals && !decode_form(a, pol_bytes_of(equals + 1, n - n_name - 1), &value))) {
            refuse(a, pol_reason_query_form);
            return pol_undefined();
        }
        if (pol_bytes_is(pol_text(name), "access_token"))
            refuse(a, pol_reason_token_in_query);
        pol_builder_put(&names, name, pol_int((int64_t)pairs.n));
        pol_builder_add(&pairs, name);
        pol_builder_add(&pairs, value);
    }
    pol_value distinct = pol_builder_object(&names), all = pol_builder_array(&pairs);
    pol_builder lists = pol_builder_new(a->arena);
    for (uint32_t i = 0; i < distinct.n; i++) {
        pol_value name = pol_member_key(distinct, i);
        pol_builder list = pol_builder_new(a->arena);
        for (uint32_t k = 0; k < all.n; k += 2) {
            if (pol_equal(pol_element(all, k), name))
                pol_builder_add(&list, pol_element(all, k + 1));
        }
        pol_builder_put(&lists, name, pol_builder_array(&list));
    }
    return pol_builder_object(&lists);
}

/* Headers that carry a secret are no part of the document, nor those whose verified content is elsewhere in it. */
static bool is_header_kept(pol_value name)
{
    static const char *const dropped[] = {"authorization", "proxy-authorization", "dpop", "x-forwarded-client-cert"};
    for (unsigned i = 0; i < sizeof dropped / sizeof *dropped; i++) {
        if (name.tag != POL_STRING || pol_bytes_is(pol_text(name), dropped[i]))
            return false;
    }
    return true;
}

static pol_value keep_headers(assembly *a)
{
    pol_value headers = a->d->request.headers;
    pol_builder b = pol_builder_new(a->arena);
    for (uint32_t i = 0; headers.tag == POL_OBJECT && i < headers.n; i++) {
        pol_value name = pol_member_key(headers, i);
        if (is_header_kept(name))
            pol_builder_put(&b, name, pol_member_value(headers, i));
    }
    return pol_builder_object(&b);
}

static pol_value make_time(assembly *a)
{
    pol_civil c = pol_civil_at(NULL, a->now_ns / 1000000000, (int32_t)(a->now_ns % 1000000000));
    return pol_string_printf(a->arena, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)c.year, c.month, c.day, c.hour, c.minute, c.second);
}

static pol_value make_request(assembly *a, pol_bytes normal)
{
    const pol_description *d = a->d;
    pol_builder b = pol_builder_new(a->arena), source = pol_builder_new(a->arena);
    pol_builder_put_text(&b, "method", pol_string(d->request.method));
    pol_builder_put_text(&b, "path", pol_string(normal));
    pol_value query = read_query(a, d->request.query);
    if (pol_is_defined(query))
        pol_builder_put_text(&b, "query", query);
    pol_builder_put_text(&b, "headers", keep_headers(a));
    if (d->request.host.n)
        pol_builder_put_text(&b, "host", pol_string(d->request.host));
    if (d->request.scheme.n)
        pol_builder_put_text(&b, "scheme", pol_string(d->request.scheme));
    if (d->request.source_ip.n) {
        pol_builder_put_text(&source, "ip", pol_string(d->request.source_ip));
        pol_builder_put_text(&source, "port", pol_int(d->request.source_port));
        pol_builder_put_text(&b, "source", pol_builder_object(&source));
    }
    if (pol_is_defined(d->request.body))
        pol_builder_put_text(&b, "body", d->request.body);
    pol_builder_put_text(&b, "time", make_time(a));
    return pol_builder_object(&b);
}

static pol_value make_peer(assembly *a)
{
    const pol_description *d = a->d;
    pol_builder b = pol_builder_new(a->arena);
    pol_builder_put_text(&b, "transport", pol_string_text(d->unix_socket ? "unix" : "tls"));
    if (d->has_credentials) {
        pol_builder_put_text(&b, "uid", pol_int(d->uid));
        pol_builder_put_text(&b, "gid", pol_int(d->gid));
        pol_builder_put_text(&b, "pid", pol_int(d->pid));
    }
    if (d->tls_leaf && !d->tls_is_subject) {
        pol_value cert = take_peers_cert(a);
        if (pol_is_defined(cert))
            pol_builder_put_text(&b, "cert", cert);
    }
    return pol_builder_object(&b);
}

/* ---- all of it ---- */

struct pol_identity {
    assembly verified; /* what does not depend on subject, action, resource and context */
    pol_value request, peer; /* request is undefined when none is described */
    pol_bytes normal;
};

/* The part of arena->budget_bytes that was lifted. */
static size_t lift_budget(pol_arena *arena)
{
    size_t budget = arena->budget_bytes;
    arena->budget_bytes = 0;
    return budget;
}

pol_identity *pol_identity_verify(pol_arena *arena, const pol_trust *trust, const pol_description *d, int64_t now_ns)
{
    size_t budget = lift_budget(arena);
    pol_identity *identity = POL_NEW(arena, pol_identity);
    assembly *a = &identity->verified;
    *a = (assembly){.arena = arena, .trust = trust, .d = d, .now_ns = now_ns, .token = pol_undefined(), .cert = pol_undefined(),
                    .cert_subject = pol_undefined()};
    identity->request = pol_undefined();
    bool described = d->request.method.n > 0;
    if (described && !pol_path_normal(arena, d->request.path, &identity->normal)) {
        refuse(a, pol_reason_path_form);
        described = false;
    }
    take_cert(a);
    take_token(a);
    if (described)
        identity->request = make_request(a, identity->normal);
    identity->peer = make_peer(a);
    arena->budget_bytes = budget;
    return identity;
}

static pol_value assemble(assembly *a, const pol_identity *identity, pol_value routes)
{
    pol_builder b = pol_builder_new(a->arena);
    take_subject(a);
    take_target(a, routes, pol_is_defined(identity->request) ? &identity->normal : NULL);
    pol_builder_put_text(&b, "subject", a->subject);
    pol_builder_put_text(&b, "action", a->action);
    pol_builder_put_text(&b, "resource", a->resource);
    pol_value context = drop_nulls(a->arena, a->d->context);
    if (pol_is_defined(context))
        pol_builder_put_text(&b, "context", context);
    if (pol_is_defined(a->token))
        pol_builder_put_text(&b, "token", a->token);
    if (pol_is_defined(a->cert))
        pol_builder_put_text(&b, "cert", a->cert);
    if (pol_is_defined(identity->request))
        pol_builder_put_text(&b, "request", identity->request);
    pol_builder_put_text(&b, "peer", identity->peer);
    return pol_builder_object(&b);
}

pol_value pol_identity_peer(const pol_identity *identity)
{
    return identity->peer;
}

bool pol_input_complete(pol_arena *arena, const pol_identity *identity, pol_value routes, const pol_description *d, pol_value *input,
                        pol_refusal *refusal)
{
    assembly a = identity->verified;
    size_t budget = lift_budget(arena);
    a.arena = arena;
    a.d = d;
    *input = assemble(&a, identity, routes);
    arena->budget_bytes = budget;
    *refusal = (pol_refusal){0};
    if (!pol_is_defined(*input))
        refuse(&a, pol_reason_internal_error);
    if (a.why) {
        refusal->reason = a.why;
        snprintf(refusal->text, sizeof refusal->text, "%s", pol_reason_sentence(a.why));
    }
    return a.why == NULL;
}

bool pol_input_assemble(pol_arena *arena, const pol_trust *trust, pol_value routes, const pol_description *d, int64_t now_ns,
                        pol_value *input, pol_refusal *refusal)
{
    return pol_input_complete(arena, pol_identity_verify(arena, trust, d, now_ns), routes, d, input, refusal);
}
