/* SPDX-License-Identifier: Apache-2.0
 * Tokens and certificates that were verified before: what is found is what was added, is found without an allocation and without a lock, and only under the keys that verified it.
 * Allocations are counted by taking malloc's place, under the address sanitizer by its hook; locks by taking the place of POSIX's, for OpenSSL too.
 */
#include "runtime/identity/token_cache.h"
#include "runtime/identity/trust.h"
#include "tests/unit/opaque_fixture.h"

#include <dlfcn.h>
#include <pthread.h>

static size_t n_allocations, n_locks;

/* so that OpenSSL's calls come here too */
#define FOR_ALL __attribute__((visibility("default")))

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
/* of the sanitizer's runtime, whose header is not everywhere */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t), void (*on_free)(const volatile void *));

static void count_allocation(const volatile void *p, size_t n)
{
    (void)p;
    (void)n;
    n_allocations++;
}

static void ignore_free(const volatile void *p)
{
    (void)p;
}

static void hook_allocator(void)
{
    __sanitizer_install_malloc_and_free_hooks(count_allocation, ignore_free);
}
#else
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

FOR_ALL void *malloc(size_t n)
{
    n_allocations++;
    return __libc_malloc(n);
}

FOR_ALL void *calloc(size_t n, size_t size)
{
    n_allocations++;
    return __libc_calloc(n, size);
}

FOR_ALL void *realloc(void *p, size_t n)
{
    n_allocations++;
    return __libc_realloc(p, n);
}

static void hook_allocator(void)
{
}
#endif

#define COUNTED(name, type)                                                                                                                          \
    FOR_ALL int name(type *lock)                                                                                                                             \
    {                                                                                                                                                \
        static int (*real)(type *);                                                                                                                  \
        if (!real)                                                                                                                                   \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                                                               \
        n_locks++;                                                                                                                                   \
        return real(lock);                                                                                                                           \
    }

COUNTED(pthread_mutex_lock, pthread_mutex_t)
COUNTED(pthread_rwlock_rdlock, pthread_rwlock_t)
COUNTED(pthread_rwlock_wrlock, pthread_rwlock_t)

static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JWT\"}";
static const char claims_text[] = "{\"iss\":\"https://id.example\",\"aud\":[\"orders\",\"bills\"],\"sub\":\"ann\",\"exp\":1800000600,\"empty\":\"\",\"none\":[],"
                                  "\"deep\":{\"a\":[1,2.50,{\"b\":null}],\"big\":123456789012345678901234567890.5},\"ok\":true,\"nothing\":{},\"text\":\"\\u00e9 \\n\"}";

static pol_arena arena;
static EVP_PKEY *key;

static pol_trust *make_trust(void)
{
    char path[64];
    pol_buf jwks = {0};
    const char *algorithms[] = {"ES256"};
    pol_trust *trust;
    pol_error err;
    pol_buf_text(&jwks, "{\"keys\":[");
    put_jwk(&jwks, key);
    pol_buf_text(&jwks, "]}");
    write_file(path, pol_buf_view(&jwks));
    pol_issuer_config issuer = {.issuer = "https://id.example", .jwks_file = path, .algorithms = algorithms, .n_algorithms = 1};
    pol_trust_config config = {.issuers = &issuer, .n_issuers = 1};
    if (!pol_trust_new(&config, &trust, &err))
        fail_msg("%s", err.text);
    unlink(path);
    pol_buf_deinit(&jwks);
    return trust;
}

static int make_all(void **state)
{
    (void)state;
    pol_arena_init(&arena, 0);
    key = make_ec_key();
    return 0;
}

static int drop_all(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    pol_arena_deinit(&arena);
    return 0;
}

static pol_value read_json(const char *text)
{
    pol_value v;
    pol_error err;
    if (!pol_json_read(&arena, pol_bytes_text(text), NULL, &v, &err))
        fail_msg("%s", err.text);
    return v;
}

static void a_known_token_takes_no_memory_and_no_lock(void **state)
{
    (void)state;
    enum { TIMES = 1000 };
    pol_arena decision;
    pol_verified_token seen;
    pol_trust *trust = make_trust();
    pol_token_cache *cache = pol_token_cache_new();
    pol_bytes token = make_token(&arena, key, header, claims_text);
    pol_arena_init(&decision, 0);
    hook_allocator();
    for (unsigned i = 0; i < 2; i++) { /* the second time for what a first look-up may make once */
        size_t allocations = n_allocations, locks = n_locks;
        pol_arena_reset(&decision);
        assert_null(pol_trust_token(trust, cache, NULL, &decision, token, NOW_NS, &seen));
        if (i == 0) { /* the counters count */
            assert_true(n_allocations > allocations);
            assert_true(n_locks > locks);
        }
    }
    size_t allocations = n_allocations, locks = n_locks;
    for (unsigned i = 0; i < TIMES; i++) {
        pol_arena_reset(&decision);
        if (pol_trust_token(trust, cache, NULL, &decision, token, NOW_NS, &seen))
            break;
    }
    allocations = n_allocations - allocations;
    locks = n_locks - locks;
    assert_int_equal(allocations, 0);
    assert_int_equal(locks, 0);
    assert_true(pol_equal(seen.claims, read_json(claims_text)));
    assert_true(pol_equal(seen.header, read_json(header)));
    assert_string_equal(pol_trust_token(trust, cache, NULL, &decision, token, (1800000600LL) * 1000000000, &seen), "token_expired");
    pol_arena_deinit(&decision);
    pol_token_cache_free(cache);
    pol_trust_free(trust);
}

static int64_t read_clock(void)
{
    return NOW_NS;
}

static void a_known_opaque_token_takes_no_memory_and_no_lock(void **state)
{
    (void)state;
    enum { TIMES = 1000 };
    pol_arena decision;
    pol_verified_token seen;
    asked_level level = {0};
    pol_trust *trust = make_asking_trust("api", 60000, 5000);
    pol_introspection *all = make_introspection(&level);
    pol_view view = {.introspection = all, .opaque = pol_opaque_cache_new()};
    pol_bytes token = POL_BYTES("2YotnFZFEjr1zCsicMWpAA"), other = POL_BYTES("tGzv3JOkF0XG5Qx2TlKWIA");
    const int64_t now_ns = NOW_NS;
    pol_introspection_set_clock(all, read_clock);
    pol_arena_init(&decision, 0);
    hook_allocator();
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(pol_trust_token(trust, NULL, &view, &decision, i ? other : token, now_ns, &seen), "introspection_failed");
        assert_true(view.pending);
        answer_level(&level, now_ns, i ? "{\"active\":false}" : "{\"active\":true,\"sub\":\"ann\",\"scope\":\"read write\",\"aud\":[\"orders\"]}");
    }
    for (unsigned i = 0; i < 2; i++) { /* from the process to the thread, then from the thread */
        size_t allocations = n_allocations, locks = n_locks;
        pol_arena_reset(&decision);
        assert_null(pol_trust_token(trust, NULL, &view, &decision, token, now_ns, &seen));
        assert_string_equal(pol_trust_token(trust, NULL, &view, &decision, other, now_ns, &seen), "token_inactive");
        if (i == 0) { /* the counters count */
            assert_true(n_allocations > allocations);
            assert_true(n_locks > locks);
        }
    }
    size_t allocations = n_allocations, locks = n_locks;
    unsigned n_active = 0, n_inactive = 0;
    for (unsigned i = 0; i < TIMES; i++) {
        pol_arena_reset(&decision);
        n_inactive += pol_trust_token(trust, NULL, &view, &decision, other, now_ns, &seen) != NULL;
        n_active += pol_trust_token(trust, NULL, &view, &decision, token, now_ns, &seen) == NULL;
    }
    allocations = n_allocations - allocations;
    locks = n_locks - locks;
    assert_int_equal(n_active, TIMES);
    assert_int_equal(n_inactive, TIMES);
    assert_int_equal(allocations, 0);
    assert_int_equal(locks, 0);
    assert_true(pol_equal(seen.claims, read_json("{\"active\":true,\"aud\":[\"orders\"],\"iss\":\"https://id.example\",\"scope\":\"read write\",\"sub\":\"ann\"}")));
    pol_arena_deinit(&decision);
    pol_opaque_cache_free(view.opaque);
    pol_introspection_free(all);
    pol_trust_free(trust);
}

/* In trust: a root and a certificate by it for an hour, in PEM. */
static pol_trust *make_roots(EVP_PKEY *by, pol_bytes *pem)
{
    char path[64];
    pol_trust *trust;
    pol_error err;
    cert_plan root_plan = {.subject = "Root", .ca = true, .from_s = -60, .to_s = 86400};
    cert_plan leaf_plan = {.subject = "leaf", .san = "URI:spiffe://acme.example/web", .from_s = -60, .to_s = 3600};
    X509 *root = make_cert(&root_plan, by, NULL, NULL), *leaf = make_cert(&leaf_plan, key, root, by);
    write_file(path, to_pem(&arena, root));
    *pem = to_pem(&arena, leaf);
    const char *const files[] = {path};
    pol_trust_config config = {.trust_files = files, .n_trust_files = 1};
    if (!pol_trust_new(&config, &trust, &err))
        fail_msg("%s", err.text);
    unlink(path);
    X509_free(root);
    X509_free(leaf);
    return trust;
}

/* The reason, or "ok" and the document of the certificate. */
static const char *assemble(const pol_trust *trust, pol_chain_cache *chains, pol_arena *decision, pol_bytes pem, int64_t now_s, pol_value *cert)
{
    pol_value undefined = pol_undefined(), input;
    pol_refusal refusal;
    pol_description d = {.subject = undefined, .action = from_json(&arena, "{\"name\":\"read\"}"), .resource = from_json(&arena, "{\"type\":\"note\"}"),
                         .context = undefined, .request = {.headers = undefined, .body = undefined}, .cert_pem = pem, .chains = chains};
    pol_arena_reset(decision);
    size_t allocations = n_allocations, locks = n_locks;
    bool ok = pol_input_assemble(decision, trust, undefined, &d, now_s * 1000000000, &input, &refusal);
    n_allocations -= allocations; /* what this took */
    n_locks -= locks;
    *cert = pol_object_member(input, "cert");
    return ok ? "ok" : refusal.reason;
}

static void a_known_certificate_takes_no_memory_and_no_lock(void **state)
{
    (void)state;
    pol_arena decision;
    pol_bytes pem, other_pem;
    pol_value cert;
    EVP_PKEY *root_key = make_ec_key();
    pol_trust *trust = make_roots(root_key, &pem), *others = make_roots(key, &other_pem);
    pol_chain_cache *chains = pol_chain_cache_new();
    pol_arena_init(&decision, 0);
    hook_allocator();
    assert_string_equal(assemble(trust, chains, &decision, pem, NOW_S, &cert), "ok");
    assert_true(n_allocations > 0 && n_locks > 0); /* the counters count */
    pol_buf first = {0}, again = {0};
    pol_json_write(&first, cert, POL_JSON_COMPACT);
    assert_string_equal(assemble(trust, chains, &decision, pem, NOW_S, &cert), "ok");
    for (unsigned i = 0; i < 100; i++) {
        assert_string_equal(assemble(trust, chains, &decision, pem, NOW_S + i, &cert), "ok");
        assert_int_equal(n_allocations, 0);
        assert_int_equal(n_locks, 0);
    }
    pol_json_write(&again, cert, POL_JSON_COMPACT);
    assert_string_equal((const char *)again.at, (const char *)first.at);
    /* until the first certificate of the path expires, and under these roots */
    assert_string_equal(assemble(trust, chains, &decision, pem, NOW_S + 3599, &cert), "ok");
    assert_int_equal(n_locks, 0);
    assert_string_equal(assemble(trust, chains, &decision, pem, NOW_S + 3600, &cert), "cert_expired");
    assert_string_equal(assemble(trust, chains, &decision, pem, NOW_S - 61, &cert), "cert_not_yet_valid");
    assert_string_equal(assemble(others, chains, &decision, pem, NOW_S, &cert), "cert_untrusted");
    assert_string_equal(assemble(trust, chains, &decision, other_pem, NOW_S, &cert), "cert_untrusted");
    assert_string_equal(assemble(trust, chains, &decision, pem, NOW_S, &cert), "ok");
    pol_buf_deinit(&first);
    pol_buf_deinit(&again);
    pol_arena_deinit(&decision);
    pol_chain_cache_free(chains);
    pol_trust_free(trust);
    pol_trust_free(others);
    EVP_PKEY_free(root_key);
}

static void what_is_found_is_what_was_added(void **state)
{
    (void)state;
    pol_token_cache *cache = pol_token_cache_new();
    uint8_t digest[POL_TOKEN_DIGEST];
    pol_cached_token found;
    const char *const texts[] = {"{}", claims_text, "{\"a\":{\"a\":{\"a\":[[[]]]}}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        pol_arena other;
        pol_arena_init(&other, 0);
        pol_token_cache_key(POL_BYTES("id"), pol_bytes_text(texts[i]), digest);
        assert_false(pol_token_cache_find(cache, digest, &other, &found));
        pol_token_cache_add(cache, digest, &(pol_cached_token){.header = read_json(header), .claims = read_json(texts[i])});
        assert_true(pol_token_cache_find(cache, digest, &other, &found));
        pol_buf a = {0}, b = {0};
        pol_json_write(&a, found.claims, POL_JSON_COMPACT);
        pol_json_write(&b, read_json(texts[i]), POL_JSON_COMPACT);
        assert_true(pol_bytes_equal(pol_buf_view(&a), pol_buf_view(&b)));
        assert_true(pol_equal(found.header, read_json(header)));
        pol_buf_deinit(&a);
        pol_buf_deinit(&b);
        pol_arena_deinit(&other);
    }
    pol_token_cache_free(cache);
}

static void much_is_not_kept(void **state)
{
    (void)state;
    pol_token_cache *cache = pol_token_cache_new();
    uint8_t digest[POL_TOKEN_DIGEST] = {0};
    char text[5000];
    pol_cached_token found;
    memset(text, 'x', sizeof text);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + sizeof text - 3, "\"}", 3);
    pol_token_cache_add(cache, digest, &(pol_cached_token){.header = read_json("{}"), .claims = read_json(text)});
    assert_false(pol_token_cache_find(cache, digest, &arena, &found));
    pol_token_cache_free(cache);
}

static void the_newest_tokens_are_remembered(void **state)
{
    (void)state;
    pol_token_cache *cache = pol_token_cache_new();
    uint8_t a[POL_TOKEN_DIGEST], b[POL_TOKEN_DIGEST];
    pol_cached_token found;
    pol_token_cache_key(POL_BYTES("one"), POL_BYTES("t"), a);
    pol_token_cache_key(POL_BYTES("two"), POL_BYTES("t"), b);
    assert_memory_not_equal(a, b, sizeof a);
    for (unsigned i = 0; i < 5; i++) { /* one bucket, by the first two bytes */
        char text[] = "{\"n\":0}";
        text[5] = (char)('0' + i);
        a[31] = (uint8_t)i;
        pol_token_cache_add(cache, a, &(pol_cached_token){.header = read_json("{}"), .claims = read_json(text), .version = i});
    }
    for (unsigned i = 0; i < 5; i++) {
        a[31] = (uint8_t)i;
        assert_int_equal(pol_token_cache_find(cache, a, &arena, &found), i > 0);
        if (i > 0)
            assert_true(pol_equal(pol_object_member(found.claims, "n"), pol_int(i)) && found.version == i);
    }
    pol_token_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_token_takes_no_memory_and_no_lock),
        cmocka_unit_test(a_known_opaque_token_takes_no_memory_and_no_lock),
        cmocka_unit_test(a_known_certificate_takes_no_memory_and_no_lock),
        cmocka_unit_test(what_is_found_is_what_was_added),
        cmocka_unit_test(much_is_not_kept),
        cmocka_unit_test(the_newest_tokens_are_remembered),
    };
    return cmocka_run_group_tests(tests, make_all, drop_all);
}
