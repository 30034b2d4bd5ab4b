/* SPDX-License-Identifier: Apache-2.0
 * JWS in compact form (RFC 7515): algorithms, the split of a token into its parts, keys (RFC 7517) and signatures. Strict: what the
 * rules leave open is refused. Nothing in a token's header chooses a key but `kid`, and nothing is ever fetched.
 */
#pragma once

#include "runtime/identity/reasons.h"
#include "runtime/value.h"

#include <openssl/evp.h>

typedef enum { POL_KEY_NONE, POL_KEY_RSA, POL_KEY_EC, POL_KEY_OKP, POL_KEY_OCT } pol_key_type;

/* One signature algorithm; the list is in jose.c, the only one. */
typedef struct {
    const char *name;       /* "ES256" */
    pol_key_type key_type;
    const char *digest;     /* of OpenSSL; NULL for EdDSA */
    const char *curve;      /* of OpenSSL, for ECDSA; else NULL */
    unsigned n_bytes;       /* of a coordinate (ECDSA), of the hash (HMAC and RSA) */
    bool pss;
} pol_alg;

/* NULL when there is none of that exact name; "none" is none. */
const pol_alg *pol_alg_find(pol_bytes name);

/* A key. Immutable; owns what it points to. */
typedef struct {
    pol_key_type type;
    EVP_PKEY *pkey;         /* NULL for POL_KEY_OCT */
    uint8_t *secret;        /* POL_KEY_OCT: cleansed when freed */
    size_t n_secret;
    char *kid;              /* n_kid bytes; NULL: none */
    size_t n_kid;
    char curve[16];         /* EC: OpenSSL's name of the group; OKP: "ED25519" or "ED448" */
    char alg[16];           /* the JWK's "alg"; "": none */
    bool may_verify;        /* "use" and "key_ops" allow it */
} pol_key;

typedef struct {
    pol_key *keys;
    unsigned n;
} pol_jwks;

void pol_key_deinit(pol_key *key);
void pol_jwks_free(pol_jwks *jwks); /* NULL is allowed */

typedef enum {
    POL_JWK_STRICT,  /* for verification of identity: weak keys, odd lengths and doubtful members refuse */
    POL_JWK_LAX,     /* as Rego's io.jwt functions read keys: key sizes are not judged */
    POL_JWK_PRIVATE, /* the same, and a private key when the JWK has one: for io.jwt.encode_sign */
} pol_jwk_mode;

/* A JWK object as a key. Takes nothing from an arena. On failure key is empty and *why (may be NULL) a static text. */
POL_MUST_USE bool pol_jwk_read(pol_value jwk, pol_jwk_mode mode, pol_key *key, const char **why);
/* A set {"keys": [...]}. Keys that cannot be read are passed over; two of one kid refuse. Takes nothing from an arena. Freed by
 * pol_jwks_free. */
POL_MUST_USE bool pol_jwks_read(pol_value set, pol_jwk_mode mode, pol_jwks **out, pol_error *err);
POL_MUST_USE bool pol_jwks_file_read(const char *path, pol_jwks **out, pol_error *err);
/* From a PEM text: a certificate or a public key. False when it is neither. */
POL_MUST_USE bool pol_key_from_pem(pol_bytes pem, pol_key *key);
/* RFC 7638 with SHA-256, as unpadded base64url with a NUL. False when the JWK is none. */
POL_MUST_USE bool pol_jwk_thumbprint(pol_value jwk, char out[44]);

/* May alg be used with key at all: type, curve, the key's own alg, its size. */
bool pol_key_fits(const pol_key *key, const pol_alg *alg, bool strict);
/* True when signature is alg's over input with key. Takes nothing from an arena; HMACs are compared in constant time. */
POL_MUST_USE bool pol_signature_ok(const pol_key *key, const pol_alg *alg, pol_bytes input, pol_bytes signature);
/* Signs with a private or symmetric key; out has room for POL_SIGNATURE_MAX. */
enum { POL_SIGNATURE_MAX = 2048 };
POL_MUST_USE bool pol_sign(const pol_key *key, const pol_alg *alg, pol_bytes input, uint8_t out[POL_SIGNATURE_MAX], size_t *n);

/* Members of an object by names that are known, in one pass over it: values[i] is undefined where there is none of names[i]. */
#define POL_NAME(literal) {(const uint8_t *)("" literal), sizeof(literal) - 1}
void pol_members(pol_value object, const pol_bytes *names, unsigned n, pol_value *values);

enum { POL_TOKEN_MAX = 65536 }; /* bytes */

/* A token taken apart. All in the arena or in the token itself. */
typedef struct {
    pol_value header;
    const pol_alg *alg;
    pol_bytes payload;      /* decoded; a NUL is behind it */
    pol_bytes signature;    /* decoded */
    pol_bytes signed_part;  /* "header.payload" of the token */
} pol_jws;

typedef struct {
    size_t max_bytes;       /* 0: 65536 */
    uint32_t max_depth;     /* 0: 64 */
} pol_jws_limits;

/* Splits and decodes. NULL, or why the token is refused. arena allocations are at most some ten times the token's length. */
const char *pol_jws_open(pol_arena *arena, pol_bytes token, const pol_jws_limits *limits, pol_jws *jws);
/* Judges algorithm and signature against a key set: NULL or a reason. algs are the names allowed. */
const char *pol_jws_check(const pol_jws *jws, const pol_jwks *keys, const char *const *algs, unsigned n_algs);
