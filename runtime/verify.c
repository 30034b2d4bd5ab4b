/* SPDX-License-Identifier: Apache-2.0
 * What may run: everything that the machine does not check again is checked here, once, when a bundle is opened. One pass over cells, one
 * over instructions, no recursion. What a bundle says of order, hashes and indexes may be a lie that gives wrong answers, never an unsafe
 * access: the signature vouches for answers.
 */
#include "runtime/assigned.h"

#include <math.h>
#include <openssl/evp.h>
#include <pthread.h>

static const char *const section_names[POL_SECTION_COUNT] = {"manifest", "strings", "indexes", "values",  "functions",
                                                             "code",     "places",  "builtins", "entries", "files",  "explain"};

/* ---- sections ---- */

POL_MUST_USE static bool check_sections(pol_bundle *b, pol_error *err)
{
    static const uint8_t sizes[POL_SECTION_COUNT] = {1, 1, 4, 16, sizeof(pol_bundle_function), sizeof(pol_insn), sizeof(pol_bundle_place),
                                                     sizeof(pol_bundle_builtin), sizeof(pol_bundle_entry_row), 4, 1};
    uint64_t at = sizeof(pol_bundle_header), body = b->header->body_size;
    for (unsigned i = 0; i < POL_SECTION_COUNT; i++) {
        pol_bundle_section s = b->header->sections[i];
        at = (at + 15) & ~(uint64_t)15;
        if (s.offset != at || s.size > body || s.offset > body - s.size)
            return pol_fail(err, POL_E_BUNDLE, "section %s: at %llu with %llu bytes, wanted at %llu of %llu", section_names[i],
                            (unsigned long long)s.offset, (unsigned long long)s.size, (unsigned long long)at, (unsigned long long)body);
        if (s.size % sizes[i] != 0 || s.size / sizes[i] > UINT32_MAX)
            return pol_fail(err, POL_E_BUNDLE, "section %s: %llu bytes are no whole number of entries", section_names[i],
                            (unsigned long long)s.size);
        at = s.offset + s.size;
    }
    at = (at + 15) & ~(uint64_t)15;
    return at == body || pol_fail(err, POL_E_BUNDLE, "the sections end at %llu, the body has %llu bytes", (unsigned long long)at,
                                  (unsigned long long)body);
}

static const void *section_at(const pol_bundle *b, pol_section which, size_t size, uint32_t *n)
{
    *n = (uint32_t)(b->header->sections[which].size / size);
    return b->file.at + b->header->sections[which].offset;
}

static void find_sections(pol_bundle *b)
{
    uint32_t n;
    b->strings = section_at(b, POL_SECTION_STRINGS, 1, &n);
    b->n_strings = n;
    b->cells = section_at(b, POL_SECTION_VALUES, sizeof(pol_cell), &n);
    b->n_cells = n;
    b->functions = section_at(b, POL_SECTION_FUNCTIONS, sizeof *b->functions, &b->n_functions);
    b->code = section_at(b, POL_SECTION_CODE, sizeof *b->code, &n);
    b->n_code = n;
    b->places = section_at(b, POL_SECTION_PLACES, sizeof *b->places, &n);
    b->builtins = section_at(b, POL_SECTION_BUILTINS, sizeof *b->builtins, &b->n_builtins);
    b->entries = section_at(b, POL_SECTION_ENTRIES, sizeof *b->entries, &b->n_entries);
    b->files = section_at(b, POL_SECTION_FILES, sizeof *b->files, &b->n_files);
    b->explain = pol_bytes_of(b->file.at + b->header->sections[POL_SECTION_EXPLAIN].offset, b->header->sections[POL_SECTION_EXPLAIN].size);
}

POL_MUST_USE static bool check_name(const pol_bundle *b, uint32_t name, const char *of, pol_error *err)
{
    return name < b->n_strings || pol_fail(err, POL_E_BUNDLE, "%s: its name stands at %u, there are %zu bytes of strings", of, name, b->n_strings);
}

/* ---- values ---- */

enum { SEEN_MAX = 1024 };

typedef struct {
    const pol_bundle *b;
    uint8_t *state;         /* of each cell */
    uint64_t slots_left;    /* of the section of indexes: each slot belongs to one index */
    uint64_t decimals_left; /* bytes of decimals that may still be read: cells may share a long text */
    uint64_t again_left;    /* elements of collections that may still be looked at once more */
    struct {
        size_t first;
        uint64_t mark;
    } seen[SEEN_MAX];       /* collections found right not long ago */
    pol_error *err;
} values_check;

/* Of each cell. FIRST, to which kind_of_first adds: the first element of a collection; REST: a further one. */
enum { CELL_BAD, CELL_GOOD, CELL_REST, CELL_FIRST };

/* A collection's elements may stand for one tag only: an index counts members of objects in pairs. */
static uint8_t state_of_first(pol_value raw)
{
    return (uint8_t)(CELL_FIRST + 2 * (raw.tag - POL_ARRAY) + !!(raw.flags & POL_INDEXED));
}

static bool is_number_text(pol_bytes s)
{
    size_t i = 0, from;
    if (i < s.n && s.at[i] == '-')
        i++;
    for (from = i; i < s.n && s.at[i] >= '0' && s.at[i] <= '9'; i++)
        continue;
    if (i == from)
        return false;
    if (i < s.n && s.at[i] == '.') {
        for (from = ++i; i < s.n && s.at[i] >= '0' && s.at[i] <= '9'; i++)
            continue;
        if (i == from)
            return false;
    }
    if (i < s.n && (s.at[i] == 'e' || s.at[i] == 'E')) {
        i++;
        if (i < s.n && (s.at[i] == '+' || s.at[i] == '-'))
            i++;
        for (from = i; i < s.n && s.at[i] >= '0' && s.at[i] <= '9'; i++)
            continue;
        if (i == from)
            return false;
    }
    return i == s.n;
}

/* What pol_number_read would make of the text is what the machine's arithmetic relies on. */
POL_MUST_USE static bool check_decimal(values_check *c, size_t i, pol_bytes text)
{
    if (text.n > c->decimals_left)
        return pol_fail(c->err, POL_E_BUNDLE, "cell %zu: too many long decimals", i);
    c->decimals_left -= text.n;
    return (is_number_text(text) && pol_number_read(text).tag == POL_DECIMAL) ||
           pol_fail(c->err, POL_E_BUNDLE, "cell %zu: a decimal whose text is none", i);
}

POL_MUST_USE static bool check_text(values_check *c, size_t i, pol_value raw)
{
    int64_t cell = (const uint8_t *)&c->b->cells[i] - c->b->strings; /* strings stand before values */
    int64_t at = 0;
    if (__builtin_add_overflow(cell, raw.i, &at) || at < 0 || (uint64_t)at > c->b->n_strings || raw.n > c->b->n_strings - (uint64_t)at)
        return pol_fail(c->err, POL_E_BUNDLE, "cell %zu: its text is outside the strings", i);
    return raw.tag != POL_DECIMAL || check_decimal(c, i, pol_bytes_of(c->b->strings + at, raw.n));
}

POL_MUST_USE static bool check_slots(const values_check *c, size_t i, const uint32_t *slots, uint32_t n_slots, uint32_t n)
{
    uint32_t run = 0;
    for (uint64_t k = 0; k < n_slots + (uint64_t)POL_BUNDLE_RUN_MAX; k++) { /* around the end: a run may go on at the beginning */
        uint32_t slot = slots[k & (n_slots - 1)];
        run = slot ? run + 1 : 0;
        if (slot > n || run > POL_BUNDLE_RUN_MAX)
            return pol_fail(c->err, POL_E_BUNDLE, "cell %zu: slot %llu of its index is wrong", i, (unsigned long long)k & (n_slots - 1));
    }
    return true;
}

POL_MUST_USE static bool check_index(values_check *c, size_t i, pol_value raw, size_t first)
{
    if (first == 0 || c->state[first - 1] != CELL_BAD)
        return pol_fail(c->err, POL_E_BUNDLE, "cell %zu: its index is missing", i);
    const uint8_t *base = c->b->file.at + c->b->header->sections[POL_SECTION_INDEXES].offset;
    uint64_t size = c->b->header->sections[POL_SECTION_INDEXES].size;
    pol_index index;
    memcpy(&index, &c->b->cells[first - 1], sizeof index);
    int64_t at;
    uint64_t wanted = (uint64_t)index.n_slots * sizeof(uint32_t);
    if (index.n_slots <= raw.n || (index.n_slots & (index.n_slots - 1)) != 0 ||
        __builtin_add_overflow((const uint8_t *)&c->b->cells[first - 1] - base, index.slots, &at) || at < 0 || at % 4 != 0 ||
        (uint64_t)at > size || wanted > size - (uint64_t)at || index.n_slots > c->slots_left)
        return pol_fail(c->err, POL_E_BUNDLE, "cell %zu: its index does not fit", i);
    const uint32_t *slots = (const uint32_t *)(const void *)(base + at);
    c->slots_left -= index.n_slots;
    return check_slots(c, i, slots, index.n_slots, raw.n);
}

/* The greatest depth among n cells from first, 1001 when one of them does not have the state wanted. */
static unsigned depth_of_cells(const values_check *c, size_t first, uint64_t n, uint8_t state)
{
    unsigned depth = 0;
    for (size_t k = first; k < first + n; k++) {
        pol_value element = c->b->cells[k].raw;
        unsigned d = element.tag >= POL_ARRAY ? element.hash : 0;
        depth = d > depth ? d : depth;
        if (c->state[k] != state)
            return POL_DEPTH_MAX + 1;
    }
    return depth;
}

/* Another cell for a collection that was checked: it must say the same. That is remembered for some, and looked up again for others as long as it
 * costs no more than reading the bundle some times over. */
POL_MUST_USE static bool check_again(values_check *c, size_t i, pol_value raw, size_t first, uint64_t n, uint64_t mark)
{
    size_t slot = first % SEEN_MAX;
    if (c->seen[slot].first == first && c->seen[slot].mark == mark)
        return true;
    if (n > c->again_left)
        return pol_fail(c->err, POL_E_BUNDLE, "cell %zu: too many cells for large collections", i);
    c->again_left -= n;
    unsigned rest = depth_of_cells(c, first + 1, n - 1, CELL_REST), head = pol_depth(c->b->cells[first].raw);
    bool same = c->state[first] == state_of_first(raw) && (first + n >= i || c->state[first + n] != CELL_REST) &&
                raw.hash == 1 + (head > rest ? head : rest);
    c->seen[slot].first = first;
    c->seen[slot].mark = same ? mark : 0;
    return same || pol_fail(c->err, POL_E_BUNDLE, "cell %zu: its elements are another collection's", i);
}

/* Elements stand before the collection, belong to it alone and are less deep than it: so nothing is cyclic, and one pass is enough. Further
 * cells may stand for the same collection. */
POL_MUST_USE static bool check_collection(values_check *c, size_t i, pol_value raw)
{
    int64_t bytes = (int64_t)i * 16, at;
    uint64_t n = raw.tag == POL_OBJECT ? 2 * (uint64_t)raw.n : raw.n;
    if (raw.hash == 0 || raw.hash > POL_DEPTH_MAX)
        return pol_fail(c->err, POL_E_BUNDLE, "cell %zu: depth %u", i, raw.hash);
    if (n == 0)
        return (raw.hash == 1 && raw.i == 0 && !(raw.flags & POL_INDEXED)) ||
               pol_fail(c->err, POL_E_BUNDLE, "cell %zu: an empty collection with a depth, an address or an index", i);
    if (__builtin_add_overflow(bytes, raw.i, &at) || at < 0 || at % 16 != 0 || (uint64_t)at / 16 > i || n > i - (uint64_t)at / 16)
        return pol_fail(c->err, POL_E_BUNDLE, "cell %zu: its elements do not stand before it", i);
    size_t first = (size_t)at / 16;
    uint64_t mark = (uint64_t)raw.n << 24 | (uint64_t)raw.hash << 8 | (uint64_t)raw.flags << 4 | raw.tag;
    if (c->state[first] >= CELL_FIRST)
        return check_again(c, i, raw, first, n, mark);
    unsigned depth = depth_of_cells(c, first, n, CELL_GOOD);
    if (raw.hash != depth + 1)
        return pol_fail(c->err, POL_E_BUNDLE, "cell %zu: of depth %u, its elements are deeper, no values or another's", i, raw.hash);
    if (raw.flags & POL_INDEXED)
        POL_TRY(check_index(c, i, raw, first));
    memset(c->state + first, CELL_REST, n);
    c->state[first] = state_of_first(raw);
    return true;
}

/* What is no value may be an index; it then counts as bad, and no collection may have it as an element. */
POL_MUST_USE static bool check_cell(values_check *c, size_t i)
{
    pol_value raw = c->b->cells[i].raw;
    bool collection = raw.tag >= POL_ARRAY, text = raw.tag == POL_STRING || raw.tag == POL_DECIMAL;
    c->state[i] = CELL_BAD;
    if (raw.tag == POL_UNDEFINED || raw.tag > POL_SET)
        return true;
    unsigned flags = collection || text ? POL_RELATIVE : 0;
    if (raw.tag == POL_OBJECT || raw.tag == POL_SET)
        flags |= raw.flags & POL_INDEXED;
    if (raw.flags != flags)
        return true;
    if (collection)
        POL_TRY(check_collection(c, i, raw));
    else if (text)
        POL_TRY(check_text(c, i, raw));
    else if (raw.n > (raw.tag == POL_BOOL) || (raw.tag == POL_DOUBLE && !isfinite(raw.d)))
        return true;
    c->state[i] = CELL_GOOD;
    return true;
}

POL_MUST_USE static bool check_constants(const values_check *c, pol_error *err)
{
    const pol_bundle *b = c->b;
    uint64_t end = 0;
    for (uint32_t f = 0; f < b->n_functions; f++) {
        const pol_bundle_function *fn = &b->functions[f];
        if (fn->n_constants == 0)
            continue;
        if (fn->first_cell < end || fn->first_cell + (uint64_t)fn->n_constants > b->n_cells)
            return pol_fail(err, POL_E_BUNDLE, "function %u: its constants do not fit", f);
        for (uint32_t k = 0; k < fn->n_constants; k++)
            if (c->state[fn->first_cell + k] == CELL_BAD)
                return pol_fail(err, POL_E_BUNDLE, "function %u: constant %u is no value", f, k);
        end = fn->first_cell + (uint64_t)fn->n_constants;
    }
    const uint32_t roots[] = {b->header->data_cell, b->header->manifest_cell};
    for (unsigned i = 0; i < 2; i++)
        if (roots[i] >= b->n_cells || c->state[roots[i]] == CELL_BAD || b->cells[roots[i]].raw.tag != POL_OBJECT)
            return pol_fail(err, POL_E_BUNDLE, "%s is no object", i ? "the manifest" : "data");
    return true;
}

POL_MUST_USE static bool check_values(const pol_bundle *b, pol_error *err)
{
    values_check c = {.b = b, .err = err, .slots_left = b->header->sections[POL_SECTION_INDEXES].size / sizeof(uint32_t),
                      .decimals_left = 16 * (uint64_t)b->file.n, .again_left = 64 * (uint64_t)b->n_cells};
    pol_arena scratch;
    pol_arena_init(&scratch, 0);
    c.state = pol_arena_try(&scratch, b->n_cells + 1);
    bool ok = c.state || pol_fail(err, POL_E_MEMORY, "%zu cells cannot be checked", b->n_cells);
    if (ok)
        memset(c.state, CELL_BAD, b->n_cells + 1);
    for (size_t i = 0; ok && i < b->n_cells; i++)
        ok = check_cell(&c, i);
    ok = ok && check_constants(&c, err);
    pol_arena_deinit(&scratch);
    return ok;
}

/* ---- code ---- */

/* Words of sets that may be joined while a bundle is checked: some seconds' work, reached by no bundle of ours. */
#define ASSIGNED_WORK_MAX ((uint64_t)1 << 30)

/* Segments of a path of WITH, OVERRIDE and PATCH: the machine recurses over them. */
enum { PATH_SEGMENTS_MAX = 256 };

typedef struct {
    const pol_bundle *b;
    const pol_bundle_function *fn;
    const pol_insn *code;
    uint32_t f, pc;
    pol_error *err;
} code_check;

static bool refuse(const code_check *c, const char *what, uint64_t is, uint64_t limit)
{
    return pol_fail(c->err, POL_E_BUNDLE, "function %u, instruction %u: %s %llu of %llu", c->f, c->pc, what, (unsigned long long)is,
                    (unsigned long long)limit);
}

POL_MUST_USE static bool below(const code_check *c, const char *what, uint32_t is, uint64_t limit)
{
    return is < limit || refuse(c, what, is, limit);
}

/* How many registers an ARGS operand stands for; call only when the callee was checked. */
static uint32_t count_args(const code_check *c, pol_insn in)
{
    switch ((pol_operand)pol_ops[in.op].operand[2]) {
    case POL_FUNC:
        return c->b->functions[in.c].n_params;
    case POL_BUILTIN:
        return c->b->builtins[in.c].n_args;
    default:
        return in.c;
    }
}

POL_MUST_USE static bool check_operand(const code_check *c, pol_operand kind, uint32_t is)
{
    switch (kind) {
    case POL_NONE:
        return is == 0 || refuse(c, "an operand that must be 0 is", is, 0);
    case POL_DST:
    case POL_SRC:
    case POL_BOTH:
        return below(c, "register", is, c->fn->n_registers);
    case POL_KONST:
        return below(c, "constant", is, c->fn->n_constants);
    case POL_FUNC:
        return below(c, "function", is, c->b->n_functions);
    case POL_BUILTIN:
        return below(c, "built-in", is, c->b->n_builtins);
    case POL_ITERD:
    case POL_ITER:
        return below(c, "iterator", is, c->fn->n_iterators);
    case POL_BUILDD:
    case POL_BUILD:
        return below(c, "builder", is, c->fn->n_builders);
    default:
        return true;
    }
}

POL_MUST_USE static bool check_jump(const code_check *c, int32_t j)
{
    int64_t to = (int64_t)c->pc + 1 + j;
    if (to < 0 || to >= c->fn->n_code)
        return refuse(c, "a jump to", (uint64_t)to, c->fn->n_code);
    return j >= 0 || c->code[to].op == POL_OP_NEXT || refuse(c, "a jump backwards, not to NEXT, to", (uint64_t)to, c->fn->n_code);
}

/* Arities of callees: RULE takes a function without parameters; a replacement has those of what it replaces. */
POL_MUST_USE static bool check_arity(const code_check *c, pol_insn in)
{
    const uint8_t *kinds = pol_ops[in.op].operand;
    if (in.op == POL_OP_RULE)
        return c->b->functions[in.b].n_params == 0 || refuse(c, "RULE of a function with parameters", in.b, 0);
    if (kinds[0] != POL_FUNC && kinds[0] != POL_BUILTIN)
        return true;
    uint32_t of = kinds[0] == POL_FUNC ? c->b->functions[in.a].n_params : c->b->builtins[in.a].n_args, by = of;
    if (kinds[1] == POL_FUNC)
        by = c->b->functions[in.b].n_params;
    else if (kinds[1] == POL_BUILTIN)
        by = c->b->builtins[in.b].n_args;
    return of == by || refuse(c, "a replacement with another number of parameters", by, of);
}

/* WITH, OVERRIDE and PATCH take a path from the constants. */
POL_MUST_USE static bool check_path(const code_check *c, uint32_t k)
{
    pol_value path = pol_load(&c->b->cells[c->fn->first_cell + k]);
    if (path.tag != POL_ARRAY || path.n == 0 || path.n > PATH_SEGMENTS_MAX)
        return refuse(c, "a path that is no array of 1 to 256 segments: constant", k, c->fn->n_constants);
    pol_value root = pol_element(path, 0);
    bool is_root = root.tag == POL_STRING && (pol_bytes_is(pol_text(root), "data") ||
                                              (c->code[c->pc].op == POL_OP_WITH && pol_bytes_is(pol_text(root), "input")));
    return is_root || refuse(c, "a path that does not begin with data or input: constant", k, c->fn->n_constants);
}

POL_MUST_USE static bool check_insn(const code_check *c)
{
    pol_insn in = c->code[c->pc];
    POL_TRY(below(c, "opcode", in.op, POL_OP_COUNT));
    const pol_op_info *op = &pol_ops[in.op];
    POL_TRY(check_operand(c, op->operand[0], in.a));
    POL_TRY(check_operand(c, op->operand[1], in.b));
    POL_TRY(check_operand(c, op->operand[2], in.c));
    if (op->operand[3] == POL_JUMP)
        POL_TRY(check_jump(c, in.j));
    else if (op->operand[3] == POL_KONST)
        POL_TRY(below(c, "constant", (uint32_t)in.j, c->fn->n_constants));
    else
        POL_TRY(check_operand(c, op->operand[3], (uint32_t)in.j));
    if (in.op == POL_OP_WITH || in.op == POL_OP_OVERRIDE || in.op == POL_OP_PATCH)
        POL_TRY(check_path(c, in.b));
    if (op->operand[1] == POL_ARGS && in.b + (uint64_t)count_args(c, in) > c->fn->n_registers)
        return refuse(c, "arguments from register", in.b, c->fn->n_registers);
    return check_arity(c, in);
}

POL_MUST_USE static bool check_functions(const pol_bundle *b, pol_error *err)
{
    uint64_t next = 0, work = ASSIGNED_WORK_MAX;
    for (uint32_t f = 0; f < b->n_functions; f++) {
        code_check c = {.b = b, .fn = &b->functions[f], .f = f, .err = err};
        POL_TRY(check_name(b, c.fn->name, "a function", err));
        if (c.fn->first_insn != next || c.fn->n_code == 0 || c.fn->n_code > b->n_code - next)
            return pol_fail(err, POL_E_BUNDLE, "function %u: its code does not fit", f);
        if (c.fn->n_params > c.fn->n_registers || c.fn->memoised > 1 || (c.fn->memoised && c.fn->n_params))
            return pol_fail(err, POL_E_BUNDLE, "function %u: %u parameters, %u registers", f, c.fn->n_params, c.fn->n_registers);
        c.code = b->code + next;
        for (c.pc = 0; c.pc < c.fn->n_code; c.pc++)
            POL_TRY(check_insn(&c));
        if (pol_ops[c.code[c.fn->n_code - 1].op].flow != POL_FLOW_STOP)
            return pol_fail(err, POL_E_BUNDLE, "function %u can run past its end", f);
        next += c.fn->n_code;
    }
    for (uint32_t f = 0; f < b->n_functions; f++)
        POL_TRY(pol_assigned_check(b, f, &work, err));
    return next == b->n_code || pol_fail(err, POL_E_BUNDLE, "%zu instructions, of which functions have %llu", b->n_code,
                                         (unsigned long long)next);
}

POL_MUST_USE static bool check_tables(pol_bundle *b, pol_error *err)
{
    if (b->n_strings == 0 || b->strings[b->n_strings - 1] != 0)
        return pol_fail(err, POL_E_BUNDLE, "the strings do not end in a NUL");
    if (b->header->sections[POL_SECTION_PLACES].size / sizeof(pol_bundle_place) != b->n_code)
        return pol_fail(err, POL_E_BUNDLE, "not one place for each instruction");
    for (uint32_t i = 0; i < b->n_files; i++)
        POL_TRY(check_name(b, b->files[i], "a file", err));
    for (uint32_t i = 0; i < b->n_entries; i++) {
        POL_TRY(check_name(b, b->entries[i].path, "an entry point", err));
        uint32_t f = b->entries[i].function;
        if (f >= b->n_functions || b->functions[f].n_params)
            return pol_fail(err, POL_E_BUNDLE, "entry point %u: function %u", i, f);
    }
    return true;
}

POL_MUST_USE static bool bind_builtins(pol_bundle *b, pol_error *err)
{
    b->bound = pol_arena_try(&b->arena, ((size_t)b->n_builtins + 1) * sizeof *b->bound);
    if (!b->bound)
        return pol_fail(err, POL_E_MEMORY, "no memory for %u built-ins", b->n_builtins);
    for (uint32_t i = 0; i < b->n_builtins; i++) {
        POL_TRY(check_name(b, b->builtins[i].name, "a built-in", err));
        const char *name = pol_bundle_name(b, b->builtins[i].name);
        const pol_builtin *row = pol_builtin_find(pol_bytes_text(name));
        if (!row || !row->call)
            return pol_fail(err, POL_E_BUNDLE, "the bundle needs the built-in function %.80s, which this version does not have", name);
        if (b->builtins[i].n_args != pol_builtin_arity(row) && !(row->flags & POL_VARIADIC))
            return pol_fail(err, POL_E_BUNDLE, "built-in %.80s: %u arguments, it takes %u", name, b->builtins[i].n_args,
                            pol_builtin_arity(row));
        b->bound[i] = row;
    }
    return true;
}

/* ---- digest and signatures ---- */

POL_MUST_USE static bool is_signed_by(const uint8_t digest[POL_BUNDLE_DIGEST], const uint8_t *signature, pol_bytes key)
{
    uint8_t message[sizeof POL_SIGNED_PREFIX + POL_BUNDLE_DIGEST];
    memcpy(message, POL_SIGNED_PREFIX, sizeof POL_SIGNED_PREFIX);
    memcpy(message + sizeof POL_SIGNED_PREFIX, digest, POL_BUNDLE_DIGEST);
    EVP_PKEY *public_key = key.n == POL_BUNDLE_KEY ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key.at, key.n) : NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = public_key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public_key) == 1 &&
              EVP_DigestVerify(ctx, signature, POL_BUNDLE_SIGNATURE, message, sizeof message) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(public_key);
    return ok;
}

POL_MUST_USE static bool check_signatures(const pol_bundle_trailer *trailer, const pol_bundle_options *options,
                                          pol_error *err)
{
    const uint8_t *at = (const uint8_t *)(trailer + 1);
    if (!options || options->n_public_keys == 0)
        return true;
    for (uint32_t i = 0; i < trailer->n_signatures; i++, at += POL_BUNDLE_KEY + POL_BUNDLE_SIGNATURE)
        for (unsigned k = 0; k < options->n_public_keys; k++)
            if (options->public_keys[k].n == POL_BUNDLE_KEY && memcmp(at, options->public_keys[k].at, POL_BUNDLE_KEY) == 0 &&
                is_signed_by(trailer->digest, at + POL_BUNDLE_KEY, options->public_keys[k]))
                return true;
    return pol_fail(err, POL_E_SIGNATURE, "none of its %u signatures is by one of the %u configured keys", trailer->n_signatures,
                    options->n_public_keys);
}

/* The digest of the body, and that of the file into b, in one pass. */
POL_MUST_USE static bool hash_file(pol_bundle *b, uint8_t body_digest[POL_BUNDLE_DIGEST])
{
    uint64_t body = b->header->body_size;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *whole = EVP_MD_CTX_new();
    bool ok = ctx && whole && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, b->file.at, body) == 1 &&
              EVP_MD_CTX_copy_ex(whole, ctx) == 1 && EVP_DigestFinal_ex(ctx, body_digest, NULL) == 1 &&
              EVP_DigestUpdate(whole, b->file.at + body, b->file.n - body) == 1 && EVP_DigestFinal_ex(whole, b->digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_MD_CTX_free(whole);
    return ok;
}

/* A digest that is computed while the rest is checked, where the file is large and unsigned ones are taken. */
typedef struct {
    pol_bundle *b;
    uint8_t digest[POL_BUNDLE_DIGEST];
    bool ok, aside;
    pthread_t thread;
} hashing;

enum { HASH_ASIDE_MIN = 1 << 22 };

static void *run_hashing(void *context)
{
    hashing *h = context;
    h->ok = hash_file(h->b, h->digest);
    return NULL;
}

static void begin_hashing(hashing *h, const pol_bundle_options *options)
{
    h->aside = h->b->file.n >= HASH_ASIDE_MIN && !(options && options->n_public_keys) && pthread_create(&h->thread, NULL, run_hashing, h) == 0;
    if (!h->aside)
        run_hashing(h);
}

POL_MUST_USE static bool check_digest(const hashing *h, const pol_bundle_trailer *trailer, pol_error *err)
{
    if (!h->ok)
        return pol_fail(err, POL_E_CRYPTO, "the bundle's digest could not be computed");
    return memcmp(h->digest, trailer->digest, sizeof h->digest) == 0 ||
           pol_fail(err, POL_E_BUNDLE, "its contents do not match its digest: it is damaged");
}

POL_MUST_USE static bool check_trailer(const pol_bundle *b, const pol_bundle_trailer *trailer, pol_error *err)
{
    size_t rest = b->file.n - b->header->body_size;
    return (trailer->magic == POL_TRAILER_MAGIC && trailer->n_signatures <= POL_BUNDLE_SIGNATURES_MAX &&
            rest == sizeof *trailer + (size_t)trailer->n_signatures * (POL_BUNDLE_KEY + POL_BUNDLE_SIGNATURE)) ||
           pol_fail(err, POL_E_BUNDLE, "its trailer is damaged");
}

POL_MUST_USE static bool check_body(pol_bundle *b, pol_error *err)
{
    POL_TRY(check_sections(b, err));
    find_sections(b);
    POL_TRY(check_tables(b, err));
    POL_TRY(check_values(b, err));
    POL_TRY(bind_builtins(b, err));
    return check_functions(b, err);
}

bool pol_bundle_verify(pol_bundle *b, const pol_bundle_options *options, pol_error *err)
{
    if (b->file.n < sizeof(pol_bundle_header) + sizeof(pol_bundle_trailer))
        return pol_fail(err, POL_E_BUNDLE, "%zu bytes are too few for a bundle", b->file.n);
    b->header = (const pol_bundle_header *)(const void *)b->file.at;
    if (b->header->magic != POL_BUNDLE_MAGIC)
        return pol_fail(err, POL_E_BUNDLE, "it does not begin as a bundle does");
    if (b->header->version != POL_BUNDLE_VERSION)
        return pol_fail(err, POL_E_BUNDLE_VERSION, "format version %u; this version reads %u", b->header->version, POL_BUNDLE_VERSION);
    uint64_t body = b->header->body_size;
    if (body % 16 != 0 || body > b->file.n - sizeof(pol_bundle_trailer) || body < sizeof(pol_bundle_header))
        return pol_fail(err, POL_E_BUNDLE, "a body of %llu bytes in a file of %zu", (unsigned long long)body, b->file.n);
    const pol_bundle_trailer *trailer = (const pol_bundle_trailer *)(const void *)(b->file.at + body);
    POL_TRY(check_trailer(b, trailer, err));
    hashing h = {.b = b};
    begin_hashing(&h, options);
    if (!h.aside)
        return check_digest(&h, trailer, err) && check_signatures(trailer, options, err) && check_body(b, err);
    bool sound = check_body(b, err);
    pthread_join(h.thread, NULL);
    pol_error damage; /* what a damaged file looks like inside says nothing */
    if (check_digest(&h, trailer, &damage))
        return sound;
    *err = damage;
    return false;
}
