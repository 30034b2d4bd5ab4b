/* SPDX-License-Identifier: Apache-2.0
 * Packages and imports, the tree of all rules by their refs, and from it the groups and documents
 * that the plan is made of.
 */
#include "compiler/check.h"

/* ---- keys of the tree ---- */

bool pol_is_constant(const pol_term *t)
{
    return t->kind <= POL_TERM_STRING;
}

/* "1" and 1 are different segments, so each kind has a map of its own. */
static const pol_namemap *map_of(const pol_rule_node *node, const pol_term *constant)
{
    if (constant->kind == POL_TERM_STRING)
        return &node->names;
    return constant->kind == POL_TERM_NUMBER ? &node->numbers : &node->words;
}

static pol_bytes text_of(const pol_term *constant)
{
    if (constant->kind == POL_TERM_NULL)
        return POL_BYTES("null");
    if (constant->kind == POL_TERM_BOOL)
        return constant->boolean ? POL_BYTES("true") : POL_BYTES("false");
    return constant->text;
}

pol_rule_node *pol_rule_node_child(const pol_rule_node *node, const pol_term *constant)
{
    uint32_t *i = pol_namemap_find(map_of(node, constant), text_of(constant));
    return i ? node->children[*i] : NULL;
}

static pol_rule_node *add_child(pol_arena *arena, pol_rule_node *node, const pol_term *constant)
{
    pol_rule_node *child = pol_rule_node_child(node, constant);
    if (child)
        return child;
    child = POL_NEW(arena, pol_rule_node);
    child->segment = text_of(constant);
    child->named = constant->kind == POL_TERM_STRING;
    child->parent = node;
    pol_namemap *map = child->named                        ? &node->names
                       : constant->kind == POL_TERM_NUMBER ? &node->numbers
                                                           : &node->words;
    pol_namemap_put(arena, map, child->segment, node->n_children);
    POL_GROW(arena, node->children, node->n_children, node->capacity);
    node->children[node->n_children++] = child;
    return child;
}

static pol_rule_node *child_named(pol_checker *c, pol_rule_node *node, pol_bytes name)
{
    pol_term t = {.kind = POL_TERM_STRING, .text = name};
    return add_child(c->arena, node, &t);
}

pol_rule_node *pol_rule_node_at(const pol_checker *c, const pol_term *ref)
{
    pol_rule_node *node = c->tree;
    for (uint32_t i = 1; node && i < ref->n; i++)
        node = pol_is_constant(ref->items[i]) ? pol_rule_node_child(node, ref->items[i]) : NULL;
    return node;
}

/* ---- packages ---- */

static void read_package(pol_checker *c, pol_module_info *m)
{
    const pol_term *package = m->module->package;
    uint32_t n = package->kind == POL_TERM_REF ? package->n : 1;
    m->path = POL_NEW_ARRAY(c->arena, pol_bytes, n);
    m->n_path = n;
    m->node = c->tree;
    pol_buf joined = {0};
    for (uint32_t i = 0; i < n; i++) {
        m->path[i] = package->kind == POL_TERM_REF ? package->items[i]->text : package->text;
        m->node = child_named(c, m->node, m->path[i]);
        pol_buf_printf(&joined, "%zu:", m->path[i].n);
        pol_buf_bytes(&joined, m->path[i]);
    }
    POL_GROW(c->arena, m->node->modules, m->node->n_modules, m->node->modules_capacity);
    m->node->modules[m->node->n_modules++] = m;
    pol_bytes key = pol_buf_to_arena(&joined, c->arena);
    pol_buf_deinit(&joined);
    uint32_t at = *pol_namemap_put(c->arena, &c->package_names, key, c->n_packages);
    if (at == c->n_packages) {
        POL_GROW(c->arena, c->packages, c->n_packages, c->packages_capacity);
        c->packages[c->n_packages] = POL_NEW(c->arena, pol_package_info);
        c->packages[c->n_packages++]->path = key;
    }
    m->package = c->packages[at];
}

static const pol_term *head_name(const pol_rule *rule)
{
    return rule->name->kind == POL_TERM_REF ? rule->name->items[0] : rule->name;
}

/* A further body has a head of its own: names are bound for each. */
static void copy_head(pol_checker *c, pol_rule *rule)
{
    rule->name = pol_term_copy(c->arena, rule->name);
    pol_term **args = POL_NEW_ARRAY(c->arena, pol_term *, rule->n_args + 1);
    for (uint32_t i = 0; i < rule->n_args; i++)
        args[i] = pol_term_copy(c->arena, rule->args[i]);
    rule->args = args;
    if (rule->key)
        rule->key = pol_term_copy(c->arena, rule->key);
    if (rule->value)
        rule->value = pol_term_copy(c->arena, rule->value);
}

static void add_rule(pol_checker *c, pol_module_info *m, pol_rule *rule)
{
    pol_rule_info *info = POL_NEW(c->arena, pol_rule_info);
    pol_bytes name = head_name(rule)->text;
    if (rule->same_head)
        copy_head(c, rule->same_head);
    info->rule = rule;
    info->module = m;
    info->locals = POL_NEW(c->arena, pol_locals);
    info->sequence = c->n_rules;
    pol_namemap_put(c->arena, &m->package->exports, name, 0);
    pol_rule_node *node = child_named(c, m->node, name);
    for (uint32_t i = 1; rule->name->kind == POL_TERM_REF && i < rule->name->n; i++) {
        if (!pol_is_constant(rule->name->items[i]))
            break;
        node = add_child(c->arena, node, rule->name->items[i]);
    }
    info->node = node;
    POL_GROW(c->arena, node->rules, node->n_rules, node->rules_capacity);
    node->rules[node->n_rules++] = info;
    POL_GROW(c->arena, c->rules, c->n_rules, c->rules_capacity);
    c->rules[c->n_rules++] = info;
    pol_rule_info *last = info;
    for (pol_rule *r = rule->next_else; r; r = r->next_else) {
        pol_rule_info *branch = POL_NEW(c->arena, pol_rule_info);
        if (!r->name)
            r->name = rule->name;
        *branch = *info;
        branch->rule = r;
        branch->next_else = NULL;
        last->next_else = branch;
        last = branch;
    }
}

/* ---- imports ---- */

static pol_bytes import_name(const pol_import *import)
{
    if (import->alias.n)
        return import->alias;
    return import->path->kind == POL_TERM_REF ? import->path->items[import->path->n - 1]->text
                                              : import->path->text;
}

static pol_bytes import_root(const pol_import *import)
{
    return import->path->kind == POL_TERM_REF ? import->path->items[0]->text : import->path->text;
}

static bool is_feature(const pol_import *import)
{
    return pol_bytes_is(import_root(import), "future") || pol_bytes_is(import_root(import), "rego");
}

static void check_duplicates(pol_checker *c, const pol_module *module)
{
    pol_namemap names = {0};
    for (uint32_t i = 0; i < module->n_imports; i++) {
        const pol_import *import = &module->imports[i];
        pol_bytes name = import_name(import);
        uint32_t first = *pol_namemap_put(c->arena, &names, name, i);
        if (first == i)
            continue;
        uint32_t row, col;
        pol_source_place(c->program->sources, module->imports[first].span, &row, &col);
        pol_diag(c->diags, POL_D_IMPORT_DUPLICATE, import->span,
                 "`%.*s` is imported already, in line %u: remove this import, or give it another "
                 "name with `as`",
                 (int)name.n, (const char *)name.at, row);
    }
}

static void set_bound(pol_term *path)
{
    pol_term *head = path->kind == POL_TERM_REF ? path->items[0] : path;
    head->bound = pol_bytes_is(head->text, "input") ? POL_BOUND_INPUT : POL_BOUND_DATA;
}

static pol_global *add_global(pol_checker *c, pol_module_info *m, pol_global global)
{
    uint32_t at = *pol_namemap_put(c->arena, &m->names, global.name, m->n_globals);
    if (at < m->n_globals) {
        m->globals[at] = global;
        return &m->globals[at];
    }
    POL_GROW(c->arena, m->globals, m->n_globals, m->globals_capacity);
    m->globals[m->n_globals] = global;
    return &m->globals[m->n_globals++];
}

static pol_term *new_path(pol_checker *c, pol_span span, const char *root, uint32_t n)
{
    pol_term **items = POL_NEW_ARRAY(c->arena, pol_term *, n + 1);
    items[0] = pol_term_text(c->arena, POL_TERM_VAR, span, pol_bytes_text(root));
    items[0]->bound = *root == 'i' ? POL_BOUND_INPUT : POL_BOUND_DATA;
    return pol_term_list(c->arena, POL_TERM_REF, span, items, n + 1);
}

static void add_rule_name(pol_checker *c, pol_module_info *m, pol_bytes name)
{
    pol_span nowhere = m->module ? m->module->package_span : (pol_span){0, 0, 0};
    pol_term *path = new_path(c, nowhere, "data", m->n_path + 1);
    for (uint32_t k = 0; k < m->n_path; k++)
        path->items[k + 1] = pol_term_text(c->arena, POL_TERM_STRING, nowhere, m->path[k]);
    path->items[m->n_path + 1] = pol_term_text(c->arena, POL_TERM_STRING, nowhere, name);
    add_global(c, m, (pol_global){.name = name, .path = path});
}

static const char *const request_names[] = {"subject", "action", "resource", "context",
                                            "token",   "cert",   "request",  "peer"};

void pol_module_globals(pol_checker *c, pol_module_info *m)
{
    for (uint32_t i = 0; m->package && i < m->package->exports.n; i++)
        add_rule_name(c, m, m->package->exports.keys[i]);
    for (uint32_t i = 0; m->module && i < m->module->n_imports; i++) {
        pol_import *import = &m->module->imports[i];
        if (is_feature(import))
            continue;
        set_bound(import->path);
        add_global(
            c, m,
            (pol_global){.name = import_name(import), .path = import->path, .import = import});
    }
    for (size_t i = 0; m->polward && i < sizeof request_names / sizeof *request_names; i++) {
        pol_bytes name = pol_bytes_text(request_names[i]);
        pol_global *taken = pol_global_find(m, name);
        if (taken && taken->import)
            pol_diag(
                c->diags, POL_D_REQUEST_NAME, taken->import->span,
                "in a .pol module `%s` means `input.%s`: give this import another name with `as`",
                request_names[i], request_names[i]);
        pol_term *path = new_path(c, (pol_span){0, 0, 0}, "input", 1);
        path->items[1] = pol_term_text(c->arena, POL_TERM_STRING, path->span, name);
        add_global(c, m, (pol_global){.name = name, .path = path, .request = true});
    }
}

pol_global *pol_global_find(pol_module_info *m, pol_bytes name)
{
    uint32_t *at = pol_namemap_find(&m->names, name);
    return at ? &m->globals[*at] : NULL;
}

void pol_check_imports_used(pol_checker *c)
{
    if (!c->program->options.strict)
        return;
    for (uint32_t i = 0; i < c->n_modules; i++) {
        const pol_module_info *m = &c->modules[i];
        for (uint32_t k = 0; k < m->n_globals; k++) {
            const pol_global *g = &m->globals[k];
            if (g->import && !g->used && !m->module->failed)
                pol_diag(c->diags, POL_D_IMPORT_UNUSED, g->import->span,
                         "the import `%.*s` is not used: remove it", (int)g->name.n,
                         (const char *)g->name.at);
        }
    }
}

/* Does a line at the left margin begin with name, or import it? */
static bool line_declares(pol_bytes line, pol_bytes name)
{
    if (pol_bytes_starts(line, POL_BYTES("import ")))
        return pol_bytes_find(line, name, 0) >= 0;
    if (pol_bytes_starts(line, POL_BYTES("default ")))
        line = pol_bytes_of(line.at + 8, line.n - 8);
    if (!pol_bytes_starts(line, name))
        return false;
    uint8_t next = line.n > name.n ? line.at[name.n] : ' ';
    return !(next == '_' || (next >= '0' && next <= '9') || (next >= 'a' && next <= 'z') ||
             (next >= 'A' && next <= 'Z'));
}

bool pol_may_be_lost(const pol_checker *c, pol_bytes name)
{
    if (c->incomplete && c->diags->n > SUGGESTIONS_MAX)
        return true; /* looking takes long, and there is enough to read */
    for (uint32_t i = 0; c->incomplete && i < c->n_modules; i++) {
        const pol_module *m = c->modules[i].module;
        if (!m->failed)
            continue;
        pol_bytes left = c->program->sources->items[m->source].text;
        while (left.n) {
            const uint8_t *end = memchr(left.at, '\n', left.n);
            size_t n = end ? (size_t)(end - left.at) : left.n;
            if (line_declares(pol_bytes_of(left.at, n), name))
                return true;
            left = pol_bytes_of(left.at + n + (end != NULL), left.n - n - (end != NULL));
        }
    }
    return false;
}

void pol_check_modules(pol_checker *c)
{
    c->tree = POL_NEW(c->arena, pol_rule_node);
    c->n_modules = c->program->n_modules;
    c->modules = POL_NEW_ARRAY(c->arena, pol_module_info, c->n_modules + 1);
    for (uint32_t i = 0; i < c->n_modules; i++) {
        pol_module_info *m = &c->modules[i];
        m->module = c->program->modules[i];
        c->incomplete |= m->module->failed;
        m->polward = c->program->sources->items[m->module->source].polward;
        read_package(c, m);
        check_duplicates(c, m->module);
        for (uint32_t k = 0; k < m->module->n_rules; k++)
            add_rule(c, m, m->module->rules[k]);
    }
    for (uint32_t i = 0; i < c->n_modules; i++)
        pol_module_globals(c, &c->modules[i]);
}
