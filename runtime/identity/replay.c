/* SPDX-License-Identifier: Apache-2.0
 * Used proofs in a table of fixed size: buckets of slots, chosen by a salted hash, so that no sender can choose which bucket fills.
 */
#include "runtime/identity/replay.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <pthread.h>
#include <stdlib.h>

enum { N_BUCKETS = 1 << 13, BUCKET_SLOTS = 16, KEY_BYTES = 16, SALT_BYTES = 32 };

typedef struct {
    uint8_t key[KEY_BYTES];
    int64_t until_s; /* 0: free */
} slot;

struct pol_replay {
    pthread_mutex_t lock;
    uint8_t salt[SALT_BYTES];
    slot slots[N_BUCKETS][BUCKET_SLOTS];
};

pol_replay *pol_replay_new(void)
{
    pol_replay *replay = calloc(1, sizeof *replay);
    if (!replay || RAND_bytes(replay->salt, SALT_BYTES) != 1 || pthread_mutex_init(&replay->lock, NULL) != 0) {
        free(replay);
        return NULL;
    }
    return replay;
}

void pol_replay_free(pol_replay *replay)
{
    if (!replay)
        return;
    pthread_mutex_destroy(&replay->lock);
    OPENSSL_cleanse(replay->salt, SALT_BYTES);
    free(replay);
}

/* The thumbprint has one length, so that salt, thumbprint and jti one behind the other are unambiguous. */
static bool hash(const pol_replay *replay, pol_bytes thumbprint, pol_bytes jti, uint8_t digest[EVP_MAX_MD_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, replay->salt, SALT_BYTES) == 1 &&
              EVP_DigestUpdate(ctx, thumbprint.at, thumbprint.n) == 1 && EVP_DigestUpdate(ctx, jti.at, jti.n) == 1 &&
              EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool pol_replay_note(pol_replay *replay, pol_bytes thumbprint, pol_bytes jti, int64_t now_s, int64_t until_s)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (!hash(replay, thumbprint, jti, digest))
        return false;
    slot *bucket = replay->slots[(digest[KEY_BYTES] | digest[KEY_BYTES + 1] << 8) % N_BUCKETS], *room = NULL;
    bool used = false;
    pthread_mutex_lock(&replay->lock);
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        if (bucket[i].until_s < now_s)
            room = &bucket[i];
        else if (memcmp(bucket[i].key, digest, KEY_BYTES) == 0)
            used = true;
    }
    if (!used && room) {
        memcpy(room->key, digest, KEY_BYTES);
        room->until_s = until_s;
    }
    pthread_mutex_unlock(&replay->lock);
    return !used && room;
}
