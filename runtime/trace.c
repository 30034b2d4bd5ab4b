/* SPDX-License-Identifier: Apache-2.0
 * The listener behind explanations. It is called before each instruction and reads what the one before it left in the registers,
 * so the machine that is watched is the machine that decides. Rego has no recursion: one call of a function at a time is open, so
 * what was seen is kept by function and by part.
 */
#include "runtime/trace.h"

#include "runtime/eval.h"
#include "runtime/json.h"

enum { BECAUSE_DEPTH = 6, VALUES_MAX = 12, CONDITIONS_MAX = 300 };

typedef struct {
    pol_value value;
    uint64_t when; /* 0: not yet */
} observed;

typedef struct {
    observed seen;    /* of a TERM: its value, undefined when it had none */
    uint64_t entered; /* of a CONDITION: when it was last begun */
    uint64_t call;    /* and in which call of its function */
    uint32_t tried;   /* how often in that call */
    uint32_t callee;  /* of a TERM that reads a rule or calls a function: 1 + its number */
} part_state;

typedef struct {
    uint64_t call; /* when it was last called; 0: never */
    observed result;
    observed *registers;
    uint32_t held; /* 1 + the body that gave the result; 0: none */
} function_state;

typedef struct {
    uint32_t function, last; /* the instruction that ran last */
    uint32_t condition;      /* 1 + the outermost one that runs; 0: none */
    uint32_t body;           /* and what holds it */
} open_call;

struct pol_trace {
    pol_eval *ev;
    const pol_bundle *bundle;
    const uint32_t *part_of; /* of each instruction */
    const pol_explain_part *parts;
    uint32_t n_parts;
    pol_bytes texts, document;
    uint32_t *outermost; /* of each part: 1 + the outermost condition around it; a rule's value counts as one */
    part_state *states;
    function_state *functions;
    open_call *calls;
    uint32_t n_calls, calls_capacity;
    uint64_t clock;
    uint32_t conditions_left; /* of one explanation: rules that read rules could make it long */
    pol_trace_teller teller; /* NULL: none */
    void *teller_context;
};

/* ---- the section ---- */

/* Whether the parts are a forest, and fills outermost. */
POL_MUST_USE static bool check_parts(pol_trace *t, pol_error *err)
{
    for (uint32_t i = 0; i < t->n_parts; i++) {
        const pol_explain_part *p = &t->parts[i];
        if (p->parent > i || p->kind >= POL_PART_KINDS || p->text > t->texts.n || p->n > t->texts.n - p->text)
            return pol_fail(err, POL_E_BUNDLE, "section explain: part %u lies outside", i);
        t->outermost[i] = p->parent ? t->outermost[p->parent - 1] : 0;
        if (!t->outermost[i] && (p->kind == POL_PART_CONDITION || (p->kind == POL_PART_TERM && !p->parent)))
            t->outermost[i] = i + 1;
    }
    for (size_t i = 0; i < t->bundle->n_code; i++)
        if (t->part_of[i] > t->n_parts)
            return pol_fail(err, POL_E_BUNDLE, "section explain: instruction %zu has part %u of %u", i, t->part_of[i],
                            t->n_parts);
    return true;
}

POL_MUST_USE static bool read_section(pol_trace *t, pol_error *err)
{
    pol_bytes section = t->bundle->explain;
    pol_explain_header header;
    if (section.n < sizeof header)
        return pol_fail(err, POL_E_USAGE, "the bundle was built with --strip: it cannot explain its decisions");
    memcpy(&header, section.at, sizeof header);
    uint64_t code = (uint64_t)header.n_code * sizeof(uint32_t), parts = (uint64_t)header.n_parts * sizeof(pol_explain_part);
    if (header.n_code != t->bundle->n_code || sizeof header + code + parts + header.n_text + header.n_document != section.n)
        return pol_fail(err, POL_E_BUNDLE, "section explain: its tables are not of this bundle");
    const uint8_t *at = section.at + sizeof header;
    t->part_of = (const uint32_t *)(const void *)at;
    t->parts = (const pol_explain_part *)(const void *)(at + code);
    t->n_parts = header.n_parts;
    t->texts = pol_bytes_of(at + code + parts, header.n_text);
    t->document = pol_bytes_of(at + code + parts + header.n_text, header.n_document);
    t->outermost = POL_NEW_ARRAY(&t->ev->arena, uint32_t, (size_t)t->n_parts + 1);
    return check_parts(t, err);
}

bool pol_trace_document(pol_trace *t, pol_value *document, pol_error *err)
{
    *document = pol_empty(POL_OBJECT);
    if (t->document.n == 0)
        return true;
    POL_TRY(pol_json_read(&t->ev->arena, t->document, NULL, document, err));
    return document->tag == POL_OBJECT || pol_fail(err, POL_E_BUNDLE, "section explain: its document is no object");
}

/* ---- watching ---- */

/* Instruction pc of function i has run and went on with the next: what it wrote. */
static void note_written(pol_trace *t, uint32_t i, const pol_insn *in, uint32_t part)
{
    static const pol_operand written[] = {POL_DST, POL_BOTH};
    const pol_op_info *info = &pol_ops[in->op];
    const uint16_t operands[] = {in->a, in->b, in->c};
    function_state *f = &t->functions[i];
    for (int k = 0; k < 3; k++)
        if (info->operand[k] == written[0] || info->operand[k] == written[1])
            f->registers[operands[k]] = (observed){t->ev->frame->r[operands[k]], t->clock};
    bool gives = info->operand[0] == written[0] || info->operand[0] == written[1];
    if (part && gives && t->parts[part - 1].kind == POL_PART_TERM)
        t->states[part - 1].seen = f->registers[in->a];
}

/* The callee of a RULE or CALL whose function the instruction names. */
static uint32_t callee_of(const pol_insn *in)
{
    return in->op == POL_OP_RULE ? in->b + 1u : in->op == POL_OP_CALL || in->op == POL_OP_CALLM ? in->c + 1u : 0;
}

static void note_done(pol_trace *t, const open_call *call, uint32_t pc)
{
    const pol_bundle_function *fn = &t->bundle->functions[call->function];
    const pol_insn *in = &t->bundle->code[fn->first_insn + call->last];
    uint32_t part = t->part_of[fn->first_insn + call->last];
    if (pc == call->last + 1)
        note_written(t, call->function, in, part);
    else if (part && t->parts[part - 1].kind == POL_PART_TERM && pol_ops[in->op].operand[0] == POL_DST)
        t->states[part - 1].seen = (observed){pol_undefined(), t->clock};
    if (part && callee_of(in))
        t->states[part - 1].callee = callee_of(in);
}

static void note_entered(pol_trace *t, open_call *call, uint32_t function)
{
    function_state *f = &t->functions[function];
    *call = (open_call){.function = function};
    f->call = t->clock;
    f->result = (observed){pol_undefined(), 0};
    f->held = 0;
    if (!f->registers)
        f->registers = POL_NEW_ARRAY(&t->ev->arena, observed, t->bundle->functions[function].n_registers + 1u);
}

/* True when a condition begins. */
static bool note_condition(pol_trace *t, open_call *call, uint32_t part)
{
    uint32_t condition = part ? t->outermost[part - 1] : 0;
    if (condition == call->condition)
        return false;
    call->condition = condition;
    if (!condition)
        return false;
    part_state *s = &t->states[condition - 1];
    if (t->parts[condition - 1].kind == POL_PART_CONDITION)
        call->body = t->parts[condition - 1].parent;
    s->tried = s->call == t->functions[call->function].call ? s->tried + 1 : 1;
    s->call = t->functions[call->function].call;
    s->entered = t->clock;
    return t->parts[condition - 1].kind == POL_PART_CONDITION;
}

static void tell(const pol_trace *t, pol_told what, uint32_t function, uint32_t part)
{
    if (t->teller)
        t->teller(t->teller_context, what, function, part, (size_t)(t->ev->frame - t->ev->frames));
}

/* The condition that the last instruction belongs to was left by a jump to anywhere but right behind it: it failed. An iterator
 * that is done says nothing of its condition. */
static void tell_failure(const pol_trace *t, const open_call *call, uint32_t pc)
{
    const pol_bundle_function *fn = &t->bundle->functions[call->function];
    const uint32_t *parts = t->part_of + fn->first_insn;
    uint32_t end = call->last;
    if (!t->teller || !call->condition || t->parts[call->condition - 1].kind != POL_PART_CONDITION || pc == call->last + 1 ||
        t->bundle->code[fn->first_insn + call->last].op == POL_OP_NEXT)
        return;
    if (parts[pc] && t->outermost[parts[pc] - 1] == call->condition)
        return;
    while (end < fn->n_code && parts[end] && t->outermost[parts[end] - 1] == call->condition)
        end++;
    if (pc != end)
        tell(t, POL_TOLD_FAIL, call->function, call->condition);
}

static void listen(void *context, uint32_t function, uint32_t pc)
{
    pol_trace *t = context;
    size_t depth = (size_t)(t->ev->frame - t->ev->frames);
    const pol_insn *in = &t->bundle->code[t->bundle->functions[function].first_insn + pc];
    t->clock++;
    while (t->n_calls <= depth) {
        POL_GROW(&t->ev->arena, t->calls, t->n_calls, t->calls_capacity);
        t->calls[t->n_calls++] = (open_call){0};
    }
    open_call *call = &t->calls[depth];
    if (pc == 0) {
        note_entered(t, call, function);
        tell(t, POL_TOLD_ENTER, function, 0);
    } else {
        note_done(t, call, pc);
        tell_failure(t, call, pc);
    }
    if (note_condition(t, call, t->part_of[t->bundle->functions[function].first_insn + pc]))
        tell(t, t->states[call->condition - 1].tried > 1 ? POL_TOLD_REDO : POL_TOLD_EVAL, function, call->condition);
    call->last = pc;
    function_state *f = &t->functions[function];
    if (in->op == POL_OP_MERGE)
        f->held = call->body;
    if (in->op == POL_OP_RETURN) {
        f->result = (observed){t->ev->frame->r[in->a], t->clock};
        if (!f->held)
            f->held = call->body;
    }
    if (in->op == POL_OP_RETURN || in->op == POL_OP_FAIL)
        tell(t, pol_is_defined(f->result.value) ? POL_TOLD_EXIT : POL_TOLD_FAIL, function, 0);
}

pol_trace *pol_trace_begin(pol_eval *ev, pol_error *err)
{
    pol_trace *t = POL_NEW(&ev->arena, pol_trace);
    t->ev = ev;
    t->bundle = ev->bundle;
    if (!read_section(t, err))
        return NULL;
    t->states = POL_NEW_ARRAY(&ev->arena, part_state, (size_t)t->n_parts + 1);
    t->functions = POL_NEW_ARRAY(&ev->arena, function_state, (size_t)t->bundle->n_functions + 1);
    pol_eval_set_listener(ev, listen, t);
    return t;
}

void pol_trace_end(pol_trace *t)
{
    pol_eval_set_listener(t->ev, NULL, NULL);
}

void pol_trace_tell(pol_trace *t, pol_trace_teller teller, void *context)
{
    t->teller = teller;
    t->teller_context = context;
}

void pol_trace_clear(pol_trace *t)
{
    for (uint32_t i = 0; i < t->bundle->n_functions; i++)
        t->functions[i].call = 0;
}

int64_t pol_trace_function(const pol_trace *t, pol_bytes name)
{
    for (uint32_t i = 0; i < t->bundle->n_functions; i++)
        if (pol_bytes_is(name, pol_bundle_name(t->bundle, t->bundle->functions[i].name)))
            return i;
    return -1;
}

bool pol_trace_value(const pol_trace *t, uint32_t function, pol_value *value)
{
    *value = t->functions[function].call ? t->functions[function].result.value : pol_undefined();
    return t->functions[function].call != 0;
}

/* ---- telling ---- */

pol_value pol_trace_location(pol_arena *arena, const char *file, uint32_t row, uint32_t col)
{
    pol_builder b = pol_builder_new(arena);
    pol_builder_put_text(&b, "file", pol_string_text(file));
    pol_builder_put_text(&b, "row", pol_int(row));
    pol_builder_put_text(&b, "col", pol_int(col));
    return pol_builder_object(&b);
}

static pol_bytes part_text(const pol_trace *t, uint32_t i)
{
    pol_bytes text = pol_bytes_of(t->texts.at + t->parts[i].text, t->parts[i].n);
    return pol_utf8_valid(text) ? text : POL_BYTES("?");
}

static pol_value part_location(const pol_trace *t, uint32_t i)
{
    const pol_explain_part *p = &t->parts[i];
    const char *file = p->file < t->bundle->n_files ? pol_bundle_name(t->bundle, t->bundle->files[p->file]) : "";
    return pol_trace_location(&t->ev->arena, file, p->row, p->col);
}

/* What a term of the condition was; not seen: false. */
static bool term_value(const pol_trace *t, uint32_t function, uint32_t condition, uint32_t i, pol_value *value)
{
    const pol_explain_part *p = &t->parts[i];
    const function_state *f = &t->functions[function];
    observed seen = t->states[i].seen;
    uint64_t since = t->states[condition].entered;
    if (p->variable && p->variable <= t->bundle->functions[function].n_registers) {
        seen = f->registers[p->variable - 1];
        since = f->call;
    }
    *value = seen.value;
    return seen.when > 0 && seen.when >= since;
}

static bool is_told(pol_value *told, uint32_t n, pol_bytes text)
{
    for (uint32_t i = 0; i < n; i++)
        if (pol_bytes_equal(pol_text(told[i]), text))
            return true;
    return false;
}

static pol_value explain_function(pol_trace *t, uint32_t function, bool held, unsigned depth);

static bool is_negated(pol_bytes text)
{
    return pol_bytes_starts(text, POL_BYTES("not ")) || pol_bytes_starts(text, POL_BYTES("not{"));
}

static pol_value explain_condition(pol_trace *t, uint32_t function, uint32_t condition, bool held, unsigned depth)
{
    pol_arena *arena = &t->ev->arena;
    pol_builder b = pol_builder_new(arena), values = pol_builder_new(arena), because = pol_builder_new(arena);
    pol_value told[VALUES_MAX];
    uint32_t n_told = 0;
    t->conditions_left -= t->conditions_left > 0;
    bool negated = is_negated(part_text(t, condition));
    uint32_t first = t->parts[condition].kind == POL_PART_CONDITION ? condition + 1 : condition;
    for (uint32_t i = first; i < t->n_parts && t->outermost[i] == condition + 1; i++) {
        pol_value value;
        pol_bytes text = part_text(t, i);
        if (t->parts[i].kind != POL_PART_TERM || text.n == 0 || n_told == VALUES_MAX || is_told(told, n_told, text) ||
            !term_value(t, function, condition, i, &value))
            continue;
        pol_builder one = pol_builder_new(arena);
        told[n_told] = pol_string(text);
        pol_builder_put_text(&one, "text", told[n_told++]);
        if (pol_is_defined(value))
            pol_builder_put_text(&one, "value", value);
        pol_builder_add(&values, pol_builder_object(&one));
        uint32_t callee = t->states[i].callee;
        bool gave = pol_is_defined(value) && !pol_is_false(value);
        if (!callee || callee > t->bundle->n_functions || depth == 0 || t->conditions_left == 0 || gave != (held != negated))
            continue;
        pol_value reasons = explain_function(t, callee - 1, gave, depth - 1);
        for (uint32_t k = 0; k < reasons.n; k++)
            pol_builder_add(&because, pol_element(reasons, k));
    }
    pol_builder_put_text(&b, "text", pol_string(part_text(t, condition)));
    pol_builder_put_text(&b, "location", part_location(t, condition));
    pol_builder_put_text(&b, "values", pol_builder_array(&values));
    if (t->parts[condition].kind == POL_PART_TERM)
        pol_builder_put_text(&b, "kind", pol_string_text("value"));
    if (t->states[condition].tried > 1 && !held)
        pol_builder_put_text(&b, "tried", pol_int(t->states[condition].tried));
    if (because.n)
        pol_builder_put_text(&b, "because", pol_builder_array(&because));
    return pol_builder_object(&b);
}

/* The conditions of the last call of a function that tell why it gave nothing (of each body the last one that was reached), or
 * something (all of the body that held). Bodies lie in the order of parts. */
static pol_value explain_function(pol_trace *t, uint32_t function, bool held, unsigned depth)
{
    const function_state *f = &t->functions[function];
    const pol_bundle_function *fn = &t->bundle->functions[function];
    pol_builder list = pol_builder_new(&t->ev->arena);
    uint32_t first = UINT32_MAX, end = 0, reached = 0;
    for (uint32_t i = 0; f->call && i < fn->n_code; i++) {
        uint32_t part = t->part_of[fn->first_insn + i], condition = part ? t->outermost[part - 1] : 0;
        if (!condition)
            continue;
        first = condition - 1 < first ? condition - 1 : first;
        end = condition > end ? condition : end;
    }
    for (uint32_t i = first; i < end; i++) {
        if (t->outermost[i] != i + 1 || t->states[i].call != f->call)
            continue;
        if (held && t->parts[i].parent == f->held && (t->parts[i].kind == POL_PART_CONDITION || depth == BECAUSE_DEPTH))
            pol_builder_add(&list, explain_condition(t, function, i, true, depth));
        if (t->parts[i].kind == POL_PART_TERM) { /* the value of the rule whose body was looked at before: that one held */
            reached = pol_is_defined(t->states[i].seen.value) ? 0 : i + 1;
            continue;
        }
        if (!held && reached && t->parts[reached - 1].parent != t->parts[i].parent)
            pol_builder_add(&list, explain_condition(t, function, reached - 1, false, depth));
        reached = i + 1;
    }
    if (!held && reached)
        pol_builder_add(&list, explain_condition(t, function, reached - 1, false, depth));
    return pol_builder_array(&list);
}

pol_value pol_trace_failed(pol_trace *t, uint32_t function)
{
    t->conditions_left = CONDITIONS_MAX;
    return explain_function(t, function, false, BECAUSE_DEPTH);
}

pol_value pol_trace_held(pol_trace *t, uint32_t function)
{
    t->conditions_left = CONDITIONS_MAX;
    return explain_function(t, function, true, BECAUSE_DEPTH);
}

pol_value pol_trace_condition(pol_trace *t, uint32_t function, uint32_t part)
{
    return explain_condition(t, function, part - 1, false, 0);
}

pol_bytes pol_trace_text(const pol_trace *t, uint32_t part)
{
    return part_text(t, part - 1);
}

pol_value pol_trace_place(const pol_trace *t, uint32_t function, uint32_t part)
{
    if (part)
        return part_location(t, part - 1);
    const pol_bundle_function *fn = &t->bundle->functions[function];
    const pol_bundle_place *place = &t->bundle->places[fn->first_insn];
    bool known = place->row && place->file < t->bundle->n_files; /* a query's function has no place */
    const char *file = known ? pol_bundle_name(t->bundle, t->bundle->files[place->file]) : "";
    return pol_trace_location(&t->ev->arena, file, place->row, place->col);
}
