/* SPDX-License-Identifier: Apache-2.0
 * METADATA among the comments: a line `# METADATA` and the comment lines that follow it without a gap are YAML about what stands below them.
 */
#include "grammar/build.h"
#include "runtime/yaml.h"

static pol_bytes trimmed(pol_bytes s)
{
    while (s.n && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = pol_bytes_of(s.at + 1, s.n - 1);
    while (s.n && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\t' || s.at[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* Does the comment stand on the line after the one before, alone? */
static bool follows(const pol_parser *p, const pol_comment *before, const pol_comment *comment)
{
    pol_bytes gap = pol_bytes_of(p->text.at + before->span.end, comment->span.start - before->span.end);
    unsigned lines = 0;
    for (size_t i = 0; i < gap.n; i++) {
        lines += gap.at[i] == '\n';
        if (gap.at[i] > ' ')
            return false;
    }
    return lines == 1;
}

static void parse_yaml(pol_parser *p, pol_metadata *block)
{
    pol_error err;
    block->value = pol_undefined();
    if (!trimmed(block->yaml).n || !pol_yaml_read(p->arena, block->yaml, &block->value, &err)) {
        pol_diag(p->diags, POL_D_METADATA, block->span, "METADATA must be followed by YAML: %s",
                 trimmed(block->yaml).n ? err.text : "there is none");
        p->module->failed = true;
    } else if (block->value.tag != POL_OBJECT) {
        pol_diag(p->diags, POL_D_METADATA, block->span, "METADATA must be a YAML mapping, such as `title: Orders`");
        p->module->failed = true;
        block->value = pol_undefined();
    }
}

static uint32_t read_block(pol_parser *p, uint32_t first)
{
    const pol_comment *comments = p->tokens.comments;
    uint32_t i = first + 1;
    pol_buf yaml = {0};
    for (; i < p->tokens.n_comments && follows(p, &comments[i - 1], &comments[i]); i++) {
        pol_buf_bytes(&yaml, comments[i].text.n && comments[i].text.at[0] == ' ' ? pol_bytes_of(comments[i].text.at + 1, comments[i].text.n - 1)
                                                                                : comments[i].text);
        pol_buf_byte(&yaml, '\n');
    }
    pol_metadata *block = POL_NEW(p->arena, pol_metadata);
    block->span = (pol_span){p->source, comments[first].span.start, comments[i - 1].span.end};
    block->yaml = pol_buf_to_arena(&yaml, p->arena);
    pol_buf_deinit(&yaml);
    parse_yaml(p, block);
    pol_module *m = p->module;
    POL_GROW(p->arena, m->metadata, m->n_metadata, m->metadata_capacity);
    m->metadata[m->n_metadata++] = block;
    return i;
}

/* The first rule or statement behind the block takes it; the last block over one counts. */
static void attach(pol_module *m, pol_metadata *block, uint32_t *rule_i, uint32_t *statement_i)
{
    if (m->package && block->span.end <= m->package_span.start) {
        m->package_metadata = block;
        return;
    }
    while (*rule_i < m->n_rules && m->rules[*rule_i]->span.start < block->span.end)
        ++*rule_i;
    while (*statement_i < m->n_statements && m->statements[*statement_i]->span.start < block->span.end)
        ++*statement_i;
    pol_rule *rule = *rule_i < m->n_rules ? m->rules[*rule_i] : NULL;
    pol_statement *statement = *statement_i < m->n_statements ? m->statements[*statement_i] : NULL;
    if (rule && (!statement || rule->span.start < statement->span.start))
        rule->metadata = block;
    else if (statement)
        statement->metadata = block;
}

void pol_attach_metadata(pol_parser *p)
{
    pol_module *m = p->module;
    uint32_t rule_i = 0, statement_i = 0;
    for (uint32_t i = 0; i < p->tokens.n_comments;) {
        if (!pol_bytes_is(trimmed(p->tokens.comments[i].text), "METADATA")) {
            i++;
            continue;
        }
        i = read_block(p, i);
        attach(m, m->metadata[m->n_metadata - 1], &rule_i, &statement_i);
    }
}
