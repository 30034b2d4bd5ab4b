#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reload under load: test_reload_load.py [BUNDLES] (default 20).

Eight connections ask without a pause while bundles are swapped in. No request may fail, and each answer must be whole: the two
bundles differ in everything that an answer shows, so a mixture of them would be seen. A damaged bundle in between changes nothing.
"""
import os
import sys
import threading

from daemon import Daemon, main, same

BUNDLES = int(sys.argv[1]) if len(sys.argv) > 1 else 20
CONNECTIONS = 8
LETTERS = "ab"


def data_of(letter):
    return {
        "answer": {"allow": letter == "a", "effect": letter, "rules": [letter * 3], "reasons": [{"rule": letter, "text": letter * 500}], "context": []},
        "list": [letter * 40] * 300,
    }


def wanted_list(letter):
    return [letter * 40] * 300


class Asker(threading.Thread):
    def __init__(self, daemon):
        super().__init__()
        self.client, self.stopping, self.count, self.seen, self.error = daemon.client(), False, 0, set(), None

    def run(self):
        try:
            while not self.stopping:
                self.ask()
        except Exception as e:  # pylint: disable=broad-except
            self.error = e

    def ask(self):
        answer = self.client.evaluate()
        same(answer.status, 200)
        context = answer.json()["context"]
        letter = context["effect"]
        assert letter in LETTERS, answer.body
        same(answer.json()["decision"], letter == "a")
        same((context["rules"], context["reasons"]), ([letter * 3], [{"rule": letter, "text": letter * 500}]))
        whole = self.client.ask("POST", "/v1/data/list", {"input": {}}).json()["result"]
        assert whole in (wanted_list("a"), wanted_list("b")), whole
        self.seen.add(letter)
        self.count += 2


def swap(d, files, i):
    copy = d.folder / "next"
    copy.write_bytes(files[i % len(files)])
    os.rename(copy, d.bundle)


def test_no_request_fails_and_no_answer_is_mixed():
    with Daemon(data=data_of("a")) as d:
        files = [d.bundle.read_bytes()]
        d.replace("b", data_of("b"))
        files.append(d.bundle.read_bytes())
        askers = [Asker(d) for _ in range(CONNECTIONS)]
        for asker in askers:
            asker.start()
        for i in range(BUNDLES):
            generation = d.metric("polward_world_generation")
            swap(d, files, i)
            d.wait(lambda g=generation: d.metric("polward_world_generation") > g)
        generation = d.metric("polward_world_generation")
        failures = d.metric('bundle_failed_load_counter{name="main"}')
        swap(d, [files[0][: len(files[0]) // 2]], 0)
        d.wait(lambda: d.metric('bundle_failed_load_counter{name="main"}') > failures)
        same(d.metric("polward_world_generation"), generation)
        same(d.health()["status"], "reload-failing")
        for asker in askers:
            asker.stopping = True
        for asker in askers:
            asker.join()
            assert asker.error is None, repr(asker.error)
        same(set().union(*(asker.seen for asker in askers)), set(LETTERS))
        print(f"{sum(asker.count for asker in askers)} answers, {int(generation)} generations")


main(sys.modules[__name__])
