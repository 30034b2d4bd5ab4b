/* SPDX-License-Identifier: Apache-2.0
 * YAML (libyaml's documents) into pol_config, driven by the rows of config.def: what is not in the table is refused by name.
 */
#include "runtime/server/config.h"

#include "runtime/server/redis_store.h"

#include "runtime/fetch/fetch.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

typedef enum { TEXT, FILE_NAME, LIST, FILES, BOOL, NUMBER, SIZE, TIME, MODE, CHOICE, ISSUERS, DOMAINS } setting_type;
#define TYPE_TEXT TEXT
#define TYPE_FILE FILE_NAME
#define TYPE_LIST LIST
#define TYPE_FILES FILES
#define TYPE_BOOL BOOL
#define TYPE_NUMBER NUMBER
#define TYPE_SIZE SIZE
#define TYPE_TIME TIME
#define TYPE_MODE MODE
#define TYPE_CHOICE CHOICE
#define TYPE_ISSUERS ISSUERS
#define TYPE_DOMAINS DOMAINS
enum { RELOAD, START };

typedef struct {
    const char *key;
    setting_type type;
    uint64_t least, most;
    const char *fallback; /* of CHOICE: all words, the first one the default */
    unsigned when;
    size_t offset;
    const char *doc;
} setting;

static const setting settings[] = {
#define SETTING(field, key, type, least, most, fallback, when, doc)                                \
    {key, TYPE_##type, least, most, fallback, when, offsetof(pol_config, field), doc},
#include "runtime/server/config.def"
    {0},
};

static const setting issuer_settings[] = {
#define ISSUER_SETTING(field, key, type, least, most, fallback, when, doc)                         \
    {key, TYPE_##type, least, most, fallback, when, offsetof(pol_config_issuer, field), doc},
#include "runtime/server/config.def"
    {0},
};

static const setting domain_settings[] = {
#define DOMAIN_SETTING(field, key, type, least, most, fallback, when, doc)                         \
    {key, TYPE_##type, least, most, fallback, when, offsetof(pol_config_domain, field), doc},
#include "runtime/server/config.def"
    {0},
};

/* One run of the reader. */
typedef struct {
    const char *name;
    pol_bytes folder; /* of name, with its '/'; empty: the working folder */
    yaml_document_t document;
    pol_arena *arena;
    pol_error *err;
} reader;

static unsigned line_of(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

/* ---- scalars ---- */

static bool refuse_value(const reader *r, const yaml_node_t *node, const char *key, const char *wanted)
{
    return pol_fail(r->err, POL_E_CONFIG, "%s:%u: %s: wanted %s", r->name, line_of(node), key, wanted);
}

typedef struct {
    const char *suffix;
    uint64_t factor;
} unit;

static const unit size_units[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {0}};
static const unit time_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {0}};
static const unit no_units[] = {{"", 1}, {0}};

/* Digits of a base and a unit, the whole of text. */
POL_MUST_USE static bool parse_number(pol_bytes text, unsigned base, const unit *units, uint64_t *out)
{
    size_t i = 0;
    uint64_t n = 0;
    for (; i < text.n && text.at[i] >= '0' && text.at[i] < '0' + base; i++)
        if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, text.at[i] - '0', &n))
            return false;
    if (i == 0)
        return false;
    pol_bytes suffix = pol_bytes_of(text.at + i, text.n - i);
    for (; units->suffix; units++)
        if (pol_bytes_is(suffix, units->suffix))
            return !__builtin_mul_overflow(n, units->factor, out);
    return false;
}

static const char *wanted_text(const setting *row, pol_arena *arena)
{
    unsigned long long least = row->least, most = row->most;
    switch (row->type) {
    case BOOL: return "true or false";
    case NUMBER: return pol_arena_printf(arena, "a number from %llu to %llu", least, most);
    case SIZE: return pol_arena_printf(arena, "a size (64KiB, 1MiB) from %llu to %llu bytes", least, most);
    case TIME: return pol_arena_printf(arena, "a time (500ms, 10s, 5m) from %llu to %llu ms", least, most);
    case MODE: return pol_arena_printf(arena, "an octal file mode (\"0660\") of at most 0%llo", most);
    case CHOICE: return pol_arena_printf(arena, "one of %s", row->fallback);
    case FILES: return pol_arena_printf(arena, "a list of %llu to %llu file names", least, most);
    case LIST: return pol_arena_printf(arena, "a list of %llu to %llu texts", least, most);
    case ISSUERS: return pol_arena_printf(arena, "a list of at most %llu issuers", most);
    case DOMAINS: return pol_arena_printf(arena, "a list of at most %llu trust domains", most);
    case FILE_NAME: return pol_arena_printf(arena, "a file name of %llu to %llu bytes", least, most);
    case TEXT: break;
    }
    return pol_arena_printf(arena, "a text of %llu to %llu bytes", least, most);
}

POL_MUST_USE static bool parse_bool(pol_bytes text, bool *out)
{
    *out = pol_bytes_is(text, "true");
    return *out || pol_bytes_is(text, "false");
}

/* The position of text among the words of "one|two". */
POL_MUST_USE static bool parse_choice(pol_bytes text, const char *words, unsigned *out)
{
    unsigned i = 0;
    for (const char *word = words; word; i++) {
        const char *end = strchr(word, '|');
        if (pol_bytes_equal(text, pol_bytes_of(word, end ? (size_t)(end - word) : strlen(word)))) {
            *out = i;
            return true;
        }
        word = end ? end + 1 : NULL;
    }
    return false;
}

static const char *keep_text(const reader *r, const setting *row, pol_bytes text)
{
    if (row->type == FILE_NAME && r->folder.n && text.at[0] != '/')
        return pol_arena_printf(r->arena, "%.*s%.*s", (int)r->folder.n, (const char *)r->folder.at, (int)text.n,
                                (const char *)text.at);
    return (const char *)pol_arena_copy(r->arena, text.at, text.n);
}

/* text into the field of row in the structure at base. False: it does not fit the row; nobody has been told yet. */
POL_MUST_USE static bool set_scalar(const reader *r, const setting *row, uint8_t *base, pol_bytes text)
{
    void *field = base + row->offset;
    uint64_t n = 0;
    if (text.n && memchr(text.at, 0, text.n))
        return false;
    switch (row->type) {
    case TEXT:
    case FILE_NAME: {
        if (text.n < row->least || text.n > row->most)
            return false;
        const char *kept = keep_text(r, row, text);
        *(const char **)field = kept;
        return strlen(kept) <= row->most;
    }
    case BOOL:
        return parse_bool(text, field);
    case CHOICE:
        return parse_choice(text, row->fallback, field);
    case NUMBER:
        POL_TRY(parse_number(text, 10, no_units, &n));
        break;
    case SIZE:
        POL_TRY(parse_number(text, 10, size_units, &n));
        break;
    case TIME:
        POL_TRY(parse_number(text, 10, time_units, &n));
        break;
    case MODE:
        POL_TRY(parse_number(text, 8, no_units, &n));
        break;
    case LIST:
    case FILES:
    case ISSUERS:
    case DOMAINS:
        return false;
    }
    *(uint64_t *)field = n;
    return n >= row->least && n <= row->most;
}

/* ---- structure ---- */

POL_MUST_USE static bool read_mapping(reader *r, const yaml_node_t *node, const setting *rows, const char *prefix, uint8_t *base);

static pol_bytes scalar_bytes(const yaml_node_t *node)
{
    return pol_bytes_of(node->data.scalar.value, node->data.scalar.length);
}

POL_MUST_USE static bool set_list(reader *r, const setting *row, uint8_t *base, const yaml_node_t *node)
{
    size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n < row->least || n > row->most)
        return refuse_value(r, node, row->key, wanted_text(row, r->arena));
    pol_config_list *list = (pol_config_list *)(void *)(base + row->offset);
    list->items = POL_NEW_ARRAY(r->arena, const char *, n + 1);
    list->n = 0;
    setting element = {.type = row->type == FILES ? FILE_NAME : TEXT, .least = 1, .most = 4095};
    for (size_t i = 0; i < n; i++) {
        const yaml_node_t *item = yaml_document_get_node(&r->document, node->data.sequence.items.start[i]);
        if (item->type != YAML_SCALAR_NODE || !set_scalar(r, &element, (uint8_t *)&list->items[i], scalar_bytes(item)))
            return refuse_value(r, item, row->key, "texts in the list");
        list->n++;
    }
    return true;
}

POL_MUST_USE static bool set_fallbacks(reader *r, const setting *rows, uint8_t *base)
{
    for (const setting *row = rows; row->key; row++) {
        if (row->fallback && row->type != CHOICE && !set_scalar(r, row, base, pol_bytes_text(row->fallback)))
            return pol_fail(r->err, POL_E_INTERNAL, "config.def: the default of %s is out of its range", row->key);
    }
    return true;
}

POL_MUST_USE static bool set_issuers(reader *r, const setting *row, uint8_t *base, const yaml_node_t *node)
{
    size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n > row->most)
        return refuse_value(r, node, row->key, wanted_text(row, r->arena));
    pol_config_issuers *list = (pol_config_issuers *)(void *)(base + row->offset);
    list->items = POL_NEW_ARRAY(r->arena, pol_config_issuer, n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        const yaml_node_t *item = yaml_document_get_node(&r->document, node->data.sequence.items.start[i]);
        pol_config_issuer *issuer = &list->items[i];
        if (item->type != YAML_MAPPING_NODE)
            return refuse_value(r, item, row->key, "a mapping for each issuer");
        POL_TRY(set_fallbacks(r, issuer_settings, (uint8_t *)issuer));
        POL_TRY(read_mapping(r, item, issuer_settings, "", (uint8_t *)issuer));
        issuer->line = line_of(item);
        unsigned n_keys = (issuer->jwks_file != NULL) + (issuer->jwks_url != NULL) + issuer->discovery;
        bool has_keys = n_keys && issuer->algorithms.n;
        if (!issuer->issuer || (!has_keys && (n_keys || !issuer->introspection_url)))
            return pol_fail(r->err, POL_E_CONFIG, "%s:%u: identity.issuers: issuer is required, and algorithms and one of jwks_file, jwks_url and discovery, or introspection.url",
                            r->name, issuer->line);
        if (n_keys > 1)
            return pol_fail(r->err, POL_E_CONFIG, "%s:%u: identity.issuers: one of jwks_file, jwks_url and discovery says where keys are", r->name, issuer->line);
        list->n++;
    }
    return true;
}

POL_MUST_USE static bool set_domains(reader *r, const setting *row, uint8_t *base, const yaml_node_t *node)
{
    size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n > row->most)
        return refuse_value(r, node, row->key, wanted_text(row, r->arena));
    pol_config_domains *list = (pol_config_domains *)(void *)(base + row->offset);
    list->items = POL_NEW_ARRAY(r->arena, pol_config_domain, n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        const yaml_node_t *item = yaml_document_get_node(&r->document, node->data.sequence.items.start[i]);
        pol_config_domain *domain = &list->items[i];
        if (item->type != YAML_MAPPING_NODE)
            return refuse_value(r, item, row->key, "a mapping for each trust domain");
        POL_TRY(read_mapping(r, item, domain_settings, "", (uint8_t *)domain));
        domain->line = line_of(item);
        if (!domain->domain || domain->trust_files.n == 0)
            return pol_fail(r->err, POL_E_CONFIG, "%s:%u: identity.trust_domains: domain and trust are required", r->name, domain->line);
        list->n++;
    }
    return true;
}

POL_MUST_USE static bool set_value(reader *r, const setting *row, uint8_t *base, const yaml_node_t *node)
{
    if ((row->type == LIST || row->type == FILES) && node->type == YAML_SEQUENCE_NODE)
        return set_list(r, row, base, node);
    if (row->type == ISSUERS && node->type == YAML_SEQUENCE_NODE)
        return set_issuers(r, row, base, node);
    if (row->type == DOMAINS && node->type == YAML_SEQUENCE_NODE)
        return set_domains(r, row, base, node);
    if (node->type == YAML_SCALAR_NODE && set_scalar(r, row, base, scalar_bytes(node)))
        return true;
    return refuse_value(r, node, row->key, wanted_text(row, r->arena));
}

/* The part of key below prefix up to the next dot; n == 0 when key does not begin with prefix. */
static pol_bytes next_part(const char *key, const char *prefix, bool *is_last)
{
    size_t n_prefix = strlen(prefix);
    if (strncmp(key, prefix, n_prefix) != 0)
        return (pol_bytes){0};
    const char *part = key + n_prefix, *dot = strchr(part, '.');
    *is_last = dot == NULL;
    return pol_bytes_of(part, dot ? (size_t)(dot - part) : strlen(part));
}

static bool refuse_key(const reader *r, const yaml_node_t *node, const setting *rows, const char *prefix)
{
    pol_bytes key = scalar_bytes(node), nearest = {0};
    unsigned best = 4;
    for (const setting *row = rows; row->key; row++) {
        bool is_last;
        pol_bytes part = next_part(row->key, prefix, &is_last);
        unsigned distance = part.n && key.n <= 64 ? pol_bytes_distance(key, part, 3) : 4;
        if (distance < best && 2 * distance <= part.n) {
            best = distance;
            nearest = part;
        }
    }
    POL_CLEAN(pol_buf_deinit) pol_buf quoted = {0};
    pol_buf_quoted(&quoted, key, 64);
    if (nearest.n)
        return pol_fail(r->err, POL_E_CONFIG, "%s:%u: unknown key %s, did you mean \"%s%.*s\"?", r->name, line_of(node),
                        (const char *)quoted.at, prefix, (int)nearest.n, (const char *)nearest.at);
    return pol_fail(r->err, POL_E_CONFIG, "%s:%u: unknown key %s%s%s", r->name, line_of(node), (const char *)quoted.at,
                    *prefix ? " in " : "", prefix);
}

POL_MUST_USE static bool refuse_second(const reader *r, const yaml_node_t *mapping, const yaml_node_pair_t *pair)
{
    pol_bytes key = scalar_bytes(yaml_document_get_node((yaml_document_t *)&r->document, pair->key));
    for (const yaml_node_pair_t *other = mapping->data.mapping.pairs.start; other < pair; other++) {
        const yaml_node_t *node = yaml_document_get_node((yaml_document_t *)&r->document, other->key);
        if (pol_bytes_equal(key, scalar_bytes(node)))
            return pol_fail(r->err, POL_E_CONFIG, "%s:%u: this key stands in line %u already", r->name,
                            line_of(yaml_document_get_node((yaml_document_t *)&r->document, pair->key)), line_of(node));
    }
    return true;
}

POL_MUST_USE static bool read_pair(reader *r, const yaml_node_t *key, const yaml_node_t *value, const setting *rows, const char *prefix,
                                   uint8_t *base)
{
    for (const setting *row = rows; row->key; row++) {
        bool is_last = false;
        pol_bytes part = next_part(row->key, prefix, &is_last);
        if (!part.n || !pol_bytes_equal(part, scalar_bytes(key)))
            continue;
        if (is_last)
            return set_value(r, row, base, value);
        const char *section = pol_arena_printf(r->arena, "%s%.*s.", prefix, (int)part.n, (const char *)part.at);
        if (value->type != YAML_MAPPING_NODE)
            return pol_fail(r->err, POL_E_CONFIG, "%s:%u: %.*s: wanted a mapping of settings", r->name, line_of(value),
                            (int)strlen(section) - 1, section);
        return read_mapping(r, value, rows, section, base);
    }
    return refuse_key(r, key, rows, prefix);
}

static bool read_mapping(reader *r, const yaml_node_t *node, const setting *rows, const char *prefix, uint8_t *base)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(&r->document, pair->value);
        if (key->type != YAML_SCALAR_NODE)
            return pol_fail(r->err, POL_E_CONFIG, "%s:%u: a key must be a plain word", r->name, line_of(key));
        POL_TRY(refuse_second(r, node, pair));
        POL_TRY(read_pair(r, key, value, rows, prefix, base));
    }
    return true;
}

/* AuthZEN 1.0: https, no query, no fragment; the endpoints' paths are put behind it. */
static bool is_base_url(const char *url)
{
    return strncmp(url, "https://", 8) == 0 && url[strlen(url) - 1] != '/' && !strpbrk(url, "?#");
}

POL_MUST_USE static bool check_whole(const reader *r, const pol_config *config)
{
    if (!config->bundle_path)
        return pol_fail(r->err, POL_E_CONFIG, "%s: bundle.path is missing: the bundle to serve", r->name);
    if (config->tls_address && (!config->tls_certificate || !config->tls_key || config->trust_files.n + config->domains.n == 0))
        return pol_fail(r->err, POL_E_CONFIG, "%s: tls.address needs tls.certificate, tls.key and identity.trust", r->name);
    if (config->authzen_url && !is_base_url(config->authzen_url))
        return pol_fail(r->err, POL_E_CONFIG, "%s: authzen.url must begin with https:// and have no slash at its end, query or fragment", r->name);
    pol_error why;
    if (config->ocsp_url && !pol_fetch_url_check(config->ocsp_url, true, &why))
        return pol_fail(r->err, POL_E_CONFIG, "%s: identity.ocsp.url: %s", r->name, why.text);
    if (config->redis_address && !pol_redis_address_check(config->redis_address, &why))
        return pol_fail(r->err, POL_E_CONFIG, "%s: identity.introspection.redis: %s", r->name, why.text);
    if (config->redis_address && !config->introspection_key)
        return pol_fail(r->err, POL_E_CONFIG, "%s: identity.introspection.redis needs identity.introspection.key_file: what comes from Redis counts only with a MAC by that key", r->name);
    for (unsigned i = 0; config->issuers.n > 1 && i < config->issuers.n; i++) {
        const pol_config_issuer *a = &config->issuers.items[i];
        if (!a->subject_prefix)
            return pol_fail(r->err, POL_E_CONFIG, "%s:%u: identity.issuers: of several issuers each needs a subject_prefix", r->name,
                            a->line);
        for (unsigned k = 0; k < i; k++)
            if (strcmp(a->subject_prefix, config->issuers.items[k].subject_prefix) == 0)
                return pol_fail(r->err, POL_E_CONFIG, "%s:%u: identity.issuers: this subject_prefix stands in line %u already", r->name,
                                a->line, config->issuers.items[k].line);
    }
    return true;
}

POL_MUST_USE static bool parse_document(reader *r, pol_bytes text, pol_config *config)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return pol_fail(r->err, POL_E_MEMORY, "the YAML reader could not be made");
    yaml_parser_set_input_string(&parser, text.at, text.n);
    bool ok = yaml_parser_load(&parser, &r->document) ||
              pol_fail(r->err, POL_E_CONFIG, "%s:%zu: not YAML: %s", r->name, parser.problem_mark.line + 1,
                       parser.problem ? parser.problem : "unreadable");
    yaml_parser_delete(&parser);
    POL_TRY(ok);
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);
    ok = root && root->type == YAML_MAPPING_NODE
                  ? read_mapping(r, root, settings, "", (uint8_t *)config)
                  : pol_fail(r->err, POL_E_CONFIG, "%s: a mapping of settings is wanted", r->name);
    yaml_document_delete(&r->document);
    return ok;
}

bool pol_config_read(const char *name, pol_bytes text, pol_config **out, pol_error *err)
{
    const char *slash = strrchr(name, '/');
    pol_config *config = calloc(1, sizeof *config);
    if (!config)
        return pol_fail(err, POL_E_MEMORY, "no memory for the configuration");
    pol_arena_init(&config->arena, 0);
    reader r = {.name = name, .folder = pol_bytes_of(name, slash ? (size_t)(slash + 1 - name) : 0), .arena = &config->arena, .err = err};
    if (!set_fallbacks(&r, settings, (uint8_t *)config) || !parse_document(&r, text, config) || !check_whole(&r, config)) {
        pol_config_free(config);
        return false;
    }
    *out = config;
    return true;
}

bool pol_config_open(const char *path, pol_config **out, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    POL_TRY(pol_file_read(path, 1 << 20, &text, err));
    return pol_config_read(path, pol_buf_view(&text), out, err);
}

void pol_config_free(pol_config *config)
{
    if (!config)
        return;
    pol_arena_deinit(&config->arena);
    free(config);
}

/* ---- comparing and describing ---- */

static void visit_rows(const setting *rows, const uint8_t *base, void (*visit)(void *, const char *, const char *), void *context)
{
    for (const setting *row = rows; row->key; row++) {
        const void *at = base + row->offset;
        const pol_config_list *list = row->type == FILES ? at : NULL;
        if (row->type == FILE_NAME && *(const char *const *)at)
            visit(context, row->key, *(const char *const *)at);
        for (unsigned i = 0; list && i < list->n; i++)
            visit(context, row->key, list->items[i]);
    }
}

void pol_config_files(const pol_config *config, void (*visit)(void *context, const char *key, const char *path), void *context)
{
    visit_rows(settings, (const uint8_t *)config, visit, context);
    for (unsigned i = 0; i < config->issuers.n; i++)
        visit_rows(issuer_settings, (const uint8_t *)&config->issuers.items[i], visit, context);
    for (unsigned i = 0; i < config->domains.n; i++)
        visit_rows(domain_settings, (const uint8_t *)&config->domains.items[i], visit, context);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_setting(const setting *row, const void *a, const void *b)
{
    const pol_config_list *x = a, *y = b;
    switch (row->type) {
    case TEXT:
    case FILE_NAME:
        return same_text(*(const char *const *)a, *(const char *const *)b);
    case BOOL:
        return *(const bool *)a == *(const bool *)b;
    case CHOICE:
        return *(const unsigned *)a == *(const unsigned *)b;
    case LIST:
    case FILES:
        for (unsigned i = 0; x->n == y->n && i < x->n; i++)
            if (strcmp(x->items[i], y->items[i]) != 0)
                return false;
        return x->n == y->n;
    case ISSUERS:
    case DOMAINS: /* taken up on reload */
        return true;
    case NUMBER:
    case SIZE:
    case TIME:
    case MODE:
        break;
    }
    return *(const uint64_t *)a == *(const uint64_t *)b;
}

const char *pol_config_restart_needed(const pol_config *running, const pol_config *wanted)
{
    for (const setting *row = settings; row->key; row++)
        if (row->when == START && !same_setting(row, (const uint8_t *)running + row->offset, (const uint8_t *)wanted + row->offset))
            return row->key;
    return NULL;
}

static void describe_rows(pol_buf *out, const setting *rows)
{
    static const char *const type_names[] = {[TEXT] = "text", [FILE_NAME] = "file", [LIST] = "list", [FILES] = "files", [BOOL] = "true, false",
                                             [NUMBER] = "number", [SIZE] = "size", [TIME] = "time", [MODE] = "octal mode",
                                             [CHOICE] = "word", [ISSUERS] = "list", [DOMAINS] = "list"};
    pol_buf_text(out, "| key | type | default | from, to | taken up | what it is |\n| --- | --- | --- | --- | --- | --- |\n");
    for (const setting *row = rows; row->key; row++) {
        bool bounded = row->type != BOOL && row->type != CHOICE;
        pol_buf_printf(out, "| `%s` | %s | ", row->key, type_names[row->type]);
        if (row->type == CHOICE)
            pol_buf_printf(out, "`%.*s` | ", (int)strcspn(row->fallback, "|"), row->fallback);
        else
            pol_buf_printf(out, row->fallback ? "`%s` | " : "%s | ", row->fallback ? row->fallback : "—");
        if (row->type == MODE)
            pol_buf_printf(out, "to 0%llo", (unsigned long long)row->most);
        else if (bounded)
            pol_buf_printf(out, "%llu, %llu%s", (unsigned long long)row->least, (unsigned long long)row->most,
                           row->type == TIME ? " ms" : row->type == NUMBER ? "" : row->type == LIST || row->type == FILES || row->type == ISSUERS || row->type == DOMAINS ? " elements" : " bytes");
        else if (row->type == CHOICE)
            for (const char *word = row->fallback; word; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL)
                pol_buf_printf(out, "%s`%.*s`", word == row->fallback ? "" : ", ", (int)strcspn(word, "|"), word);
        pol_buf_printf(out, " | %s | %s |\n", row->when == START ? "at start" : "on reload", row->doc);
    }
}

void pol_config_describe(pol_buf *out)
{
    describe_rows(out, settings);
    pol_buf_text(out, "\nOf each element of `identity.issuers`:\n\n");
    describe_rows(out, issuer_settings);
    pol_buf_text(out, "\nOf each element of `identity.trust_domains`:\n\n");
    describe_rows(out, domain_settings);
}
