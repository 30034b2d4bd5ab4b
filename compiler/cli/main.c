/* SPDX-License-Identifier: Apache-2.0
 * pol: the table of commands.
 */
#include "compiler/cli/cli.h"

#include <stdio.h>

static const cli_command *const commands[] = {&cli_build, &cli_check,   &cli_eval, &cli_explain, &cli_fmt, &cli_compare, &cli_lint, &cli_test,
                                              &cli_inspect, &cli_sign, &cli_verify, &cli_token_decode, &cli_token_verify, &cli_token_mint, &cli_cert};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out)
{
    fprintf(out, "pol %s: compiles, checks, tests and evaluates policies\n\nUsage: pol COMMAND [options] [arguments]\n\n", POLWARD_VERSION);
    for (unsigned i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "  %-12s %s\n\npol COMMAND --help shows a command's options.\n", "version", "print the version");
}

static int run_command(const cli_command *command, int argc, char **argv)
{
    cli_options o;
    int code = CLI_FAILED;
    if (cli_read_options(command, argc, argv, &o)) {
        if (o.help) {
            cli_print_help(command);
            code = CLI_OK;
        } else {
            code = command->run(&o);
        }
    }
    cli_free_options(&o);
    if (fflush(stdout) != 0 && code == CLI_OK)
        code = CLI_FAILED;
    return code;
}

/* How many words of argv are the command's name: 0 when it is another one. */
static int match_name(const cli_command *command, int argc, char **argv)
{
    const char *space = strchr(command->name, ' ');
    if (!space)
        return strcmp(command->name, argv[1]) == 0;
    size_t n = (size_t)(space - command->name);
    return argc > 2 && strlen(argv[1]) == n && memcmp(command->name, argv[1], n) == 0 && strcmp(space + 1, argv[2]) == 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return CLI_FAILED;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_usage(stdout);
        return CLI_OK;
    }
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        printf("Version: %s\n", POLWARD_VERSION);
        return CLI_OK;
    }
    for (unsigned i = 0; i < N_COMMANDS; i++) {
        int words = match_name(commands[i], argc, argv);
        if (words)
            return run_command(commands[i], argc - 1 - words, argv + 1 + words);
    }
    fprintf(stderr, "pol: there is no command of that name; pol help lists them\n");
    return CLI_FAILED;
}
