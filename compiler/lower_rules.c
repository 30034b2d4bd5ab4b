/* SPDX-License-Identifier: Apache-2.0
 * Rules, package documents, queries and entry points into functions of a plan. One group of definitions is one function; it is made when
 * something refers to it, from a queue, so that a long chain of rules needs no deep recursion here.
 */
#include "compiler/lower.h"
#include "compiler/statements.h"

/* ---- functions on demand ---- */

static uint32_t plan_index(void *plan)
{
    return (uint32_t)((uintptr_t)plan - 1);
}

static void *plan_mark(uint32_t index)
{
    return (void *)((uintptr_t)index + 1);
}

static void enqueue(pol_lowering *l, lowering_job job)
{
    POL_GROW(l->arena, l->queue->items, l->queue->n, l->queue->capacity);
    l->queue->items[l->queue->n++] = job;
}

uint32_t function_of_group(pol_lowering *l, pol_group *group)
{
    if (!group->plan) {
        lowering_job job = {.group = group};
        pol_plan_function *fn = new_function(l->plan, group->name, &job.function);
        fn->n_params = group->kind == POL_GROUP_FUNCTION ? group->arity : 0;
        fn->memoised = group->kind != POL_GROUP_FUNCTION;
        const pol_rule *rule = group->n_rules ? group->rules[0] : group->default_rule;
        fn->place = place_of(l->program, rule->span);
        group->plan = plan_mark(job.function);
        enqueue(l, job);
    }
    return plan_index(group->plan);
}

static const char *document_name(pol_arena *arena, const pol_bytes *path, uint32_t n)
{
    pol_buf buf = {0};
    pol_buf_text(&buf, "data");
    for (uint32_t i = 0; i < n; i++) {
        pol_buf_byte(&buf, '.');
        pol_buf_bytes(&buf, path[i]);
    }
    const char *name = (const char *)pol_arena_copy(arena, buf.at, buf.n);
    pol_buf_deinit(&buf);
    return name;
}

uint32_t function_of_document(pol_lowering *l, pol_document *document, const pol_bytes *path, uint32_t n_path)
{
    if (!document->plan) {
        lowering_job job = {.document = document, .n_path = n_path};
        pol_bytes *copy = POL_NEW_ARRAY(l->arena, pol_bytes, n_path + 1);
        if (n_path)
            memcpy(copy, path, n_path * sizeof *path);
        job.path = copy;
        pol_plan_function *fn = new_function(l->plan, document_name(l->arena, path, n_path), &job.function);
        fn->memoised = true;
        document->plan = plan_mark(job.function);
        enqueue(l, job);
    }
    return plan_index(document->plan);
}

/* ---- documents ---- */

static pol_document *child_of(const pol_document *document, pol_bytes segment)
{
    uint32_t low = 0, high = document->n_children;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = pol_bytes_compare(document->children[middle]->segment, segment);
        if (order == 0)
            return document->children[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static pol_value base_at(const pol_program *program, const pol_bytes *path, uint32_t n)
{
    pol_value v = program->data;
    for (uint32_t i = 0; i < n; i++)
        v = pol_object_get(v, pol_string(path[i]));
    return v;
}

/* Is a document at or above path replaced by some `with` (*covered), or one below it (*pierced)? */
static void find_overrides(const pol_program *p, const pol_bytes *path, uint32_t n, bool *covered, bool *pierced)
{
    *covered = *pierced = false;
    for (uint32_t i = 0; i < p->n_with_paths; i++) {
        const pol_bytes *w = p->with_paths[i];
        uint32_t n_w = p->with_path_lengths[i], same = 0;
        if (!pol_bytes_is(w[0], "data"))
            continue;
        while (same + 1 < n_w && same < n && pol_bytes_equal(w[same + 1], path[same]))
            same++;
        if (same + 1 == n_w)
            *covered = true;
        else if (same == n)
            *pierced = true;
    }
}

/* The value of the rule, package or base document itself. */
static uint32_t document_value(pol_lowering *l, pol_document *node, const pol_bytes *path, uint32_t n)
{
    uint32_t reg;
    if (node && node->group) {
        reg = new_register(l);
        add_op(l, POL_OP_RULE, reg, function_of_group(l, node->group), 0);
        return reg;
    }
    if (node) {
        reg = new_register(l);
        add_op(l, POL_OP_RULE, reg, function_of_document(l, node, path, n), 0);
        return reg;
    }
    pol_value base = base_at(l->program, path, n);
    if (pol_is_defined(base))
        return load(l, base);
    add_failure(l);
    return load(l, pol_null());
}

static pol_value path_value(pol_arena *arena, const pol_bytes *path, uint32_t n)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_add(&b, pol_string_text("data"));
    for (uint32_t i = 0; i < n; i++)
        pol_builder_add(&b, pol_string(path[i]));
    return pol_builder_array(&b);
}

uint32_t lower_data(pol_lowering *l, const pol_bytes *path, uint32_t n_path, uint32_t *used)
{
    pol_document *node = l->program->root;
    uint32_t n = 0;
    while (node && n < n_path && !node->group) {
        node = child_of(node, path[n]);
        n++;
    }
    if (node && node->group && node->group->kind == POL_GROUP_FUNCTION)
        node = NULL;
    if (!node)
        n = n_path;
    *used = n;
    bool covered, pierced;
    find_overrides(l->program, path, n, &covered, &pierced);
    if (!covered && !pierced)
        return document_value(l, node, path, n);
    uint32_t dst = new_register(l), k = constant(l, path_value(l->arena, path, n));
    add_op(l, POL_OP_UNDEF, dst, 0, 0);
    open_block(l);
    if (covered) {
        open_block(l);
        add_op(l, POL_OP_OVERRIDE, dst, k, 0);
        add_exit(l, 1);
        close_region(l);
    }
    add_op(l, POL_OP_MOVE, dst, document_value(l, node, path, n), 0);
    close_region(l);
    if (pierced)
        add_op(l, POL_OP_PATCH, dst, k, 0);
    add_op(l, POL_OP_DEFINED, dst, 0, 0);
    return dst;
}

/* data.<path> for a path that may lead through packages, rules and base data. */
static uint32_t data_at(pol_lowering *l, const pol_bytes *path, uint32_t n)
{
    uint32_t used, value = lower_data(l, path, n, &used);
    for (uint32_t i = used; i < n; i++) {
        uint32_t part = new_register(l);
        add_op(l, POL_OP_GETK, part, value, constant(l, pol_string(path[i])));
        value = part;
    }
    return value;
}

/* The members of base data at path, each with what lies below it there, into builder. */
static void put_base_children(pol_lowering *l, uint32_t builder, pol_value base, const pol_bytes *below, uint32_t n_below)
{
    uint32_t key, value;
    if (base.tag != POL_OBJECT || base.n == 0)
        return;
    open_block(l);
    open_loop(l, load(l, base), &key, &value);
    for (uint32_t i = 0; i < n_below; i++) {
        uint32_t part = new_register(l);
        add_op(l, POL_OP_GETK, part, value, constant(l, pol_string(below[i])));
        value = part;
    }
    add_op(l, POL_OP_PUT, builder, key, value);
    close_region(l);
}

bool lower_children(pol_lowering *l, const pol_bytes *path, uint32_t n_path, const pol_bytes *below, uint32_t n_below, uint32_t *object)
{
    const pol_document *node = l->program->root;
    bool covered, pierced;
    for (uint32_t i = 0; i < n_path && node && !node->group; i++)
        node = child_of(node, path[i]);
    find_overrides(l->program, path, n_path, &covered, &pierced);
    if (!node || node->group || covered || pierced)
        return false;
    uint32_t b = new_builder(l);
    pol_bytes *full = POL_NEW_ARRAY(l->arena, pol_bytes, n_path + n_below + 1);
    *object = new_register(l);
    if (n_path)
        memcpy(full, path, n_path * sizeof *path);
    if (n_below)
        memcpy(full + n_path + 1, below, n_below * sizeof *below);
    add_op(l, POL_OP_START, b, 0, 0);
    put_base_children(l, b, base_at(l->program, path, n_path), below, n_below);
    for (uint32_t i = 0; i < node->n_children; i++) {
        const pol_document *child = node->children[i];
        if (child->group && (child->group->hidden || child->group->kind == POL_GROUP_FUNCTION))
            continue;
        full[n_path] = child->segment;
        open_block(l);
        uint32_t value = data_at(l, full, n_path + 1 + n_below);
        add_op(l, POL_OP_PUT, b, load(l, pol_string(child->segment)), value);
        close_region(l);
    }
    add_op(l, POL_OP_OBJECT, *object, b, 0);
    return true;
}

/* The object of all rules and packages below a document node, and of the base data there, which goes before a rule of the same name. */
static void lower_document(pol_lowering *l, const pol_document *document, const pol_bytes *path, uint32_t n)
{
    uint32_t b = new_builder(l), made = new_register(l), used;
    pol_bytes *below = POL_NEW_ARRAY(l->arena, pol_bytes, n + 1);
    if (n)
        memcpy(below, path, n * sizeof *path);
    add_op(l, POL_OP_START, b, 0, 0);
    for (uint32_t i = 0; i < document->n_children; i++) {
        const pol_document *child = document->children[i];
        if (child->group && (child->group->hidden || child->group->kind == POL_GROUP_FUNCTION))
            continue;
        below[n] = child->segment;
        open_block(l);
        uint32_t value = lower_data(l, below, n + 1, &used);
        add_op(l, POL_OP_PUT, b, load(l, pol_string(child->segment)), value);
        close_region(l);
    }
    add_op(l, POL_OP_OBJECT, made, b, 0);
    pol_value base = base_at(l->program, path, n);
    if (base.tag == POL_OBJECT && base.n) {
        uint32_t first = new_registers(l, 2), merged = new_register(l);
        add_op(l, POL_OP_MOVE, first, made, 0);
        load_into(l, first + 1, base);
        add_op(l, POL_OP_BUILTIN, merged, first, import_builtin(l->plan, "object.union", 2));
        made = merged;
    }
    add_op(l, POL_OP_RETURN, made, 0, 0);
}

/* ---- rules ---- */

static const pol_term *head_value(const pol_rule *rule)
{
    return rule->value;
}

static pol_value constant_head(pol_lowering *l, const pol_rule *rule)
{
    return head_value(rule) ? lower_constant(l, head_value(rule)) : pol_bool(true);
}

static uint32_t lower_head_value(pol_lowering *l, const pol_rule *rule)
{
    return head_value(rule) ? lower_value(l, head_value(rule)) : load(l, pol_bool(true));
}

/* The one constant that every definition of the group has; undefined when there is none. */
static pol_value common_value(pol_lowering *l, const pol_group *group)
{
    pol_value common = pol_undefined();
    for (uint32_t i = 0; i < group->n_rules; i++)
        for (const pol_rule *r = group->rules[i]; r; r = r->next_else) {
            pol_value v = constant_head(l, r);
            if (!pol_is_defined(v) || (pol_is_defined(common) && !pol_equal(common, v)))
                return pol_undefined();
            common = v;
        }
    return common;
}

/* rule is head or one of its else branches, whose bodies see the arguments of head. */
static void bind_arguments(pol_lowering *l, const pol_rule *rule, const pol_rule *head)
{
    lowering_locals(l, rule->n_locals > head->n_locals ? rule->n_locals : head->n_locals);
    for (uint32_t i = 0; i < head->n_args; i++)
        lower_pattern(l, head->args[i], i);
}

static void add_taint(pol_lowering *l, uint32_t mark)
{
    if (l->closed)
        add_op(l, POL_OP_TAINT, mark, 0, 0);
}

static uint32_t add_mark(pol_lowering *l)
{
    uint32_t mark = 0;
    if (l->closed) {
        mark = new_register(l);
        add_op(l, POL_OP_MARK, mark, 0, 0);
    }
    return mark;
}

/* The body of a rule. What is added next gives its value where it held, and belongs to the body's part until end_rule. */
static void lower_rule_body(pol_lowering *l, const pol_body *body)
{
    uint32_t part = body->n ? l->plan->n_parts + 1 : 0;
    lower_body(l, body);
    l->place.part = part;
}

static void end_rule(pol_lowering *l)
{
    l->place.part = 0;
}

/* One definition with its else branches: what holds first gives *value to result (UNDEF before); the innermost point of a branch that
 * can have several bindings is reached for each, so that values that differ are found. */
static void lower_chain(pol_lowering *l, const pol_rule *rule, uint32_t result, bool function, uint32_t mark)
{
    open_block(l);
    for (const pol_rule *r = rule; r; r = r->next_else) {
        open_block(l);
        bind_arguments(l, r, rule);
        lower_rule_body(l, &r->body);
        uint32_t value = lower_head_value(l, r);
        add_op(l, POL_OP_MERGE, result, value, function);
        end_rule(l);
        if (!in_loop(l))
            add_exit(l, 1);
        close_region(l);
        if (r->next_else) {
            open_not(l);
            add_op(l, POL_OP_DEFINED, result, 0, 0);
            add_exit(l, 0);
            close_region(l);
            add_taint(l, mark);
        }
    }
    close_region(l);
}

/* Every definition gives the same constant: the first that holds ends it. */
static void lower_alternatives(pol_lowering *l, const pol_group *group, pol_value value, uint32_t mark)
{
    for (uint32_t i = 0; i < group->n_rules; i++) {
        open_block(l);
        for (const pol_rule *r = group->rules[i]; r; r = r->next_else) {
            open_block(l);
            bind_arguments(l, r, group->rules[i]);
            lower_rule_body(l, &r->body);
            if (l->closed)
                add_op(l, POL_OP_FORGIVE, mark, 0, 0);
            add_op(l, POL_OP_RETURN, load(l, value), 0, 0);
            end_rule(l);
            close_region(l);
            if (r->next_else)
                add_taint(l, mark);
        }
        close_region(l);
    }
    add_taint(l, mark);
}

static void lower_complete(pol_lowering *l, const pol_group *group)
{
    bool function = group->kind == POL_GROUP_FUNCTION;
    uint32_t mark = add_mark(l);
    pol_value common = common_value(l, group);
    const pol_rule *fallback = group->default_rule;
    if (group->n_rules && pol_is_defined(common)) {
        lower_alternatives(l, group, common, mark);
    } else {
        uint32_t result = new_register(l);
        add_op(l, POL_OP_UNDEF, result, 0, 0);
        for (uint32_t i = 0; i < group->n_rules; i++) {
            uint32_t own = result;
            if (group->n_rules > 1) {
                own = new_register(l);
                add_op(l, POL_OP_UNDEF, own, 0, 0);
            }
            lower_chain(l, group->rules[i], own, function, mark);
            if (own != result) {
                open_block(l);
                add_op(l, POL_OP_DEFINED, own, 0, 0);
                add_op(l, POL_OP_MERGE, result, own, function);
                close_region(l);
            }
        }
        add_taint(l, mark);
        if (fallback) {
            open_block(l);
            add_op(l, POL_OP_DEFINED, result, 0, 0);
            add_op(l, POL_OP_RETURN, result, 0, 0);
            close_region(l);
        } else {
            add_op(l, POL_OP_RETURN, result, 0, 0);
            return;
        }
    }
    if (fallback) {
        lowering_locals(l, fallback->n_locals);
        add_op(l, POL_OP_RETURN, lower_head_value(l, fallback), 0, 0);
    }
}

static void lower_set_group(pol_lowering *l, const pol_group *group)
{
    uint32_t b = new_builder(l), set = new_register(l), mark = add_mark(l);
    add_op(l, POL_OP_START, b, 0, 0);
    for (uint32_t i = 0; i < group->n_rules; i++) {
        open_block(l);
        lowering_locals(l, group->rules[i]->n_locals);
        lower_rule_body(l, &group->rules[i]->body);
        add_op(l, POL_OP_PUSH, b, lower_value(l, group->rules[i]->key), 0);
        end_rule(l);
        close_region(l);
    }
    add_taint(l, mark);
    add_op(l, POL_OP_SET, set, b, 0);
    add_op(l, POL_OP_RETURN, set, 0, 0);
}

/* The operands of a rule's head below the group's path. */
static uint32_t operands_below(const pol_group *group, uint32_t rule_i, const pol_term ***operands)
{
    const pol_rule *rule = group->rules[rule_i];
    const pol_term *package = group->modules[rule_i]->package;
    uint32_t n_package = package->kind == POL_TERM_REF ? package->n : 1;
    uint32_t taken = group->n_path - n_package; /* segments of the name that are part of the path */
    if (rule->name->kind != POL_TERM_REF || rule->name->n <= taken)
        return 0;
    *operands = (const pol_term **)rule->name->items + taken;
    return rule->name->n - taken;
}

static bool is_flat(const pol_group *group)
{
    const pol_term **operands;
    for (uint32_t i = 0; i < group->n_rules; i++)
        if (group->rules[i]->contains || group->rules[i]->next_else || operands_below(group, i, &operands) != 1)
            return false;
    return true;
}

/* An entry for internal.nest: [path, kind, value]. */
static void push_entry(pol_lowering *l, uint32_t b, const pol_term **operands, uint32_t n, const pol_rule *rule)
{
    uint32_t *keys = POL_NEW_ARRAY(l->arena, uint32_t, n + 1);
    for (uint32_t i = 0; i < n; i++)
        keys[i] = lower_value(l, operands[i]);
    uint32_t value = rule->contains ? lower_value(l, rule->key) : lower_head_value(l, rule);
    uint32_t first = new_registers(l, n), entry = new_registers(l, 3), tuple = new_register(l);
    for (uint32_t i = 0; i < n; i++)
        add_op(l, POL_OP_MOVE, first + i, keys[i], 0);
    add_op(l, POL_OP_TUPLE, entry, first, n);
    load_into(l, entry + 1, pol_int(rule->contains));
    add_op(l, POL_OP_MOVE, entry + 2, value, 0);
    add_op(l, POL_OP_TUPLE, tuple, entry, 3);
    add_op(l, POL_OP_PUSH, b, tuple, 0);
}

static void lower_nested_rule(pol_lowering *l, const pol_group *group, uint32_t i, uint32_t b, uint32_t mark)
{
    const pol_term **operands = NULL;
    uint32_t n = operands_below(group, i, &operands);
    open_block(l);
    for (const pol_rule *r = group->rules[i]; r; r = r->next_else) {
        uint32_t done = new_register(l);
        add_op(l, POL_OP_UNDEF, done, 0, 0);
        open_block(l);
        lowering_locals(l, r->n_locals);
        lower_rule_body(l, &r->body);
        push_entry(l, b, operands, n, r);
        end_rule(l);
        load_into(l, done, pol_bool(true));
        close_region(l);
        if (r->next_else) {
            open_not(l);
            add_op(l, POL_OP_DEFINED, done, 0, 0);
            add_exit(l, 0);
            close_region(l);
            add_taint(l, mark);
        }
    }
    close_region(l);
}

static void lower_object_group(pol_lowering *l, const pol_group *group)
{
    bool flat = is_flat(group);
    uint32_t b = new_builder(l), made = new_register(l), mark = add_mark(l);
    add_op(l, POL_OP_START, b, 0, 0);
    for (uint32_t i = 0; i < group->n_rules; i++) {
        if (!flat) {
            lower_nested_rule(l, group, i, b, mark);
            continue;
        }
        const pol_rule *rule = group->rules[i];
        const pol_term **operands = NULL;
        operands_below(group, i, &operands);
        open_block(l);
        lowering_locals(l, rule->n_locals);
        lower_rule_body(l, &rule->body);
        uint32_t key = lower_value(l, operands[0]);
        add_op(l, POL_OP_PUT, b, key, lower_head_value(l, rule));
        end_rule(l);
        close_region(l);
    }
    add_taint(l, mark);
    if (flat) {
        add_op(l, POL_OP_OBJECT, made, b, 1);
    } else {
        uint32_t entries = new_register(l);
        add_op(l, POL_OP_ARRAY, entries, b, 0);
        add_op(l, POL_OP_BUILTIN, made, entries, import_builtin(l->plan, "internal.nest", 1));
    }
    add_op(l, POL_OP_RETURN, made, 0, 0);
}

static void lower_group(pol_lowering *l, const pol_group *group)
{
    switch (group->kind) {
    case POL_GROUP_COMPLETE:
    case POL_GROUP_FUNCTION:
        lower_complete(l, group);
        break;
    case POL_GROUP_SET:
        lower_set_group(l, group);
        break;
    case POL_GROUP_OBJECT:
        lower_object_group(l, group);
        break;
    }
}

/* ---- queries ---- */

static void lower_query(pol_lowering *l, const pol_query *query)
{
    uint32_t results = new_builder(l), all = new_register(l);
    lowering_locals(l, query->n_locals);
    add_op(l, POL_OP_START, results, 0, 0);
    open_block(l);
    uint32_t *shown = POL_NEW_ARRAY(l->arena, uint32_t, query->n_written + 1);
    for (uint32_t i = 0; i < query->body->n; i++) {
        pol_expr *e = query->body->items[i];
        uint32_t written = 0;
        while (written < query->n_written && query->written[written] != e)
            written++;
        if (!query->show_values || written == query->n_written) {
            lower_expr(l, e);
            continue;
        }
        uint32_t value = lower_expr_value(l, e);
        if (query->n_written > 1 || query->iterates)
            add_op(l, POL_OP_TRUE, value, 0, 0);
        shown[written] = value + 1;
    }
    uint32_t bindings = new_builder(l), values = new_builder(l), first = new_registers(l, 2), result = new_register(l);
    add_op(l, POL_OP_START, bindings, 0, 0);
    for (uint32_t i = 0; i < query->n_vars; i++)
        add_op(l, POL_OP_PUT, bindings, load(l, pol_string(query->vars[i]->text)), lower_value(l, query->vars[i]));
    add_op(l, POL_OP_OBJECT, first, bindings, 0);
    uint32_t held = load(l, pol_bool(true));
    add_op(l, POL_OP_START, values, 0, 0);
    for (uint32_t i = 0; i < query->n_written; i++)
        add_op(l, POL_OP_PUSH, values, shown[i] ? shown[i] - 1 : held, 0);
    add_op(l, POL_OP_ARRAY, first + 1, values, 0);
    uint32_t object = new_builder(l);
    add_op(l, POL_OP_START, object, 0, 0);
    add_op(l, POL_OP_PUT, object, load(l, pol_string_text("bindings")), first);
    add_op(l, POL_OP_PUT, object, load(l, pol_string_text("expressions")), first + 1);
    add_op(l, POL_OP_OBJECT, result, object, 0);
    add_op(l, POL_OP_PUSH, results, result, 0);
    close_region(l);
    add_op(l, POL_OP_ARRAY, all, results, 0);
    open_not(l);
    add_op(l, POL_OP_ISARRAY, all, 0, 0);
    add_exit(l, 0);
    close_region(l);
    add_op(l, POL_OP_RETURN, all, 0, 0);
}

/* ---- entry points ---- */

static void add_entry(pol_plan *plan, const char *path, uint32_t function)
{
    POL_GROW(plan->arena, plan->entries, plan->n_entries, plan->entries_capacity);
    plan->entries[plan->n_entries++] = (pol_image_entry){.path = path, .function = function};
}

static const char *entry_path(pol_arena *arena, const pol_bytes *path, uint32_t n)
{
    pol_buf buf = {0};
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            pol_buf_byte(&buf, '/');
        for (size_t j = 0; j < path[i].n; j++) {
            uint8_t c = path[i].at[j];
            if (c == '/' || c == '%')
                pol_buf_text(&buf, c == '/' ? "%2F" : "%25");
            else
                pol_buf_byte(&buf, c);
        }
    }
    const char *text = (const char *)pol_arena_copy(arena, buf.at, buf.n);
    pol_buf_deinit(&buf);
    return text;
}

/* What lower_data, lower_value need to be called outside a function: an owner of the queue. */
static pol_lowering outside(pol_program *program, pol_plan *plan, lowering_queue *queue)
{
    return (pol_lowering){.arena = plan->arena, .program = program, .plan = plan, .queue = queue};
}

static void add_document_entries(pol_lowering *l, pol_document *node, pol_bytes *path, uint32_t n)
{
    if (node->group) {
        if (!node->group->hidden && node->group->kind != POL_GROUP_FUNCTION)
            add_entry(l->plan, entry_path(l->arena, path, n), function_of_group(l, node->group));
        return;
    }
    add_entry(l->plan, entry_path(l->arena, path, n), function_of_document(l, node, path, n));
    for (uint32_t i = 0; i < node->n_children; i++) {
        pol_bytes *below = POL_NEW_ARRAY(l->arena, pol_bytes, n + 1);
        if (n)
            memcpy(below, path, n * sizeof *path);
        below[n] = node->children[i]->segment;
        add_document_entries(l, node->children[i], below, n + 1);
    }
}

/* One entry point by its path; a path that no rule or package answers is refused. */
static void add_named_entry(pol_lowering *l, const char *path)
{
    pol_bytes *segments = POL_NEW_ARRAY(l->arena, pol_bytes, strlen(path) + 1);
    uint32_t n = 0;
    pol_document *node = l->program->root;
    for (const char *at = path; *at && node;) {
        size_t length = strcspn(at, "/");
        segments[n] = pol_bytes_of(pol_arena_copy(l->arena, at, length), length);
        node = child_of(node, segments[n++]);
        at += length + (at[length] == '/');
    }
    if (!node || (node->group && node->group->kind == POL_GROUP_FUNCTION)) {
        pol_diag(l->program->diags, POL_D_ENTRY_POINT, (pol_span){0, 0, 0},
                 "there is no rule or package for the entry point \"%s\"", path);
        return;
    }
    add_entry(l->plan, path, node->group ? function_of_group(l, node->group) : function_of_document(l, node, segments, n));
}

static void run_queue(pol_program *program, pol_plan *plan, lowering_queue *queue)
{
    for (uint32_t i = 0; i < queue->n; i++) {
        lowering_job job = queue->items[i];
        pol_lowering l;
        lowering_begin(&l, program, plan, queue, plan->functions[job.function]);
        lowering_locals(&l, 0);
        if (job.group)
            lower_group(&l, job.group);
        else
            lower_document(&l, job.document, job.path, job.n_path);
        lowering_end(&l);
    }
}

pol_plan *pol_lower(pol_program *program, const pol_query *query, const char *const *entrypoints, uint32_t n_entrypoints)
{
    pol_plan *plan = POL_NEW(program->arena, pol_plan);
    lowering_queue queue = {0};
    plan->arena = program->arena;
    plan->data = program->data;
    plan->n_files = program->sources->n;
    plan->files = POL_NEW_ARRAY(plan->arena, const char *, plan->n_files + 1);
    for (uint32_t i = 0; i < plan->n_files; i++)
        plan->files[i] = program->sources->items[i].name;
    pol_lowering all = outside(program, plan, &queue);
    if (query) {
        uint32_t index;
        pol_plan_function *fn = new_function(plan, "$query", &index);
        pol_lowering l;
        lowering_begin(&l, program, plan, &queue, fn);
        lower_query(&l, query);
        lowering_end(&l);
        add_entry(plan, "$query", index);
    }
    for (uint32_t i = 0; i < n_entrypoints; i++)
        add_named_entry(&all, entrypoints[i]);
    if (!query && n_entrypoints == 0)
        add_document_entries(&all, program->root, NULL, 0);
    run_queue(program, plan, &queue);
    pol_builder manifest = pol_builder_new(plan->arena);
    pol_builder_put_text(&manifest, "routes", pol_statements_routes(program));
    plan->manifest = pol_builder_object(&manifest);
    return program->diags->n_errors ? NULL : plan;
}
