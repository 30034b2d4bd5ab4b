/* SPDX-License-Identifier: Apache-2.0
 * Making the world from the configuration: bundle chosen and verified, keys, issuers, roots, TLS. */
#include "runtime/server/world.h"

#include "runtime/identity/revocation.h"
#include "runtime/identity/route.h"
#include "runtime/server/log.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_newer(const struct stat *a, const char *name_a, const struct stat *b, const char *name_b)
{
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
        return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
    if (a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
        return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
    return strcmp(name_a, name_b) > 0;
}

static bool is_bundle_name(const char *name)
{
    size_t n = strlen(name);
    return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".polb") == 0;
}

/* The newest *.polb of a folder; of equally old ones the one whose name sorts last. */
POL_MUST_USE static bool choose_bundle(pol_arena *arena, const char *folder, const char **out, pol_error *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return pol_fail(err, POL_E_IO, "%s: %s", folder, strerror(errno));
    const char *best = NULL;
    struct stat best_stat = {0};
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;
        if (!is_bundle_name(entry->d_name) || fstatat(dirfd(dir), entry->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (!best || is_newer(&st, entry->d_name, &best_stat, strrchr(best, '/') + 1)) {
            best = pol_arena_printf(arena, "%s/%s", folder, entry->d_name);
            best_stat = st;
        }
    }
    closedir(dir);
    *out = best;
    return best || pol_fail(err, POL_E_NOT_FOUND, "%s: there is no *.polb file in this folder", folder);
}

POL_MUST_USE static bool read_public_key(const char *path, uint8_t raw[32], pol_error *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return pol_fail(err, POL_E_IO, "%s: %s", path, strerror(errno));
    EVP_PKEY *key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    fclose(file);
    size_t n = 32;
    bool ok = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 && EVP_PKEY_get_raw_public_key(key, raw, &n) == 1 && n == 32;
    EVP_PKEY_free(key);
    return ok || pol_fail(err, POL_E_CRYPTO, "%s: an Ed25519 public key in PEM is wanted", path);
}

/* A file mapped in place must be replaced by rename: one that is written over takes the process with it (SIGBUS). Copying a small one
 * costs a few milliseconds, and then even cp onto the served file does no harm. */
static bool is_small(const char *path)
{
    enum { SMALL_BYTES = 16 << 20 };
    struct stat st;
    return stat(path, &st) == 0 && st.st_size <= SMALL_BYTES;
}

bool pol_world_keys(const pol_config *config, uint8_t raw[POL_WORLD_KEYS_MAX][32], pol_error *err)
{
    for (unsigned i = 0; i < config->bundle_public_keys.n; i++)
        POL_TRY(read_public_key(config->bundle_public_keys.items[i], raw[i], err));
    return true;
}

bool pol_world_bundle(const pol_config *config, const char *path, bool copy, pol_bundle **out, pol_error *err)
{
    uint8_t raw[POL_WORLD_KEYS_MAX][32];
    pol_bytes keys[POL_WORLD_KEYS_MAX];
    pol_bundle_options options = {.public_keys = keys, .n_public_keys = config->bundle_public_keys.n, .copy = copy || config->bundle_copy || is_small(path)};
    POL_TRY(pol_world_keys(config, raw, err));
    for (unsigned i = 0; i < options.n_public_keys; i++)
        keys[i] = pol_bytes_of(raw[i], 32);
    pol_error why;
    if (pol_bundle_open(path, &options, out, &why))
        return true;
    return pol_fail(err, why.code, "%s%s%s", strstr(why.text, path) ? "" : path, strstr(why.text, path) ? "" : ": ", why.text);
}

static pol_bytes revision_of(const pol_bundle *bundle)
{
    pol_value revision = pol_object_member(pol_bundle_manifest_value(bundle), "revision");
    return revision.tag == POL_STRING ? pol_text(revision) : POL_BYTES("");
}

/* The number that text begins with, without its leading zeros; n == 0 also of 0. */
static pol_bytes take_digits(pol_bytes *text)
{
    size_t n = 0, zeros = 0;
    while (n < text->n && text->at[n] >= '0' && text->at[n] <= '9')
        n++;
    while (zeros < n && text->at[zeros] == '0')
        zeros++;
    pol_bytes digits = pol_bytes_of(text->at + zeros, n - zeros);
    *text = pol_bytes_of(text->at + n, text->n - n);
    return digits;
}

static bool is_digit(pol_bytes text)
{
    return text.n && text.at[0] >= '0' && text.at[0] <= '9';
}

static bool is_older(pol_bytes a, pol_bytes b)
{
    while (a.n && b.n) {
        if (is_digit(a) && is_digit(b)) {
            pol_bytes x = take_digits(&a), y = take_digits(&b);
            int order = x.n != y.n ? (x.n < y.n ? -1 : 1) : x.n ? memcmp(x.at, y.at, x.n) : 0;
            if (order != 0)
                return order < 0;
            continue;
        }
        if (a.at[0] != b.at[0])
            return a.at[0] < b.at[0];
        a = pol_bytes_of(a.at + 1, a.n - 1);
        b = pol_bytes_of(b.at + 1, b.n - 1);
    }
    return b.n > 0;
}

bool pol_world_not_older(const pol_bundle *next, const pol_bundle *current, pol_error *err)
{
    pol_bytes new = revision_of(next), old = revision_of(current);
    if (!is_older(new, old))
        return true;
    POL_CLEAN(pol_buf_deinit) pol_buf quoted = {0};
    pol_buf_quoted(&quoted, new, 64);
    pol_buf_text(&quoted, " is older than ");
    pol_buf_quoted(&quoted, old, 64);
    return pol_fail(err, POL_E_CONFIG, "bundle.refuse_older: revision %s", (const char *)quoted.at);
}

POL_MUST_USE static bool open_bundle(const pol_config *config, pol_world *world, pol_error *err)
{
    const char *path = config->bundle_path;
    if (is_folder(path))
        POL_TRY(choose_bundle(&world->arena, path, &path, err));
    world->bundle_file = (char *)pol_arena_copy(&world->arena, path, strlen(path));
    return pol_world_bundle(config, path, false, &world->bundle, err);
}

POL_MUST_USE static bool read_manifest(pol_world *world, pol_error *err)
{
    uint8_t digest[32];
    pol_value manifest = pol_bundle_manifest_value(world->bundle);
    pol_value revision = pol_object_member(manifest, "revision");
    world->revision = revision.tag == POL_STRING ? (char *)pol_arena_copy(&world->arena, revision.text, revision.n)
                                                 : (char *)pol_arena_copy(&world->arena, "", 0);
    pol_bundle_digest(world->bundle, digest);
    pol_hex_encode((uint8_t *)world->digest, pol_bytes_of(digest, sizeof digest));
    world->digest[64] = 0;
    return pol_route_index(&world->arena, pol_object_member(manifest, "routes"), &world->routes, err);
}

/* Where an issuer's keys are fetched; NULL: they are not. */
static const pol_key_source_config *fetched_keys(pol_arena *arena, const pol_config_issuer *from)
{
    if (!from->jwks_url && !from->discovery)
        return NULL;
    pol_key_source_config *keys = POL_NEW(arena, pol_key_source_config);
    *keys = (pol_key_source_config){
        .issuer = from->issuer,
        .url = from->jwks_url,
        .ca_file = from->jwks_ca,
        .timeout_ms = (uint32_t)from->jwks_timeout_ms,
        .refresh_ms = from->jwks_refresh_ms,
        .early_ms = from->jwks_early_ms,
        .max_stale_ms = from->jwks_max_stale_ms,
    };
    return keys;
}

POL_MUST_USE static bool open_trust(const pol_config *config, pol_world *world, pol_background background, pol_error *err)
{
    unsigned n = config->issuers.n, n_domains = config->domains.n;
    if (n == 0 && config->trust_files.n == 0 && n_domains == 0)
        return true;
    pol_domain_config *domains = POL_NEW_ARRAY(&world->arena, pol_domain_config, n_domains ? n_domains : 1);
    for (unsigned i = 0; i < n_domains; i++) {
        const pol_config_domain *from = &config->domains.items[i];
        domains[i] = (pol_domain_config){.domain = from->domain, .files = from->trust_files.items, .n_files = from->trust_files.n};
    }
    pol_issuer_config *issuers = POL_NEW_ARRAY(&world->arena, pol_issuer_config, n ? n : 1);
    for (unsigned i = 0; i < n; i++) {
        const pol_config_issuer *from = &config->issuers.items[i];
        issuers[i] = (pol_issuer_config){
            .issuer = from->issuer,
            .jwks_file = from->jwks_file,
            .keys = fetched_keys(&world->arena, from),
            .introspection = {
                .url = from->introspection_url,
                .client_id = from->introspection_client,
                .auth = (pol_client_auth)from->introspection_auth,
                .secret_file = from->introspection_secret,
                .jwk_file = from->introspection_jwk,
                .cert_file = from->introspection_certificate,
                .key_file = from->introspection_private,
                .ca_file = from->introspection_ca,
                .token_prefix = from->introspection_prefix,
                .timeout_ms = (uint32_t)from->introspection_timeout_ms,
                .cache_ms = from->introspection_cache_ms,
                .inactive_ms = from->introspection_inactive_ms,
            },
            .audiences = from->audiences.items,
            .n_audiences = from->audiences.n,
            .algorithms = from->algorithms.items,
            .n_algorithms = from->algorithms.n,
            .required_claims = from->required_claims.items,
            .n_required_claims = from->required_claims.n,
            .subject_prefix = from->subject_prefix,
            .sub_certificates = from->sub_certificates.items,
            .n_sub_certificates = from->sub_certificates.n,
            .client_claims = from->client_claims.items,
            .n_client_claims = from->client_claims.n,
            .refused_claims = from->refused_claims.items,
            .n_refused_claims = from->refused_claims.n,
            .at_jwt = from->at_jwt,
            .leeway_s = (uint32_t)(from->leeway_ms / 1000),
        };
    }
    pol_trust_config trust = {
        .issuers = issuers,
        .n_issuers = n,
        .trust_files = config->trust_files.items,
        .n_trust_files = config->trust_files.n,
        .domains = domains,
        .n_domains = n_domains,
        .revocation = (pol_revocation_mode)config->revocation,
        .responders = background.responders,
        .key_sources = background.key_sources,
        .crl_files = config->crl_files.items,
        .n_crl_files = config->crl_files.n,
        .proxy_uids = config->proxy_uids.items,
        .n_proxy_uids = config->proxy_uids.n,
        .proxy_names = config->proxy_names.items,
        .n_proxy_names = config->proxy_names.n,
        .dpop_max_age_s = (uint32_t)(config->dpop_max_age_ms / 1000),
    };
    return pol_trust_new(&trust, &world->trust, err);
}

/* path may be NULL: then whole data, which nobody runs. */
static pol_entry find_entry(pol_world *world, const char *path)
{
    return pol_bundle_entry(world->bundle, &world->arena, pol_path_split(&world->arena, pol_bytes_text(path ? path : "")));
}

POL_MUST_USE static bool fill(pol_world *world, const pol_config *config, pol_background background, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf signature = {0};
    pol_world_signature(config, &signature);
    world->signature = (char *)pol_buf_to_arena(&signature, &world->arena).at;
    POL_TRY(open_bundle(config, world, err));
    POL_TRY(read_manifest(world, err));
    POL_TRY(open_trust(config, world, background, err));
    if (config->tls_address)
        POL_TRY(pol_tls_new(config, world->trust, background.responders, &world->tls, err));
    world->decision = find_entry(world, config->decision);
    world->default_decision = find_entry(world, config->default_decision);
    world->subjects = find_entry(world, config->search_subjects);
    world->resources = find_entry(world, config->search_resources);
    world->actions = find_entry(world, config->search_actions);
    world->callers = find_entry(world, config->callers);
    world->activated_ns = pol_clock_ns();
    return true;
}

bool pol_world_new(const pol_config *config, uint64_t generation, pol_background background, pol_world **out, pol_error *err)
{
    pol_world *world = calloc(1, sizeof *world);
    if (!world)
        return pol_fail(err, POL_E_MEMORY, "no memory for the world");
    pol_arena_init(&world->arena, 0);
    world->generation = generation;
    world->config = config;
    if (!fill(world, config, background, err)) {
        pol_world_free(world);
        return false;
    }
    *out = world;
    return true;
}

void pol_world_free(pol_world *world)
{
    if (!world)
        return;
    SSL_CTX_free(world->tls);
    pol_trust_free(world->trust);
    pol_bundle_close(world->bundle);
    pol_arena_deinit(&world->arena);
    free(world);
}

void pol_world_follow(const pol_world *world, struct pol_revocation *responders)
{
    const pol_config *config = world->config;
    pol_revocation_settings settings = {
        .interval_ms = (uint32_t)config->ocsp_interval_ms,
        .timeout_ms = (uint32_t)config->ocsp_timeout_ms,
        .url = config->ocsp_url,
        .ca_file = config->ocsp_ca,
        .nonce = (pol_nonce_policy)config->ocsp_nonce,
    };
    pol_revocation_configure(responders, &settings);
    if (world->tls && config->tls_staple)
        pol_tls_staple(world, responders);
    else
        pol_revocation_own(responders, NULL, NULL);
}

/* ---- which files ---- */

static void visit_list(const pol_config_list *list, void (*visit)(void *, const char *), void *context)
{
    for (unsigned i = 0; i < list->n; i++)
        visit(context, list->items[i]);
}

static void visit_issuer(const pol_config_issuer *issuer, void (*visit)(void *, const char *), void *context)
{
    const char *files[] = {issuer->jwks_file, issuer->introspection_secret, issuer->introspection_jwk};
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        if (files[i])
            visit(context, files[i]);
    }
}

void pol_world_files(const pol_config *config, void (*visit)(void *context, const char *path), void *context)
{
    visit(context, config->bundle_path);
    visit_list(&config->bundle_public_keys, visit, context);
    visit_list(&config->trust_files, visit, context);
    visit_list(&config->crl_files, visit, context);
    for (unsigned i = 0; i < config->domains.n; i++)
        visit_list(&config->domains.items[i].trust_files, visit, context);
    for (unsigned i = 0; i < config->issuers.n; i++)
        visit_issuer(&config->issuers.items[i], visit, context);
    if (config->tls_address) {
        visit(context, config->tls_certificate);
        visit(context, config->tls_key);
    }
}

static void sign_stat(pol_buf *out, const char *name, const struct stat *st)
{
    pol_buf_printf(out, "%s %llu:%llu %lld %lld.%09ld %lld.%09ld\n", name, (unsigned long long)st->st_dev,
                   (unsigned long long)st->st_ino, (long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                   (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sign_folder(pol_buf *out, const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    pol_arena arena;
    pol_arena_init(&arena, 0);
    const char **names = NULL;
    size_t n = 0, capacity = 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        POL_GROW(&arena, names, n, capacity);
        names[n++] = (const char *)pol_arena_copy(&arena, entry->d_name, strlen(entry->d_name));
    }
    if (n)
        qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (fstatat(dirfd(dir), names[i], &st, 0) == 0)
            sign_stat(out, names[i], &st);
    }
    pol_arena_deinit(&arena);
    closedir(dir);
}

static void sign_path(void *context, const char *path)
{
    struct stat st;
    pol_buf *out = context;
    if (stat(path, &st) != 0) {
        pol_buf_printf(out, "%s absent\n", path);
        return;
    }
    /* a folder's own times change with every temporary file in it, so only its members count */
    if (S_ISDIR(st.st_mode))
        sign_folder(out, path);
    else
        sign_stat(out, path, &st);
}

void pol_world_signature(const pol_config *config, pol_buf *out)
{
    pol_buf_clear(out);
    pol_world_files(config, sign_path, out);
}
