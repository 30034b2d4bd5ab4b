/* SPDX-License-Identifier: Apache-2.0
 * client-ask SOCKET TIMEOUT_MS: asks what the lines of standard input say, and tells what came, a line each. "ask OPERATION BODY", "allows BODY", "send ID OPERATION BODY", "receive". For the tests of the client.
 */
#include "runtime/polward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char line[1 << 20];

static void tell(bool ok, unsigned id, int status, const char *answer, size_t n, const char *why)
{
    if (ok)
        printf("%u %d %.*s\n", id, status, (int)n, answer);
    else
        printf("failed: %s\n", why);
    fflush(stdout);
}

static void obey(polward_client *client)
{
    char why[200] = "";
    const char *answer = "";
    size_t n = 0;
    int status = 0, at = 0;
    unsigned id = 0, operation = 0;
    bool ok;
    if (sscanf(line, "ask %u %n", &operation, &at) == 1) {
        ok = polward_client_ask(client, (polward_operation)operation, line + at, strlen(line + at), &status, &answer, &n, why, sizeof why);
    } else if (strncmp(line, "allows ", 7) == 0) {
        printf("%s\n", polward_client_allows(client, line + 7, strlen(line + 7)) ? "yes" : "no");
        fflush(stdout);
        return;
    } else if (sscanf(line, "send %u %u %n", &id, &operation, &at) == 2) {
        ok = polward_client_send(client, id, (polward_operation)operation, line + at, strlen(line + at), why, sizeof why);
    } else {
        ok = polward_client_receive(client, &id, &status, &answer, &n, why, sizeof why);
    }
    while (n && answer[n - 1] == '\n')
        n--;
    tell(ok, id, status, answer, n, why);
}

int main(int argc, char **argv)
{
    polward_client *client = argc == 3 ? polward_client_new(argv[1], (unsigned)strtoul(argv[2], NULL, 10)) : NULL;
    if (!client)
        return 2;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        obey(client);
    }
    polward_client_free(client);
    return 0;
}
