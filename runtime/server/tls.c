/* SPDX-License-Identifier: Apache-2.0
 * The TLS listener's context and the re-check of connections that outlive the trust they were verified under. */
#include "runtime/identity/revocation.h"
#include "runtime/server/log.h"
#include "runtime/server/world.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool refuse(pol_error *err, const char *path, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return pol_fail(err, POL_E_CRYPTO, "%s: %s%s%s", path, what, reason ? ": " : "", reason ? reason : "");
}

/* RFC 6066, 8, and RFC 8446, 4.4.2.1: for a client that asks for it. */
static int on_status_request(SSL *ssl, void *context)
{
    size_t n;
    uint8_t *response = pol_revocation_staple(context, pol_clock_ns() / 1000000000, &n);
    if (!response)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, response, (long)n); /* takes it over */
    return SSL_TLSEXT_ERR_OK;
}

POL_MUST_USE static bool set_up(SSL_CTX *ctx, const pol_config *config, const pol_trust *trust, pol_error *err)
{
    X509_STORE *store = trust ? pol_trust_store(trust) : NULL;
    if (!store)
        return pol_fail(err, POL_E_CONFIG, "tls.address: identity.trust has no roots to verify client certificates against");
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
        return pol_fail(err, POL_E_CRYPTO, "TLS 1.3 is not available");
    if (SSL_CTX_use_certificate_chain_file(ctx, config->tls_certificate) != 1)
        return refuse(err, config->tls_certificate, "no certificate chain in PEM");
    if (SSL_CTX_use_PrivateKey_file(ctx, config->tls_key, SSL_FILETYPE_PEM) != 1)
        return refuse(err, config->tls_key, "no private key in PEM");
    if (SSL_CTX_check_private_key(ctx) != 1)
        return refuse(err, config->tls_key, "the key does not belong to tls.certificate");
    SSL_CTX_set1_cert_store(ctx, store);
    SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    /* every connection shows its certificate: nothing is resumed, so nothing outlives a change of trust */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    return true;
}

bool pol_tls_new(const pol_config *config, const pol_trust *trust, struct pol_revocation *responders, SSL_CTX **out, pol_error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return pol_fail(err, POL_E_CRYPTO, "no TLS context could be made");
    if (!set_up(ctx, config, trust, err)) {
        SSL_CTX_free(ctx);
        return false;
    }
    if (config->tls_staple && responders) {
        SSL_CTX_set_tlsext_status_cb(ctx, on_status_request);
        SSL_CTX_set_tlsext_status_arg(ctx, responders);
    }
    *out = ctx;
    return true;
}

static X509 *find_issuer(STACK_OF(X509) *among, X509 *cert)
{
    for (int i = 0; i < sk_X509_num(among); i++) {
        if (X509_check_issued(sk_X509_value(among, i), cert) == X509_V_OK)
            return sk_X509_value(among, i);
    }
    return NULL;
}

/* The issuer stands behind the certificate in its file, else among the trusted ones. */
void pol_tls_staple(const pol_world *world, struct pol_revocation *responders)
{
    X509 *leaf = SSL_CTX_get0_certificate(world->tls);
    STACK_OF(X509) *sent = NULL, *trusted = X509_STORE_get1_all_certs(pol_trust_store(world->trust));
    SSL_CTX_get0_chain_certs(world->tls, &sent);
    X509 *issuer = leaf ? find_issuer(sent, leaf) : NULL;
    if (leaf && !issuer)
        issuer = find_issuer(trusted, leaf);
    pol_revocation_own(responders, leaf, issuer);
    sk_X509_pop_free(trusted, X509_free);
}

bool pol_tls_still_good(const pol_world *world, SSL *ssl)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    X509_STORE *store = world->trust ? pol_trust_store(world->trust) : NULL;
    X509_STORE_CTX *check = store && leaf ? X509_STORE_CTX_new() : NULL;
    if (!check)
        return false;
    bool ok = X509_STORE_CTX_init(check, store, leaf, SSL_get_peer_cert_chain(ssl)) == 1 &&
              X509_STORE_CTX_set_default(check, "ssl_client") == 1 && X509_verify_cert(check) == 1;
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    return ok;
}
