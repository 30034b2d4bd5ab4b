/* SPDX-License-Identifier: Apache-2.0
 * Who is asking: from the description of a request (what a protocol adaptor read) to the verified input document of a decision.
 * Nothing in input.cert or input.token is taken on a caller's word. See docs/identity.md.
 */
#pragma once

#include "runtime/identity/key_source.h"
#include "runtime/value.h"

typedef struct x509_st X509;
typedef struct stack_st_X509 STACK_OF_X509;

/* ---- trust: keys, issuers and certificate roots; immutable once made, shared by threads ---- */
typedef struct pol_trust pol_trust;

typedef enum {
    POL_CLIENT_SECRET,      /* client_secret_basic */
    POL_CLIENT_ASSERTION,   /* private_key_jwt */
    POL_CLIENT_CERTIFICATE, /* mTLS */
} pol_client_auth;

/* RFC 7662: how an issuer is asked about a token. */
typedef struct {
    const char *url;                 /* NULL: it is not */
    const char *client_id;
    pol_client_auth auth;
    const char *secret_file, *jwk_file, *cert_file, *key_file; /* those that auth needs */
    const char *ca_file;             /* NULL: the system's roots */
    const char *token_prefix;        /* of the tokens that are no JWTs and are its; NULL: all */
    uint32_t timeout_ms;
    uint64_t cache_ms, inactive_ms;  /* how long an answer may be kept */
} pol_introspector_config;

typedef struct {
    const char *issuer;              /* exact `iss` */
    const char *jwks_file;           /* its keys, */
    const pol_key_source_config *keys; /* or where they are fetched; both NULL: its JWTs too are asked about */
    pol_introspector_config introspection;
    const char *const *audiences;    /* any of; none: no audience rule */
    unsigned n_audiences;
    const char *const *algorithms;   /* "RS256", ... ; at least one */
    unsigned n_algorithms;
    const char *const *required_claims;
    unsigned n_required_claims;
    const char *subject_prefix;      /* NULL: none; must differ where several issuers are configured */
    bool at_jwt;                     /* RFC 9068: typ at+jwt and its claims are required */
    const char *const *sub_certificates; /* "SUB => NAME": a token of SUB is bound to a certificate with this SPIFFE ID or subject */
    unsigned n_sub_certificates;
    const char *const *client_claims;    /* "CLAIM => VALUE": behind such a token stands a client and no user */
    unsigned n_client_claims;
    const char *const *refused_claims;   /* "CLAIM => VALUE": such a token is refused */
    unsigned n_refused_claims;
    uint32_t leeway_s;               /* default 30, at most 300 */
} pol_issuer_config;

/* The roots and intermediates of one SPIFFE trust domain: certificates of its identities are verified against these only. */
typedef struct {
    const char *domain;
    const char *const *files;
    unsigned n_files;
} pol_domain_config;

typedef enum {
    POL_REVOCATION_AUTO, /* hard where lists are named, by the lists alone; else off */
    POL_REVOCATION_OFF,
    POL_REVOCATION_SOFT, /* what is not known to be revoked is accepted, and marked "unknown" */
    POL_REVOCATION_HARD, /* what is not known to be good is refused */
} pol_revocation_mode;

typedef struct {
    const pol_issuer_config *issuers;
    unsigned n_issuers;
    const char *const *trust_files;  /* PEM files or folders of roots and intermediates for client certificates */
    unsigned n_trust_files;
    const pol_domain_config *domains;
    unsigned n_domains;
    const char *const *crl_files;    /* PEM files or folders */
    unsigned n_crl_files;
    pol_revocation_mode revocation;
    pol_key_sources *key_sources;    /* NULL: issuers whose keys are fetched are refused. borrowed */
    struct pol_revocation *responders; /* asked where revocation is soft or hard; NULL: lists only. borrowed */
    const char *const *proxy_uids;   /* whose X-Forwarded-Client-Cert counts: users of the unix socket, as decimal numbers, */
    unsigned n_proxy_uids;
    const char *const *proxy_names;  /* and SPIFFE IDs or subjects of certificates of TLS connections */
    unsigned n_proxy_names;
    uint32_t dpop_max_age_s;         /* how old a DPoP proof may be; 0: 60 */
} pol_trust_config;

/* Reads and checks all files. config is borrowed for the call. */
POL_MUST_USE bool pol_trust_new(const pol_trust_config *config, pol_trust **out, pol_error *err);
void pol_trust_free(pol_trust *trust);
/* The store for a TLS listener that verifies client certificates (borrowed). NULL when no roots are configured. */
struct x509_store_st *pol_trust_store(const pol_trust *trust);

/* ---- the description of a request: what an adaptor read, unverified ---- */
typedef struct {
    pol_value subject, action, resource, context; /* of the API call; undefined: not given. Objects, else refused by the adaptor */
    pol_bytes token;         /* the API's token field; n == 0: none */
    pol_bytes cert_pem;      /* the API's cert field: chain in PEM, leaf first; n == 0: none */
    /* the described HTTP request; method.n == 0: none */
    struct {
        pol_bytes method, path, query, host, scheme, source_ip;
        uint16_t source_port;
        pol_value headers;   /* object of lower-case name: string; undefined: none */
        pol_value body;      /* undefined: none */
    } request;
    /* the connection */
    bool unix_socket;
    bool has_credentials;    /* uid, gid, pid by SO_PEERCRED */
    uint32_t uid, gid, pid;
    X509 *tls_leaf;          /* verified by the TLS listener; NULL: none. borrowed */
    STACK_OF_X509 *tls_chain;
    struct pol_replay *replay; /* the DPoP proofs that were used; NULL: none is accepted. borrowed */
    struct pol_view *view;   /* of this thread; NULL: no token is asked about. borrowed */
    struct pol_token_cache *tokens; /* of this thread; NULL: every signature is checked. borrowed */
    struct pol_chain_cache *chains; /* of this thread; NULL: every chain is verified. borrowed */
    bool tls_is_subject;     /* the listener's callers ask for themselves: tls_leaf is input.cert; else peer.cert */
} pol_description;

/* Why verification refused, in the words of docs/identity.md ("token_expired", "binding_mismatch", ...). A static string. */
typedef struct {
    const char *reason; /* NULL: not refused */
    char text[200];     /* a sentence for people, without secrets */
} pol_refusal;

/* Assembles the input document in arena from d. trust may be NULL (then any token or certificate is refused: token_issuer, cert_untrusted). routes: the index of
 * the bundle's (pol_route_index; undefined: none). now_ns: the clock. True: *input is the document. False: *refusal says why and the decision is a deny;
 * *input is then what could be assembled without the refused part, for the log. err is for internal failures, when refusal->reason is "internal_error". */
POL_MUST_USE bool pol_input_assemble(pol_arena *arena, const pol_trust *trust, pol_value routes, const pol_description *d,
                                     int64_t now_ns, pol_value *input, pol_refusal *refusal);

/* The same in two steps, for many input documents of one request: its token, certificate and described request are verified once, since a proof
 * counts once. Both live in arena; d too must live as long. Complete takes subject, action, resource and context from its own d. */
typedef struct pol_identity pol_identity;
pol_identity *pol_identity_verify(pol_arena *arena, const pol_trust *trust, const pol_description *d, int64_t now_ns);
/* Who is connected: `input.peer`. */
pol_value pol_identity_peer(const pol_identity *identity);
POL_MUST_USE bool pol_input_complete(pol_arena *arena, const pol_identity *identity, pol_value routes, const pol_description *d,
                                     pol_value *input, pol_refusal *refusal);
