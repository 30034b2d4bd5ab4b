/* SPDX-License-Identifier: Apache-2.0
 * rego.metadata.rule() and rego.metadata.chain(): the METADATA that stands over a rule, as a
 * literal in the place of the call.
 */
#include "compiler/check.h"

/* ---- values as literals ---- */

static pol_term *literal(pol_arena *arena, pol_span span, pol_value v);

static pol_term *literal_list(pol_arena *arena, pol_span span, pol_value v)
{
    bool object = v.tag == POL_OBJECT;
    uint32_t n = object ? 2 * v.n : v.n;
    pol_term **items = POL_NEW_ARRAY(arena, pol_term *, n + 1);
    for (uint32_t i = 0; i < n; i++)
        items[i] = literal(arena, span, pol_load(&v.cells[i]));
    return pol_term_list(arena,
                         object             ? POL_TERM_OBJECT
                         : v.tag == POL_SET ? POL_TERM_SET
                                            : POL_TERM_ARRAY,
                         span, items, n);
}

static pol_term *literal(pol_arena *arena, pol_span span, pol_value v)
{
    char buf[POL_NUMBER_TEXT_MAX];
    switch (v.tag) {
    case POL_NULL:
        return pol_term_new(arena, POL_TERM_NULL, span);
    case POL_BOOL: {
        pol_term *t = pol_term_new(arena, POL_TERM_BOOL, span);
        t->boolean = pol_is_true(v);
        return t;
    }
    case POL_STRING:
        return pol_term_text(arena, POL_TERM_STRING, span, pol_text(v));
    case POL_ARRAY:
    case POL_OBJECT:
    case POL_SET:
        return literal_list(arena, span, v);
    default: {
        pol_bytes text = pol_number_text(v, buf);
        return pol_term_text(arena, POL_TERM_NUMBER, span,
                             pol_bytes_of(pol_arena_copy(arena, text.at, text.n), text.n));
    }
    }
}

/* ---- which annotations belong to what ---- */

static pol_bytes scope_of(const pol_metadata *block, const char *usual)
{
    pol_value scope = pol_object_member(block->value, "scope");
    return scope.tag == POL_STRING ? pol_text(scope) : pol_bytes_text(usual);
}

/* The rule that a block stands over; NULL: the package, or nothing. */
static const pol_rule *rule_under(const pol_module *m, const pol_metadata *block)
{
    for (uint32_t i = 0; i < m->n_rules; i++)
        if (m->rules[i]->span.start >= block->span.end)
            return block->span.end <= m->package_span.start ? NULL : m->rules[i];
    return NULL;
}

/* "Ada Lovelace <ada@example.org>" as an object of name and email. */
static pol_value read_author(pol_arena *arena, pol_value v)
{
    if (v.tag != POL_STRING)
        return v;
    pol_bytes text = pol_text(v), email = pol_bytes_of(NULL, 0);
    const uint8_t *open =
        text.n && text.at[text.n - 1] == '>' ? memrchr(text.at, '<', text.n) : NULL;
    if (open) {
        size_t at = (size_t)(open - text.at);
        email = pol_bytes_of(open + 1, text.n - at - 2);
        text.n = at;
        while (text.n && text.at[text.n - 1] == ' ')
            text.n--;
    }
    pol_builder b = pol_builder_new(arena);
    if (text.n)
        pol_builder_put_text(&b, "name", pol_string(text));
    if (email.n)
        pol_builder_put_text(&b, "email", pol_string(email));
    return pol_builder_object(&b);
}

/* A related resource may be written as its address alone. */
static pol_value read_resource(pol_arena *arena, pol_value v)
{
    if (v.tag != POL_STRING)
        return v;
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "ref", v);
    return pol_builder_object(&b);
}

static pol_value put_list(pol_arena *arena, pol_value annotations, const char *name,
                          pol_value (*read)(pol_arena *arena, pol_value v))
{
    pol_value list = pol_object_member(annotations, name);
    if (list.tag != POL_ARRAY)
        return annotations;
    pol_builder b = pol_builder_new(arena);
    for (uint32_t i = 0; i < list.n; i++)
        pol_builder_add(&b, read(arena, pol_element(list, i)));
    return pol_object_with(arena, annotations, pol_string_text(name), pol_builder_array(&b));
}

static pol_value with_scope(pol_arena *arena, const pol_metadata *block, pol_bytes scope)
{
    pol_value v = put_list(arena, block->value, "authors", read_author);
    v = put_list(arena, v, "related_resources", read_resource);
    return pol_object_with(arena, v, pol_string_text("scope"), pol_string(scope));
}

static pol_value rule_path(const pol_checker *c, const pol_rule_info *info)
{
    pol_builder b = pol_builder_new(c->arena);
    const pol_term *name = info->rule->name;
    for (uint32_t i = 0; i < info->module->n_path; i++)
        pol_builder_add(&b, pol_string(info->module->path[i]));
    if (name->kind != POL_TERM_REF)
        pol_builder_add(&b, pol_string(name->text));
    for (uint32_t i = 0; name->kind == POL_TERM_REF && i < name->n &&
                         (i == 0 || name->items[i]->kind == POL_TERM_STRING);
         i++)
        pol_builder_add(&b, pol_string(name->items[i]->text));
    return pol_builder_array(&b);
}

/* The block over the rule itself; undefined when there is none. */
static pol_value own_annotations(const pol_checker *c, const pol_rule_info *info)
{
    const pol_module *m = info->module->module;
    for (uint32_t i = m->n_metadata; i-- > 0;) {
        const pol_metadata *block = m->metadata[i];
        if (rule_under(m, block) == info->rule && block->value.tag == POL_OBJECT &&
            pol_bytes_is(scope_of(block, "rule"), "rule"))
            return with_scope(c->arena, block, POL_BYTES("rule"));
    }
    return pol_undefined();
}

static void add_link(const pol_checker *c, pol_builder *chain, pol_value path,
                     pol_value annotations)
{
    pol_builder link = pol_builder_new(c->arena);
    pol_builder_put_text(&link, "path", path);
    if (pol_is_defined(annotations))
        pol_builder_put_text(&link, "annotations", annotations);
    pol_builder_add(chain, pol_builder_object(&link));
}

/* Blocks of scope document over any definition of the same document. */
static void add_document(const pol_checker *c, const pol_rule_info *info, pol_builder *chain)
{
    for (uint32_t k = 0; k < info->node->n_rules; k++) {
        const pol_rule_info *other = info->node->rules[k];
        const pol_module *m = other->module->module;
        for (uint32_t i = 0; i < m->n_metadata; i++) {
            const pol_metadata *block = m->metadata[i];
            if (rule_under(m, block) == other->rule && block->value.tag == POL_OBJECT &&
                pol_bytes_is(scope_of(block, "rule"), "document"))
                add_link(c, chain, rule_path(c, info),
                         with_scope(c->arena, block, POL_BYTES("document")));
        }
    }
}

/* Blocks of scope package over the rule's package, and of scope subpackages over it and those
 * around it. */
static void add_packages(const pol_checker *c, const pol_rule_info *info, pol_builder *chain)
{
    const pol_rule_node *node = info->module->node;
    for (uint32_t n = info->module->n_path; node && node->parent; node = node->parent, n--) {
        pol_builder path = pol_builder_new(c->arena);
        for (uint32_t i = 0; i < n; i++)
            pol_builder_add(&path, pol_string(info->module->path[i]));
        pol_value segments = pol_builder_array(&path);
        for (uint32_t k = 0; k < node->n_modules; k++) {
            const pol_metadata *block = node->modules[k]->module->package_metadata;
            if (!block || block->value.tag != POL_OBJECT)
                continue;
            pol_bytes scope = scope_of(block, "package");
            if (pol_bytes_is(scope, "subpackages") ||
                (pol_bytes_is(scope, "package") && node == info->module->node))
                add_link(c, chain, segments, with_scope(c->arena, block, scope));
        }
    }
}

bool pol_put_metadata(pol_checker *c, const pol_rule_info *info, pol_term *call)
{
    bool rule = strcmp(call->builtin->name, "rego.metadata.rule") == 0;
    if ((!rule && strcmp(call->builtin->name, "rego.metadata.chain") != 0) || call->n != 1 || !info)
        return false;
    pol_value value = own_annotations(c, info);
    if (rule) {
        *call =
            *literal(c->arena, call->span, pol_is_defined(value) ? value : pol_empty(POL_OBJECT));
        return true;
    }
    pol_builder chain = pol_builder_new(c->arena);
    add_link(c, &chain, rule_path(c, info), value);
    add_document(c, info, &chain);
    add_packages(c, info, &chain);
    *call = *literal(c->arena, call->span, pol_builder_array(&chain));
    return true;
}
