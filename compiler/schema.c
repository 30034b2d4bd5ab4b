/* SPDX-License-Identifier: Apache-2.0
 * Looking paths up in `schema` statements.
 */
#include "compiler/schema.h"

const pol_type_node *pol_schema_holder(const pol_type_node *type)
{
    if (type->kind != POL_TYPE_UNION)
        return type;
    const pol_type_node *found = NULL;
    for (uint32_t i = 0; i < type->n_parts; i++) {
        const pol_type_node *part = pol_schema_holder(type->parts[i]);
        if (!part)
            return NULL;
        if (part->kind == POL_TYPE_NAME || part->kind == POL_TYPE_LITERAL)
            continue;
        if (found)
            return NULL;
        found = part;
    }
    return found;
}

static pol_declared below(pol_declared d, pol_value segment)
{
    const pol_type_node *t = d.type ? pol_schema_holder(d.type) : NULL;
    if (!t)
        return (pol_declared){NULL, false};
    switch ((pol_type_kind)t->kind) {
    case POL_TYPE_ARRAY:
    case POL_TYPE_SET:
        return (pol_declared){t->of, segment.tag == POL_NULL};
    case POL_TYPE_MAP:
        return (pol_declared){t->to, segment.tag == POL_NULL};
    case POL_TYPE_OBJECT:
        for (uint32_t i = 0; segment.tag == POL_STRING && i < t->n_fields; i++)
            if (pol_bytes_equal(t->fields[i].name, pol_text(segment)))
                return (pol_declared){t->fields[i].type, !t->fields[i].optional};
        break;
    default:
        break;
    }
    return (pol_declared){NULL, false};
}

uint32_t pol_schema_root(const pol_statement *schema, pol_bytes type, pol_value path)
{
    if (schema->resource_type.text.n)
        return path.n && pol_bytes_equal(schema->resource_type.text, type) && pol_equal(pol_element(path, 0), pol_string_text("resource"));
    uint32_t n = 0;
    for (size_t at = 0; at <= schema->path.n; n++) {
        const uint8_t *dot = at < schema->path.n ? memchr(schema->path.at + at, '.', schema->path.n - at) : NULL;
        size_t end = dot ? (size_t)(dot - schema->path.at) : schema->path.n;
        if (n >= path.n || !pol_equal(pol_element(path, n), pol_string(pol_bytes_of(schema->path.at + at, end - at))))
            return 0;
        at = end + 1;
    }
    return n;
}

pol_declared pol_schema_at(const pol_statement *schema, uint32_t root, pol_value path)
{
    pol_declared d = {schema->type, false};
    for (uint32_t i = root; i < path.n; i++)
        d = below(d, pol_element(path, i));
    return d;
}
