/* SPDX-License-Identifier: Apache-2.0
 * The daemon's configuration: one YAML file, read whole and checked against config.def before anything of it counts.
 */
#pragma once

#include "runtime/bytes.h"

typedef struct {
    const char **items; /* items[n] is NULL */
    unsigned n;
} pol_config_list;

#define POL_CONFIG_TEXT const char *
#define POL_CONFIG_FILE const char *
#define POL_CONFIG_LIST pol_config_list
#define POL_CONFIG_FILES pol_config_list
#define POL_CONFIG_BOOL bool
#define POL_CONFIG_NUMBER uint64_t
#define POL_CONFIG_SIZE uint64_t
#define POL_CONFIG_TIME uint64_t
#define POL_CONFIG_MODE uint64_t
#define POL_CONFIG_CHOICE unsigned /* position in the row's list of words */
#define POL_CONFIG_ISSUERS pol_config_issuers
#define POL_CONFIG_DOMAINS pol_config_domains

typedef struct {
#define ISSUER_SETTING(field, key, type, least, most, fallback, when, doc) POL_CONFIG_##type field;
#include "runtime/server/config.def"
    unsigned line;
} pol_config_issuer;

typedef struct {
    pol_config_issuer *items;
    unsigned n;
} pol_config_issuers;

typedef struct {
#define DOMAIN_SETTING(field, key, type, least, most, fallback, when, doc) POL_CONFIG_##type field;
#include "runtime/server/config.def"
    unsigned line;
} pol_config_domain;

typedef struct {
    pol_config_domain *items;
    unsigned n;
} pol_config_domains;

enum { POL_PRINCIPAL_PLAIN, POL_PRINCIPAL_HASH, POL_PRINCIPAL_NONE };
enum { POL_PEER_IS_PEER, POL_PEER_IS_SUBJECT };
enum { POL_LOG_LEVEL_INFO, POL_LOG_LEVEL_DEBUG, POL_LOG_LEVEL_WARNING, POL_LOG_LEVEL_ERROR };

/* Immutable once read. Texts live in arena; what was left out is NULL, 0 elements or the default. Relative file names are
 * taken from the configuration file's folder. */
typedef struct {
#define SETTING(field, key, type, least, most, fallback, when, doc) POL_CONFIG_##type field;
#include "runtime/server/config.def"
    pol_arena arena;
} pol_config;

/* Reads the file at path. err says file, line, what is wrong and, of an unknown key, the nearest known one. */
POL_MUST_USE bool pol_config_open(const char *path, pol_config **out, pol_error *err);
/* The same from text; name stands in messages, and its folder is where relative names begin. */
POL_MUST_USE bool pol_config_read(const char *name, pol_bytes text, pol_config **out, pol_error *err);
void pol_config_free(pol_config *config);

/* Calls visit for every file and folder that config names. */
void pol_config_files(const pol_config *config, void (*visit)(void *context, const char *key, const char *path), void *context);

/* The key of the first setting that needs a restart and differs, or NULL. */
const char *pol_config_restart_needed(const pol_config *running, const pol_config *wanted);

/* docs/configuration.md's tables, from config.def. */
void pol_config_describe(pol_buf *out);
