/* SPDX-License-Identifier: Apache-2.0
 * Rules that read one part of the input and otherwise only what the bundle holds, such as all roles above those that a user is bound to, are computed when the bundle is built: for each name
 * that they would look up they are run by the machine itself, and what came out is kept as an object. Such a rule then begins with a look-up; where that finds nothing, or
 * somebody watches, it runs as before. So names may be left out freely, and are where an error was met.
 */
#include "compiler/optimise.h"
#include "runtime/engine.h"

enum {
    ROWS_MAX = 200000,       /* names for one rule */
    CELLS_FREE = 65536,      /* values that one rule's table may hold, */
    CELLS_A_ROW = 64,        /* and as many more for each name */
    STEPS_MAX = 100000000,   /* instructions spent for one plan */
    STEPS_A_ROW = 1000000,
    CONSTANTS_MAX = 60000,   /* of the rule; an instruction can name 65,536 */
};

/* What a function reads, with all that it calls. */
typedef struct {
    bool seen, pure, works; /* works: it does more than look something up */
    pol_value path;         /* array: the one part of the input that it reads; undefined: none yet */
    pol_value *sources;     /* constants in which the part is looked up */
    uint32_t n_sources, sources_capacity;
    bool needed;            /* for a run */
    pol_value table;
} reading;

/* What is known of a register. */
typedef enum { UNKNOWN, CONSTANT, INPUT, PART, MADE_OF_PART } knowledge;
typedef struct {
    uint8_t kind;
    uint32_t part;   /* of a PART: 1 + its number among those that were read; 0: it was moved */
    pol_value value; /* the constant; the path */
} known;

/* A part of the input that was read. What was only gone further into does not count. */
typedef struct {
    pol_value path;
    bool extended, used;
} part;

typedef struct {
    pol_plan *plan;
    reading *functions;
    uint64_t steps_left;
} tabling;

typedef struct {
    tabling *t;
    const pol_plan_function *fn;
    reading *out;
    known *registers;
    part *parts;
    uint32_t n_parts, parts_capacity;
} scan;

static void read_function(tabling *t, uint32_t index);

/* ---- what a function depends on ---- */

static void add_source(scan *s, pol_value constant)
{
    reading *out = s->out;
    if (!pol_is_collection(constant))
        return;
    POL_GROW(s->t->plan->arena, out->sources, out->n_sources, out->sources_capacity);
    out->sources[out->n_sources++] = constant;
}

static void write_register(scan *s, uint32_t reg, knowledge kind, pol_value value)
{
    s->registers[reg] = (known){.kind = (uint8_t)kind, .value = value};
}

static void write_part(scan *s, uint32_t reg, pol_value path)
{
    POL_GROW(s->t->plan->arena, s->parts, s->n_parts, s->parts_capacity);
    s->parts[s->n_parts++] = (part){.path = path};
    s->registers[reg] = (known){.kind = PART, .part = s->n_parts, .value = path};
}

/* The value in reg is used as it is. */
static void use(scan *s, uint32_t reg)
{
    if (s->registers[reg].kind == INPUT)
        s->out->pure = false;
    if (s->registers[reg].part)
        s->parts[s->registers[reg].part - 1].used = true;
}

static bool merge_path(reading *into, pol_value path)
{
    if (pol_is_defined(into->path) && pol_compare(into->path, path) != 0)
        return into->pure = false;
    into->path = path;
    return true;
}

static void read_callee(scan *s, uint32_t index)
{
    read_function(s->t, index);
    const reading *callee = &s->t->functions[index];
    reading *out = s->out;
    out->pure = out->pure && callee->pure;
    out->works |= callee->works;
    if (callee->pure && pol_is_defined(callee->path))
        merge_path(out, callee->path);
    for (uint32_t i = 0; i < callee->n_sources; i++)
        add_source(s, callee->sources[i]);
}

static bool depends(const scan *s, uint32_t reg)
{
    return s->registers[reg].kind == PART || s->registers[reg].kind == MADE_OF_PART;
}

static bool is_foldable(pol_bytes name)
{
    const pol_builtin *b = pol_builtin_find(name);
    return b && b->call && !(b->flags & (POL_NONDETERMINISTIC | POL_EXCLUDED | POL_VARIADIC)) && !pol_bytes_starts(name, POL_BYTES("internal.")) &&
           !pol_bytes_starts(name, POL_BYTES("pol.")) && !pol_bytes_starts(name, POL_BYTES("opa.")) && !pol_bytes_starts(name, POL_BYTES("rego.")) &&
           !pol_bytes_is(name, "trace");
}

/* Objects beside something made of the part are where the part is looked for. */
static void read_call(scan *s, const pol_step *step, uint32_t n_args)
{
    bool made_of_part = false;
    for (uint32_t i = 0; i < n_args; i++) {
        use(s, step->b + i);
        made_of_part |= depends(s, step->b + i);
    }
    for (uint32_t i = 0; made_of_part && i < n_args; i++)
        if (s->registers[step->b + i].kind == CONSTANT && s->registers[step->b + i].value.tag == POL_OBJECT)
            add_source(s, s->registers[step->b + i].value);
    write_register(s, step->a, made_of_part ? MADE_OF_PART : UNKNOWN, pol_undefined());
}

static void read_pair(scan *s, uint32_t a, uint32_t b)
{
    use(s, a);
    use(s, b);
    if (depends(s, a) && s->registers[b].kind == CONSTANT)
        add_source(s, s->registers[b].value);
    if (depends(s, b) && s->registers[a].kind == CONSTANT)
        add_source(s, s->registers[a].value);
}

static void read_member(scan *s, const pol_step *step)
{
    known from = s->registers[step->b];
    pol_value key = s->fn->constants[step->c];
    if (from.kind == INPUT || from.kind == PART) {
        pol_builder b = pol_builder_new(s->t->plan->arena);
        for (uint32_t i = 0; from.kind == PART && i < from.value.n; i++)
            pol_builder_add(&b, pol_element(from.value, i));
        pol_builder_add(&b, key);
        if (from.part)
            s->parts[from.part - 1].extended = true;
        write_part(s, step->a, pol_builder_array(&b));
    } else {
        write_register(s, step->a, UNKNOWN, pol_undefined());
    }
}

static void read_other(scan *s, const pol_step *step)
{
    const pol_op_info *info = &pol_ops[step->op];
    const uint32_t operands[3] = {step->a, step->b, step->c};
    for (int i = 0; i < 3; i++)
        if (info->operand[i] == POL_SRC || info->operand[i] == POL_BOTH)
            use(s, operands[i]);
    if (info->operand[0] == POL_DST || info->operand[0] == POL_BOTH)
        write_register(s, step->a, UNKNOWN, pol_undefined());
}

static void read_op(scan *s, const pol_step *step)
{
    known moved;
    switch ((pol_op)step->op) {
    case POL_OP_CONST:
        write_register(s, step->a, CONSTANT, s->fn->constants[step->n]);
        break;
    case POL_OP_INPUT:
        write_register(s, step->a, INPUT, pol_undefined());
        break;
    case POL_OP_MOVE:
        use(s, step->b);
        moved = s->registers[step->b];
        write_register(s, step->a, (knowledge)moved.kind, moved.value);
        break;
    case POL_OP_GETK:
        read_member(s, step);
        break;
    case POL_OP_GET:
        read_pair(s, step->b, step->c);
        write_register(s, step->a, depends(s, step->c) ? MADE_OF_PART : UNKNOWN, pol_undefined());
        break;
    case POL_OP_EQ:
    case POL_OP_NE:
    case POL_OP_IN:
        read_pair(s, step->a, step->b);
        break;
    case POL_OP_TUPLE:
        read_call(s, step, step->c);
        break;
    case POL_OP_BUILTIN:
        s->out->works = true;
        s->out->pure = s->out->pure && is_foldable(pol_bytes_text(s->t->plan->builtins[step->c].name));
        read_call(s, step, s->t->plan->builtins[step->c].n_args);
        break;
    case POL_OP_RULE:
        read_callee(s, step->b);
        write_register(s, step->a, UNKNOWN, pol_undefined());
        break;
    case POL_OP_CALL:
        s->out->works = true;
        read_callee(s, step->c);
        read_call(s, step, s->t->plan->functions[step->c]->n_params);
        break;
    case POL_OP_RULEX:
    case POL_OP_CALLM:
    case POL_OP_BUILTINM:
    case POL_OP_WITH:
    case POL_OP_MOCKFF:
    case POL_OP_MOCKFB:
    case POL_OP_MOCKFV:
    case POL_OP_MOCKBF:
    case POL_OP_MOCKBB:
    case POL_OP_MOCKBV:
    case POL_OP_ENDWITH:
    case POL_OP_OVERRIDE:
    case POL_OP_PATCH:
    case POL_OP_CLOSED:
    case POL_OP_UNWATCHED:
        s->out->pure = false;
        break;
    default:
        read_other(s, step);
    }
}

static void read_region(scan *s, const pol_region *region)
{
    for (uint32_t i = 0; i < region->n && s->out->pure; i++) {
        const pol_step *step = &region->items[i];
        if (step->kind == POL_STEP_OP)
            read_op(s, step);
        if (step->kind == POL_STEP_LOOP) {
            s->out->works = true;
            use(s, step->a);
            write_register(s, step->b, UNKNOWN, pol_undefined());
            write_register(s, step->c, UNKNOWN, pol_undefined());
        }
        read_region(s, &step->body);
    }
}

static void read_function(tabling *t, uint32_t index)
{
    reading *out = &t->functions[index];
    if (out->seen)
        return;
    out->seen = true; /* and not pure while it is being read: what calls itself is left alone */
    reading found = {.seen = true, .pure = true};
    const pol_plan_function *fn = t->plan->functions[index];
    scan s = {.t = t, .fn = fn, .out = &found, .registers = POL_NEW_ARRAY(t->plan->arena, known, fn->n_registers + 1)};
    read_region(&s, &fn->body);
    for (uint32_t i = 0; i < s.n_parts && found.pure; i++)
        if (s.parts[i].used || !s.parts[i].extended)
            merge_path(&found, s.parts[i].path);
    *out = found;
}

/* ---- running them ---- */

/* The names among which the part is looked up. */
static pol_value names_of(pol_arena *arena, const reading *r)
{
    pol_builder names = pol_builder_new(arena);
    for (uint32_t i = 0; i < r->n_sources; i++) {
        pol_value v = r->sources[i];
        for (uint32_t k = 0; k < v.n && names.n <= ROWS_MAX; k++) {
            pol_value name = v.tag == POL_OBJECT ? pol_member_key(v, k) : pol_element(v, k);
            if (name.tag == POL_STRING)
                pol_builder_add(&names, name);
        }
    }
    return pol_builder_set(&names);
}

static bool is_candidate(const tabling *t, uint32_t index)
{
    const pol_plan_function *fn = t->plan->functions[index];
    const reading *r = &t->functions[index];
    return fn->memoised && fn->n_params == 0 && fn->n_constants < CONSTANTS_MAX && r->pure && r->works && pol_is_defined(r->path) && r->n_sources;
}

static void need(tabling *t, uint32_t index);

static void need_region(tabling *t, const pol_region *region)
{
    for (uint32_t i = 0; i < region->n; i++) {
        const pol_step *step = &region->items[i];
        if (step->kind == POL_STEP_OP && step->op == POL_OP_RULE)
            need(t, step->b);
        if (step->kind == POL_STEP_OP && step->op == POL_OP_CALL)
            need(t, step->c);
        need_region(t, &step->body);
    }
}

static void need(tabling *t, uint32_t index)
{
    if (t->functions[index].needed)
        return;
    t->functions[index].needed = true;
    need_region(t, &t->plan->functions[index]->body);
}

/* A bundle of the functions that are needed; the others are empty. */
POL_MUST_USE static bool open_plan(const tabling *t, pol_bundle **bundle)
{
    pol_arena *arena = t->plan->arena;
    pol_plan some = *t->plan;
    pol_image image;
    pol_error err;
    POL_CLEAN(pol_buf_deinit) pol_buf bytes = {0};
    some.functions = POL_NEW_ARRAY(arena, pol_plan_function *, some.n_functions + 1);
    for (uint32_t i = 0; i < some.n_functions; i++) {
        some.functions[i] = t->plan->functions[i];
        if (t->functions[i].needed)
            continue;
        some.functions[i] = POL_NEW(arena, pol_plan_function);
        *some.functions[i] = (pol_plan_function){.name = "", .n_params = t->plan->functions[i]->n_params, .memoised = t->plan->functions[i]->memoised,
                                                 .n_registers = t->plan->functions[i]->n_params};
    }
    some.data = some.manifest = pol_empty(POL_OBJECT);
    some.n_entries = 0;
    return pol_emit(&some, &image, &err) && pol_bundle_write(&image, &bytes, &err) && pol_bundle_from_bytes(pol_buf_view(&bytes), NULL, bundle, &err);
}

static size_t count_cells(pol_value v)
{
    size_t n = v.tag == POL_OBJECT ? 2 * (size_t)v.n : pol_is_collection(v) ? v.n : 0, all = n;
    for (size_t i = 0; i < n && pol_depth(v) > 1; i++)
        all += count_cells(pol_load(&v.cells[i]));
    return all;
}

/* The input that has name at path and nothing else. */
static pol_value input_with(pol_arena *arena, pol_value path, pol_value name)
{
    for (uint32_t i = path.n; i-- > 0;) {
        pol_builder b = pol_builder_new(arena);
        pol_builder_put(&b, pol_element(path, i), name);
        name = pol_builder_object(&b);
    }
    return name;
}

/* The rule's value by name; undefined when it would cost too much. */
static pol_value table_of(tabling *t, pol_eval *eval, const pol_bundle *bundle, uint32_t index)
{
    reading *r = &t->functions[index];
    pol_arena *arena = t->plan->arena;
    pol_value names = names_of(arena, r), value;
    pol_entry entry = {.function = (int32_t)index, .rest = pol_empty(POL_ARRAY)};
    pol_builder rows = pol_builder_new(arena);
    size_t cells = 0, most = CELLS_FREE + (size_t)CELLS_A_ROW * names.n;
    pol_error err;
    unsigned n_errors;
    if (names.n > ROWS_MAX)
        return pol_undefined();
    for (uint32_t i = 0; i < names.n; i++) {
        pol_eval_begin(eval, bundle);
        bool ran = pol_eval_run(eval, entry, input_with(pol_eval_arena(eval), r->path, pol_element(names, i)), &value, &err);
        uint64_t steps = pol_eval_instructions(eval);
        if (!ran || steps > t->steps_left)
            return pol_undefined();
        t->steps_left -= steps;
        pol_eval_errors(eval, &n_errors);
        cells += 2 + count_cells(value);
        if (cells > most)
            return pol_undefined();
        if (n_errors == 0 && pol_is_defined(value))
            pol_builder_put(&rows, pol_element(names, i), pol_value_copy(arena, value));
    }
    return rows.n ? pol_builder_object(&rows) : pol_undefined();
}

/* ---- using them ---- */

static void add(pol_arena *arena, pol_region *region, pol_step step)
{
    POL_GROW(arena, region->items, region->n, region->capacity);
    region->items[region->n++] = step;
}

/* A block before all else. */
static void begin_with_table(pol_plan *plan, pol_plan_function *fn, const reading *r)
{
    pol_region body = {0};
    pol_step block = {.kind = POL_STEP_BLOCK, .place = fn->place};
    pol_arena *arena = plan->arena;
    uint32_t value = fn->n_registers++, table = fn->n_registers++;
    add(arena, &block.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_UNWATCHED, .place = fn->place});
    add(arena, &block.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_INPUT, .a = value, .place = fn->place});
    for (uint32_t i = 0; i < r->path.n; i++)
        add(arena, &block.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_GETK, .a = value, .b = value,
                                           .c = pol_plan_constant(plan, fn, pol_element(r->path, i)), .place = fn->place});
    add(arena, &block.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_CONST, .a = table, .n = pol_plan_constant(plan, fn, r->table), .place = fn->place});
    add(arena, &block.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_GET, .a = table, .b = table, .c = value, .place = fn->place});
    add(arena, &block.body, (pol_step){.kind = POL_STEP_OP, .op = POL_OP_RETURN, .a = table, .place = fn->place});
    add(arena, &body, block);
    for (uint32_t i = 0; i < fn->body.n; i++)
        add(arena, &body, fn->body.items[i]);
    fn->body = body;
}

void pol_optimise_tables(pol_plan *plan)
{
    tabling t = {.plan = plan, .functions = POL_NEW_ARRAY(plan->arena, reading, plan->n_functions + 1), .steps_left = STEPS_MAX};
    bool any = false;
    for (uint32_t i = 0; i < plan->n_functions; i++) {
        read_function(&t, i);
        if (is_candidate(&t, i)) {
            need(&t, i);
            any = true;
        }
    }
    pol_bundle *bundle = NULL;
    if (!any || !open_plan(&t, &bundle))
        return;
    static const pol_limits limits = {.instructions = STEPS_A_ROW};
    pol_eval *eval = pol_eval_new(&limits);
    for (uint32_t i = 0; i < plan->n_functions; i++)
        if (is_candidate(&t, i))
            t.functions[i].table = table_of(&t, eval, bundle, i);
    pol_eval_free(eval);
    pol_bundle_close(bundle);
    for (uint32_t i = 0; i < plan->n_functions; i++)
        if (pol_is_defined(t.functions[i].table))
            begin_with_table(plan, plan->functions[i], &t.functions[i]);
}
