/* SPDX-License-Identifier: Apache-2.0
 * The command line, read by the commands' tables as OPA's commands read theirs: -dX, -d X, --data=X, --data X, options and
 * arguments mixed, everything behind -- an argument. Options may not be abbreviated.
 */
#include "compiler/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const cli_option *find_name(const cli_command *command, const char *name, size_t n)
{
    for (const cli_option *o = command->options; o->name; o++)
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

static const cli_option *find_letter(const cli_command *command, char letter)
{
    for (const cli_option *o = command->options; o->name; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

static void add_item(cli_list *list, const char *item)
{
    const char **items = realloc(list->items, (list->n + 1) * sizeof *items);
    if (!items)
        abort();
    list->items = items;
    list->items[list->n++] = item;
}

static bool complain(const cli_command *command, const char *what, const char *name)
{
    POL_CLEAN(pol_buf_deinit) pol_buf quoted = {0};
    pol_buf_quoted(&quoted, pol_bytes_text(name), 80);
    fprintf(stderr, "pol %s: %s %s; see pol %s --help\n", command->name, what, (char *)quoted.at, command->name);
    return false;
}

static bool is_choice(const cli_option *option, const char *value)
{
    if (!option->choices)
        return true;
    for (const char *const *choice = option->choices; *choice; choice++)
        if (strcmp(*choice, value) == 0)
            return true;
    return false;
}

POL_MUST_USE static bool set_option(const cli_command *command, const cli_option *option, const char *value, cli_options *o)
{
    char *base = (char *)o;
    switch (option->kind) {
    case CLI_FLAG:
        if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return complain(command, "true or false is wanted for --", option->name);
        *(bool *)(base + option->offset) = !value || strcmp(value, "true") == 0;
        return true;
    case CLI_TEXT:
        if (!is_choice(option, value)) {
            fprintf(stderr, "pol %s: --%s takes", command->name, option->name);
            for (const char *const *choice = option->choices; *choice; choice++)
                fprintf(stderr, "%s%s", choice == option->choices ? " " : ", ", *choice);
            POL_CLEAN(pol_buf_deinit) pol_buf quoted = {0};
            pol_buf_quoted(&quoted, pol_bytes_text(value), 80);
            fprintf(stderr, "; not %s\n", (char *)quoted.at);
            return false;
        }
        *(const char **)(base + option->offset) = value;
        return true;
    case CLI_MANY:
        add_item((cli_list *)(base + option->offset), value);
        return true;
    default:
        fprintf(stderr, "pol %s: --%s: %s\n", command->name, option->name, option->summary);
        return false;
    }
}

/* -vdX: letters, the last of which may take a value, its own rest or the next argument. */
POL_MUST_USE static bool read_letters(const cli_command *command, int argc, char **argv, int *i, cli_options *o)
{
    for (const char *at = argv[*i] + 1; *at; at++) {
        const cli_option *option = find_letter(command, *at);
        if (!option)
            return complain(command, "unknown option", argv[*i]);
        if (option->kind == CLI_FLAG || (option->kind == CLI_REFUSED && !option->value)) {
            POL_TRY(set_option(command, option, NULL, o));
            continue;
        }
        const char *value = at[1] == '=' ? at + 2 : at + 1;
        if (!at[1]) {
            if (*i + 1 >= argc)
                return complain(command, "a value is missing behind", argv[*i]);
            value = argv[++*i];
        }
        return set_option(command, option, value, o);
    }
    return true;
}

POL_MUST_USE static bool read_name(const cli_command *command, int argc, char **argv, int *i, cli_options *o)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    const cli_option *option = find_name(command, name, equals ? (size_t)(equals - name) : strlen(name));
    if (!option)
        return complain(command, "unknown option", argv[*i]);
    const char *value = equals ? equals + 1 : NULL;
    if (!value && option->kind != CLI_FLAG && !(option->kind == CLI_REFUSED && !option->value)) {
        if (*i + 1 >= argc)
            return complain(command, "a value is missing behind", argv[*i]);
        value = argv[++*i];
    }
    return set_option(command, option, value, o);
}

bool cli_read_options(const cli_command *command, int argc, char **argv, cli_options *o)
{
    *o = (cli_options){0};
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--") == 0) {
            while (++i < argc)
                add_item(&o->arguments, argv[i]);
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            o->help = true;
        } else if (word[0] == '-' && word[1] == '-') {
            POL_TRY(read_name(command, argc, argv, &i, o));
        } else if (word[0] == '-' && word[1]) {
            POL_TRY(read_letters(command, argc, argv, &i, o));
        } else {
            add_item(&o->arguments, word);
        }
    }
    return true;
}

void cli_free_options(cli_options *o)
{
    free(o->data.items);
    free(o->bundles.items);
    free(o->imports.items);
    free(o->entrypoints.items);
    free(o->ignore.items);
    free(o->audiences.items);
    free(o->algorithms.items);
    free(o->required.items);
    free(o->trust.items);
    free(o->crls.items);
    free(o->arguments.items);
}

void cli_print_help(const cli_command *command)
{
    printf("pol %s: %s\n\nUsage: pol %s [options] %s\n\n", command->name, command->summary, command->name, command->arguments);
    for (const cli_option *o = command->options; o->name; o++) {
        if (o->kind == CLI_REFUSED)
            continue;
        char left[64], letter[8] = "    ";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-34s %s", left, o->summary);
        for (const char *const *choice = o->choices; choice && *choice; choice++)
            printf("%s%s", choice == o->choices ? ": " : ", ", *choice);
        printf("\n");
    }
}

bool cli_number(const char *name, const char *text, uint64_t fallback, uint64_t *out)
{
    *out = fallback;
    if (!text)
        return true;
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-') {
        fprintf(stderr, "pol: --%s takes a whole number\n", name);
        return false;
    }
    *out = n;
    return true;
}

bool cli_is_format(const cli_options *o, const char *format, const char *fallback)
{
    return strcmp(o->format ? o->format : fallback, format) == 0;
}
