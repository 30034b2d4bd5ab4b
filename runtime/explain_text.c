/* SPDX-License-Identifier: Apache-2.0
 * An explanation as text for people: the verdict first, then what decided, then what else matched, then what would have to
 * differ. Takes the JSON form and knows nothing of bundles.
 */
#include "runtime/explain.h"
#include "runtime/json.h"

enum { VALUE_MAX = 120, INDENT = 4 };

static pol_value list(pol_value object, const char *name)
{
    pol_value v = pol_object_member(object, name);
    return v.tag == POL_ARRAY || v.tag == POL_SET ? v : pol_empty(POL_ARRAY);
}

static bool flag(pol_value object, const char *name)
{
    return pol_is_true(pol_object_member(object, name));
}

static pol_bytes text(pol_value object, const char *name)
{
    pol_value v = pol_object_member(object, name);
    return v.tag == POL_STRING ? pol_text(v) : POL_BYTES("");
}

static bool is(pol_value object, const char *name, const char *wanted)
{
    return pol_bytes_is(text(object, name), wanted);
}

static void indent(pol_buf *out, unsigned depth)
{
    for (unsigned i = 0; i < depth * INDENT; i++)
        pol_buf_byte(out, ' ');
}

/* Source text on one line: blanks and line ends in a row become one blank. */
static void put_source(pol_buf *out, pol_bytes source)
{
    bool blank = false;
    for (size_t i = 0; i < source.n; i++) {
        uint8_t c = source.at[i];
        bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (is_blank && !blank)
            pol_buf_byte(out, ' ');
        else if (!is_blank)
            pol_buf_byte(out, c < 0x20 || c == 0x7f ? '?' : c);
        blank = is_blank;
    }
}

/* As JSON, cut at VALUE_MAX bytes between two characters. */
static void put_value(pol_buf *out, pol_value v)
{
    POL_CLEAN(pol_buf_deinit) pol_buf json = {0};
    pol_json_write(&json, v, POL_JSON_COMPACT);
    size_t n = json.n;
    if (n > VALUE_MAX)
        for (n = VALUE_MAX; n && (json.at[n] & 0xc0) == 0x80;)
            n--;
    pol_buf_add(out, json.at, n);
    if (n < json.n)
        pol_buf_printf(out, " ... (%s of %u)", pol_type_name(v), v.n);
}

static void put_names(pol_buf *out, pol_value names, const char *between)
{
    for (uint32_t i = 0; i < names.n; i++) {
        pol_value name = pol_element(names, i);
        pol_buf_text(out, i ? between : "");
        if (name.tag == POL_STRING)
            put_source(out, pol_text(name));
    }
}

static void put_location(pol_buf *out, pol_value thing)
{
    pol_value at = pol_object_member(thing, "location"), row = pol_object_member(at, "row");
    put_source(out, text(at, "file"));
    if (row.tag == POL_INT)
        pol_buf_printf(out, ":%lld", (long long)row.i);
}

/* ---- conditions ---- */

/* Does part stand in whole? */
static bool contains(pol_bytes whole, pol_bytes part)
{
    return part.n && part.n < whole.n && memmem(whole.at, whole.n, part.at, part.n);
}

/* Whether a value says little: the whole of what a shown value is a part of, or what the reasons below say better. */
static bool is_noise(pol_value condition, pol_value values, uint32_t i, bool reasons)
{
    pol_value one = pol_element(values, i), value = pol_object_member(one, "value");
    bool is_plain = !pol_is_defined(value) || value.tag == POL_BOOL;
    if (reasons && is_plain && pol_bytes_equal(text(one, "text"), text(condition, "text")))
        return true;
    if (!pol_is_collection(value))
        return false;
    POL_CLEAN(pol_buf_deinit) pol_buf json = {0};
    pol_json_write(&json, value, POL_JSON_COMPACT);
    for (uint32_t k = 0; json.n > VALUE_MAX && k < i; k++)
        if (contains(text(pol_element(values, k), "text"), text(one, "text")))
            return true;
    return false;
}

static void put_values(pol_buf *out, pol_value condition, bool reasons, unsigned depth)
{
    pol_value values = list(condition, "values");
    for (uint32_t i = 0; i < values.n; i++) {
        pol_value one = pol_element(values, i), value = pol_object_member(one, "value");
        if (is_noise(condition, values, i, reasons))
            continue;
        indent(out, depth);
        put_source(out, text(one, "text"));
        if (pol_is_defined(value)) {
            pol_buf_text(out, " = ");
            put_value(out, value);
        } else {
            pol_buf_text(out, " is undefined");
        }
        pol_buf_byte(out, '\n');
    }
}

/* reasons: also why the rules that a condition reads came out as they did. */
static void put_conditions(pol_buf *out, pol_value conditions, bool held, bool reasons, unsigned depth)
{
    for (uint32_t i = 0; i < conditions.n; i++) {
        pol_value condition = pol_element(conditions, i), tried = pol_object_member(condition, "tried");
        bool is_value = is(condition, "kind", "value");
        if (!is_value) {
            indent(out, depth);
            pol_buf_text(out, held ? "true:  " : "false: ");
            put_source(out, text(condition, "text"));
            pol_buf_text(out, "   (");
            put_location(out, condition);
            if (tried.tag == POL_INT)
                pol_buf_printf(out, "; %lld tried, the last one is shown", (long long)tried.i);
            pol_buf_text(out, ")\n");
        }
        pol_value because = list(condition, "because");
        bool negated = pol_bytes_starts(text(condition, "text"), POL_BYTES("not"));
        put_values(out, condition, reasons && because.n, depth + !is_value);
        if (reasons)
            put_conditions(out, because, held != negated, true, depth + 1);
    }
}

static void put_error(pol_buf *out, pol_value thing, unsigned depth)
{
    pol_value error = pol_object_member(thing, "error");
    if (!pol_is_defined(error))
        return;
    indent(out, depth);
    pol_buf_text(out, "error: ");
    put_source(out, text(error, "message"));
    pol_buf_text(out, " (");
    put_location(out, error);
    pol_buf_text(out, ")\n");
}

static void put_clauses(pol_buf *out, pol_value statement, bool reasons, unsigned depth)
{
    pol_value clauses = list(statement, "clauses");
    for (uint32_t i = 0; i < clauses.n; i++) {
        pol_value clause = pol_element(clauses, i);
        bool holds = flag(clause, "holds");
        indent(out, depth);
        put_source(out, text(clause, "clause"));
        if (is(clause, "clause", "returning"))
            pol_buf_text(out, holds ? ": has a value\n" : ": has no value\n");
        else
            pol_buf_text(out, holds ? ": holds\n" : ": does not hold\n");
        put_error(out, clause, depth + 1);
        put_conditions(out, list(clause, "conditions"), holds, reasons, depth + 1);
    }
}

/* ---- statements ---- */

static void put_reasons(pol_buf *out, pol_value explanation, pol_value statement, unsigned depth)
{
    pol_value reasons = list(pol_object_member(explanation, "decision"), "reasons");
    for (uint32_t i = 0; i < reasons.n; i++) {
        pol_value reason = pol_element(reasons, i);
        if (!pol_bytes_equal(text(reason, "rule"), text(statement, "id")))
            continue;
        indent(out, depth);
        pol_buf_text(out, "because ");
        put_value(out, pol_object_member(reason, "text"));
        pol_buf_byte(out, '\n');
    }
}

static void put_statement(pol_buf *out, pol_value explanation, pol_value statement, const char *note)
{
    indent(out, 1);
    put_source(out, text(statement, "effect"));
    pol_buf_byte(out, ' ');
    put_source(out, text(statement, "id"));
    pol_buf_text(out, ", tier ");
    put_source(out, text(statement, "tier"));
    pol_buf_text(out, note);
    pol_buf_byte(out, '\n');
    indent(out, 2);
    put_source(out, text(statement, "text"));
    pol_buf_text(out, "   (");
    put_location(out, statement);
    pol_buf_text(out, ")\n");
    put_reasons(out, explanation, statement, 2);
    if (!flag(statement, "role_held")) {
        indent(out, 2);
        pol_buf_text(out, "role not held: ");
        put_names(out, list(statement, "roles"), " or ");
        pol_buf_byte(out, '\n');
    }
    put_clauses(out, statement, flag(statement, "decided") || is(statement, "effect", "permit"), 2);
}

static void put_scope(pol_buf *out, pol_value scope)
{
    indent(out, 1);
    pol_buf_text(out, "forbid scope, tier scope\n");
    indent(out, 2);
    pol_buf_text(out, "the token holds: ");
    pol_value held = list(scope, "held"), needed = list(scope, "needed");
    put_names(out, held, ", ");
    pol_buf_text(out, held.n ? "\n" : "no scope\n");
    indent(out, 2);
    pol_buf_text(out, needed.n ? "one of these would do: " : "no scope covers this action");
    put_names(out, needed, ", ");
    pol_buf_byte(out, '\n');
}

static bool scope_decides(pol_value explanation)
{
    pol_value rules = list(pol_object_member(explanation, "decision"), "rules");
    for (uint32_t i = 0; i < rules.n; i++)
        if (pol_bytes_is(pol_text(pol_element(rules, i)), "scope"))
            return flag(pol_object_member(explanation, "scope"), "forbids");
    return false;
}

static void put_deciding(pol_buf *out, pol_value explanation)
{
    pol_value statements = list(explanation, "statements");
    pol_buf_text(out, "\ndecided by\n");
    if (scope_decides(explanation))
        put_scope(out, pol_object_member(explanation, "scope"));
    for (uint32_t i = 0; i < statements.n; i++)
        if (flag(pol_element(statements, i), "decided"))
            put_statement(out, explanation, pol_element(statements, i), "");
}

static void put_others(pol_buf *out, pol_value explanation)
{
    pol_value statements = list(explanation, "statements");
    bool any = false;
    for (uint32_t i = 0; i < statements.n; i++) {
        pol_value s = pol_element(statements, i);
        if (flag(s, "decided"))
            continue;
        if (!any)
            pol_buf_text(out, "\nalso for this action and type\n");
        any = true;
        put_statement(out, explanation, s, flag(s, "applies") ? ": applies, but does not decide" : ": does not apply");
    }
}

/* ---- roles ---- */

static void put_roles(pol_buf *out, pol_value explanation)
{
    pol_value roles = list(explanation, "roles"), assigns = list(explanation, "assigns");
    pol_buf_text(out, roles.n ? "\nroles\n" : "\nno roles\n");
    for (uint32_t i = 0; i < roles.n; i++) {
        pol_value role = pol_element(roles, i), by = list(role, "by");
        indent(out, 1);
        put_source(out, text(role, "role"));
        for (uint32_t k = 0; k < by.n; k++) {
            pol_value one = pol_element(by, k);
            pol_buf_text(out, k ? " and by " : ", by ");
            put_source(out, text(one, "assign"));
            pol_buf_text(out, " (");
            put_location(out, one);
            pol_buf_text(out, ")");
            if (text(one, "through").n) {
                pol_buf_text(out, " through ");
                put_source(out, text(one, "through"));
            }
        }
        pol_buf_byte(out, '\n');
    }
    for (uint32_t i = 0; i < assigns.n; i++) {
        pol_value assign = pol_element(assigns, i), value = pol_object_member(assign, "value");
        if (list(assign, "gave").n)
            continue;
        indent(out, 1);
        put_source(out, text(assign, "assign"));
        pol_buf_text(out, " gave none");
        if (pol_is_defined(value)) {
            pol_buf_text(out, " of ");
            put_value(out, value);
        }
        pol_buf_text(out, ": ");
        put_source(out, text(assign, "text"));
        pol_buf_text(out, "   (");
        put_location(out, assign);
        pol_buf_text(out, ")\n");
        put_conditions(out, list(assign, "failed"), false, true, 2);
    }
}

/* ---- the nearest permit ---- */

static void put_need(pol_buf *out, pol_value need)
{
    indent(out, 1);
    if (is(need, "need", "role")) {
        pol_buf_text(out, "- the subject must hold the role ");
        put_names(out, list(need, "roles"), " or ");
    } else if (is(need, "need", "scope")) {
        pol_buf_text(out, "- the token must hold one of the scopes: ");
        put_names(out, list(need, "scopes"), ", ");
    } else if (is(need, "need", "input")) {
        pol_buf_text(out, "- the input must be valid: ");
        put_source(out, text(need, "message"));
    } else if (is(need, "need", "no forbid")) {
        pol_buf_text(out, "- the forbid ");
        put_source(out, text(need, "id"));
        pol_buf_text(out, " must not apply");
    } else {
        pol_value clause = pol_object_member(need, "clause"), conditions = list(clause, "conditions");
        bool unless = is(clause, "clause", "unless");
        pol_buf_text(out, pol_is_defined(pol_object_member(clause, "error")) ? "- without an error, " : "- ");
        pol_buf_text(out, unless                       ? "its `unless` must not hold: "
                          : is(clause, "clause", "if") ? "its `if` must hold: "
                                                       : "its `returning` must have a value");
        for (uint32_t i = 0; i < conditions.n && !is(clause, "clause", "returning"); i++) {
            pol_buf_text(out, i ? "; " : "");
            put_source(out, text(pol_element(conditions, i), "text"));
        }
    }
    pol_buf_byte(out, '\n');
}

static void put_nearest(pol_buf *out, pol_value explanation)
{
    pol_value nearest = pol_object_member(explanation, "nearest"), needs = list(nearest, "needs");
    if (flag(pol_object_member(explanation, "decision"), "allow"))
        return;
    if (!pol_is_defined(nearest)) {
        pol_buf_text(out, "\nno permit names this action and type: one would have to be written\n");
        return;
    }
    pol_buf_text(out, "\nfor the permit ");
    put_source(out, text(nearest, "id"));
    pol_buf_text(out, " to allow it\n");
    for (uint32_t i = 0; i < needs.n; i++)
        put_need(out, pol_element(needs, i));
}

/* ---- all of it ---- */

static void put_verdict(pol_buf *out, pol_value explanation)
{
    pol_value decision = pol_object_member(explanation, "decision"), subject = pol_object_member(explanation, "subject");
    pol_buf_text(out, flag(decision, "allow") ? "ALLOWED: " : "DENIED: ");
    put_source(out, text(subject, "type"));
    if (pol_is_defined(pol_object_member(subject, "id"))) {
        pol_buf_byte(out, ' ');
        put_value(out, pol_object_member(subject, "id"));
    } else if (subject.n == 0) {
        pol_buf_text(out, "no subject");
    }
    pol_buf_text(out, ", ");
    put_source(out, text(explanation, "action"));
    pol_buf_text(out, " on ");
    put_source(out, text(explanation, "type"));
    if (is(decision, "effect", "none")) {
        pol_buf_text(out, "; no statement applies\n");
        return;
    }
    pol_buf_text(out, "; ");
    put_source(out, text(decision, "effect"));
    pol_buf_text(out, " in tier ");
    put_source(out, text(decision, "tier"));
    pol_buf_byte(out, '\n');
}

static void put_errors(pol_buf *out, pol_value explanation)
{
    pol_value errors = list(pol_object_member(explanation, "decision"), "errors");
    for (uint32_t i = 0; i < errors.n; i++) {
        pol_value error = pol_element(errors, i);
        pol_buf_text(out, i ? "" : "\nerrors\n");
        indent(out, 1);
        if (text(error, "rule").n) {
            put_source(out, text(error, "rule"));
            pol_buf_text(out, ": ");
        }
        put_source(out, text(error, "code"));
        pol_buf_text(out, ": ");
        put_source(out, text(error, "message"));
        pol_buf_byte(out, '\n');
    }
}

void pol_explain_text(pol_value explanation, pol_buf *out)
{
    pol_value decision = pol_object_member(explanation, "decision");
    put_verdict(out, explanation);
    put_errors(out, explanation);
    if (!is(decision, "effect", "none"))
        put_deciding(out, explanation);
    put_others(out, explanation);
    put_roles(out, explanation);
    put_nearest(out, explanation);
}
