/* SPDX-License-Identifier: Apache-2.0
 * The JSON form of an explanation. Nothing is evaluated here: the machine runs the decision, then each statement of the action
 * and type alone, so that those are told too which a higher tier made needless, and a trace (runtime/trace.h) says what was seen
 * on the way.
 */
#include "runtime/explain.h"

#include "runtime/eval.h"
#include "runtime/trace.h"

enum { NEEDS_MAX = 16, GRAPH_ROLES_MAX = 20, INHERIT_MAX = 256 };

typedef struct {
    pol_eval *ev;
    pol_arena *arena;
    pol_trace *trace;
    pol_value document, input, decision, roles; /* roles: value of $roles */
    pol_value action, type;
    uint64_t left; /* instructions for all runs together */
    pol_error *err;
} explanation;

/* ---- values ---- */

static pol_value list(pol_value object, const char *name)
{
    pol_value v = pol_object_member(object, name);
    return v.tag == POL_ARRAY || v.tag == POL_SET ? v : pol_empty(POL_ARRAY);
}

static bool has(pol_value names, pol_value name)
{
    for (uint32_t i = 0; i < names.n; i++)
        if (pol_equal(pol_element(names, i), name))
            return true;
    return false;
}

static bool names_it(pol_value names, pol_value name)
{
    return has(names, name) || has(names, pol_string_text("*"));
}

static pol_value role_set(const explanation *x, uint32_t which)
{
    pol_value set = x->roles.tag == POL_ARRAY && which < x->roles.n ? pol_element(x->roles, which) : pol_undefined();
    return set.tag == POL_SET || set.tag == POL_ARRAY ? set : pol_empty(POL_SET);
}

static pol_value input_name(pol_value input, const char *part, const char *member)
{
    pol_value v = pol_object_member(pol_object_member(input, part), member);
    return v.tag == POL_STRING ? v : pol_string_text("");
}

/* The number of the function whose name is a member of statement; -1: none. */
static int64_t function_of(const explanation *x, pol_value statement, const char *member)
{
    pol_value name = pol_object_member(statement, member);
    return name.tag == POL_STRING ? pol_trace_function(x->trace, pol_text(name)) : -1;
}

static bool is_text(pol_value v, const char *text)
{
    return v.tag == POL_STRING && pol_bytes_is(pol_text(v), text);
}

/* Copies members of from that are there. */
static void put_members(pol_builder *b, pol_value from, const char *const *names)
{
    for (; *names; names++) {
        pol_value v = pol_object_member(from, *names);
        if (pol_is_defined(v))
            pol_builder_put_text(b, *names, v);
    }
}

/* ---- runs ---- */

static void put_errors(const explanation *x, pol_builder *b)
{
    unsigned n;
    const pol_eval_error *errors = pol_eval_errors(x->ev, &n);
    if (n == 0)
        return;
    pol_builder one = pol_builder_new(x->arena);
    pol_builder_put_text(&one, "code", pol_string_text(pol_code_text(errors->code)));
    pol_builder_put_text(&one, "message", pol_string_copy(x->arena, pol_bytes_text(errors->message ? errors->message : "")));
    if (errors->file)
        pol_builder_put_text(&one, "location", pol_trace_location(x->arena, errors->file, errors->row, errors->col));
    pol_builder_put_text(b, "error", pol_builder_object(&one));
}

/* A function without parameters, watched; undefined where there is none of that name. */
POL_MUST_USE static bool run(explanation *x, int64_t function, pol_value *value)
{
    *value = pol_undefined();
    pol_trace_clear(x->trace);
    if (function < 0)
        return true;
    x->ev->limits.instructions = x->left;
    bool ok = pol_eval_run_closed(x->ev, (uint32_t)function, x->input, value, x->err);
    x->left -= pol_eval_instructions(x->ev);
    return ok;
}

/* ---- roles ---- */

/* Does role inherit wanted? By the declared roles and the graphs in data; a graph's lie may not make this long. */
static bool inherits(const explanation *x, pol_value role, pol_value wanted)
{
    pol_value seen[INHERIT_MAX] = {role};
    pol_value graphs = list(x->document, "graphs"), declared = pol_object_member(x->document, "roles");
    for (uint32_t at = 0, n = 1; at < n; at++) {
        pol_builder parents = pol_builder_new(x->arena);
        pol_value own = pol_object_get(declared, seen[at]);
        for (uint32_t i = 0; own.tag == POL_ARRAY && i < own.n; i++)
            pol_builder_add(&parents, pol_element(own, i));
        for (uint32_t g = 0; g < graphs.n; g++) {
            pol_value v = pol_bundle_data(x->ev->bundle), path = list(pol_element(graphs, g), "path");
            for (uint32_t i = 0; i < path.n; i++)
                v = pol_object_get(v, pol_element(path, i));
            own = list(pol_object_get(v, seen[at]), "inherits");
            for (uint32_t i = 0; i < own.n; i++)
                pol_builder_add(&parents, pol_element(own, i));
        }
        pol_value all = pol_builder_set(&parents);
        for (uint32_t i = 0; i < all.n; i++) {
            pol_value parent = pol_element(all, i);
            if (pol_equal(parent, wanted))
                return true;
            bool known = false;
            for (uint32_t k = 0; k < n; k++)
                known |= pol_equal(seen[k], parent);
            if (!known && n < INHERIT_MAX)
                seen[n++] = parent;
        }
    }
    return false;
}

/* The names that an assign gave in the run of $roles that was traced. */
static pol_value given_by(const explanation *x, pol_value assign)
{
    pol_builder names = pol_builder_new(x->arena);
    pol_value value, own = list(assign, "roles"), effective = role_set(x, POL_ROLES_EFFECTIVE);
    int64_t from = function_of(x, assign, "from"), condition = function_of(x, assign, "if");
    if (from >= 0 && pol_trace_value(x->trace, (uint32_t)from, &value) && (value.tag == POL_ARRAY || value.tag == POL_SET)) {
        for (uint32_t i = 0; i < value.n; i++)
            if ((own.n == 0 || has(own, pol_element(value, i))) && has(effective, pol_element(value, i)))
                pol_builder_add(&names, pol_element(value, i));
    } else if (condition >= 0 && pol_trace_value(x->trace, (uint32_t)condition, &value) && pol_is_true(value)) {
        for (uint32_t i = 0; i < own.n; i++)
            pol_builder_add(&names, pol_element(own, i));
    }
    return pol_builder_set(&names);
}

/* Each assign with what it gave or, when it gave nothing, why. */
static pol_value tell_assigns(const explanation *x)
{
    pol_builder told = pol_builder_new(x->arena);
    pol_value assigns = list(x->document, "assigns");
    for (uint32_t i = 0; i < assigns.n; i++) {
        pol_value assign = pol_element(assigns, i), gave = given_by(x, assign);
        pol_builder b = pol_builder_new(x->arena);
        put_members(&b, assign, (const char *const[]){"assign", "text", "location", NULL});
        pol_builder_put_text(&b, "may_give", list(assign, "roles"));
        pol_builder_put_text(&b, "gave", gave);
        int64_t from = function_of(x, assign, "from"), condition = function_of(x, assign, "if");
        pol_value value;
        if (from >= 0 && pol_trace_value(x->trace, (uint32_t)from, &value) && pol_is_defined(value))
            pol_builder_put_text(&b, "value", value);
        else if (from >= 0)
            pol_builder_put_text(&b, "failed", pol_trace_failed(x->trace, (uint32_t)from));
        if (gave.n == 0 && condition >= 0)
            pol_builder_put_text(&b, "failed", pol_trace_failed(x->trace, (uint32_t)condition));
        else if (condition >= 0)
            pol_builder_put_text(&b, "held", pol_trace_held(x->trace, (uint32_t)condition));
        pol_builder_add(&told, pol_builder_object(&b));
    }
    return pol_builder_array(&told);
}

/* {"role", "by": [{"assign", "location", "through"?}]}: through is the role that was given and inherits this one. */
static pol_value tell_roles(const explanation *x, pol_value assigns)
{
    pol_builder told = pol_builder_new(x->arena);
    pol_value effective = role_set(x, POL_ROLES_EFFECTIVE);
    for (uint32_t r = 0; r < effective.n; r++) {
        pol_value role = pol_element(effective, r);
        pol_builder b = pol_builder_new(x->arena), by = pol_builder_new(x->arena);
        for (uint32_t i = 0; i < assigns.n; i++) {
            pol_value gave = list(pol_element(assigns, i), "gave");
            for (uint32_t k = 0; k < gave.n; k++) {
                pol_value given = pol_element(gave, k);
                bool same = pol_equal(given, role);
                if (!same && !inherits(x, given, role))
                    continue;
                pol_builder one = pol_builder_new(x->arena);
                put_members(&one, pol_element(assigns, i), (const char *const[]){"assign", "location", NULL});
                if (!same)
                    pol_builder_put_text(&one, "through", given);
                pol_builder_add(&by, pol_builder_object(&one));
            }
        }
        pol_builder_put_text(&b, "role", role);
        pol_builder_put_text(&b, "by", pol_builder_array(&by));
        pol_builder_add(&told, pol_builder_object(&b));
    }
    return pol_builder_array(&told);
}

/* ---- statements ---- */

static bool is_role_held(const explanation *x, pol_value roles, bool forbid)
{
    pol_value held = role_set(x, POL_ROLES_EFFECTIVE), pseudo = role_set(x, POL_ROLES_PSEUDO);
    pol_value doubtful = forbid ? role_set(x, POL_ROLES_DOUBTFUL) : pol_empty(POL_SET);
    for (uint32_t i = 0; i < roles.n; i++) {
        pol_value role = pol_element(roles, i);
        if (has(held, role) || has(pseudo, role) || has(doubtful, role))
            return true;
    }
    return false;
}

/* A clause with how it came out, into clauses: {"clause", "holds", "conditions"}. *meets says whether it lets the statement
 * apply. */
POL_MUST_USE static bool tell_clause(explanation *x, pol_value statement, const char *clause, pol_builder *clauses, bool *meets)
{
    int64_t function = function_of(x, statement, clause);
    pol_value value;
    *meets = true;
    if (function < 0)
        return true;
    POL_TRY(run(x, function, &value));
    unsigned n_errors;
    pol_eval_errors(x->ev, &n_errors);
    bool returning = strcmp(clause, "returning") == 0, holds = returning ? pol_is_defined(value) : pol_is_true(value);
    *meets = holds != (strcmp(clause, "unless") == 0) && n_errors == 0;
    pol_builder b = pol_builder_new(x->arena);
    pol_builder_put_text(&b, "clause", pol_string_text(clause));
    pol_builder_put_text(&b, "holds", pol_bool(holds));
    pol_builder_put_text(&b, "conditions", (holds ? pol_trace_held : pol_trace_failed)(x->trace, (uint32_t)function));
    put_errors(x, &b);
    pol_builder_add(clauses, pol_builder_object(&b));
    return true;
}

/* Clauses are looked at in their order until one keeps the statement from applying, also where the role is not held: what else is
 * missing for a permit can be told so. */
POL_MUST_USE static bool tell_statement(explanation *x, pol_value statement, pol_value *told)
{
    static const char *const order[] = {"if", "unless", "returning"};
    pol_builder b = pol_builder_new(x->arena), clauses = pol_builder_new(x->arena);
    bool forbid = is_text(pol_object_member(statement, "effect"), "forbid"), meets = true;
    bool role = is_role_held(x, list(statement, "roles"), forbid), applies = role;
    pol_value value, id = pol_object_member(statement, "id");
    int64_t function = function_of(x, statement, "function");
    put_members(&b, statement, (const char *const[]){"id", "effect", "tier", "roles", "text", "location", NULL});
    if (function >= 0) {
        POL_TRY(run(x, function, &value));
        applies = pol_is_defined(value);
        put_errors(x, &b);
    }
    for (unsigned i = 0; meets && i < sizeof order / sizeof *order; i++)
        POL_TRY(tell_clause(x, statement, order[i], &clauses, &meets));
    bool named = has(list(statement, "actions"), x->action) && has(list(statement, "types"), x->type);
    pol_builder_put_text(&b, "named", pol_bool(named));
    pol_builder_put_text(&b, "role_held", pol_bool(role));
    pol_builder_put_text(&b, "applies", pol_bool(applies));
    pol_builder_put_text(&b, "decided", pol_bool(applies && has(list(x->decision, "rules"), id)));
    pol_builder_put_text(&b, "clauses", pol_builder_array(&clauses));
    *told = pol_builder_object(&b);
    return true;
}

typedef enum { MATCH_NONE, MATCH_STAR, MATCH_NAMED } match;

static match graph_role_permits(const explanation *x, pol_value role)
{
    pol_value permits = list(role, "permits");
    match best = MATCH_NONE;
    for (uint32_t i = 0; i < permits.n; i++) {
        pol_value actions = list(pol_element(permits, i), "actions"), types = list(pol_element(permits, i), "types");
        if (has(actions, x->action) && has(types, x->type))
            return MATCH_NAMED;
        if (names_it(actions, x->action) && names_it(types, x->type))
            best = MATCH_STAR;
    }
    return best;
}

static pol_value graph_permit(const explanation *x, pol_value graph, pol_value role, match how, bool held)
{
    pol_builder b = pol_builder_new(x->arena), roles = pol_builder_new(x->arena);
    pol_bytes package = pol_text(pol_object_member(graph, "package")), name = pol_text(role);
    POL_CLEAN(pol_buf_deinit) pol_buf text = {0};
    pol_buf_bytes(&text, package);
    pol_buf_text(&text, ".role:");
    pol_buf_bytes(&text, name);
    pol_value id = pol_string_copy(x->arena, pol_buf_view(&text));
    pol_builder_add(&roles, role);
    put_members(&b, graph, (const char *const[]){"tier", "location", NULL});
    pol_builder_put_text(&b, "id", id);
    pol_builder_put_text(&b, "effect", pol_string_text("permit"));
    pol_builder_put_text(&b, "roles", pol_builder_array(&roles));
    pol_builder_put_text(&b, "text", pol_string_text("a permit of the role graph in data"));
    pol_builder_put_text(&b, "named", pol_bool(how == MATCH_NAMED));
    pol_builder_put_text(&b, "role_held", pol_bool(held));
    pol_builder_put_text(&b, "applies", pol_bool(held));
    pol_builder_put_text(&b, "decided", pol_bool(held && has(list(x->decision, "rules"), id)));
    pol_builder_put_text(&b, "clauses", pol_empty(POL_ARRAY));
    return pol_builder_object(&b);
}

/* The permits of a role graph that match: those of roles that are held, and some of others. */
static void tell_graph(const explanation *x, pol_value graph, pol_builder *told)
{
    pol_value v = pol_bundle_data(x->ev->bundle), path = list(graph, "path"), held = role_set(x, POL_ROLES_EFFECTIVE);
    for (uint32_t i = 0; i < path.n; i++)
        v = pol_object_get(v, pol_element(path, i));
    if (pol_object_member(graph, "package").tag != POL_STRING || v.tag != POL_OBJECT)
        return;
    for (uint32_t i = 0; i < held.n; i++) {
        match how = graph_role_permits(x, pol_object_get(v, pol_element(held, i)));
        if (how)
            pol_builder_add(told, graph_permit(x, graph, pol_element(held, i), how, true));
    }
    for (uint32_t i = 0, others = 0; i < v.n && others < GRAPH_ROLES_MAX; i++) {
        pol_value role = pol_member_key(v, i);
        match how = graph_role_permits(x, pol_member_value(v, i));
        if (how && role.tag == POL_STRING && !has(held, role)) {
            pol_builder_add(told, graph_permit(x, graph, role, how, false));
            others++;
        }
    }
}

POL_MUST_USE static bool tell_statements(explanation *x, pol_value *told)
{
    pol_builder b = pol_builder_new(x->arena);
    pol_value statements = list(x->document, "statements"), graphs = list(x->document, "graphs");
    pol_value tiers = list(x->document, "tiers");
    for (uint32_t i = 0; i < statements.n; i++) {
        pol_value statement = pol_element(statements, i), one;
        if (!names_it(list(statement, "actions"), x->action) || !names_it(list(statement, "types"), x->type))
            continue;
        POL_TRY(tell_statement(x, statement, &one));
        pol_builder_add(&b, one);
    }
    for (uint32_t i = 0; i < graphs.n; i++)
        tell_graph(x, pol_element(graphs, i), &b);
    pol_value all = pol_builder_array(&b);
    pol_builder sorted = pol_builder_new(x->arena);
    for (uint32_t t = 0; t < tiers.n; t++)
        for (uint32_t i = 0; i < all.n; i++)
            if (pol_equal(pol_object_member(pol_element(all, i), "tier"), pol_element(tiers, t)))
                pol_builder_add(&sorted, pol_element(all, i));
    *told = pol_builder_array(&sorted);
    return true;
}

/* {"needed", "held", "applies"} when a token is there and some scope statement names the type. */
static pol_value tell_scope(const explanation *x)
{
    pol_value scopes = list(x->document, "scopes"), token = pol_object_member(x->input, "token");
    pol_builder needed = pol_builder_new(x->arena), b = pol_builder_new(x->arena);
    bool named = false;
    for (uint32_t i = 0; i < scopes.n; i++) {
        pol_value one = pol_element(scopes, i), names = list(one, "scopes");
        if (!names_it(list(one, "types"), x->type))
            continue;
        named = true;
        for (uint32_t k = 0; names_it(list(one, "actions"), x->action) && k < names.n; k++)
            pol_builder_add(&needed, pol_element(names, k));
    }
    if (!named || !pol_is_defined(token))
        return pol_undefined();
    pol_value wanted = pol_builder_set(&needed), held = list(token, "scopes");
    bool covered = false;
    for (uint32_t i = 0; i < wanted.n; i++)
        covered |= has(held, pol_element(wanted, i));
    pol_builder_put_text(&b, "needed", wanted);
    pol_builder_put_text(&b, "held", held);
    pol_builder_put_text(&b, "forbids", pol_bool(!covered));
    return pol_builder_object(&b);
}

/* ---- the nearest permit ---- */

static uint32_t rank_of(const explanation *x, pol_value tier)
{
    pol_value tiers = list(x->document, "tiers");
    for (uint32_t i = 0; i < tiers.n; i++)
        if (pol_equal(pol_element(tiers, i), tier))
            return i;
    return tiers.n;
}

static void add_need(const explanation *x, pol_builder *needs, const char *what, const char *member, pol_value value)
{
    pol_builder b = pol_builder_new(x->arena);
    pol_builder_put_text(&b, "need", pol_string_text(what));
    pol_builder_put_text(&b, member, value);
    pol_builder_add(needs, pol_builder_object(&b));
}

/* What keeps permit from deciding: its own role and first clause that fails, and every forbid of its tier or a higher one. */
static pol_value needs_of(const explanation *x, pol_value permit, pol_value statements, pol_value scope)
{
    pol_builder needs = pol_builder_new(x->arena);
    pol_value clauses = list(permit, "clauses");
    uint32_t rank = rank_of(x, pol_object_member(permit, "tier"));
    if (!pol_is_true(pol_object_member(permit, "role_held")))
        add_need(x, &needs, "role", "roles", list(permit, "roles"));
    if (clauses.n && !pol_is_true(pol_object_member(permit, "applies"))) {
        pol_value last = pol_element(clauses, clauses.n - 1);
        bool unless = is_text(pol_object_member(last, "clause"), "unless");
        if (pol_is_true(pol_object_member(last, "holds")) == unless || pol_is_defined(pol_object_member(last, "error")))
            add_need(x, &needs, "condition", "clause", last);
    }
    for (uint32_t i = 0; i < statements.n && needs.n < NEEDS_MAX; i++) {
        pol_value s = pol_element(statements, i);
        bool applies = is_text(pol_object_member(s, "effect"), "forbid") && pol_is_true(pol_object_member(s, "applies"));
        if (applies && rank_of(x, pol_object_member(s, "tier")) <= rank)
            add_need(x, &needs, "no forbid", "id", pol_object_member(s, "id"));
    }
    pol_value errors = list(x->decision, "errors");
    for (uint32_t i = 0; i < errors.n; i++)
        if (is_text(pol_object_member(pol_element(errors, i), "code"), "input_invalid"))
            add_need(x, &needs, "input", "message", pol_object_member(pol_element(errors, i), "message"));
    if (pol_is_true(pol_object_member(scope, "forbids")) && rank_of(x, pol_string_text("scope")) <= rank)
        add_need(x, &needs, "scope", "scopes", list(scope, "needed"));
    return pol_builder_array(&needs);
}

/* The permit that lacks least: of equal ones one that names the action and the type rather than `*`, and then the first in the
 * order of tiers and files. */
static pol_value tell_nearest(const explanation *x, pol_value statements, pol_value scope)
{
    pol_value nearest = pol_undefined(), least = pol_undefined();
    for (uint32_t i = 0; i < statements.n; i++) {
        pol_value s = pol_element(statements, i);
        if (!is_text(pol_object_member(s, "effect"), "permit"))
            continue;
        pol_value needs = needs_of(x, s, statements, scope);
        bool better = pol_is_true(pol_object_member(s, "named")) && !pol_is_true(pol_object_member(nearest, "named"));
        if (!pol_is_defined(least) || needs.n < least.n || (needs.n == least.n && better)) {
            nearest = s;
            least = needs;
        }
    }
    if (!pol_is_defined(nearest))
        return nearest;
    pol_builder b = pol_builder_new(x->arena);
    put_members(&b, nearest, (const char *const[]){"id", "tier", "location", NULL});
    pol_builder_put_text(&b, "needs", least);
    return pol_builder_object(&b);
}

/* ---- all of it ---- */

static pol_value subject_of(pol_value input)
{
    pol_value subject = pol_object_member(input, "subject");
    return subject.tag == POL_OBJECT ? subject : pol_empty(POL_OBJECT);
}

POL_MUST_USE static bool tell(explanation *x, pol_value *out)
{
    pol_builder b = pol_builder_new(x->arena), subject = pol_builder_new(x->arena);
    pol_value statements;
    POL_TRY(pol_trace_document(x->trace, &x->document, x->err));
    POL_TRY(run(x, pol_trace_function(x->trace, POL_BYTES("$roles")), &x->roles));
    pol_value assigns = tell_assigns(x), roles = tell_roles(x, assigns), scope = tell_scope(x);
    POL_TRY(tell_statements(x, &statements));
    put_members(&subject, subject_of(x->input), (const char *const[]){"type", "id", NULL});
    pol_builder_put_text(&b, "subject", pol_builder_object(&subject));
    pol_builder_put_text(&b, "action", x->action);
    pol_builder_put_text(&b, "type", x->type);
    pol_builder_put_text(&b, "decision", x->decision);
    pol_builder_put_text(&b, "roles", roles);
    pol_builder_put_text(&b, "assigns", assigns);
    pol_builder_put_text(&b, "statements", statements);
    if (pol_is_defined(scope))
        pol_builder_put_text(&b, "scope", scope);
    if (!pol_is_true(pol_object_member(x->decision, "allow"))) {
        pol_value nearest = tell_nearest(x, statements, scope);
        if (pol_is_defined(nearest))
            pol_builder_put_text(&b, "nearest", nearest);
    }
    *out = pol_builder_object(&b);
    return pol_is_defined(*out) || pol_fail(x->err, POL_E_LIMIT, "the explanation is nested too deep");
}

bool pol_explain(pol_eval *ev, pol_value input, pol_value *out, pol_error *err)
{
    explanation x = {.ev = ev, .arena = pol_eval_arena(ev), .input = input, .err = err};
    uint64_t limit = ev->limits.instructions;
    *out = pol_undefined();
    x.action = input_name(input, "action", "name");
    x.type = input_name(input, "resource", "type");
    x.trace = pol_trace_begin(ev, err);
    POL_TRY(x.trace != NULL);
    int64_t decision = pol_trace_function(x.trace, POL_BYTES("data.polward.decision"));
    pol_entry entry = {.function = (int32_t)decision, .rest = pol_empty(POL_ARRAY)};
    bool ok = decision >= 0 || pol_fail(err, POL_E_USAGE, "there is nothing to explain: the bundle has no polward/decision");
    x.left = limit;
    if (ok) {
        ok = pol_eval_run(ev, entry, input, &x.decision, err);
        x.left -= pol_eval_instructions(ev);
    }
    ok = ok && tell(&x, out);
    ev->limits.instructions = limit;
    ev->steps_left = x.left;
    pol_trace_end(x.trace);
    return ok;
}

pol_value pol_explain_statements(pol_eval *ev)
{
    pol_eval *explainer = pol_eval_explainer(ev);
    pol_value told;
    pol_error err;
    if (!explainer)
        return pol_builtin_error(ev, "an explanation is not explained");
    bool ok = pol_explain(explainer, ev->input, &told, &err);
    pol_charge(ev, pol_eval_instructions(explainer));
    return ok ? pol_value_copy(&ev->arena, list(told, "statements")) : pol_builtin_error(ev, "%s", err.text);
}
