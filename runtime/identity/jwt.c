/* SPDX-License-Identifier: Apache-2.0
 * What a verified signature does not say: whether the claims are well-typed, meant for us and good now.
 */
#include "runtime/identity/jwt.h"

#include "runtime/json.h"

#include <strings.h>

bool pol_jwt_date(pol_value v, long double *seconds)
{
    const double most = 253402300799.0; /* the last second of year 9999 */
    if (!pol_is_number(v))
        return false;
    double d = pol_number_to_double(v);
    if (!(d >= 0 && d <= most))
        return false;
    *seconds = d;
    return true;
}

/* The claims that are registered (RFC 7519, 4.1; RFC 8693, 4.3). */
enum { EXP, NBF, IAT, ISS, SUB, JTI, CLIENT_ID, AUD, N_REGISTERED };

static void read_registered(pol_value claims, pol_value of[N_REGISTERED])
{
    static const pol_bytes names[N_REGISTERED] = {[EXP] = POL_NAME("exp"), [NBF] = POL_NAME("nbf"), [IAT] = POL_NAME("iat"), [ISS] = POL_NAME("iss"),
                                                  [SUB] = POL_NAME("sub"), [JTI] = POL_NAME("jti"), [CLIENT_ID] = POL_NAME("client_id"), [AUD] = POL_NAME("aud")};
    pol_members(claims, names, N_REGISTERED, of);
}

static bool is_string_or_absent(pol_value v)
{
    return !pol_is_defined(v) || v.tag == POL_STRING;
}

static bool is_audience(pol_value aud)
{
    if (aud.tag != POL_ARRAY)
        return is_string_or_absent(aud);
    for (uint32_t i = 0; i < aud.n; i++) {
        if (pol_element(aud, i).tag != POL_STRING)
            return false;
    }
    return true;
}

static bool are_typed(const pol_value of[N_REGISTERED])
{
    long double ignored;
    for (unsigned i = EXP; i <= IAT; i++) {
        if (pol_is_defined(of[i]) && !pol_jwt_date(of[i], &ignored))
            return false;
    }
    for (unsigned i = ISS; i <= CLIENT_ID; i++) {
        if (!is_string_or_absent(of[i]))
            return false;
    }
    return is_audience(of[AUD]);
}

bool pol_claims_typed(pol_value claims)
{
    pol_value of[N_REGISTERED];
    read_registered(claims, of);
    return are_typed(of);
}

bool pol_audience_ok(pol_value aud, const char *const *audiences, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        pol_bytes wanted = pol_bytes_text(audiences[i]);
        if (aud.tag == POL_STRING && pol_bytes_equal(pol_text(aud), wanted))
            return true;
        for (uint32_t k = 0; aud.tag == POL_ARRAY && k < aud.n; k++) {
            if (pol_bytes_equal(pol_text(pol_element(aud, k)), wanted))
                return true;
        }
    }
    return false;
}

/* RFC 7515, 4.1.9: without regard to case, "application/" may be left out. */
static bool is_typ(pol_value typ, const char *wanted)
{
    if (typ.tag != POL_STRING)
        return false;
    pol_bytes s = pol_text(typ), prefix = POL_BYTES("application/");
    if (s.n > prefix.n && strncasecmp((const char *)s.at, (const char *)prefix.at, prefix.n) == 0)
        s = pol_bytes_of(s.at + prefix.n, s.n - prefix.n);
    return s.n == strlen(wanted) && strncasecmp((const char *)s.at, wanted, s.n) == 0;
}

static const char *judge_times(const pol_value of[N_REGISTERED], long double now, long double leeway)
{
    long double exp, nbf, iat;
    if (pol_jwt_date(of[EXP], &exp) && !(now < exp + leeway))
        return pol_reason_token_expired;
    if (pol_jwt_date(of[NBF], &nbf) && !(now + leeway >= nbf))
        return pol_reason_token_not_yet_valid;
    if (pol_jwt_date(of[IAT], &iat) && !(now + leeway >= iat))
        return pol_reason_token_not_yet_valid;
    return NULL;
}

const char *pol_jwt_judge(const pol_jws *jws, pol_value claims, const pol_jwt_rules *rules, int64_t now_ns)
{
    if (rules->typ && !is_typ(pol_object_member(jws->header, "typ"), rules->typ))
        return pol_reason_token_typ;
    pol_value of[N_REGISTERED];
    read_registered(claims, of);
    if (!are_typed(of))
        return pol_reason_token_claim_type;
    for (unsigned i = 0; i < rules->n_required; i++) {
        if (!pol_is_defined(pol_object_member(claims, rules->required[i])))
            return pol_reason_token_claim_missing;
    }
    if (!pol_is_defined(of[ISS]) || (rules->n_audiences && !pol_is_defined(of[AUD])))
        return pol_reason_token_claim_missing;
    if (!pol_bytes_is(pol_text(of[ISS]), rules->issuer))
        return pol_reason_token_issuer;
    if (rules->n_audiences && !pol_audience_ok(of[AUD], rules->audiences, rules->n_audiences))
        return pol_reason_token_audience;
    return judge_times(of, (long double)now_ns / 1e9L, (long double)rules->leeway_s);
}

const char *pol_jwt_claims(pol_arena *arena, const pol_jws *jws, const pol_jws_limits *limits, pol_value *claims)
{
    pol_json_options options = {.max_depth = limits && limits->max_depth ? limits->max_depth : 64, .unique_members = true, .no_nul = true, .borrow = true};
    pol_error err;
    if (!pol_json_read(arena, jws->payload, &options, claims, &err))
        return err.code == POL_E_LIMIT ? pol_reason_token_too_large : pol_reason_token_json;
    return claims->tag == POL_OBJECT ? NULL : pol_reason_token_json;
}

const char *pol_jwt_verify(pol_arena *arena, pol_bytes token, const pol_jwks *keys, const pol_jwt_rules *rules, int64_t now_ns,
                           pol_jws *jws, pol_value *claims)
{
    *claims = pol_undefined();
    const char *why = pol_jws_open(arena, token, &rules->limits, jws);
    if (!why)
        why = pol_jws_check(jws, keys, rules->algorithms, rules->n_algorithms);
    if (!why)
        why = pol_jwt_claims(arena, jws, &rules->limits, claims);
    if (!why)
        why = pol_jwt_judge(jws, *claims, rules, now_ns);
    if (why)
        *claims = pol_undefined();
    return why;
}
